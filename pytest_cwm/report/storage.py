"""Reports as files: written atomically, gzipped when the name ends in `.gz`."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pytest_cwm import files
from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.report.reading import read_document

_GZIP_MAGIC = b"\x1f\x8b"


def write_report(report: Report, path: Path) -> None:
    """Write a report; until it is complete, what was at `path` stays there. Raises `ReportError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            for chunk in report.chunks():
                file.write(chunk.encode("ascii"))
    except OSError as error:
        raise ReportError(f"can't write the report {path}: {error.strerror or error}") from None


def read_report(path: Path, progress: Callable[[float], None] | None = None) -> Report:
    """Read a report, compressed or not, whatever its size. Raises `ReportError`, whose text names the file.

    `progress` is told now and then which share of the file was read.
    """
    try:
        with path.open("rb", buffering=0) as file, io.BufferedReader(_Told(file, progress)) as raw:
            if raw.peek(2).startswith(_GZIP_MAGIC):
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    return read_document(unpacked)
            return read_document(raw)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ReportError(f"{path}: the report is truncated or damaged: write it again") from None
    except OSError as error:
        raise ReportError(f"can't read the report {path}: {error.strerror or error}") from None
    except ReportError as error:
        raise ReportError(f"{path}: {error}") from None


class _Told(io.RawIOBase):
    """A file that tells how far it was read."""

    def __init__(self, file: io.FileIO, progress: Callable[[float], None] | None) -> None:
        self._file = file
        self._progress = progress
        self._size = os.fstat(file.fileno()).st_size
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = self._file.readinto(buffer) or 0
        self._read += count
        if self._progress is not None and self._size:
            self._progress(min(1.0, self._read / self._size))
        return count


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """A file that takes the place of `path` once it was written in full; packed when the name ends in `.gz`."""
    with files.replacing(path) as raw:
        if path.name.endswith(".gz"):
            # Neither name nor time, so that the same report gives the same bytes.
            with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as compressed:
                yield compressed
        else:
            yield raw
