"""How a view speaks of a report: of a model's predictions, or of recordings that a run was held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cwm_tracer.compare import DivergenceKind, Metric
from cwm_tracer.compare.comparison import Question
from pytest_cwm.report.document import Report
from pytest_cwm.report.summary import TestSummary

# Notes of tests that were compared with recordings: whole, ends and beginnings of them.
NEW = "new: there is nothing yet to compare it with"
MASKED = "vary from run to run and are masked"
CHANGED = "the code changed: "
ABSENT = "not in "


@dataclass(frozen=True, slots=True)
class Words:
    """`sides` say what ran and what was to run; the others stand where their names say.

    `page` holds the texts of the HTML page that differ, by the name of their place.
    """

    sides: tuple[str, str]
    first: str
    questions: Mapping[Question, str]
    annotation: str
    more_lines: str
    kinds: Mapping[DivergenceKind, str] = field(default_factory=dict)
    rules: Mapping[DivergenceKind, str] = field(default_factory=dict)
    page: Mapping[str, str] = field(default_factory=dict)

    def kind(self, kind: DivergenceKind) -> str:
        """The name of a kind of divergence."""
        return self.kinds.get(kind, kind.value)


PREDICTED = Words(
    sides=("ran", "predicted"),
    first="first divergence",
    questions={"tf": "teacher-forced", "fr": "free-running"},
    annotation="predicted execution",
    more_lines="more lines were predicted wrong",
    rules={
        DivergenceKind.CONTROL_FLOW: "another line was predicted than ran",
        DivergenceKind.STATE: "a variable was predicted with another value",
        DivergenceKind.CALL: "another call was predicted, or one with other arguments",
        DivergenceKind.RETURN_VALUE: "another return value was predicted",
        DivergenceKind.EXCEPTION: "an exception was not predicted, predicted where none was raised, or another one",
        DivergenceKind.FORMAT: "the prediction is no well-formed frame",
        DivergenceKind.MISSING: "frames that ran were not predicted",
        DivergenceKind.EXTRA: "frames were predicted that did not run",
    },
    page={
        "right": "predicted",
        "right_long": "The model predicted this frame.",
        "given": "The entry's call is given to the model, not predicted.",
        "unknown": "not predicted",
        "unknown_long": "There is no prediction of this frame.",
        "part": "diverged",
        "part_long": "Part of the divergence before it.",
        "share": "of frames predicted",
        "lead": "in {count} of them prediction and execution part.",
        "nothing": "Nothing was predicted.",
        "diverge_one": "diverges",
        "diverge_many": "diverge",
        "end": "the end of the trace",
    },
)
AGAINST = Words(
    sides=("now", "before"),
    first="first difference",
    questions={"fr": "now and before"},
    annotation="execution changed",
    more_lines="more lines differ",
    kinds={DivergenceKind.MISSING: "new", DivergenceKind.EXTRA: "gone"},
    rules={
        DivergenceKind.CONTROL_FLOW: "another line ran before",
        DivergenceKind.STATE: "a variable had another value before",
        DivergenceKind.CALL: "another call was made before, or one with other arguments",
        DivergenceKind.RETURN_VALUE: "another value was returned before",
        DivergenceKind.EXCEPTION: "an exception is new, no longer raised, or another one",
        DivergenceKind.FORMAT: "the recording could not be read",
        DivergenceKind.MISSING: "frames that did not run before",
        DivergenceKind.EXTRA: "frames that no longer run",
    },
    page={
        "right": "as before",
        "right_long": "This frame ran like this before.",
        "given": "The entry's call.",
        "unknown": "not compared",
        "unknown_long": "There is nothing to compare this frame with.",
        "part": "differs",
        "part_long": "Part of the difference before it.",
        "share": "of frames up to the first difference",
        "lead": "{count} of them differ from {name}.",
        "nothing": "Nothing was compared.",
        "diverge_one": "differs",
        "diverge_many": "differ",
        "end": "nothing",
    },
)


def is_against(report: Report) -> bool:
    """Whether a report compares with recordings, not with predictions."""
    return bool(report.settings.get("against"))


def words_of(report: Report) -> Words:
    """The words for a report."""
    return AGAINST if is_against(report) else PREDICTED


def name_of(report: Report) -> str:
    """What predicted, or what the run was held against; empty where that is not known."""
    return str(report.model.get("name") or ("recordings" if is_against(report) else ""))


def differing(tests: Sequence[TestSummary]) -> tuple[list[TestSummary], list[TestSummary]]:
    """The tests that were compared with recordings, and those of them that differ, failed ones first."""
    compared = [test for test in tests if test.value("fr.trace") is not None]
    return compared, sorted(
        (test for test in compared if test.divergences), key=lambda test: (test.outcome != "failed", test.nodeid)
    )


def counts(report: Report) -> str:
    """How many tests did as in the recordings: "4 tests: 2 as in the last green run, 2 not"."""
    tests, name = report.summaries, name_of(report)
    compared, different = differing(tests)
    new = sum(NEW in test.notes for test in tests)
    same = len(compared) - len(different)
    rest = len(tests) - len(compared) - new
    parts = [
        f"{same} as in {name}" if same else "",
        _not_as(name, len(different), same, len(tests)) if different else "",
        f"{new} new, recorded for the next run" if new else "",
        f"{rest} not compared" if rest else "",
    ]
    return f"{plural(len(tests), 'test')}: {', '.join(filter(None, parts))}"


def _not_as(name: str, count: int, same: int, all_: int) -> str:
    if same:
        return f"{count} not"
    if count < all_:
        return f"{count} not as in {name}"
    return f"{'none' if count > 1 else 'not'} as in {name}"


def plural(count: int, word: str) -> str:
    """`1 test`, `2 tests`."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def main_metric(report: Report) -> Metric | None:
    """The figure that stands for the run."""
    return report.totals.get("tf.frame") or report.totals.get("fr.prefix")
