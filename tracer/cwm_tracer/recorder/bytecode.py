"""What a code object says about the frames that run it, and a frame about how it was entered and how it was left."""

from __future__ import annotations

import dis
import inspect
import sys
from types import CodeType, FrameType
from typing import Any

from cwm_tracer.recorder.inert import InertLines
from cwm_tracer.recorder.log import Layout
from cwm_tracer.recorder.reading import unreadable

_RESUMABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
# What f_lasti points at when a frame is suspended: 3.10 to 3.12 stay on the yield, 3.13 stands on the RESUME behind it.
_SUSPENDED_AT = {dis.opmap[name] for name in ("YIELD_VALUE", "RESUME") if name in dis.opmap}
_YIELD_FROM = dis.opmap.get("YIELD_FROM")  # only 3.10, which steps back to the instruction before it
_RESUME = dis.opmap.get("RESUME")  # from 3.11 on, with an argument that says what is resumed; 0 is a function's start
_RESUME_KIND = 3
_UNBINDING = frozenset(
    dis.opmap[name] for name in ("DELETE_FAST", "DELETE_DEREF", "LOAD_FAST_AND_CLEAR") if name in dis.opmap
)
_DELETE_DEREF = dis.opmap["DELETE_DEREF"]
# Before 3.13 the interpreter writes a frame's `f_locals` back into its variables after it has called a trace function;
# from 3.11 on only where something has read it since the last time. A cell that another thread has set meanwhile would
# lose that value, so the last thing that a trace function does is to have them read anew: no other thread runs between
# that and the writing back.
WRITES_BACK = sys.version_info < (3, 13)
WRITES_UNREAD = sys.version_info < (3, 11)


class CodeFacts:
    """What is decided once for a code object.

    `calls`, `lines`, `returns` and `raises` give the number of the place where a frame stands, by its `f_lasti`.
    """

    __slots__ = (
        *("calls", "code", "empties_cells", "inert", "is_entry", "is_known", "is_namespace", "is_plain", "is_recorded"),
        *("is_resumable", "is_secret", "lines", "looked", "name", "raises", "returns", "shares_cells", "start"),
        *("start_place", "starts_still", "still", "unbinds", "unreadable", "writes_back"),
    )

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.name = code.co_name
        self.is_recorded: bool | None = None  # not decided yet
        self.is_known = False  # it is recorded, and its variables are read in the usual way
        self.is_entry = False
        self.is_secret = False  # its name says that what it returns is
        self.is_resumable = bool(code.co_flags & _RESUMABLE)
        self.is_namespace = not code.co_flags & inspect.CO_OPTIMIZED  # a class body
        self.unreadable = unreadable(code)
        self.is_plain = not (self.is_namespace or self.unreadable)
        # Whether others may be bound without that they are more or fewer. Before 3.13 that is seen by their names.
        self.unbinds = not WRITES_BACK and self.is_plain and not _UNBINDING.isdisjoint(code.co_code[::2])
        self.shares_cells = not WRITES_BACK and self.is_plain and len(code.co_cellvars) + len(code.co_freevars) > 1
        self.empties_cells = _DELETE_DEREF in code.co_code[::2]
        self.writes_back = WRITES_BACK and bool(code.co_freevars or code.co_cellvars)
        self.start: Layout | None = None  # of its variables when it was last called
        self.start_place = 0
        self.starts_still = not self.is_resumable  # nothing of the program runs between its call and its first line
        self.inert = InertLines(code) if self.is_plain else None
        self.still: set[int] | None = None  # by `f_lasti`: the lines behind which all is as it was, if there are any
        self.looked: tuple[Layout, list[Any]] | None = None  # what is known of the variables of its last call
        self.calls: dict[int, int] = {}
        self.lines: dict[int, int] = {}
        self.returns: dict[int, int] = {}
        self.raises: dict[int, int] = {}


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
