"""Traces, predictions and what became of them as compact JSON, and back without loss.

A trace lists each source line it stands on once. A frame is `[event letter, index in that list, values, scope]`, where
values are the locals, with the wire's `..` for what the frame before it in an uninterrupted stretch of the scope
already showed (a repr that is itself `..` is a list of one), or the argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cwm_tracer import wire
from cwm_tracer.agreement import Choices
from cwm_tracer.compare import Difference, Divergence, DivergenceKind, Mean, Metric, Rate
from cwm_tracer.compare.comparison import Question
from cwm_tracer.compare.metrics import rate_of
from cwm_tracer.compare.origin import Origin
from cwm_tracer.model import (
    Choice,
    Context,
    Ending,
    Event,
    Frame,
    Meta,
    Problem,
    ProblemKind,
    RollOut,
    Trace,
    Verification,
)

Json = Any
_LETTERS = {Event.CALL: "C", Event.LINE: "L", Event.RETURN: "R", Event.EXCEPTION: "E"}
_EVENTS = {letter: event for event, letter in _LETTERS.items()}
_Line = tuple[str, str | None, int | None]
AGREES = "="
_INFINITE = float("inf")


class Lines:
    """The distinct source lines of a trace, numbered as they come."""

    def __init__(self, known: Iterable[Sequence[Any]] = ()) -> None:
        self.all: list[_Line] = [(source, file, line) for source, file, line in known]
        self._numbers = {line: number for number, line in enumerate(self.all)}

    def number(self, frame: Frame) -> int:
        """The number of the line that a frame stands on."""
        line = (frame.source, frame.file, frame.line)
        number = self._numbers.setdefault(line, len(self.all))
        if number == len(self.all):
            self.all.append(line)
        return number


def frame_to_json(frame: Frame, lines: Lines, known: Mapping[str, str] | None) -> Json:
    """One frame after one of whose locals it may leave out those in `known`, as a wire's cursor has them."""
    values: Json = frame.argument
    if frame.locals is not None:
        before = wire.referable(frame.event, known)
        values = {
            name: wire.UNCHANGED if before.get(name) == value else [value] if value == wire.UNCHANGED else value
            for name, value in frame.locals.items()
        }
    return [_LETTERS[frame.event], lines.number(frame), values, frame.scope]


def frame_from_json(data: Json, lines: Lines, known: Mapping[str, str] | None) -> Frame:
    """The inverse of `frame_to_json`."""
    letter, number, values, scope = data
    source, file, line = lines.all[number]
    event = _EVENTS[letter]
    if not isinstance(values, dict):
        return Frame(event, source, None, values, scope, file, line)
    before = wire.referable(event, known)
    state = {
        name: value[0] if isinstance(value, list) else before[name] if value == wire.UNCHANGED else value
        for name, value in values.items()
    }
    return Frame(event, source, state, None, scope, file, line)


def trace_to_json(trace: Trace, context: Context | None = None) -> Json:
    """A trace; its context is left out where it equals `context`."""
    lines = Lines()
    frames = [frame_to_json(frame, lines, _known(trace.frames, index)) for index, frame in enumerate(trace.frames)]
    meta = {"python": trace.meta.python, "ending": trace.meta.ending.value, "producer": trace.meta.producer}
    shown = AGREES if trace.context == context else _context_to_json(trace.context)
    return {"meta": meta, "context": shown, "lines": lines.all, "frames": frames}


def trace_from_json(data: Json, context: Context | None = None) -> Trace:
    """The inverse of `trace_to_json`."""
    lines = Lines(data["lines"])
    frames: list[Frame] = []
    for index, item in enumerate(data["frames"]):
        frames.append(frame_from_json(item, lines, _known(frames, index)))
    meta = data["meta"]
    shown = data["context"]
    return Trace(
        tuple(frames),
        context if shown == AGREES and context is not None else _context_from_json(shown),
        Meta(meta["python"], Ending(meta["ending"]), meta["producer"]),
    )


