"""One test of a report: what it did, what was predicted, and where they part."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cwm_tracer.agreement import Choices
from cwm_tracer.compare import Comparison, Divergence, Metric, compare_traces, compare_verification, merge
from cwm_tracer.compare.comparison import Question
from cwm_tracer.model import Frame, RollOut, Trace, Verification
from pytest_cwm.report import encoding
from pytest_cwm.report.digest import Digests, digests_from_json, digests_of, digests_to_json
from pytest_cwm.report.notes import notes_of, redacted_in

Json = Any


class ReportError(Exception):
    """A report that can't be read or written; its text is one line for the user."""


@dataclass(frozen=True, slots=True)
class TestReport:
    """One test: what it did, what was predicted, and where they part.

    `outcome` is pytest's word. `entry` names what was traced. `divergences` holds those of both questions, each
    with the question it answers: "tf" for teacher-forced, "fr" for free-running. `missing` counts the true frames
    without a prediction, `redacted` the recorded values that were withheld, which are not scored. `strict` is the
    marker's; `digests` tell whether another run's test is the same.
    """

    __test__: ClassVar[bool] = False

    nodeid: str
    outcome: str
    entry: str = ""
    trace: Trace | None = None
    verification: Verification | None = None
    roll_out: RollOut | None = None
    divergences: tuple[tuple[Question, Divergence], ...] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    missing: int = 0
    redacted: int = 0
    notes: tuple[str, ...] = ()
    strict: bool = False
    digests: Digests | None = None

    @classmethod
    def of(
        cls,
        nodeid: str,
        outcome: str,
        entry: str,
        trace: Trace | None,
        verification: Verification | None = None,
        roll_out: RollOut | None = None,
        notes: Iterable[str] = (),
        strict: bool = False,
    ) -> TestReport:
        """Compare and put together the report of one test; `notes` are those that only the caller knows.

        A roll-out that its server broke off is kept and not scored.
        """
        comparisons: list[Comparison] = []
        redacted = 0
        if trace is None:
            verification = roll_out = None
        else:
            trace = dataclasses.replace(trace, frames=tuple(trace.frames))
            redacted = redacted_in(trace)
            if verification is not None:
                verification = sharing_frames(verification, trace.frames)
                comparisons.append(compare_verification(trace, verification, withheld=redacted > 0))
            if roll_out is not None and roll_out.failure is None and trace.frames:
                comparisons.append(compare_traces(trace, roll_out.trace, roll_out.problems))
        if roll_out is not None:
            frames = tuple(roll_out.trace.frames)
            roll_out = dataclasses.replace(roll_out, trace=dataclasses.replace(roll_out.trace, frames=frames))
        missing = sum(comparison.missing for comparison in comparisons)
        return cls(
            nodeid=nodeid,
            outcome=outcome,
            entry=entry,
            trace=trace,
            verification=verification,
            roll_out=roll_out,
            divergences=tuple((each.question, divergence) for each in comparisons for divergence in each.divergences),
            metrics=merge(comparison.metrics for comparison in comparisons),
            missing=missing,
            redacted=redacted,
            notes=(*notes, *notes_of(trace, verification, roll_out, missing, redacted)),
            strict=strict,
            digests=digests_of(trace) if trace is not None and trace.frames else None,
        )

    def first(self, question: Question) -> Divergence | None:
        """The first divergence that answers a question."""
        return next((divergence for asked, divergence in self.divergences if asked == question), None)


def test_to_json(test: TestReport) -> Json:
    """One item of the document's `tests`."""
    trace = test.trace
    data: dict[str, Json] = {"nodeid": test.nodeid, "outcome": test.outcome, "entry": test.entry}
    data["metrics"] = encoding.metrics_to_json(test.metrics)
    data["missing"] = test.missing
    data["redacted"] = test.redacted
    data["notes"] = list(test.notes)
    data["strict"] = test.strict
    data["digests"] = digests_to_json(test.digests)
    data["divergences"] = [encoding.divergence_to_json(*divergence) for divergence in test.divergences]
    data["trace"] = None if trace is None else encoding.trace_to_json(trace)
    if trace is not None and test.verification is not None:
        data["verification"] = encoding.verification_to_json(test.verification, trace)
    if trace is not None and test.roll_out is not None:
        data["roll_out"] = encoding.roll_out_to_json(test.roll_out, trace)
    return data


def test_from_json(data: Json) -> TestReport:
    """The inverse of `test_to_json`, for data of the right shape. Raises `ReportError` where it contradicts itself."""
    try:
        return _test_from_json(data)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ReportError(f"the report is damaged: in {data['nodeid']!r}: {error!r}") from None


def _test_from_json(data: Json) -> TestReport:
    shown = data["trace"]
    trace = None if shown is None else encoding.trace_from_json(shown)
    verification = roll_out = None
    if trace is not None and data.get("verification") is not None:
        verification = encoding.verification_from_json(data["verification"], trace)
    if trace is not None and data.get("roll_out") is not None:
        roll_out = encoding.roll_out_from_json(data["roll_out"], trace)
    divergences = [encoding.divergence_from_json(each, trace, verification, roll_out) for each in data["divergences"]]
    return TestReport(
        nodeid=data["nodeid"],
        outcome=data["outcome"],
        entry=data["entry"],
        trace=trace,
        verification=verification,
        roll_out=roll_out,
        divergences=tuple(divergences),
        metrics=encoding.metrics_from_json(data["metrics"]),
        missing=data["missing"],
        redacted=data["redacted"],
        notes=tuple(data["notes"]),
        strict=data.get("strict", False),
        digests=digests_from_json(data.get("digests")),
    )


def sharing_frames(verification: Verification, frames: Sequence[Frame]) -> Verification:
    """The same verification, in which a choice that says what the true frame says *is* the true frame."""
    choices = Choices.of(verification.choices, frames)
    others = {**choices.others}
    for index, choice in choices.others.items():
        if choice is None or choice.frame is None or index >= len(frames) or not _says(choice.frame, frames[index]):
            continue
        if choice.problems or choice.ended:
            others[index] = dataclasses.replace(choice, frame=frames[index])
        else:
            del others[index]
    return dataclasses.replace(verification, choices=Choices(frames, choices.bits, others))


def _says(said: Frame, true: Frame) -> bool:
    """Whether they are one but for scope and place, which a model does not name."""
    return (
        said.event is true.event
        and said.source == true.source
        and said.argument == true.argument
        and said.locals == true.locals
    )
