"""Divergences: where a prediction and the truth part, of what kind, and in a sentence."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from cwm_tracer.compare.origin import Origin
from cwm_tracer.compare.paths import Inner, only_difference
from cwm_tracer.compare.runs import whole_call, whole_iterations
from cwm_tracer.compare.score import Difference, same_line
from cwm_tracer.compare.wording import cut, cut_pair, describe_path, did, exception_of, quoted
from cwm_tracer.model import Event, Frame, Problem


class DivergenceKind(enum.Enum):
    """What about a frame was predicted wrong; the first that applies, from the frame's existence to its values."""

    FORMAT = "format"
    MISSING = "missing"
    EXTRA = "extra"
    EXCEPTION = "exception"
    CALL = "call"
    CONTROL_FLOW = "control flow"
    RETURN_VALUE = "return value"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Divergence:
    """One place where a prediction and the truth part.

    `index` is that of the true frame, or of the true frame before which predicted ones were inserted. `truth` is None
    there, `predicted` is None where nothing was predicted; `predicted_index` is its place in the predicted trace (None
    when teacher-forced). `count` says over how many frames a run of missing, extra or replaced frames goes. `earlier`
    names variables of the frame that went wrong before it; the real source line is that of `truth`.
    """

    kind: DivergenceKind
    index: int
    truth: Frame | None
    predicted: Frame | None
    variables: tuple[Difference, ...] = ()
    problems: tuple[Problem, ...] = ()
    sentence: str = ""
    predicted_index: int | None = None
    count: int = 1
    earlier: tuple[Origin, ...] = ()


def kind_of(truth: Frame, predicted: Frame | None, problems: Sequence[Problem], ended: bool) -> DivergenceKind:
    """The kind of a divergence at a true frame; `ended` says that the model ended the trace there."""
    if problems or (predicted is None and not ended):
        return DivergenceKind.FORMAT
    if predicted is None:
        return DivergenceKind.MISSING
    events = (truth.event, predicted.event)
    if events[0] is not events[1]:
        for event, kind in ((Event.EXCEPTION, DivergenceKind.EXCEPTION), (Event.CALL, DivergenceKind.CALL)):
            if event in events:
                return kind
        return DivergenceKind.CONTROL_FLOW
    if truth.event is Event.CALL:
        return DivergenceKind.CALL
    if not same_line(truth, predicted):
        return DivergenceKind.CONTROL_FLOW
    if truth.event is Event.EXCEPTION:
        return DivergenceKind.EXCEPTION
    return DivergenceKind.RETURN_VALUE if truth.event is Event.RETURN else DivergenceKind.STATE


def sentence_for(
    kind: DivergenceKind,
    truth: Frame,
    predicted: Frame | None,
    differences: Sequence[Difference],
    problems: Sequence[Problem],
    frames: Sequence[Frame],
    index: int,
) -> str:
    """What a person would say of a divergence at `frames[index]`."""
    if predicted is None and kind is DivergenceKind.MISSING:
        return f"predicted that the trace ends, it {did(truth)}"
    if kind is DivergenceKind.FORMAT:
        why = str(problems[0]) if problems else "no frame"
        return f"the prediction is no well-formed frame ({cut(why)}), it {did(truth)}"
    assert predicted is not None
    same = same_line(truth, predicted)
    if truth.event is predicted.event and same:
        return _values(truth, predicted, differences)
    path = describe_path(truth, predicted, frames, index)
    told = _told(predicted, with_line=not same)
    return path or f"predicted {told}, it {did(truth)}"


def missing_sentence(frames: Sequence[Frame], run: range) -> str:
    """For true frames that a free-running prediction left out."""
    first, count = frames[run.start], len(run)
    loop = whole_iterations(frames, run)
    if loop is not None:
        header, times, goes_on = quoted(loop.header), _times(loop.times), loop.goes_on
        if goes_on:
            return f"did not predict {times[0]} of the loop {header} ({count} frames)"
        return f"predicted that the loop {header} ends; it ran {times[1]} ({count} frames)"
    if whole_call(frames, run):
        return f"did not predict the call of {quoted(first.source)} ({count} frames)"
    if count == 1:
        return f"did not predict that it {did(first)}"
    return f"did not predict {count} frames, from {quoted(first.source)} on"


