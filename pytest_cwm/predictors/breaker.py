"""A circuit breaker: a dead server costs a run seconds, not a timeout for each test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_FAILURES = 2  # in a row, of a server that answers something
_REST, _LONGEST_REST = 30.0, 240.0  # seconds


class Breaker:
    """Open, it fails every request at once, with the first reason. Safe to share between threads.

    It opens when requests fail one after the other, at the first where the server does not even say that it lives.
    After a rest, which doubles each time, it asks again whether the server lives and closes if so.
    `alive` asks the server that: any HTTP answer will do.
    """

    def __init__(self, alive: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._alive = alive
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: list[str] = []
        self._rest = _REST
        self._until: float | None = None  # when to ask again; None while it is closed

    def reason(self) -> str | None:
        """Why nothing is sent now; None when it may be."""
        with self._lock:
            if self._until is None:
                return None
            if self._clock() < self._until:
                return self._failures[0]
            self._until = self._clock() + self._rest  # others go on failing while this thread asks
        if self._alive():
            with self._lock:
                # One failure more opens it again.
                self._until, self._failures = None, self._failures[: _FAILURES - 1]
            return None
        with self._lock:
            self._wait()
            return self._failures[0]

    def failed(self, reason: str) -> None:
        """A request failed, retries included."""
        alive = self._alive()
        with self._lock:
            self._failures.append(reason)
            if self._until is None and (not alive or len(self._failures) >= _FAILURES):
                self._wait()

    def succeeded(self) -> None:
        """A request was answered."""
        with self._lock:
            self._failures, self._rest, self._until = [], _REST, None

    def _wait(self) -> None:
        self._until = self._clock() + self._rest
        self._rest = min(2 * self._rest, _LONGEST_REST)
