"""A trace and a prediction row by row: which frames stand beside each other, and how right the prediction is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cwm_tracer.compare import Divergence, DivergenceKind, compare_traces
from cwm_tracer.compare.comparison import Question
from cwm_tracer.model import EXPECTATION, Ending, RollOut, Trace, Verification
from pytest_cwm.report.one_test import TestReport

RIGHT, VALUE, FLOW, MALFORMED, UNKNOWN, GIVEN = "=", "v", "c", "f", "?", "g"
_MARKS = {
    DivergenceKind.STATE: VALUE,
    DivergenceKind.CALL: VALUE,
    DivergenceKind.RETURN_VALUE: VALUE,
    DivergenceKind.FORMAT: MALFORMED,
}


@dataclass(frozen=True, slots=True)
class Row:
    """The indices of a true frame and of a predicted one, None where a side has none there.

    `mark` is one of this module's letters. Teacher-forced, `predicted` is the index of the true frame too.
    """

    truth: int | None
    predicted: int | None
    mark: str
    divergence: Divergence | None = None


def rows_of(test: TestReport, question: Question) -> list[Row]:
    """The rows that answer a question, none where it was not asked."""
    if test.trace is None:
        return []
    divergences = [each for asked, each in test.divergences if asked == question]
    if question == "tf":
        return _verified(test.trace, test.verification, divergences) if test.verification is not None else []
    return _rolled_out(test.trace, test.roll_out, divergences) if test.roll_out is not None else []


def _verified(trace: Trace, verification: Verification, divergences: Sequence[Divergence]) -> list[Row]:
    at = {divergence.index: divergence for divergence in divergences}
    rows = []
    for index in range(len(trace.frames)):
        choice = verification.choices[index] if index < len(verification.choices) else None
        divergence = at.get(index)
        mark = GIVEN if index == 0 else UNKNOWN if choice is None else _mark(divergence)
        rows.append(Row(index, index if choice is not None else None, mark, divergence))
    return rows


def _rolled_out(trace: Trace, roll_out: RollOut, divergences: Sequence[Divergence]) -> list[Row]:
    if roll_out.failure is not None:  # not scored
        return [Row(index, None, GIVEN if index == 0 else UNKNOWN) for index in range(len(trace.frames))]
    recorded = roll_out.trace.meta.producer == EXPECTATION
    at = {(each.index, each.predicted_index): each for each in divergences}
    malformed = {each.predicted_index: each for each in divergences if each.kind is DivergenceKind.FORMAT}
    rows: list[Row] = []
    for truth, predicted in _aligned(trace, roll_out):
        before = rows[-1] if rows else None
        replaced = before is not None and before.divergence is not None and before.divergence.count > 1
        divergence = at.get((truth[0], predicted[0])) or malformed.get(predicted[0])
        mark = _mark(divergence)
        if truth[1] is None or predicted[1] is None:
            mark = MALFORMED if mark == MALFORMED else FLOW
            if divergence is None and truth[1] is None and _goes_on(trace, truth[0]):
                mark = UNKNOWN
        elif divergence is None and replaced and before is not None and before.mark == FLOW:
            # A run of other frames than happened has one divergence, at its first row.
            mark = RIGHT if _same_action(trace, roll_out, truth[1], predicted[1]) else FLOW
        given = not rows and not recorded
        rows.append(Row(truth[1], predicted[1], GIVEN if given else mark, divergence))
    return rows


def _aligned(trace: Trace, roll_out: RollOut) -> Iterator[tuple[tuple[int, int | None], tuple[int, int | None]]]:
    """For each row both positions, and whether a frame stands there."""
    told = roll_out.trace.frames
    places = {id(frame): place for place, frame in enumerate(told)}
    pairs = [
        (pair.index, places[id(pair.predicted)])
        for pair in compare_traces(trace, roll_out.trace, roll_out.problems).pairs
        if pair.predicted is not None
    ]
    truth = predicted = 0
    for next_truth, next_predicted in [*pairs, (len(trace.frames), len(told))]:
        for step in range(max(next_truth - truth, next_predicted - predicted)):
            left, right = truth + step, predicted + step
            yield (
                (min(left, next_truth), left if left < next_truth else None),
                (min(right, next_predicted), right if right < next_predicted else None),
            )
        if next_truth < len(trace.frames):
            yield (next_truth, next_truth), (next_predicted, next_predicted)
        truth, predicted = next_truth + 1, next_predicted + 1


def _goes_on(trace: Trace, index: int) -> bool:
    """Is this beyond the end of a truth that was cut short, where nothing is right or wrong?"""
    cut_short = trace.meta.ending not in (Ending.RETURNED, Ending.NEVER_CALLED)
    return cut_short and index >= len(trace.frames)


def _same_action(trace: Trace, roll_out: RollOut, truth: int, predicted: int) -> bool:
    real, told = trace.frames[truth], roll_out.trace.frames[predicted]
    return real.event is told.event and real.source == told.source


def _mark(divergence: Divergence | None) -> str:
    return RIGHT if divergence is None else _MARKS.get(divergence.kind, FLOW)
