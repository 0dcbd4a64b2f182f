"""A run as a comparison sees it: the figures of its tests, and everything else that predictions depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_cwm.report.summary import TestSummary

if TYPE_CHECKING:
    from pytest_cwm.report.document import Report

Json = Any
# Of these a user may say that they differ on purpose, to compare two models on the same tests.
OF_THE_MODEL = ("model", "weights", "tokenizer", "prompt template", "decoding")


@dataclass(frozen=True, slots=True)
class Run:
    """`facts` are what predictions depend on besides the tests, by name; None where it is unknown.

    `commit` is the revision of the code under test, with "+changes" where files differed from it.
    """

    name: str
    tests: Mapping[str, TestSummary]
    facts: Mapping[str, Json]
    finished: datetime | None = None
    commit: str | None = None

    @classmethod
    def of(cls, report: Report, name: str) -> Run:
        """What a report says of a run."""
        model, settings = report.model, report.settings
        facts = {
            "Python": _python(report.environment),
            "model": model.get("name"),
            "weights": model.get("weights"),
            "tokenizer": model.get("tokenizer"),
            "prompt template": model.get("template"),
            "context tokens": settings.get("context_tokens"),
        }
        decoding = model.get("decoding")
        if isinstance(decoding, dict):
            facts.update((f"decoding: {name}", value) for name, value in decoding.items())
        commit = report.run.get("commit")
        return cls(
            name,
            {summary.nodeid: summary for summary in report.summaries},
            facts,
            _date(report.run.get("finished")),
            commit if isinstance(commit, str) else None,
        )

    def age(self, now: datetime) -> str:
        """How long ago the run was, in words; empty where its date is unknown."""
        if self.finished is None:
            return ""
        seconds = (now - self.finished).total_seconds()
        for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
            count = int(seconds // length)
            if count >= 1:
                return f"{count} {unit}{'s' if count > 1 else ''} old"
        return "new" if seconds >= 0 else "from the future"


def read_run(path: Path, progress: Callable[[float], None] | None = None) -> Run:
    """The run whose report is at `path`; `progress` as in `read_report`. Raises `ReportError`."""
    from pytest_cwm.report.storage import read_report

    return Run.of(read_report(path, progress), str(path))


def _python(environment: Mapping[str, Json]) -> str | None:
    version, implementation = environment.get("python"), environment.get("implementation", "cpython")
    if not isinstance(version, str):
        return None
    minor = ".".join(version.split(".")[:2])
    return minor if implementation == "cpython" else f"{implementation} {minor}"


def _date(text: Json) -> datetime | None:
    try:
        date = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)
