"""Calling the program's code for a text, within bounds: a `__repr__` may do, take and say anything."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from cwm_tracer.deadline import Deadline, DeadlineExceeded
from cwm_tracer.signals import raised_by_handler

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{7,16}\b| id='\d{7,}'")  # of objects, and as unittest.mock writes it
_DIGITS = re.compile(r"[0-9a-fA-F]{7}")  # as many as any address has
_STALLED = 10  # times the seconds may pass in which the thread sleeps, or waits for its turn
_SHORT = 5  # the part of the seconds, 1 / 5, that is not worth a question
_READ_SOON = 80  # characters, up to which a text is searched for digits sooner than for an address
_HUGE = 100_000  # characters; a type that writes more is not asked again
name_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__  # whatever a metaclass says


class ForeignCalls:
    """Asks functions for texts of values. A type for which one took too long, or gave too much, is not asked again.

    What is asked between two calls of `restart` may take about `seconds` together.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = Deadline(seconds)
        self._nested = False
        self._asked = 0
        self._since = 0.0
        self._ran_before: float | None = None

    def restart(self) -> None:
        """A new value is looked at, with all the time there is."""
        self._asked = 0

    def __call__(self, function: Callable[[object], object], value: object, banned: dict[int, type]) -> str | None:
        """The text, without addresses; None where there is none. `banned` are the types not to ask `function` about.

        Raises KeyboardInterrupt and what a signal handler raises, nothing else.
        """
        text = self.raw(function, value, banned)
        return None if text is None else clean(text, value)

    def raw(
        self, function: Callable[[object], object], value: object, banned: dict[int, type], *, anew: bool = False
    ) -> str | None:
        """The same as it was given, with addresses; `anew` if it is the first question about a new value."""
        kind = type(value)
        if anew:
            self._asked = 0
        if banned and id(kind) in banned:
            return None
        self._asked += 1
        if self._asked > 1 and self._is_late():
            banned[id(kind)] = kind
            return None
        nested = self._nested  # the deadline of the outermost call is that of all
        try:
            if nested:
                told = function(value)
            else:
                self._nested = True
                try:
                    told = self._deadline.call(function, value)
                finally:
                    self._nested = False
            text = None if told is None else str.__str__(told)
        except KeyboardInterrupt:
            raise
        except DeadlineExceeded:
            if nested:
                raise
            banned[id(kind)] = kind
            return None
        except BaseException as error:  # SystemExit from a __repr__ would end the user's program
            if type(error) is not RecursionError and raised_by_handler(error):
                raise
            return None
        if text is not None and len(text) > _HUGE:
            banned[id(kind)] = kind
            return None
        return text

    def _is_late(self) -> bool:
        """Whether what was asked since the second question took too long in all.

        On a busy machine time passes in which nothing of this thread runs: it counts less. How long the thread ran is
        asked late, as the system takes long to tell.
        """
        now = _now()
        if self._asked == 2:
            self._since, self._ran_before = now, None
        passed = now - self._since
        if passed <= self._seconds / _SHORT:
            return False
        if self._ran_before is None:
            self._ran_before = _ran()
        return passed > self._seconds and (
            _ran() - self._ran_before > self._seconds or passed > _STALLED * self._seconds
        )


def _ran(clock: Callable[[], float] = time.thread_time) -> float:
    """Seconds that this thread ran."""
    return clock()


def _now(clock: Callable[[], float] = time.monotonic) -> float:
    """Bound when this module is imported: tests replace the functions of `time`."""
    return clock()


def placeholder(value: object) -> str:
    """What is shown of a value that has no text."""
    return f"<{name_of(type(value))} object>"


def has_no_address(text: str) -> bool:
    """Whether no address can be in a text."""
    return _DIGITS.search(text) is None


def clean(text: str, value: object) -> str:
    """A text of `value` without addresses, and as one that can be written to a file."""
    if len(text) > _READ_SOON or _DIGITS.search(text) is not None:
        if " at 0x" in text or " id='" in text:
            text = _ADDRESS.sub("", text)
        for address in (f"{id(value):x}", str(id(value))):
            if address in text:
                text = text.replace(address, "...")
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()  # as the repr of a str shows lone surrogates
    return "<..>" if text == ".." else text  # `..` is the wire's word for "unchanged"
