"""How activations stand that are open where a prompt begins, told by the frames that it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cwm_tracer.model import Event, Frame

_SHOWN = 16  # innermost activations


@dataclass(frozen=True, slots=True)
class Open:
    """The activations that are open at some place of a trace, outermost first.

    `frames` say how the innermost stand: of each its CALL, its last LINE, if there was one, and the EXCEPTION after
    that, if it raised. `depth` counts those around them. Where all are suspended, the RETURN of the last is told.
    """

    depth: int = 0
    frames: tuple[Frame, ...] = ()


NOTHING = Open()


class Standing:
    """Reads a trace from its beginning, once."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames
        self._read = 0
        self._open: list[list[Frame]] = []

    def at(self, index: int) -> Open:
        """What is open before the frame with this index; none before it may be asked for later."""
        for frame in self._frames[self._read : index]:
            self._see(frame)
        self._read = index
        if index and not self._open:
            return Open(0, (self._frames[index - 1],))
        shown = self._open[-_SHOWN:]
        return Open(len(self._open) - len(shown), tuple(frame for frames in shown for frame in frames))

    def _see(self, frame: Frame) -> None:
        if frame.event is Event.CALL:
            self._open.append([frame])
        elif frame.event is Event.RETURN:
            del self._open[-1:]
        elif self._open:
            top = self._open[-1]
            top[1:] = [frame] if frame.event is Event.LINE else [*top[1:2], frame]


def within(opened: Open, lengths: Sequence[int], limit: int) -> Open:
    """Those of the innermost activations whose frames, which have these `lengths`, take at most `limit` in all."""
    frames, depth, left = opened.frames, opened.depth, sum(lengths)
    start = 0
    while left > limit:
        following = range(start + 1, len(frames))
        stop = next((index for index in following if frames[index].event is Event.CALL), len(frames))
        left -= sum(lengths[start:stop])
        start, depth = stop, depth + (frames[start].event is Event.CALL)
    return replace(opened, depth=depth, frames=frames[start:])
