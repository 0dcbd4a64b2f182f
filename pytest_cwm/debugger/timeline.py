"""A position in a predicted execution that can be moved: predicts frames as they are needed and keeps them all.

No input, no output: the command line, and any other front, drives this object.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cwm_tracer.model import Choice, Context, Event, Frame, Trace
from cwm_tracer.wire import START, Cursor
from pytest_cwm.debugger.asking import INVENTING, Asker
from pytest_cwm.debugger.beside import Beside, Difference, Real, compare, compare_locals, locals_at
from pytest_cwm.debugger.source_map import SourceMap, Spot, Walk
from pytest_cwm.predictors.base import GREEDY, Predictor, Sampling


class Stop(enum.Enum):
    """Why a move stopped where it did."""

    REACHED = "reached"
    BOUND = "bound"  # the frame bound of one move was used up
    ENDED = "ended"  # the trace ended first


@dataclass(frozen=True, slots=True)
class Move:
    """A move forward: by how many frames, and why it stopped."""

    frames: int
    stop: Stop


@dataclass(frozen=True, slots=True)
class _Entry:
    frame: Frame
    depth: int  # of the frame's own scope, 1 for the entry's
    cursor: Cursor  # after the frame
    walk: Walk
    spot: Spot


class Timeline:
    """Predicted frames, a position among them, and the moves of a debugger.

    `given` are frames to start from instead of predicting them (a recorded entry call, or a true prefix), `kept`
    predictions that are known already and follow them; the position starts at the last of both. Without any, `reset`
    lets the model invent the entry's call by sampling with `inventing`; all later frames are chosen with `stepping`,
    greedy by default. All sampling derives from `seed` and the number of resets: reset k of a seed gives the same call
    every time.

    A frame that was predicted is kept: moving back and forward again shows it without asking again. When a
    prediction fails, a move raises `PredictionError` and the position stays; trying again asks again. A model's text
    that was no frame is asked for again with `inventing`, since a greedy answer would only repeat itself.
    """

    def __init__(
        self,
        context: Context,
        predictor: Predictor,
        *,
        given: Sequence[Frame] = (),
        kept: Sequence[Frame] = (),
        truth: Trace | None = None,
        stepping: Sampling = GREEDY,
        inventing: Sampling = INVENTING,
        seed: int = 0,
        max_frames: int = 1000,
    ) -> None:
        self.context = context
        self.source = SourceMap(context)
        self.max_frames = max_frames
        self.beside = Beside(truth) if truth is not None else None
        self.on_frame: Callable[[int], None] | None = None
        self._entries: list[_Entry] = []
        self._model_ended = False
        self._asker = Asker(self.source, predictor, stepping, inventing, seed)
        for frame in (*given, *kept):
            self._append(frame)
        self._given = len(given)
        self._start = len(self._entries) - 1
        self._position = self._start
        self._history = list(range(self._start))

    @classmethod
    def at_divergence(
        cls, truth: Trace, index: int, predictor: Predictor, choice: Choice | None = None, *, seed: int = 0
    ) -> Timeline:
        """The debugger's start at a failing test: the true frames before `index`, then what the model chose there.

        `choice` is the model's choice where it is known; without a usable one the position is the frame before.
        `index` is at least 1, since the entry's call is given.
        """
        frame = choice.frame if choice is not None and not choice.problems else None
        kept = () if frame is None else (frame,)
        timeline = cls(truth.context, predictor, given=truth.frames[: max(index, 1)], kept=kept, truth=truth, seed=seed)
        timeline._model_ended = choice is not None and choice.frame is None and choice.ended
        return timeline

    # What there is to see.

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames kept, those after the position included."""
        return tuple(entry.frame for entry in self._entries)

    @property
    def position(self) -> int:
        """The index of the current frame, -1 before the first."""
        return self._position

    @property
    def frame(self) -> Frame | None:
        """The current frame, None before the first."""
        return self._entries[self._position].frame if self._position >= 0 else None

    @property
    def depth(self) -> int:
        """How many calls deep the current frame's scope is, 1 for the entry's; 0 before the first frame."""
        return self._entries[self._position].depth if self._position >= 0 else 0

    @property
    def locals(self) -> Mapping[str, str]:
        """The locals at the position; at a RETURN or EXCEPTION those that its scope showed last."""
        return locals_at(self.frames, self._position) if self._position >= 0 else {}

    @property
    def line(self) -> int | None:
        """The 1-based line of the context's text that the current frame stands on, None for a line that isn't there."""
        return self._entries[self._position].spot.line if self._position >= 0 else None

    @property
    def function(self) -> str:
        """The name of the function whose frame is current."""
        return self._entries[self._position].spot.function if self._position >= 0 else ""

    @property
    def ended(self) -> bool:
        """The trace is known to end after the last frame kept."""
        if self._model_ended or not self._entries:
            return self._model_ended
        return self._entries[-1].cursor.depth == 0 and not self._resumable()

    @property
    def at_end(self) -> bool:
        """The position is the last frame of a trace that has ended."""
        return self.ended and self._position == len(self._entries) - 1

    @property
    def real(self) -> Real | None:
        """What really happened at this place: None without a recorded trace or where it has no such frame."""
        if self.beside is None or self._position < 0:
            return None
        return self.beside.find(self.frames[: self._position + 1])

    @property
    def parted(self) -> int | None:
        """The index of the first frame, up to the position, that differs from the real one."""
        return self.beside.parted(self.frames[: self._position + 1]) if self.beside is not None else None

    @property
    def differs(self) -> bool:
        """What was predicted here isn't what really happened."""
        if self.beside is None or self.frame is None:
            return False
        real = self.real
        if real is None:
            return self.parted is not None
        return bool(compare(self.frame, real.frame))

    def diff(self) -> Difference:
        """How the current frame and the state at it differ from the real one; empty where `real` is None."""
        real = self.real
        if real is None or self.frame is None:
            return Difference()
        return replace(compare(self.frame, real.frame), variables=compare_locals(self.locals, real.locals))

    def real_line(self) -> int | None:
        """The line of the context that the real frame of this place stands on."""
        real = self.real
        if real is None or self.beside is None:
            return None
        walk, spot = Walk(), Spot(None, "?")
        for frame in self.beside.truth.frames[: real.index + 1]:
            walk, spot = self.source.follow(walk, frame)
        return spot.line

    # Moves.

    def step(self) -> Move:
        """Go to the next frame, whatever its scope."""
        return self._run(lambda entry: True)

    def next(self) -> Move:
        """Go to the next frame of the same scope, or of an outer one when this one is left.

        Calls are predicted frame by frame, so a callee can be predicted to raise, up to `max_frames` frames.
        """
        depth = self._remaining_depth()
        return self._run(lambda entry: entry.depth <= depth)

    def out(self) -> Move:
        """Go to the frame in which the current scope is left; from there, to that of the scope around it."""
        depth = self._remaining_depth()
        return self._run(lambda entry: entry.frame.event is Event.RETURN and entry.depth <= depth)

    def back(self) -> int:
        """Undo the last move; the result is by how many frames, 0 when there is none to undo."""
        if not self._history:
            return 0
        undone = self._position - self._history[-1]
        self._position = self._history.pop()
        return undone

    def reset(self) -> None:
        """Start again: with a new sample of the entry's call, or from the given frames."""
        if self._given:
            if self._asker.stepping.temperature > 0:
                self._asker.resample()
                del self._entries[self._start + 1 :]
                self._model_ended = False
            self._position = self._start
            self._history = list(range(self._start))
            return
        call = self._asker.invent(self._entries[0].frame if self._entries else None)
        self._entries = []
        self._model_ended = False
        self._history = []
        self._append(call)
        self._position = 0

    def _run(self, reached: Callable[[_Entry], bool]) -> Move:
        if not self._entries:
            self.reset()
            return Move(1, Stop.REACHED)
        start = at = self._position
        stop = Stop.REACHED
        while True:
            if at + 1 == len(self._entries) and (self.ended or not self._predict()):
                stop = Stop.ENDED
                break
            at += 1
            if self.on_frame is not None:
                self.on_frame(at - start)
            if reached(self._entries[at]):
                break
            if at - start >= self.max_frames:
                stop = Stop.BOUND
                break
        if at != start:
            self._history.append(start)
            self._position = at
        return Move(at - start, stop)

    def _remaining_depth(self) -> int:
        """The depth of the scope that is current once the frame at the position is over."""
        return self.depth - 1 if self.frame is not None and self.frame.event is Event.RETURN else self.depth

    def _predict(self) -> bool:
        """Append the next frame; False when the model ends the trace instead."""
        frame = self._asker.next(self.frames, self._entries[-1].cursor)
        if frame is None:
            self._model_ended = True
            return False
        self._append(frame)
        return True

    def _append(self, frame: Frame) -> None:
        last = self._entries[-1] if self._entries else None
        cursor = last.cursor if last is not None else START
        scope = cursor.scope_of(frame.event)
        if frame.scope != scope:
            frame = replace(frame, scope=scope)
        after = cursor.after(frame)
        walk, spot = self.source.follow(last.walk if last is not None else Walk(), frame)
        # One append: an interrupt leaves either the whole frame or none of it.
        self._entries.append(_Entry(frame, max(cursor.depth, after.depth), after, walk, spot))

    def _resumable(self) -> bool:
        entry = self.source.entry()
        return entry is not None and entry.suspends
