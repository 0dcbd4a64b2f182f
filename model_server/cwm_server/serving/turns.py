"""One engine, many calls: whoever has had least of it goes on, and changes come between two calls of the decoder.

After start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996). Each client has a tag, the seconds of engine time
that it has been given; one that comes back after a while is put one `slice_` behind the others, no further. The call
with the lowest tag is next. It is interrupted only when it is a slice ahead of one that waits. So a debugger's step
goes first while long verifications run, and equals are not interrupted in what they could share.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Hashable

SLICE = 0.1


class Turn:
    """A call's place in the order. Used by one thread: `enter`, `offer` as often as possible, `leave`."""

    def __init__(self, turns: Turns, client: Hashable, tag: float, number: int) -> None:
        self._turns = turns
        self.client = client
        self.tag = tag
        self.number = number
        self.ready = threading.Event()
        self.since = 0.0

    @property
    def place(self) -> tuple[float, int]:
        """What turns are ordered by."""
        return self.tag, self.number

    def enter(self) -> None:
        """Wait until it is this call's turn."""
        self._turns._enter(self)

    def offer(self) -> None:
        """Let another go on that has had less, and wait for the next turn."""
        self._turns._offer(self)

    def leave(self) -> None:
        """End the turn; one that was never entered only gives up its place."""
        self._turns._leave(self)


class Turns:
    """The order in which calls from different threads use what only one may use at a time."""

    def __init__(self, slice_: float = SLICE, clock: Callable[[], float] = time.perf_counter) -> None:
        self._slice = slice_
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._current: Turn | None = None
        self._waiting: list[Turn] = []
        self._tags: dict[Hashable, float] = {}  # of clients that a newcomer could be behind
        self._now = 0.0  # what each has been given who was there all the time, were time shared evenly; never falls

    def turn(self, client: Hashable) -> Turn:
        """A place in the order for a call of `client`."""
        with self._lock:
            if self._current is not None:
                self._charge(self._current)
            self._advance()
            tag = max(self._now - self._slice, self._tags.get(client, 0.0))
            return Turn(self, client, tag, next(self._numbers))

    def _enter(self, turn: Turn) -> None:
        with self._lock:
            turn.ready.clear()
            self._waiting.append(turn)
            if self._current is None:
                self._start_next()
        turn.ready.wait()

    def _offer(self, turn: Turn) -> None:
        if not self._waiting:  # no lock where nobody waits: this is asked for every token
            return
        with self._lock:
            self._charge(turn)
            if not self._waiting or self._first().tag + self._slice > turn.tag:
                return
            turn.ready.clear()
            turn.number = next(self._numbers)
            self._waiting.append(turn)
            self._start_next()
        turn.ready.wait()

    def _leave(self, turn: Turn) -> None:
        with self._lock:
            if self._current is turn:
                self._charge(turn)
                self._current = None
                if self._waiting:
                    self._start_next()
            elif turn in self._waiting:
                self._waiting.remove(turn)

    def _charge(self, turn: Turn) -> None:
        now = self._clock()
        turn.tag += now - turn.since
        self._now += (now - turn.since) / (len(self._waiting) + 1)
        turn.since = now
        self._tags[turn.client] = max(turn.tag, self._tags.get(turn.client, 0.0))

    def _first(self) -> Turn:
        for turn in self._waiting:  # another call of the same client may have been served meanwhile
            turn.tag = max(turn.tag, self._tags.get(turn.client, 0.0))
        return min(self._waiting, key=lambda turn: turn.place)

    def _start_next(self) -> None:
        turn = self._first()
        self._waiting.remove(turn)
        self._current = turn
        turn.since = self._clock()
        turn.ready.set()

    def _advance(self) -> None:
        active = [*self._waiting, self._current] if self._current is not None else self._waiting
        lowest = min((turn.tag for turn in active), default=max(self._tags.values(), default=0.0))
        self._now = max(self._now, lowest)
        self._tags = {client: tag for client, tag in self._tags.items() if tag > self._now - self._slice}
