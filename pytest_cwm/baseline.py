"""The run against an earlier one: loaded before the tests run, compared when they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cwm.regression.comparison import Comparison, compare
from pytest_cwm.regression.gate import gates_of
from pytest_cwm.regression.runs import Run, read_run
from pytest_cwm.regression.view import render
from pytest_cwm.report.document import Report, ReportError

if TYPE_CHECKING:
    from pytest_cwm.options import Settings

_THIS_RUN = "this run"


def load_baseline(settings: Settings) -> Run | None:
    """The run to compare with, if one was named. Raises `pytest.UsageError` when there is none at that place."""
    if settings.baseline is None:
        return None
    if not settings.baseline.exists():
        raise pytest.UsageError(
            f"--cwm-baseline: there is no report {settings.baseline}: write one with --cwm-report, from a run to hold "
            "later ones against"
        )
    try:
        return read_run(settings.baseline)
    except ReportError as error:
        raise pytest.UsageError(f"--cwm-baseline: {error}") from None


@dataclass(frozen=True, slots=True)
class Judged:
    """A report with the gates that the baseline adds, and the comparison they come from."""

    report: Report
    comparison: Comparison

    def lines(self, **view: Any) -> Iterator[str]:
        """For a terminal; `view` as in `pytest_cwm.regression.view.render`."""
        return render(self.comparison, datetime.now(timezone.utc), **view)


def judge(report: Report, baseline: Run, settings: Settings) -> Judged:
    """Compare a report with the baseline; it gets gates only where the user asked for them."""
    comparison = compare(baseline, Run.of(report, _THIS_RUN), settings.fail_if_worse or ())
    if settings.fail_if_worse is not None:
        report = replace(report, gates=(*report.gates, *gates_of(comparison)))
    return Judged(report, comparison)
