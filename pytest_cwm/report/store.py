"""Tests of a report on disk: each is packed when it is added and unpacked when it is asked for."""

from __future__ import annotations

import json
import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from typing import Any, overload

from pytest_cwm.report.one_test import TestReport, test_from_json, test_to_json
from pytest_cwm.report.summary import TestSummary

# What small runs need stays in memory, so that they touch no disk.
_IN_MEMORY = 4 << 20
# The fastest: what is packed here is unpacked again soon.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a packed test lies: its bytes, or their offset and length in the file."""

    summary: TestSummary
    packed: bytes | tuple[int, int]


class TestStore(Sequence[TestReport]):
    """The tests, sorted by nodeid. In memory are their summaries only, and packed tests while they are few.

    When no temporary file can be had, or its disk is full, packed tests stay in memory: nothing is lost.
    May be added to from one thread while another reads.
    """

    __test__ = False

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._order: list[str] | None = None
        self._lock = threading.Lock()
        self._used = 0
        self._file: FileIO | None = None
        self._end = 0

    def add(self, test: TestReport) -> None:
        """Add a test, or replace the one of its name."""
        data = test_to_json(test)
        self.add_json(data, json.dumps(data, allow_nan=False).encode("ascii"))

    def add_json(self, data: Any, line: bytes) -> None:
        """The same for an item of a document that was checked; `line` is its text."""
        summary = TestSummary.of_json(data)
        packed = zlib.compress(line, _LEVEL)
        with self._lock:
            self._entries[summary.nodeid] = _Entry(summary, self._put(packed))
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

    def _put(self, packed: bytes) -> bytes | tuple[int, int]:
        if self._used + len(packed) <= _IN_MEMORY:
            self._used += len(packed)
            return packed
        with suppress(OSError):
            file = self._opened()
            file.seek(self._end)
            if file.write(packed) == len(packed):
                self._end += len(packed)
                return self._end - len(packed), len(packed)
        return packed

    def _opened(self) -> FileIO:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="pytest-cwm-", buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        return self._file

    def _get(self, nodeid: str) -> bytes:
        with self._lock:
            packed = self._entries[nodeid].packed
            if isinstance(packed, tuple):
                assert self._file is not None
                self._file.seek(packed[0])
                packed = self._file.read(packed[1])
        return zlib.decompress(packed)
