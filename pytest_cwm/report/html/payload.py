"""What the page shows of one test, as JSON: frames as changes of the locals before them, each source line once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cwm_tracer.compare.comparison import Question
from cwm_tracer.model import Event, Frame, Trace
from pytest_cwm.report.encoding import Lines
from pytest_cwm.report.one_test import TestReport
from pytest_cwm.report.rows import Row, rows_of
from pytest_cwm.report.summary import TestSummary, is_detail

Json = Any
_LETTERS = {Event.CALL: "C", Event.LINE: "L", Event.RETURN: "R", Event.EXCEPTION: "E"}
# As good as infinite, which JSON does not have.
_ENDLESS = 1e9
QUESTIONS: tuple[Question, ...] = ("tf", "fr")


def index_entry(summary: TestSummary, rows: Mapping[Question, Sequence[Row]]) -> Json:
    """A test in the list of tests: its figures and how each row fared, one letter a row."""
    first = summary.first
    return {
        "nodeid": summary.nodeid,
        "outcome": summary.outcome,
        "frames": summary.frames,
        "marks": {question: "".join(row.mark for row in each) for question, each in rows.items() if each},
        "values": {
            name: metric.value
            for name, metric in summary.metrics.items()
            if _is_finite(metric.value) and not is_detail(name)
        },
        "divergences": summary.divergences,
        "first": None if first is None else [first.index, first.place, first.sentence],
        "notes": summary.notes,
    }


def details(test: TestReport, rows: Mapping[Question, Sequence[Row]]) -> Json:
    """A test in full; None where nothing was recorded."""
    trace = test.trace
    if trace is None or not trace.frames:
        return None
    lines = Lines()
    data: dict[str, Json] = {"entry": test.entry, "python": trace.meta.python, "ending": trace.meta.ending.value}
    data["frames"] = _frames(trace.frames, lines)
    if rows["tf"] and test.verification is not None:
        choices = test.verification.choices
        data["tf"] = {
            "rows": [[row.truth, row.predicted, row.mark] for row in rows["tf"]],
            "choices": {
                row.predicted: _choice(choice.frame, trace.frames[row.predicted], choice.ended, lines)
                for row in rows["tf"]
                if row.predicted is not None and row.mark not in "=g" and (choice := choices[row.predicted]) is not None
            },
            "bits": [_tenths(choice.bits if choice is not None else None) for choice in choices],
            "said": _said(rows["tf"]),
        }
    if rows["fr"] and test.roll_out is not None:
        data["fr"] = {
            "rows": [[row.truth, row.predicted, row.mark] for row in rows["fr"]],
            "frames": _frames(test.roll_out.trace.frames, lines),
            "said": _said(rows["fr"]),
        }
    data["lines"] = lines.all
    data["source"] = _source(trace)
    return data


def all_rows(test: TestReport) -> dict[Question, list[Row]]:
    """The rows of both questions."""
    return {question: rows_of(test, question) for question in QUESTIONS}


def _frames(frames: Iterable[Frame], lines: Lines) -> Json:
    """Frames as `[event, line, changed locals or argument, names that are gone, scope]`."""
    last: dict[int, Mapping[str, str]] = {}
    shown = []
    for frame in frames:
        values: Json = frame.argument
        gone: list[str] = []
        if frame.locals is not None:
            values, gone = _changes(last.get(frame.scope, {}), frame.locals)
            last[frame.scope] = frame.locals
        shown.append([_LETTERS[frame.event], lines.number(frame), values, gone, frame.scope])
    return shown


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return changed, [name for name in before if name not in after]


def _choice(frame: Frame | None, true: Frame, ended: bool, lines: Lines) -> Json:
    """The same for a choice, whose locals are given as changes of those of the true frame."""
    if frame is None:
        return "end" if ended else None
    values: Json = frame.argument
    gone: list[str] = []
    if frame.locals is not None:
        values, gone = _changes(true.locals or {}, frame.locals)
    return [_LETTERS[frame.event], lines.number(frame), values, gone, frame.scope]


def _said(rows: Iterable[Row]) -> Json:
    """What is to be said of the rows that diverge: the sentence, and what differs."""
    return {
        number: [
            row.divergence.kind.value,
            row.divergence.sentence,
            [[each.name, each.truth, each.predicted] for each in row.divergence.variables],
            [str(problem) for problem in row.divergence.problems],
            row.divergence.count,
        ]
        for number, row in enumerate(rows)
        if row.divergence is not None
    }


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _tenths(bits: float | None) -> int | None:
    return round(bits * 10) if bits is not None and bits < _ENDLESS else None


def _source(trace: Trace) -> Json:
    """The source that is known, as runs `[file, number of the first line, lines]`."""
    runs: list[tuple[str, int, list[str]]] = []
    for text, place in zip(trace.context.text.split("\n"), trace.context.places, strict=False):
        if place is None:
            continue
        file, number = place
        if runs and runs[-1][0] == file and runs[-1][1] + len(runs[-1][2]) == number:
            runs[-1][2].append(text)
        else:
            runs.append((file, number, [text]))
    return runs
