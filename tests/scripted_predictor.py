"""A predictor without a model: it plays frames by their index, and can be told to do otherwise at some of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cwm_tracer.model import Choice, Context, Event, Frame, RollOut, Trace, Verification
from cwm_tracer.recorder import Entry, make_recorder
from cwm_tracer.source import SourceLines
from cwm_tracer.wire import START_MARKER
from pytest_cwm.predictors.base import GREEDY, Sampling

STRAWBERRY = Path(__file__).parents[1] / "fixtures" / "strawberry.py"

Act = Choice | Frame | BaseException


class ScriptedPredictor:
    """Plays `script`, then ends the trace. `acts[index]` is used up one by one before the script's frame is played.

    A forced call of the entry is sampled: its first local becomes one of `letters`, chosen by the sampling's seed.
    """

    name = "a script"

    def __init__(
        self, script: Sequence[Frame], acts: Mapping[int, Sequence[Act]] | None = None, letters: str = "arts"
    ) -> None:
        self.script = script
        self.acts = {index: list(each) for index, each in (acts or {}).items()}
        self.letters = letters
        self.asked: list[tuple[tuple[Frame, ...], Event | None, Sampling]] = []
        self.closed = False

    @property
    def asked_for(self) -> list[int]:
        return [len(prefix) for prefix, _, _ in self.asked]

    def next_frame(
        self, context: Context, prefix: Sequence[Frame], *, event: Event | None = None, sampling: Sampling = GREEDY
    ) -> Choice:
        index = len(prefix)
        self.asked.append((tuple(prefix), event, sampling))
        if self.acts.get(index):
            act = self.acts[index].pop(0)
            if isinstance(act, BaseException):
                raise act
            return act if isinstance(act, Choice) else Choice(act)
        if index >= len(self.script):
            return Choice(None, ended=True)
        frame = replace(self.script[index], file=None, line=None, tokens=(index, index + 1))
        if index == 0 and event is Event.CALL and sampling.temperature > 0 and frame.locals:
            letter = random.Random(sampling.seed).choice(self.letters)
            frame = replace(frame, locals={**frame.locals, next(iter(frame.locals)): repr(letter)})
        return Choice(frame)

    def verify(self, truth: Trace) -> Verification:
        raise NotImplementedError

    def roll_out(
        self, context: Context, prefix: Sequence[Frame], *, max_frames: int, sampling: Sampling = GREEDY
    ) -> RollOut:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


def record(source: str, call: Callable[[dict[str, object]], object], file: str = "program.py") -> Trace:
    """What really happens when `call` runs with the namespace of `source`, whose entry carries the start marker."""
    lines = source.split("\n")
    marked = next(number for number, line in enumerate(lines) if line.endswith(START_MARKER))
    namespace: dict[str, object] = {"__name__": "program"}
    exec(compile(source, file, "exec"), namespace)
    recorder = make_recorder(
        Entry(marked=frozenset({(file, marked + 1)})), lambda name: name == file, sources=SourceLines({file: source})
    )
    recorder.start()
    try:
        call(namespace)
    except Exception:
        pass  # the entry may well raise: that is in the trace
    finally:
        recording = recorder.stop()
    places = tuple((file, number) for number in range(1, len(lines) + 1))
    return Trace(recording.frames, Context(source, places, marked), recording.meta)


def record_strawberry(letter: str = "r") -> Trace:
    return record(STRAWBERRY.read_text(encoding="utf-8"), lambda names: names["f"](letter), "strawberry.py")
