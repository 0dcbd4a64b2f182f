"""Which lines a model predicts right and wrong, as data of coverage.py: `coverage html --show-contexts` shows them.

Every line that ran in a recorded test is in the context `cwm:match`, `cwm:diverge`, or both.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.report.rows import GIVEN, RIGHT, UNKNOWN, rows_of

MATCH, DIVERGE = "cwm:match", "cwm:diverge"


def write_coverage(report: Report, path: Path, root: Path) -> None:
    """Write the data file; files of the report are named from `root` on. Raises `ReportError`."""
    try:
        from coverage import CoverageData
        from coverage.exceptions import CoverageException
    except ModuleNotFoundError:
        raise ReportError(f"can't write {path}: coverage is not installed (pip install coverage)") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        data = CoverageData(basename=str(temporary))
        for context, files in _lines(report).items():
            data.set_context(context)
            data.add_lines({str(root / file): lines for file, lines in sorted(files.items())})
        data.write()
        data.close()
        temporary.replace(path)
    except (CoverageException, OSError) as error:
        raise ReportError(f"can't write the coverage data {path}: {error}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _lines(report: Report) -> dict[str, dict[str, set[int]]]:
    found: dict[str, dict[str, set[int]]] = {MATCH: {}, DIVERGE: {}}
    for test in report.tests:
        if test.trace is None:
            continue
        for row in rows_of(test, "tf") or rows_of(test, "fr"):
            if row.truth is None or row.mark in (GIVEN, UNKNOWN):
                continue
            frame = test.trace.frames[row.truth]
            if frame.file and frame.line:
                context = MATCH if row.mark == RIGHT else DIVERGE
                found[context].setdefault(frame.file, set()).add(frame.line)
    return found
