"""Asking a predictor for a debugger's frames: which sampling, which seed, and what counts as a frame."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from cwm_tracer.compare.score import action_of
from cwm_tracer.model import Choice, Event, Frame, ProblemKind
from cwm_tracer.wire import START, UNCHANGED, Cursor
from pytest_cwm.debugger.source_map import SourceMap
from pytest_cwm.predictors.base import PredictionError, Predictor, Sampling

INVENTING = Sampling(temperature=0.8, top_p=0.8)
"""How an entry's call is invented when nobody gives it: warm enough that samples differ."""

_CALL_SAMPLES = 8
_WARMER = 0.1  # of its temperature, for each sample that only repeats what is shown
_LONGER = 2  # times as long as what is shown: a sample of more characters may have gone astray
_SHORT = 12  # characters of what is shown, at least: beside `'a'` a word is not long


class Asker:
    """Gets well-formed frames or raises `PredictionError`.

    Every seed derives from the session's seed, the number of samples of the entry's call so far, the frame's index,
    and how often the model's text for it was refused. The same session therefore gets the same answers.
    """

    def __init__(
        self, source: SourceMap, predictor: Predictor, stepping: Sampling, inventing: Sampling, seed: int
    ) -> None:
        self.stepping = stepping
        self._source = source
        self._predictor = predictor
        self._inventing = inventing
        self._seed = seed
        self._samples = 0
        self._refused = 0

    def resample(self) -> None:
        """Go over to the next sample."""
        self._samples += 1
        self._refused = 0

    def next(self, frames: Sequence[Frame], cursor: Cursor) -> Frame | None:
        """The frame after `frames`, None when the model ends the trace there; `cursor` stands after them."""
        sampling = self._inventing if self._refused else self.stepping
        if sampling.temperature > 0:
            sampling = replace(sampling, seed=self._derived(len(frames), self._refused))
        choice = self._predictor.next_frame(self._source.context, frames, sampling=sampling)
        if choice.frame is None and choice.ended:
            return None
        frame, why = _usable(choice, frames, cursor)
        if frame is None:
            self._refused += 1
            raise PredictionError(
                f"the model's text for frame {len(frames)} is no frame ({why}); try again to sample another"
            )
        self._refused = 0
        # Once the entry's scope was left, nothing but its resume can follow.
        return frame if cursor.depth or frame.event is Event.CALL else None

    def invent(self, shown: Frame | None) -> Frame:
        """Sample the entry's call.

        Of a few samples the first that calls the marked entry with the parameters it has, differs from the one `shown`
        now and is not much longer, or the best of them. What only repeats it is asked for again more warmly.
        """
        context, entry = self._source.context, self._source.entry()
        line = None if context.entry is None else action_of(Frame(Event.CALL, self._source.lines[context.entry]))
        found: tuple[tuple[bool, bool, int], Frame] | None = None
        why = ""
        repeats = 0
        for attempt in range(_CALL_SAMPLES):
            warmth = self._inventing.temperature * (1 + repeats * _WARMER)
            sampling = replace(self._inventing, temperature=warmth, seed=self._derived(0, attempt))
            choice = self._predictor.next_frame(context, (), event=Event.CALL, sampling=sampling)
            frame, why = _usable(choice, (), START)
            if frame is None:
                continue
            if frame.event is not Event.CALL or (line is not None and action_of(frame) != line):
                why = "a call of something else"
                continue
            repeats += frame == shown
            fits = entry is None or entry.parameters is None or entry.parameters == set(frame.locals or ())
            differs = shown is None or frame != shown or not frame.locals
            beyond = 0 if shown is None else max(0, _size(frame) - _LONGER * max(_size(shown), _SHORT))
            score = fits, differs, -beyond
            if found is None or score > found[0]:
                found = score, frame
            if score == (True, True, 0):
                break
        self.resample()  # only now: a server's failure above must not use up a sample
        if found is None:
            raise PredictionError(f"no call of the entry in {_CALL_SAMPLES} samples ({why}); reset samples others")
        return found[1]

    def _derived(self, *numbers: int) -> int:
        name = ":".join(map(str, (self._seed, self._samples, *numbers)))
        return random.Random(name).getrandbits(31)


def _size(frame: Frame) -> int:
    """Characters of the values that a frame shows."""
    return sum(map(len, (frame.locals or {}).values()))


def _usable(choice: Choice, frames: Sequence[Frame], cursor: Cursor) -> tuple[Frame | None, str]:
    """The frame of a choice, or None and why there is none."""
    frame, why = choice.frame, "; ".join(map(str, choice.problems))
    if frame is None:
        return None, why or ("it ended the trace" if choice.ended else "nothing")
    if choice.problems and all(problem.kind is ProblemKind.UNRESOLVED_VALUE for problem in choice.problems):
        frame = _resolved(frame, frames, cursor)
        if UNCHANGED not in (frame.locals or {}).values():
            return frame, ""
    return (None, why) if why else (frame, "")


def _resolved(frame: Frame, frames: Sequence[Frame], cursor: Cursor) -> Frame:
    """A `..` after a callee's return can only mean what its scope showed last."""
    scope = cursor.scope_of(frame.event)
    shown = next((each.locals for each in reversed(frames) if each.scope == scope and each.locals), {})
    return replace(
        frame,
        locals={
            name: shown.get(name, value) if value == UNCHANGED else value
            for name, value in (frame.locals or {}).items()
        },
    )
