"""What a frame's bytecode says about how it was entered and how it was left."""

from __future__ import annotations

import dis
import inspect
from types import FrameType

_RESUMABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
# What f_lasti points at when a frame is suspended: 3.10 to 3.12 stay on the yield, 3.13 stands on the RESUME behind it.
_SUSPENDED_AT = {dis.opmap[name] for name in ("YIELD_VALUE", "RESUME") if name in dis.opmap}
_YIELD_FROM = dis.opmap.get("YIELD_FROM")  # only 3.10, which steps back to the instruction before it
_RESUME = dis.opmap.get("RESUME")  # from 3.11 on, with an argument that says what is resumed; 0 is a function's start
_RESUME_KIND = 3


def begins(frame: FrameType) -> bool:
    """Whether a frame that is being called runs from its start, and not on from a yield or an await."""
    if not frame.f_code.co_flags & _RESUMABLE or frame.f_lasti < 0:
        return True
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] == _RESUME and code[at + 1] & _RESUME_KIND == 0


def is_suspended(frame: FrameType) -> bool:
    """Whether a frame that returns without having raised will be resumed."""
    if not frame.f_code.co_flags & _RESUMABLE or frame.f_lasti < 0:
        return False
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] in _SUSPENDED_AT or (_YIELD_FROM is not None and code[at + 2 : at + 3] == bytes([_YIELD_FROM]))