def _known(frames: Sequence[Frame], index: int) -> Mapping[str, str] | None:
    """The values that `..` stands for in a frame at `index`: of the frame before it, exceptions not counted."""
    for before in range(index - 1, -1, -1):
        frame = frames[before]
        if frame.event is not Event.EXCEPTION:
            return frame.locals
    return None


def _context_to_json(context: Context) -> Json:
    """Places as runs `[file, first line number, count]`; file and number are null for lines that stand in no file."""
    runs: list[list[Any]] = []
    for place in context.places:
        file, number = place or (None, None)
        last = runs[-1] if runs else None
        if last is not None and file == last[0] and (number is None or number == last[1] + last[2]):
            last[2] += 1
        else:
            runs.append([file, number, 1])
    data = {"text": context.text, "places": runs, "entry": context.entry}
    return data if context.complete else {**data, "complete": False}


def _context_from_json(data: Json) -> Context:
    places = tuple(
        None if file is None else (file, first + step) for file, first, count in data["places"] for step in range(count)
    )
    return Context(data["text"], places, data["entry"], data.get("complete", True))


def problems_to_json(problems: Iterable[Problem]) -> Json:
    """Problems as `[kind, frame, detail]`."""
    return [[problem.kind.value, problem.frame, problem.detail] for problem in problems]


def problems_from_json(data: Json) -> tuple[Problem, ...]:
    """The inverse of `problems_to_json`."""
    return tuple(Problem(ProblemKind(kind), frame, detail) for kind, frame, detail in data)


def verification_to_json(verification: Verification, truth: Trace) -> Json:
    """Choices: null where there is none, "=" where the choice is the true frame, else what it is."""
    lines = Lines()
    choices = Choices.of(verification.choices, truth.frames)
    shown: list[Json] = [AGREES] * len(choices)
    for index, choice in sorted(choices.others.items()):
        shown[index] = _choice_to_json(choice, truth.frames, index, lines)
    return {
        "model": verification.model,
        "windows": verification.windows,
        "failure": verification.failure,
        "lines": lines.all,
        "choices": shown,
        "bits": [
            bits if bits is None or -_INFINITE < bits < _INFINITE else number_to_json(bits) for bits in choices.bits
        ],
    }


def _choice_to_json(choice: Choice | None, frames: Sequence[Frame], index: int, lines: Lines) -> Json:
    if choice is None:
        return None
    true = frames[index] if index < len(frames) else None
    agrees = choice.frame is not None and (choice.frame is true or choice.frame == true)
    if agrees and not choice.problems and not choice.ended:
        return AGREES
    frame: Json = None
    if choice.frame is not None:
        known = _known(frames, min(index, len(frames)))
        frame = AGREES if agrees else frame_to_json(choice.frame, lines, known)
    return {"frame": frame, "problems": problems_to_json(choice.problems), "ended": choice.ended}


def verification_from_json(data: Json, truth: Trace) -> Verification:
    """The inverse of `verification_to_json`."""
    lines, shown, frames = Lines(data["lines"]), data["choices"], truth.frames
    bits = [number_from_json(each) if isinstance(each, str) else each for each in data["bits"]]
    if len(bits) != len(shown):
        raise ValueError(f"bits of {len(bits)} choices for {len(shown)}")
    unlike = [index for index, item in enumerate(shown) if item != AGREES or index >= len(frames)]
    others: dict[int, Choice | None] = {}
    for index in unlike:
        if shown[index] is None:
            bits[index] = None
        others[index] = _choice_from_json(shown[index], bits[index], frames, index, lines)
    return Verification(Choices(frames, bits, others), data["windows"], data["failure"], data["model"])


def _choice_from_json(
    data: Json, bits: float | None, frames: Sequence[Frame], index: int, lines: Lines
) -> Choice | None:
    if data is None:
        return None
    true = frames[index] if index < len(frames) else None
    if data == AGREES:
        return Choice(true, bits=bits)
    shown = data["frame"]
    known = _known(frames, min(index, len(frames)))
    frame = None if shown is None else true if shown == AGREES else frame_from_json(shown, lines, known)
    problems = data["problems"]
    return Choice(frame, () if problems == [] else problems_from_json(problems), bits, data["ended"])


