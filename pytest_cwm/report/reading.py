"""Reads a document as it was written, one test a line, so that its size does not matter; other layouts as a whole."""

from __future__ import annotations

import json
from typing import Any, Protocol

from pytest_cwm.report import encoding
from pytest_cwm.report.document import SCHEMA, VERSION, Report, ReportError
from pytest_cwm.report.gate import GateResult
from pytest_cwm.report.schema import check_of
from pytest_cwm.report.store import TestStore

Json = Any
# The most that is held in memory at once: one test, or a document that is laid out otherwise.
MAX_BYTES = 256 << 20
_FIRST_LINE = f'{{"schema": "{SCHEMA}",\n'.encode()
_TESTS = b'"tests": [\n'
_HEAD_LINES = 30


class Stream(Protocol):
    """What is asked of a file."""

    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


def read_document(stream: Stream) -> Report:
    """The report in a stream. Raises `ReportError`."""
    head = [stream.readline(len(_FIRST_LINE))]
    if head[0] == _FIRST_LINE:
        while len(head) < _HEAD_LINES and head[-1] and head[-1] != _TESTS:
            head.append(_line(stream))
        if head[-1] == _TESTS:
            return _read_by_line(b"".join(head), stream)
    elif (begin := head[0].lstrip()[:1]) != b"{":  # no object: the rest does not matter, it may be huge
        is_json = begin and begin in b'["-0123456789tfn'
        raise ReportError("this is no report of pytest-cwm" if is_json else "this is not JSON")
    return _read_whole(b"".join(head) + stream.read(MAX_BYTES + 1))


def _line(stream: Stream) -> bytes:
    line = stream.readline(MAX_BYTES)
    if len(line) >= MAX_BYTES:
        raise ReportError(f"the report can't be read: a test in it is larger than {MAX_BYTES >> 20} MB")
    return line


def _read_by_line(head: bytes, stream: Stream) -> Report:
    document = _checked_version(_parsed(head + b"]}"))
    tests = TestStore()
    number = 0
    while not (line := _line(stream)).startswith(b"]"):
        if not line.endswith(b"\n"):
            raise _truncated()
        _add(tests, number, _parsed(line.rstrip(b",\n")), line.rstrip(b",\n"))
        number += 1
    rest = line + stream.read(MAX_BYTES)
    try:
        document.update(json.loads(b"{" + rest.lstrip(b"],\n")))
    except ValueError:
        raise _truncated() from None
    return _made(document, tests)


def _read_whole(data: bytes) -> Report:
    if len(data) > MAX_BYTES:
        raise ReportError(
            f"the report is not laid out as pytest-cwm writes it, and larger than the {MAX_BYTES >> 20} MB that can be "
            "read then: write it again"
        )
    document = _checked_version(_parsed(data))
    tests = TestStore()
    items = document.get("tests")
    if isinstance(items, list):
        for number, item in enumerate(items):
            _add(tests, number, item, b"")
        document["tests"] = []
    return _made(document, tests)


def _add(tests: TestStore, number: int, data: Json, line: bytes) -> None:
    wrong = check_of("test")(data)
    if wrong is not None:
        raise ReportError(f"the report is damaged: the report.tests[{number}]{wrong}")
    if data["nodeid"] in tests:
        raise ReportError(f"the report is damaged: {data['nodeid']!r} is in it twice")
    tests.add_json(data, line if line and line.isascii() else json.dumps(data).encode("ascii"))


def _made(document: Json, tests: TestStore) -> Report:
    wrong = check_of()(document)
    if wrong is not None:
        raise ReportError(f"the report is damaged: the report{wrong}")
    return Report(
        tests=tests,
        totals=encoding.metrics_from_json(document["totals"]),
        settings=document["settings"],
        environment=document["environment"],
        model=document["model"],
        gates=tuple(GateResult(*item) for item in document["gates"]),
        notes=tuple(document["notes"]),
        run=document["run"],
    )


def _checked_version(document: Json) -> dict[str, Json]:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else None
        raise ReportError(f"this is no report of pytest-cwm (schema {found!r}, not {SCHEMA!r})")
    version = document.get("version")
    if not isinstance(version, int) or version < 1:
        raise ReportError(f"the report is damaged: its version is {version!r}")
    if version > VERSION:
        raise ReportError(
            f"the report was written by a newer pytest-cwm (version {version}, this one reads {VERSION}): upgrade it"
        )
    return document


def _parsed(data: bytes) -> Json:
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise ReportError("this is not JSON: it is no text") from None
    try:
        return json.loads(text)
    except RecursionError:
        raise ReportError("this is no report: it is nested too deep") from None
    except ValueError as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        begun = text.lstrip().startswith("{") and SCHEMA in text[:100]
        if begun and (at >= len(text.rstrip()) - 1 or "Unterminated" in str(error)):
            raise _truncated() from None
        raise ReportError(f"this is not JSON: {error}") from None


def _truncated() -> ReportError:
    return ReportError("the report is truncated: write it again")
