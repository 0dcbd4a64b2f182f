"""The calls inside of a recorded trace as traces of their own, whose entries are the functions that were called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cwm_tracer.concealing import Concealer
from cwm_tracer.context import build_context
from cwm_tracer.model import Ending, Event, Frame, Meta, Trace
from cwm_tracer.redaction import Redactor
from cwm_tracer.source import SourceLines

FEWEST_FRAMES = 4  # a function of one line shows little
_SUSPENDS = re.compile(r"\b(?:yield|await)\b")
_FUNCTION = re.compile(r"\s*(?:def\b|@)")


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call. `function` tells functions apart: the file, as the report names it, and the line."""

    function: str
    trace: Trace


class Calls:
    """Finds calls in traces of one project, whose files lie in `root` as they were when the traces were recorded.

    Of a function at most `limit` calls are found, no two of them alike, of at most `frames` frames each. `changed`
    counts those whose files are not there as they were.
    """

    def __init__(self, root: Path, limit: int, frames: int) -> None:
        self._root = root.resolve()
        self._limit = limit
        self._frames = frames
        self._sources = SourceLines()
        self._concealer = Concealer(Redactor(), self._sources)
        self._found: dict[str, set[int]] = {}
        self.changed = 0

    def inside(self, trace: Trace) -> Iterator[Call]:
        """The calls that one trace holds from their beginning to their end, but for the entry's."""
        begun: dict[int, int] = {}
        for index, frame in enumerate(trace.frames):
            if frame.event is Event.CALL:
                begun[frame.scope] = index
            elif frame.event is Event.RETURN and frame.scope > 0 and frame.scope in begun:
                call = self._call(trace, begun.pop(frame.scope), index + 1)
                if call is not None:
                    yield call

    def _call(self, trace: Trace, start: int, stop: int) -> Call | None:
        own = trace.frames[start:stop]
        first, last = own[0], own[-1]
        if not FEWEST_FRAMES <= len(own) <= self._frames or first.file is None or first.line is None:
            return None
        # A generator is left at a `yield`, and neither a comprehension nor a class begins with a `def`.
        if not _FUNCTION.match(first.source) or _SUSPENDS.search(last.source):
            return None
        function = f"{first.file}:{first.line}"
        seen = self._found.setdefault(function, set())
        said = hash(tuple((each.line, each.argument, *(each.locals or {}).items()) for each in own))
        if len(seen) >= self._limit or said in seen:
            return None
        seen.add(said)
        placed = [self._placed(each) for each in own]
        context = build_context(placed, (placed[0].file or "", first.line), self._sources, may_read=self._is_inside)
        shown, context = self._concealer.conceal(placed, context)
        if any(each.source != true.source for each, true in zip(shown, own, strict=True)):
            self.changed += 1
            return None
        frames = tuple(
            replace(each, file=true.file, scope=true.scope - first.scope) for each, true in zip(shown, own, strict=True)
        )
        return Call(function, Trace(frames, context, Meta(trace.meta.python, Ending.RETURNED)))

    def _placed(self, frame: Frame) -> Frame:
        """A frame as the file has it that its line is in."""
        file = str(self._root / (frame.file or ""))
        return replace(frame, file=file, source=self._sources.line(file, frame.line or 0))

    def _is_inside(self, file: str) -> bool:
        return Path(file).resolve().is_relative_to(self._root)
