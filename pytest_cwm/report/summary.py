"""The figures of one test without its frames: what tables need of thousands of tests at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from cwm_tracer.compare import DEFINITIONS, Metric
from cwm_tracer.compare.comparison import Question
from cwm_tracer.model import Ending
from pytest_cwm.report import encoding
from pytest_cwm.report.digest import Digests, digests_from_json

Json = Any


@dataclass(frozen=True, slots=True)
class First:
    """The first divergence of a test; `file` and `line` are None where no true frame is near."""

    question: Question
    index: int
    sentence: str
    file: str | None
    line: int | None

    @property
    def place(self) -> str:
        """`cart.py:12`, with forward slashes on every system; empty where it is unknown."""
        return f"{self.file}:{self.line}".replace("\\", "/") if self.file and self.line else ""


@dataclass(frozen=True, slots=True)
class TestSummary:
    """One test. `frames` and `divergences` count; `ending` is None where nothing was recorded.

    `failure` says why predictions are missing; `roll_out_failure` the same of the roll-out.
    """

    __test__: ClassVar[bool] = False

    nodeid: str
    outcome: str
    entry: str
    metrics: Mapping[str, Metric]
    missing: int
    redacted: int
    notes: tuple[str, ...]
    frames: int
    ending: Ending | None
    divergences: int
    first: First | None
    failure: str | None
    roll_out_failure: str | None
    strict: bool = False
    digests: Digests | None = None

    @classmethod
    def of_json(cls, data: Json) -> TestSummary:
        """The summary of one item of the document's `tests`."""
        trace = data["trace"]
        return cls(
            nodeid=data["nodeid"],
            outcome=data["outcome"],
            entry=data["entry"],
            metrics=encoding.metrics_from_json(data["metrics"]),
            missing=data["missing"],
            redacted=data["redacted"],
            notes=tuple(data["notes"]),
            frames=len(trace["frames"]) if trace is not None else 0,
            ending=Ending(trace["meta"]["ending"]) if trace is not None else None,
            divergences=len(data["divergences"]),
            first=_first(data["divergences"][0], trace) if data["divergences"] else None,
            failure=(data.get("verification") or {}).get("failure"),
            roll_out_failure=(data.get("roll_out") or {}).get("failure"),
            strict=data.get("strict", False),
            digests=digests_from_json(data.get("digests")),
        )

    def value(self, metric: str) -> float | None:
        """A metric's value; None without data."""
        found = self.metrics.get(metric)
        return found.value if found is not None else None


def is_detail(metric: str) -> bool:
    """Is this a metric that a reader sees only when asking for more?"""
    return metric in DEFINITIONS and DEFINITIONS[metric].detail


def _first(divergence: Json, trace: Json) -> First:
    """With the place of the true frame, or of the last one before where nothing ran."""
    file: str | None = None
    line: int | None = None
    index = divergence["index"]
    frames = trace["frames"] if trace is not None else []
    if frames and index >= 0:
        number = frames[min(index, len(frames) - 1)][1]
        if number < len(trace["lines"]):
            _, file, line = trace["lines"][number]
    return First(cast(Question, divergence["question"]), index, divergence["sentence"], file, line)
