"""Which lines a model predicts right and wrong, as data of coverage.py: `coverage html --show-contexts` shows them.

Every line that ran in a recorded test is in the context `cwm:match`, `cwm:diverge`, or both. Branch data holds the
jumps between lines instead, in the context of the frame that each leads to.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from cwm_tracer.model import Trace
from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.report.jumps import FirstLines, jumps
from pytest_cwm.report.rows import GIVEN, RIGHT, UNKNOWN, rows_of

_T = TypeVar("_T")
MATCH, DIVERGE = "cwm:match", "cwm:diverge"


def write_coverage(report: Report, path: Path, root: Path, *, branch: bool = False) -> None:
    """Write the data file; files of the report are named from `root` on. Raises `ReportError`.

    Data of lines and of branches can be combined only with their like.
    """
    try:
        from coverage import CoverageData
        from coverage.exceptions import CoverageException
    except ModuleNotFoundError:
        raise ReportError(f"can't write {path}: coverage is not installed (pip install coverage)") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        data = CoverageData(basename=str(temporary))
        if branch:
            for context, arcs in _gathered(_jumps(report, root)).items():
                data.set_context(context)
                data.add_arcs({str(root / file): found for file, found in sorted(arcs.items())})
        else:
            for context, lines in _gathered(_lines(report)).items():
                data.set_context(context)
                data.add_lines({str(root / file): found for file, found in sorted(lines.items())})
        data.write()
        data.close()
        temporary.replace(path)
    except (CoverageException, sqlite3.Error, OSError) as error:  # coverage lets sqlite's through
        raise ReportError(f"can't write the coverage data {path}: {error}") from None
    finally:
        for left in (temporary, temporary.with_name(f"{temporary.name}-journal")):
            with suppress(OSError):
                left.unlink()


def _gathered(found: Iterable[tuple[str, str, _T]]) -> dict[str, dict[str, set[_T]]]:
    """By context and file; both contexts are there, though nothing be in one."""
    gathered: dict[str, dict[str, set[_T]]] = {MATCH: {}, DIVERGE: {}}
    for context, file, each in found:
        gathered[context].setdefault(file, set()).add(each)
    return gathered


def _lines(report: Report) -> Iterator[tuple[str, str, int]]:
    for trace, contexts in _predicted(report):
        for index, context in contexts.items():
            frame = trace.frames[index]
            if frame.file and frame.line:
                yield context, frame.file, frame.line


def _jumps(report: Report, root: Path) -> Iterator[tuple[str, str, tuple[int, int]]]:
    first_lines = FirstLines(root)
    for trace, contexts in _predicted(report):
        for index, file, jump in jumps(trace.frames, first_lines):
            if index in contexts:
                yield contexts[index], file, jump


def _predicted(report: Report) -> Iterator[tuple[Trace, dict[int, str]]]:
    """The traces, with the context of each frame of which there was a prediction."""
    for test in report.tests:
        if test.trace is None:
            continue
        rows = rows_of(test, "tf") or rows_of(test, "fr")
        yield (
            test.trace,
            {
                row.truth: MATCH if row.mark == RIGHT else DIVERGE
                for row in rows
                if row.truth is not None and row.mark not in (GIVEN, UNKNOWN)
            },
        )
