"""The end of a run against recordings: tests that passed become the last green ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from pytest_cwm.lastgreen.expectations import Expectations
from pytest_cwm.report.document import Report
from pytest_cwm.report.gate import GateResult


def conclude(report: Report, expectations: Expectations, failed: Collection[str]) -> Report:
    """The report with a failed gate for each recording that is damaged; `failed` are tests that did so in any phase."""
    for summary in report.summaries:
        if summary.outcome == "passed" and summary.nodeid not in failed:
            trace = report.tests.named(summary.nodeid).trace
            if trace is not None:
                expectations.renew(summary.nodeid, trace)
    gates = [GateResult(False, text, nodeid) for nodeid, text in sorted(expectations.problems.items())]
    return replace(report, gates=(*report.gates, *gates))
