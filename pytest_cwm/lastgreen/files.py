"""Green recordings as files: one for each test, plain JSON with a frame a line, replaced as a whole and never in place.

The same execution gives the same bytes, so they can be committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_tracer.model import Context, Trace
from pytest_cwm.files import path_of, replacing, shown
from pytest_cwm.report import encoding

Json = Any
SCHEMA = "pytest-cwm-green"
VERSION = 1


class GreenError(Exception):
    """A recording that can't be read or written; its text is one line that names the file."""


@dataclass(frozen=True, slots=True)
class Green:
    """What a test did when it last passed. `code` has the digests of the files it ran in and of those they import.

    Values of `trace` that vary from run to run are `<varies>`, or have a part that is; its context is empty.
    """

    nodeid: str
    code: Mapping[str, str]
    trace: Trace


def read_green(folder: Path, nodeid: str) -> Green | None:
    """A test's recording, None where there is none. Raises `GreenError`."""
    path = path_of(folder, nodeid)
    try:
        text = path.read_text(encoding="ascii")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise GreenError(f"the green recording {shown(path)} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise _damaged(path, "it is no text") from None
    try:
        return _parsed(json.loads(text))
    except json.JSONDecodeError as error:
        raise _damaged(path, f"not JSON ({error})") from None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from None


def write_green(folder: Path, green: Green) -> bool:
    """Write a recording; the result says whether it differs from what was there. Raises `GreenError`."""
    path = path_of(folder, green.nodeid)
    data = "".join(_lines(green)).encode("ascii")
    try:
        with suppress(OSError):
            if path.read_bytes() == data:
                return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise GreenError(f"the green recording {shown(path)} can't be written: {error.strerror or error}") from None
    return True


def _damaged(path: Path, why: str) -> GreenError:
    return GreenError(f"the green recording {shown(path)} is damaged: {why}; restore or delete it")


def _lines(green: Green) -> Iterator[str]:
    trace = encoding.trace_to_json(green.trace)
    head = {"schema": SCHEMA, "version": VERSION, "test": green.nodeid, "code": green.code, "meta": trace["meta"]}
    yield "{" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items())
    for name in ("lines", "frames"):
        yield f',\n"{name}": [' + ",".join(f"\n{json.dumps(item)}" for item in trace[name]) + "\n]"
    yield "}\n"


def _parsed(document: Json) -> Green:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError("it is no green recording of pytest-cwm")
    version = document.get("version")
    if type(version) is int and version > VERSION:
        raise ValueError(f"it was written by a newer pytest-cwm (version {version}, this one reads {VERSION})")
    nodeid, code = document["test"], document["code"]
    if version != VERSION or not isinstance(nodeid, str) or not isinstance(code, dict):
        raise ValueError("a part of it is missing")
    shown = {name: document[name] for name in ("meta", "lines", "frames")}
    return Green(nodeid, code, encoding.trace_from_json({**shown, "context": encoding.AGREES}, Context("")))
