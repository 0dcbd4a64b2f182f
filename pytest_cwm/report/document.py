"""The report: one versioned JSON document that holds everything a renderer needs; `schema.json` defines it.

The same inputs give the same text, but for the `run` object, which holds all that is volatile (date, durations, host).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cwm_tracer.compare import Metric, merge
from pytest_cwm.report import encoding
from pytest_cwm.report.gate import GateResult
from pytest_cwm.report.one_test import ReportError, TestReport
from pytest_cwm.report.store import TestStore
from pytest_cwm.report.summary import TestSummary

__all__ = ["SCHEMA", "VERSION", "Report", "ReportError", "TestReport"]

SCHEMA = "pytest-cwm-report"
VERSION = 1
Json = Any


@dataclass(frozen=True, slots=True)
class Report:
    """A run: its tests sorted by nodeid, their metrics summed, what held and what did not.

    `tests` unpacks a test from disk each time it is asked for one: a loop over it takes the memory of one test, and
    `summaries` has the figures of all at once. `model` describes the predictor (name, dtype, ...). `notes`
    concern the run as a whole.
    """

    tests: TestStore = field(default_factory=TestStore)
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
        """Store the tests, of which the last of a name counts, and sum their metrics. The mappings hold JSON values."""
        if isinstance(tests, TestStore):
            store = tests
        else:
            store = TestStore()
            for test in tests:
                store.add(test)
        totals = merge(summary.metrics for summary in store.summaries)
        return cls(store, totals, settings or {}, environment or {}, model or {}, tuple(gates), tuple(notes), run or {})

    @property
    def summaries(self) -> list[TestSummary]:
        """The figures of the tests, in the order of `tests`."""
        return self.tests.summaries

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
        for number, line in enumerate(self.tests.lines()):
            yield (",\n" if number else "\n") + line
        yield f'\n],\n"run": {_dumps(self.run, sort=True)}}}\n'

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The inverse of `to_json`; fields it does not know are ignored. Raises `ReportError`."""
        import io

        from pytest_cwm.report.reading import read_document

        return read_document(io.BytesIO(text.encode("utf-8", "surrogatepass")))


def _dumps(value: Json, sort: bool = False) -> str:
    return json.dumps(value, sort_keys=sort, allow_nan=False)