def extra_sentence(frames: Sequence[Frame], run: range) -> str:
    """For frames that a free-running prediction inserted."""
    first, count = frames[run.start], len(run)
    loop = whole_iterations(frames, run)
    if loop is not None:
        header, times, goes_on = quoted(loop.header), _times(loop.times), loop.goes_on
        if goes_on:
            return f"predicted {times[2]} of the loop {header} ({count} frames), which did not happen"
        return f"predicted that the loop {header} runs {times[1]} ({count} frames); it ended"
    if whole_call(frames, run):
        return f"predicted a call of {quoted(first.source)} ({count} frames), which did not happen"
    if count > 1:
        return f"predicted {count} frames that did not happen, from {_told(first)} on"
    return f"predicted {_told(first)}, which did not happen"


def with_earlier(sentence: str, earlier: Sequence[Origin]) -> str:
    """The sentence with the variables that went wrong before; of many those that did so first."""
    if not earlier:
        return sentence
    first = min(each.index for each in earlier)
    names = [f"`{cut(each.name, 30)}`" for each in earlier if each.index == first]
    shown = " and ".join(names) if len(names) < 3 else f"{names[0]}, {names[1]} and {len(names) - 2} more"
    words = f"{shown} {'was' if len(names) == 1 else 'were'} wrong at step {first} already"
    return (
        f"{sentence[:-1]}; {words})"
        if sentence.endswith((" frames)", " differs)", " differ)"))
        else f"{sentence} ({words})"
    )


def _times(times: int) -> tuple[str, str, str]:
    if times == 1:
        return "one iteration", "once more", "one more iteration"
    return f"{times} iterations", f"{times} more times", f"{times} more iterations"


def _told(frame: Frame, with_line: bool = True) -> str:
    match frame.event:
        case Event.CALL:
            return f"a call of {quoted(frame.source)}"
        case Event.RETURN:
            return f"a return of {cut(frame.argument or '')}" + (f" from {quoted(frame.source)}" if with_line else "")
        case Event.EXCEPTION:
            error = cut(exception_of(frame.argument))
            return f"the exception {error}" + (f" in {quoted(frame.source)}" if with_line else "")
    return quoted(frame.source)


def _values(truth: Frame, predicted: Frame, differences: Sequence[Difference]) -> str:
    if truth.event is Event.RETURN:
        inner = only_difference(truth.argument or "", predicted.argument or "")
        if inner is not None:
            return f"the return value's `{cut(inner.path)}` {_value(inner)}"
        real, told = cut_pair(truth.argument or "", predicted.argument or "")
        return f"predicted that it returns {told}, it returned {real}"
    if truth.event is Event.EXCEPTION:
        real, told = cut_pair(exception_of(truth.argument), exception_of(predicted.argument))
        return f"predicted the exception {told}, it was {real}"
    if not differences:
        return "the values differ"
    first = differences[0]
    inner = first.inner
    text = f"`{cut(first.name + (inner.path if inner else ''))}` " + _value(inner or first)
    more = len(differences) - 1
    return text + (f" (and {more} more variable{'s differ' if more > 1 else ' differs'})" if more else "")


def _value(difference: Difference | Inner) -> str:
    nothing = "not bound" if isinstance(difference, Difference) else "not there"
    if difference.truth is None:
        return f"is {nothing}, predicted {cut(difference.predicted or '')}"
    if difference.predicted is None:
        return f"is {cut(difference.truth)}, predicted that it is {nothing}"
    real, told = cut_pair(difference.truth, difference.predicted)
    return f"is {real}, predicted {told}"
