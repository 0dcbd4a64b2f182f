"""The report: one versioned JSON document that holds everything a renderer needs.

The same inputs give the same text, but for the `run` object, which holds all that is volatile (date, durations, host).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cwm_tracer.compare import Comparison, Divergence, Metric, compare_traces, compare_verification, merge
from cwm_tracer.compare.comparison import Question
from cwm_tracer.model import Choice, Frame, RollOut, Trace, Verification
from pytest_cwm.report import encoding
from pytest_cwm.report.gate import GateResult
from pytest_cwm.report.notes import notes_of
from pytest_cwm.report.shape import REPORT, mismatch

SCHEMA = "pytest-cwm-report"
VERSION = 1
Json = Any


class ReportError(Exception):
    """A report that can't be read or written; its text is one line for the user."""


@dataclass(frozen=True, slots=True)
class TestReport:
    """One test: what it did, what was predicted, and where they part.

    `outcome` is pytest's word. `entry` names what was traced. `divergences` holds those of both questions, each
    with the question it answers: "tf" for teacher-forced, "fr" for free-running. `missing` counts the true frames
    without a prediction, `redacted` the values that were not scored.
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
    ) -> TestReport:
        """Compare and put together the report of one test; `notes` are those that only the caller knows.

        A roll-out that its server broke off is kept and not scored.
        """
        comparisons: list[Comparison] = []
        if trace is None:
            verification = roll_out = None
        else:
            trace = dataclasses.replace(trace, frames=tuple(trace.frames))
            if verification is not None:
                verification = _sharing_frames(verification, trace.frames)
                comparisons.append(compare_verification(trace, verification))
            if roll_out is not None and roll_out.failure is None and trace.frames:
                comparisons.append(compare_traces(trace, roll_out.trace, roll_out.problems))
        if roll_out is not None:
            frames = tuple(roll_out.trace.frames)
            roll_out = dataclasses.replace(roll_out, trace=dataclasses.replace(roll_out.trace, frames=frames))
        missing = sum(comparison.missing for comparison in comparisons)
        redacted = max((comparison.redacted for comparison in comparisons), default=0)
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
        )

    def first(self, question: Question) -> Divergence | None:
        """The first divergence that answers a question."""
        return next((divergence for asked, divergence in self.divergences if asked == question), None)


@dataclass(frozen=True, slots=True)
class Report:
    """A run: its tests sorted by nodeid, their metrics summed, what held and what did not.

    `model` describes the predictor (name, dtype, ...). `notes` concern the run as a whole.
    """

    tests: tuple[TestReport, ...] = ()
    totals: Mapping[str, Metric] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, Json] = field(default_factory=dict)
    model: Mapping[str, Json] = field(default_factory=dict)
    gates: tuple[GateResult, ...] = ()
    notes: tuple[str, ...] = ()
    run: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        tests: Iterable[TestReport],
        *,
        settings: Mapping[str, Json] | None = None,
        environment: Mapping[str, Json] | None = None,
        model: Mapping[str, Json] | None = None,
        gates: Sequence[GateResult] = (),
        notes: Sequence[str] = (),
        run: Mapping[str, Json] | None = None,
    ) -> Report:
        """Sort the tests and sum their metrics. The mappings hold JSON values."""
        ordered = tuple(sorted(tests, key=lambda test: test.nodeid))
        totals = merge(test.metrics for test in ordered)
        return cls(
            ordered, totals, settings or {}, environment or {}, model or {}, tuple(gates), tuple(notes), run or {}
        )

    def to_json(self) -> str:
        """The document as ASCII text, one test a line."""
        return "".join(self.chunks())

    def chunks(self) -> Iterator[str]:
        """The document piece by piece, so that writing it takes the memory of one test."""
        yield f'{{"schema": {json.dumps(SCHEMA)},\n"version": {VERSION},\n'
        for name in ("settings", "environment", "model"):
            yield f'"{name}": {_dumps(getattr(self, name), sort=True)},\n'
        yield f'"totals": {_dumps(encoding.metrics_to_json(self.totals))},\n'
        yield f'"gates": {_dumps([[gate.passed, gate.text, gate.nodeid] for gate in self.gates])},\n'
        yield f'"notes": {_dumps(list(self.notes))},\n"tests": ['
        for number, test in enumerate(self.tests):
            yield (",\n" if number else "\n") + _dumps(_test_to_json(test))
        yield f'\n],\n"run": {_dumps(self.run, sort=True)}}}\n'

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The inverse of `to_json`; fields it does not know are ignored. Raises `ReportError`."""
        data = _load(text)
        wrong = mismatch(data, REPORT)
        if wrong is not None:
            raise ReportError(f"the report is damaged: the report{wrong}")
        try:
            return cls(
                tests=tuple(_test_from_json(item) for item in data["tests"]),
                totals=encoding.metrics_from_json(data["totals"]),
                settings=data["settings"],
                environment=data["environment"],
                model=data["model"],
                gates=tuple(GateResult(*item) for item in data["gates"]),
                notes=tuple(data["notes"]),
                run=data["run"],
            )
        except (KeyError, ValueError, IndexError) as error:
            raise ReportError(f"the report is damaged: {error!r}") from None


def _sharing_frames(verification: Verification, frames: Sequence[Frame]) -> Verification:
    """The same verification, in which a choice that says what the true frame says *is* the true frame."""

    def shared(choice: Choice | None, true: Frame) -> Choice | None:
        if choice is None or choice.frame is None:
            return choice
        here = dataclasses.replace(choice.frame, scope=true.scope, file=true.file, line=true.line)
        return dataclasses.replace(choice, frame=true) if here == true else choice

    pairs = zip(verification.choices, frames, strict=False)
    choices = tuple(shared(choice, true) for choice, true in pairs)
    return dataclasses.replace(verification, choices=choices + verification.choices[len(choices) :])


def _dumps(value: Json, sort: bool = False) -> str:
    return json.dumps(value, sort_keys=sort, allow_nan=False)


def _load(text: str) -> dict[str, Json]:
    try:
        data = json.loads(text)
    except RecursionError:
        raise ReportError("this is no report: it is nested too deep") from None
    except ValueError as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        begun = text.lstrip().startswith("{") and SCHEMA in text[:100]
        if begun and (at >= len(text.rstrip()) - 1 or "Unterminated" in str(error)):
            raise ReportError("the report is truncated: write it again") from None
        raise ReportError(f"this is not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else None
        raise ReportError(f"this is no report of pytest-cwm (schema {found!r}, not {SCHEMA!r})")
    version = data.get("version")
    if not isinstance(version, int) or version < 1:
        raise ReportError(f"the report is damaged: its version is {version!r}")
    if version > VERSION:
        raise ReportError(
            f"the report was written by a newer pytest-cwm (version {version}, this one reads {VERSION}): upgrade it"
        )
    return data


def _test_to_json(test: TestReport) -> Json:
    trace = test.trace
    data: dict[str, Json] = {"nodeid": test.nodeid, "outcome": test.outcome, "entry": test.entry}
    data["metrics"] = encoding.metrics_to_json(test.metrics)
    data["missing"] = test.missing
    data["redacted"] = test.redacted
    data["notes"] = list(test.notes)
    data["divergences"] = [encoding.divergence_to_json(*divergence) for divergence in test.divergences]
    data["trace"] = None if trace is None else encoding.trace_to_json(trace)
    if trace is not None and test.verification is not None:
        data["verification"] = encoding.verification_to_json(test.verification, trace)
    if trace is not None and test.roll_out is not None:
        data["roll_out"] = encoding.roll_out_to_json(test.roll_out, trace)
    return data


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
    )
