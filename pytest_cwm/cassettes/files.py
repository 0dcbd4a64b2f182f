"""Cassette files: one for each test, plain JSON with an item a line, replaced as a whole and never in place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cwm.cassettes.entry import Entry
from pytest_cwm.files import path_of, replacing, shown

Json = Any
SCHEMA = "pytest-cwm-cassette"
VERSION = 1
_LOCK = ".lock"
_PER_LINE = 8
_EXECUTION = re.compile(rb'"execution":\s*"([0-9a-f]+)"')


class CassetteError(Exception):
    """A cassette that can't be read or written; its text is one line that names the file."""


@dataclass(frozen=True, slots=True)
class Cassette:
    """The answers recorded for one test."""

    nodeid: str
    entries: tuple[Entry, ...]


def read(path: Path) -> Cassette | None:
    """The cassette at `path`, None where there is no file. Raises `CassetteError`."""
    try:
        with open(path, "rb", buffering=0) as file:  # read once and whole: a buffer would be one copy more
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CassetteError(f"the cassette {shown(path)} can't be read: {error.strerror or error}") from None
    try:
        return _parsed(data)
    except (ValueError, RecursionError) as error:
        why = f"not JSON ({error})" if isinstance(error, json.JSONDecodeError) else str(error)
        raise CassetteError(f"the cassette {shown(path)} is damaged: {why}; restore or delete it") from None


def executions(path: Path) -> set[str]:
    """The executions that a file may have answers about, without reading it as JSON; none where there is no file."""
    try:
        return {found.decode("ascii") for found in _EXECUTION.findall(path.read_bytes())}
    except OSError:
        return set()


def _parsed(data: bytes) -> Cassette:
    document = json.loads(data.decode("utf-8"))
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError("it is no cassette of pytest-cwm")
    version = document.get("version")
    if type(version) is int and version > VERSION:
        raise ValueError(f"it was written by a newer pytest-cwm (version {version}, this one reads {VERSION})")
    nodeid, entries = document.get("test"), document.get("entries")
    if version != VERSION or not isinstance(nodeid, str) or not isinstance(entries, list):
        raise ValueError("a part of it is missing")
    return Cassette(nodeid, tuple(map(Entry.from_json, entries)))


def change(directory: Path, nodeid: str, changed: Callable[[tuple[Entry, ...]], Iterable[Entry]]) -> None:
    """Replace a test's entries by what `changed` makes of them; a file without entries is deleted.

    Entries that another process wrote meanwhile are among those that `changed` gets. Until the new file is complete the
    old one stays. Raises `CassetteError`.
    """
    path = path_of(directory, nodeid)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(directory):
            found = read(path)
            entries = sorted(changed(found.entries if found is not None else ()), key=_order)
            if entries:
                with replacing(path) as file:
                    file.write("".join(_document(nodeid, entries)).encode("ascii"))
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise CassetteError(f"the cassette {shown(path)} can't be written: {error.strerror or error}") from None


def _order(entry: Entry) -> tuple[str, ...]:
    return entry.identity.model, entry.asked.question, entry.asked.python or "", entry.key


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Alone among processes; the system releases the lock of one that dies."""
    ignored = directory / ".gitignore"
    if not ignored.exists():
        ignored.write_text(f".gitignore\n{_LOCK}\n*.tmp\n", encoding="ascii")
    with (directory / _LOCK).open("ab") as file:
        try:
            import fcntl
        except ModuleNotFoundError:
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined, unused-ignore]
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _document(nodeid: str, entries: Sequence[Entry]) -> Iterator[str]:
    yield f'{{"schema": {json.dumps(SCHEMA)}, "version": {VERSION},\n"test": {json.dumps(nodeid)},\n"entries": [\n'
    for number, entry in enumerate(entries):
        yield ",\n" if number else ""
        yield from _laid_out(entry.to_json(), "")
    yield "\n]}\n"


def _laid_out(value: Json, margin: str) -> Iterator[str]:
    """JSON in lines that a diff can tell apart: a field, a frame or a few numbers on each."""
    inner = margin + " "
    if isinstance(value, dict) and any(isinstance(each, (dict, list)) for each in value.values()):
        yield "{"
        for number, (name, each) in enumerate(value.items()):
            yield f"{',' if number else ''}\n{inner}{json.dumps(name)}: "
            yield from _laid_out(each, inner)
        yield "}"
    elif isinstance(value, list) and value:
        size = 1 if any(isinstance(each, (dict, list, tuple)) for each in value) else _PER_LINE
        yield "["
        for start in range(0, len(value), size):
            row = json.dumps(value[start : start + size], allow_nan=False)[1:-1]
            yield f"{',' if start else ''}\n{inner}{row}"
        yield "]"
    else:
        yield json.dumps(value, allow_nan=False)
