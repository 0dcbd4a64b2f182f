"""What plots of a report show: accuracy over the length of traces and over steps, and the course from run to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cwm.report.document import Report
from pytest_cwm.report.rows import GIVEN, RIGHT, UNKNOWN, Row, rows_of
from pytest_cwm.report.summary import TestSummary
from pytest_cwm.report.words import PREDICTED

QUESTIONS: Mapping[str, str] = PREDICTED.questions  # type: ignore[assignment]
# The metric of each question, of which accuracy is said.
METRICS = {"tf": "tf.frame", "fr": "fr.prefix"}
# Fewer frames than this tell nothing about a step.
_FEW = 5


@dataclass(slots=True)
class Accuracy:
    """Gathered test by test: length and share of right frames, and right and all frames by power of two of the step."""

    metric: str
    points: list[tuple[int, float]] = field(default_factory=list)
    steps: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, summary: TestSummary, rows: Sequence[Row]) -> None:
        """Count one test in."""
        value = summary.value(self.metric)
        if value is not None and summary.frames > 1:
            self.points.append((summary.frames, value))
        for step, row in enumerate(rows):
            if row.mark not in (GIVEN, UNKNOWN):
                bucket = step.bit_length() - 1
                right, all_ = self.steps.get(bucket, (0, 0))
                self.steps[bucket] = right + (row.mark == RIGHT), all_ + 1

    @property
    def told_steps(self) -> dict[int, tuple[int, int]]:
        """The steps of which there are enough frames, by power of two."""
        return {bucket: both for bucket, both in sorted(self.steps.items()) if both[1] >= _FEW}


def accuracies_of(report: Report) -> dict[str, Accuracy]:
    """Both questions' of a report, test by test."""
    found = {question: Accuracy(metric) for question, metric in METRICS.items()}
    for summary, test in zip(report.summaries, report.tests, strict=True):
        for question in PREDICTED.questions:
            found[question].add(summary, rows_of(test, question))
    return found


@dataclass(frozen=True, slots=True)
class PastRun:
    """An earlier run: when it finished (an ISO date), at which commit, with which model."""

    finished: str
    commit: str
    model: str

    @property
    def date(self) -> str:
        """The day."""
        return self.finished[:10]

    @property
    def name(self) -> str:
        """For a reader who asks which run this is."""
        return ", ".join(filter(None, (self.finished[:16].replace("T", " "), self.commit[:10], self.model)))


@dataclass(frozen=True, slots=True)
class Past:
    """A metric run by run, oldest first."""

    metric: str
    values: tuple[tuple[PastRun, float | None], ...]


def pasts_of(report: Report) -> list[Past]:
    """What the report tells of the runs before it; nothing where it was written without a history."""
    runs = [*_runs(report.run.get("history"))]
    pasts = (Past(metric, tuple((run, values.get(metric)) for run, values in runs)) for metric in METRICS.values())
    return [past for past in pasts if sum(value is not None for _, value in past.values) > 1]


def _runs(data: Any) -> Iterator[tuple[PastRun, dict[str, float]]]:
    """Of the document's `run`, in which the schema allows anything."""
    for item in data if isinstance(data, list) else ():
        match item:
            case [str(finished), str(commit), str(model), dict(values)]:
                figures = {
                    name: value for name, value in values.items() if isinstance(value, int | float) and 0 <= value <= 1
                }
                yield PastRun(finished, commit, model), figures
