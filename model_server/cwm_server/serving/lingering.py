"""Hanging up on a client that is still sending, so that the answer reaches it.

A socket that is closed with bytes in it that nobody read resets the connection, and a reset takes from the client what
it has not read yet: "the body is larger than ..." would be a "connection reset by peer". So the writing half is closed,
and what still comes is thrown away until the client has hung up too, or for so long and no longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Lingering:
    """A transport whose `close` lingers, at most `seconds`, while `sending()` says that the client is not done."""

    def __init__(self, transport: asyncio.Transport, seconds: float, sending: Callable[[], bool]) -> None:
        self._transport = transport
        self._seconds = seconds
        self._sending = sending
        self._end: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def lingering(self) -> bool:
        """Whether what comes is to be thrown away."""
        return self._end is not None

    def is_closing(self) -> bool:
        """See `asyncio.Transport`."""
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        """Send what has been written and hang up: at once, or when the client has."""
        if self._sending():
            self.linger()
        elif not self.lingering:
            self._transport.close()

    def linger(self) -> None:
        """Send what has been written, and hang up when the client has."""
        if not self.is_closing():
            self._end = asyncio.get_running_loop().call_later(self._seconds, self._transport.abort)
            try:
                self._transport.write_eof()
            except OSError:  # the client has reset the connection, which nobody has been told yet
                self._transport.abort()
            else:
                self._transport.resume_reading()

    def closed(self) -> None:
        """Nothing more will come: to be called when the connection is lost."""
        if self._end is not None:
            self._end.cancel()
