"""The end of a run with cassettes: what nothing asked for any more is dropped, and what happened is told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from pytest_cwm.cassettes.files import CassetteError
from pytest_cwm.predictors.cassette import CassettePredictor
from pytest_cwm.report.document import Report
from pytest_cwm.report.gate import GateResult


def conclude(report: Report, cassettes: CassettePredictor, collected: Collection[str] | None) -> Report:
    """The report with what became of the cassettes: counts in `run`, and a failed gate for each that is damaged.

    `collected` are the tests of a complete run, None for any other: then nothing is dropped.
    """
    gates = [*report.gates]
    if collected is not None and cassettes.mode != "replay":
        try:
            cassettes.counts["dropped"] += cassettes.library.prune(collected)
        except CassetteError as error:
            gates.append(GateResult(False, str(error)))
    gates += [GateResult(False, text, nodeid) for nodeid, text in sorted(cassettes.damage.items())]
    counts = {"mode": cassettes.mode, **dict(sorted((+cassettes.counts).items()))}
    return replace(report, gates=tuple(gates), run={**report.run, "cassettes": counts})


def told(report: Report) -> str | None:
    """One line of what became of the cassettes; None for a run without."""
    counts = report.run.get("cassettes")
    if not isinstance(counts, dict):
        return None
    parts = [f"{counts[name]} {name}" for name in ("replayed", "recorded", "missing", "dropped") if counts.get(name)]
    return f"cassettes ({counts['mode']}): {', '.join(parts) or 'nothing was asked'}"