def roll_out_to_json(roll_out: RollOut, truth: Trace) -> Json:
    """A roll-out; its context is left out where it is that of the true trace."""
    return {
        "model": roll_out.model,
        "failure": roll_out.failure,
        "problems": problems_to_json(roll_out.problems),
        "trace": trace_to_json(roll_out.trace, truth.context),
    }


def roll_out_from_json(data: Json, truth: Trace) -> RollOut:
    """The inverse of `roll_out_to_json`."""
    trace = trace_from_json(data["trace"], truth.context)
    return RollOut(trace, problems_from_json(data["problems"]), data["failure"], data["model"])


def number_to_json(number: float | None) -> Json:
    """JSON has no infinity; a token of probability zero has that many bits."""
    if number is None or -_INFINITE < number < _INFINITE:
        return number
    return str(number)


def number_from_json(data: Json) -> float | None:
    """The inverse of `number_to_json`."""
    return float(data) if isinstance(data, str) else data


def divergence_to_json(question: Question, divergence: Divergence) -> Json:
    """Frames are not repeated: `truth` and `predicted` say whether the trace and the prediction have one there."""
    return {
        "question": question,
        "kind": divergence.kind.value,
        "index": divergence.index,
        "truth": divergence.truth is not None,
        "predicted": divergence.predicted is not None,
        "predicted_index": divergence.predicted_index,
        "count": divergence.count,
        "sentence": divergence.sentence,
        "variables": [[each.name, each.truth, each.predicted] for each in divergence.variables],
        "levels": [each.level.value if each.level is not None else None for each in divergence.variables],
        "paths": [each.inner.path if each.inner is not None else None for each in divergence.variables],
        "earlier": [[each.name, each.index] for each in divergence.earlier],
        "problems": problems_to_json(divergence.problems),
    }


def divergence_from_json(
    data: Json, trace: Trace | None, verification: Verification | None, roll_out: RollOut | None
) -> tuple[Question, Divergence]:
    """The inverse of `divergence_to_json`, with the frames of the trace and of the predictions."""
    index, at = data["index"], data["predicted_index"]
    frames = trace.frames if trace is not None else ()
    run = data["count"] if data["truth"] and not data["predicted"] and not data["problems"] else int(data["truth"])
    if not 0 <= index <= len(frames) - run or data["count"] < 1:
        raise ValueError(f"a divergence at frame {index} of {len(frames)}")
    predicted: Frame | None = None
    if data["predicted"] and at is not None and roll_out is not None:
        predicted = roll_out.trace.frames[at]
    elif data["predicted"] and verification is not None:
        choice = verification.choices[index]
        predicted = choice.frame if choice is not None else None
    divergence = Divergence(
        kind=DivergenceKind(data["kind"]),
        index=index,
        truth=frames[index] if data["truth"] else None,
        predicted=predicted,
        variables=tuple(Difference(*each) for each in data["variables"]),
        problems=problems_from_json(data["problems"]),
        sentence=data["sentence"],
        predicted_index=at,
        count=data["count"],
        earlier=tuple(Origin(*each) for each in data.get("earlier", ())),
    )
    question: Question = "fr" if data["question"] == "fr" else "tf"
    return question, divergence


def metrics_to_json(metrics: Mapping[str, Metric]) -> Json:
    """Metrics as the sums that they are made of."""
    return {
        name: {"correct": metric.correct, "total": metric.total}
        if isinstance(metric, Rate)
        else {"sum": number_to_json(metric.sum), "count": metric.count}
        for name, metric in metrics.items()
    }


def metrics_from_json(data: Json) -> dict[str, Metric]:
    """The inverse of `metrics_to_json`."""
    return {
        name: rate_of(item["correct"], item["total"])
        if "correct" in item
        else Mean(number_from_json(item["sum"]) or 0.0, item["count"])
        for name, item in data.items()
    }
