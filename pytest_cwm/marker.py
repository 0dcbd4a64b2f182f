"""The marker `cwm_start`: its arguments, and the line it stands on when they are wrong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

NAME = "cwm_start"
_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")


@dataclass(frozen=True, slots=True)
class Start:
    """What one test's marker asks for."""

    entry: str | None = None
    max_frames: int | None = None
    fail_under: Mapping[str, float] = field(default_factory=dict)
    strict: bool = False


def read_marker(item: pytest.Item) -> Start | None:
    """The item's closest marker, None without one. Raises ValueError with a line for the user."""
    mark = item.get_closest_marker(NAME)
    if mark is None:
        return None
    return _validated(*mark.args, **mark.kwargs)


def describe_error(item: pytest.Item, error: Exception) -> str:
    """Where the marker stands and what is wrong with it."""
    path, line = _place(item)
    return f"{path}:{line}: @pytest.mark.{NAME}: {error}"


def _validated(*args: Any, **kwargs: Any) -> Start:
    known = {"entry", "max_frames", "fail_under", "strict"}
    if len(args) > 1:
        raise ValueError(f"takes one positional argument, the entry; got {len(args)}")
    if args and "entry" in kwargs:
        raise ValueError("got the entry twice")
    for name in kwargs:
        if name not in known:
            raise ValueError(f"has no argument {name!r}; it takes {', '.join(sorted(known))}")
    entry = args[0] if args else kwargs.get("entry")
    if entry is not None and not (isinstance(entry, str) and _ENTRY.match(entry)):
        raise ValueError(
            f"entry={entry!r} is not of the form 'package.module:function' or 'package.module:Class.method'"
        )
    max_frames = kwargs.get("max_frames")
    if max_frames is not None and (type(max_frames) is not int or max_frames < 1):
        raise ValueError(f"max_frames={max_frames!r} is no positive number")
    strict = kwargs.get("strict", False)
    if type(strict) is not bool:
        raise ValueError(f"strict={strict!r} is neither True nor False")
    return Start(entry, max_frames, _bounds(kwargs.get("fail_under")), strict)


def _bounds(fail_under: Any) -> Mapping[str, float]:
    if fail_under is None:
        return {}
    if not isinstance(fail_under, Mapping):
        raise ValueError(f"fail_under={fail_under!r} is no mapping of metric ids to bounds")
    from pytest_cwm.report.gate import checked_bound

    for metric, value in fail_under.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"fail_under: {value!r} is no number")
        checked_bound(str(metric), float(value))
    return {str(metric): float(value) for metric, value in fail_under.items()}


def _place(item: pytest.Item) -> tuple[str, int]:
    """The file and line of the marker: on the function, its class, or anywhere in its file."""
    for holder in (getattr(item, "obj", None), getattr(item, "cls", None)):
        try:
            lines, first = inspect.getsourcelines(holder)  # type: ignore[arg-type]
            path = inspect.getsourcefile(holder) or str(item.path)  # type: ignore[arg-type]
        except (OSError, TypeError):
            continue
        for offset, line in enumerate(lines):
            if line.lstrip().startswith(("def ", "async def ", "class ")):
                break
            if NAME in line:
                return _relative(item, path), max(first, 1) + offset
    try:
        for number, line in enumerate(item.path.read_text(encoding="utf-8").split("\n"), 1):
            if NAME in line:
                return _relative(item, str(item.path)), number
    except (OSError, UnicodeDecodeError):
        pass
    return _relative(item, str(item.path)), (item.location[1] or 0) + 1


def _relative(item: pytest.Item, path: str) -> str:
    root = str(item.config.rootpath)
    return path[len(root) + 1 :] if path.startswith(root) else path
