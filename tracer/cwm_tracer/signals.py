"""Telling what a signal handler raises from what the code that it interrupted raises."""

from __future__ import annotations

import functools
import inspect
import os
import signal
from collections.abc import Callable
from importlib import import_module
from types import CodeType, FrameType


def raised_by_handler(error: BaseException) -> bool:
    """Whether an exception came out of a handler that is installed for a signal: a timeout's, say."""
    candidates = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if _may_handle(code):
            candidates.append(code)
        traceback = traceback.tb_next
    return bool(candidates) and not _handlers().isdisjoint(candidates)


def _may_handle(code: CodeType) -> bool:
    """Whether a function can be called with a signal's number and a frame; to ask for all handlers takes long."""
    takes_two = code.co_argcount >= 2 or code.co_flags & inspect.CO_VARARGS
    return bool(takes_two) and not code.co_filename.startswith(_OWN_FOLDER)


def is_handler(frame: FrameType) -> bool:
    """Whether a frame runs a handler that is installed for a signal."""
    return frame.f_code in _handlers()


_OWN_FOLDER = os.path.join(os.path.dirname(__file__), "")  # where no function is a handler
_NUMBERS = tuple(map(int, signal.valid_signals()))
# That of `signal` makes enums, which takes long.
_getsignal: Callable[[int], object] = import_module("_signal").getsignal


def _handlers() -> set[CodeType]:
    found = set()
    for number in _NUMBERS:
        handler = _getsignal(number)
        if handler is None or type(handler) is int:
            continue
        if isinstance(handler, functools.partial):
            handler = handler.func
        handler = getattr(handler, "__func__", handler)
        code = getattr(handler, "__code__", None)
        if isinstance(code, CodeType):
            found.add(code)
    return found
