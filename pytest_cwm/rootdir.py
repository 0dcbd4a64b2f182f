"""A trap of pytest's: a path after a plugin's flag moves rootdir, and with it the names of all tests.

pytest looks for rootdir before it knows the flags of plugins, and takes what stands alone and exists for a test path. A
baseline in another folder then has no test in common with the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

# What makes a folder rootdir, by file: the section that has to be in it.
_CONFIGURING = {"pytest.ini": "", ".pytest.ini": "", "pyproject.toml": "[tool.pytest", "tox.ini": "[pytest]"}


def check_rootdir(config: pytest.Config, flags: Iterable[str]) -> None:
    """Raises `pytest.UsageError` where the path after one of `flags` moved rootdir away from a nearer configuration."""
    here = config.invocation_params.dir
    nearer = next(filter(_configures, _below(config.rootpath, here)), None)
    if nearer is None:
        return
    for flag, value in _alone(config.invocation_params.args, frozenset(flags)):
        path = here / value
        if path.exists() and not path.resolve().is_relative_to(nearer):
            raise pytest.UsageError(
                f"{flag} {value}: because of this path pytest takes {config.rootpath} for rootdir, not {nearer}: "
                f"write {flag}={value}"
            )


def _below(rootdir: Path, here: Path) -> Iterator[Path]:
    """The folders from `here` up that lie below rootdir."""
    return (folder for folder in (here, *here.parents) if rootdir in folder.parents)


def _configures(folder: Path) -> bool:
    files = ((folder / name, section) for name, section in _CONFIGURING.items())
    return any(path.is_file() and section.encode() in path.read_bytes() for path, section in files)


def _alone(arguments: Iterable[object], flags: frozenset[str]) -> Iterator[tuple[str, str]]:
    words = [str(each) for each in arguments]
    for flag, value in pairwise(words):
        if flag in flags and not value.startswith("-"):
            yield flag, value
