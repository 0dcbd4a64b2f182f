"""What a signal's handler raises, told from what the program raises."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from cwm_tracer.foreign import ForeignCalls
from cwm_tracer.signals import raised_by_handler

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is no such signal")


class _Timeout(Exception):
    pass


class _Handlers:
    def method(self, number: int, frame: FrameType | None) -> None:
        raise _Timeout

    @staticmethod
    def static(number: int, frame: FrameType | None) -> None:
        raise _Timeout

    @classmethod
    def of_class(cls, *of_signal: Any) -> None:
        raise _Timeout


def _with_more(more: str, number: int, frame: FrameType | None) -> None:
    raise _Timeout


def _any(*arguments: Any) -> None:
    raise _Timeout


def _optional(number: int = 0, frame: FrameType | None = None, more: int = 1) -> None:
    raise _Timeout


HANDLERS = {
    "method": _Handlers().method,
    "static": _Handlers.static,
    "of_class": _Handlers.of_class,
    "partial": functools.partial(_with_more, "more"),
    "any": _any,
    "optional": _optional,
    "lambda": lambda number, frame: _any(),
}


@pytest.fixture(autouse=True)
def _previous_handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


def _interrupted() -> BaseException:
    with pytest.raises(_Timeout) as caught:
        _waits()
    return caught.value


def _waits() -> None:
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(1_000_000):
        pass


@pytest.mark.parametrize("name", HANDLERS)
def test_what_a_handler_of_any_kind_raises_is_known(name: str) -> None:
    signal.signal(signal.SIGUSR1, HANDLERS[name])
    assert raised_by_handler(_interrupted())


@pytest.mark.parametrize("name", HANDLERS)
def test_what_the_same_function_raises_otherwise_is_the_programs(name: str) -> None:
    signal.signal(signal.SIGUSR1, HANDLERS[name])
    error = _interrupted()
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    assert not raised_by_handler(error)


@pytest.mark.parametrize("name", HANDLERS)
def test_what_a_handler_raises_in_a_repr_goes_on(name: str) -> None:
    signal.signal(signal.SIGUSR1, HANDLERS[name])
    with pytest.raises(_Timeout):
        ForeignCalls(5.0)(lambda value: _waits(), object(), {})
