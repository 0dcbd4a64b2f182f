"""Files that are replaced as a whole, where those of a test stand, and how a message names them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

_PLAIN = re.compile(r"[a-z0-9_]{1,80}\Z")  # the same on every file system


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` once it was written in full; until then what was there stays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def shown(path: Path) -> Path:
    """From the working directory on, where it lies below: as short as can be."""
    try:
        return path.relative_to(Path.cwd())
    except (ValueError, OSError):
        return path


def path_of(directory: Path, nodeid: str) -> Path:
    """Where a test's own file is kept: `tests/test_cart.py::test_total` in `tests/test_cart/test_total.json`."""
    module, *names = nodeid.split("::")
    return _folder_of(directory, module) / (_file_name(".".join(names) or "module") + ".json")


@lru_cache(maxsize=64)
def _folder_of(directory: Path, module: str) -> Path:
    folders = [part for part in module.removesuffix(".py").replace("\\", "/").split("/") if part not in ("", ".")]
    return directory.joinpath(*map(_file_name, folders))


def _file_name(text: str) -> str:
    """The text itself where every file system can carry it; else what it can of it, and a digest."""
    if all(_PLAIN.match(part) for part in text.split(".")) and len(text) <= 120:
        return text
    plain = re.sub(r"[^A-Za-z0-9_.]+", "-", text)[:80].strip("-.")
    return f"{plain}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
