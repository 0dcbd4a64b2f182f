"""Tests of a report on disk: each is packed when it is added and unpacked when it is asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from pytest_cwm.report.one_test import TestReport, test_from_json, test_to_json
from pytest_cwm.report.summary import TestSummary
from pytest_cwm.spool import Place, Spool

_encoded = json.JSONEncoder(allow_nan=False, check_circular=False).encode  # what it gets was just made: a tree


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of a test, and where the rest lies."""

    summary: TestSummary
    place: Place


class TestStore(Sequence[TestReport]):
    """The tests, sorted by nodeid. In memory are their summaries only, and packed tests while they are few.

    May be added to from one thread while another reads.
    """

    __test__ = False

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._order: list[str] | None = None
        self._lock = threading.Lock()
        self._spool = Spool()

    def add(self, test: TestReport) -> None:
        """Add a test, or replace the one of its name."""
        data = test_to_json(test)
        self.add_json(data, _encoded(data).encode("ascii"))

    def add_json(self, data: Any, line: bytes) -> None:
        """The same for an item of a document that was checked; `line` is its text."""
        summary = TestSummary.of_json(data)
        place = self._spool.put(line)
        with self._lock:
            self._entries[summary.nodeid] = _Entry(summary, place)
            self._order = None

    def discard(self, nodeid: str) -> None:
        """Forget a test, if it is there."""
        with self._lock:
            self._entries.pop(nodeid, None)
            self._order = None

    @property
    def summaries(self) -> list[TestSummary]:
        """Of all tests, in their order."""
        return [self._entries[nodeid].summary for nodeid in self._sorted()]

    def lines(self) -> Iterator[str]:
        """Each test as the JSON it is in the document."""
        for nodeid in self._sorted():
            yield self._get(nodeid).decode("utf-8")

    def named(self, nodeid: str) -> TestReport:
        """The test of that name. Raises KeyError."""
        return test_from_json(json.loads(self._get(nodeid)))

    def __contains__(self, nodeid: object) -> bool:
        return nodeid in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[TestReport]:
        return map(self.named, self._sorted())

    @overload
    def __getitem__(self, index: int) -> TestReport: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TestReport]: ...
    def __getitem__(self, index: int | slice) -> TestReport | Sequence[TestReport]:
        if isinstance(index, slice):
            return tuple(map(self.named, self._sorted()[index]))
        return self.named(self._sorted()[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def _sorted(self) -> list[str]:
        with self._lock:
            if self._order is None:
                self._order = sorted(self._entries)
            return self._order

    def _get(self, nodeid: str) -> bytes:
        return self._spool.get(self._entries[nodeid].place)
