"""The jumps from line to line of a trace, as coverage.py records them for branch coverage.

In each call a jump goes from one line to the next; the first comes from, and the last leads to, the negative number of
the first line of its function, decorators included. Format: https://coverage.readthedocs.io/en/latest/branch.html and
`CoverageData.add_arcs`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cwm_tracer.model import Event, Frame

_DEFINES = re.compile(r"^\s*(?:async\s+)?def\b|\blambda\b")
_SUSPENDS = re.compile(r"\b(?:yield|await|async)\b")


class FirstLines:
    """Where functions begin: the line of the first decorator, read from the files below `root` where they are there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, dict[int, int]] = {}

    def of(self, file: str, line: int) -> int:
        """The first line of the function whose `def` stands on `line`."""
        if file not in self._known:
            self._known[file] = dict(_decorated(self._root / file))
        return self._known[file].get(line, line)


def _decorated(path: Path) -> Iterator[tuple[int, int]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
            yield node.lineno, node.decorator_list[0].lineno


def jumps(frames: Sequence[Frame], first_lines: FirstLines) -> Iterator[tuple[int, str, tuple[int, int]]]:
    """Each jump with the index of the frame that it leads to (at the end of a call: of its return) and the file."""
    last: dict[int, int] = {}  # by scope: the line that it stands on
    begins: dict[int, int] = {}
    suspended: dict[tuple[str, int], int] = {}  # by the line of a yield: where its function begins
    resumed = _resumed(frames)
    for index, frame in enumerate(frames):
        if not frame.file or not frame.line:
            continue
        scope, place = frame.scope, (frame.file, frame.line)
        if frame.event is Event.CALL and not _resumes(frame):
            begins[scope] = first_lines.of(*place)
            last[scope] = -begins[scope]
        elif frame.event is Event.CALL and place in suspended:
            begins[scope], last[scope] = suspended[place], frame.line
        elif frame.event is Event.LINE and scope in last:
            yield index, frame.file, (last[scope], frame.line)
            last[scope] = frame.line
        elif frame.event is Event.RETURN and scope in last:
            if _yields(frame) and (place in resumed or not frame.source.lstrip().startswith("return")):
                suspended[place] = begins[scope]
            else:
                yield index, frame.file, (last[scope], -begins[scope])


def _resumes(frame: Frame) -> bool:
    """Whether a call is that of a generator or coroutine that goes on: such a frame stands on the line of its yield."""
    return _DEFINES.search(frame.source) is None and ".0" not in (frame.locals or {})


def _yields(frame: Frame) -> bool:
    return _SUSPENDS.search(frame.source) is not None


def _resumed(frames: Sequence[Frame]) -> set[tuple[str | None, int | None]]:
    return {(frame.file, frame.line) for frame in frames if frame.event is Event.CALL and _resumes(frame)}
