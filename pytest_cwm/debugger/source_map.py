"""Which line of the context a frame stands on: a model names only the line's text, and lines repeat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cwm_tracer.model import Context, Event, Frame
from cwm_tracer.wire import strip_marker
from pytest_cwm.debugger.regions import Region, read_structure

_DEFINED = re.compile(r"\s*(?:async\s+)?(?:def|class)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class _Scope:
    region: int | None
    function: str
    line: int | None
    raised: bool = False
    nameless: bool = False  # a comprehension or a lambda


@dataclass(frozen=True, slots=True)
class Walk:
    """Where every open scope stands after some frames, outermost first, and where each function was last left."""

    scopes: tuple[_Scope, ...] = ()
    left: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a frame stands: the 1-based line of the context, None when it has no such line, and the function's name."""

    line: int | None
    function: str


class SourceMap:
    """Finds the lines of frames in a context.

    A recorded frame is found by its file and line. A predicted one by its exact text, the start marker aside; among
    equal lines the function of the frame's scope decides, then what control flow can reach from the line before it
    in that scope, then closeness after that line. Where only values could decide (two branches that begin with the
    same line) that is a guess.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.lines = context.text.split("\n")
        self._structure = read_structure(self.lines)
        self._by_text: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines, 1):
            self._by_text.setdefault(_key(line), []).append(number)
        self._by_place = {place: number for number, place in enumerate(context.places, 1) if place is not None}

    def place(self, line: int | None) -> tuple[str, int] | None:
        """The file and line that a context line was taken from."""
        return self.context.places[line - 1] if line is not None and line <= len(self.context.places) else None

    def entry(self) -> Region | None:
        """The function that the context marks as the entry."""
        if self.context.entry is None:
            return None
        return next((each for each in self._structure.regions if each.header == self.context.entry + 1), None)

    def follow(self, walk: Walk, frame: Frame) -> tuple[Walk, Spot]:
        """Find one frame that comes after those that `walk` followed."""
        if frame.event is Event.CALL:
            return self._enter(walk, frame)
        scope = walk.scopes[-1] if walk.scopes else _Scope(None, "?", None)
        line = self._known(frame) or self._inside(scope, frame)
        spot = Spot(line, scope.function)
        if frame.event is Event.RETURN:
            left = walk.left
            if line is not None and scope.region is not None:
                left = {**left, scope.region: line}
            return Walk(walk.scopes[:-1], left), spot
        raised = frame.event is Event.EXCEPTION
        moved = replace(scope, line=line or scope.line, raised=raised)
        return Walk((*walk.scopes[:-1], moved), walk.left), spot

    def _known(self, frame: Frame) -> int | None:
        return self._by_place.get((frame.file, frame.line)) if frame.file and frame.line else None

    def _enter(self, walk: Walk, frame: Frame) -> tuple[Walk, Spot]:
        caller = walk.scopes[-1] if walk.scopes else _Scope(None, "?", None)
        line = self._known(frame)
        if line is None:
            same = self._by_text.get(_key(frame.source), [])
            line = min(same, key=lambda each: self._call_rank(each, frame, caller, walk), default=None)
        region = self._headed(line)
        nameless = ""
        if region is not None:
            function = self._structure.regions[region].name
        elif line is not None:
            region = max(self._structure.owners[line - 1], default=None)
            nameless = _nameless(frame)
            function = (self._structure.regions[region].name if region is not None else "?") + nameless
        else:
            defined = _DEFINED.match(frame.source)
            function = defined[1] if defined else "?"
        scope = _Scope(region, function, line, nameless=bool(nameless))
        return Walk((*walk.scopes, scope), walk.left), Spot(line, function)

    def _headed(self, line: int | None) -> int | None:
        """The region whose `def` stands on this line."""
        return next((n for n, each in enumerate(self._structure.regions) if each.header == line), None)

    def _call_rank(self, line: int, frame: Frame, caller: _Scope, walk: Walk) -> tuple[object, ...]:
        number = self._headed(line)
        inside = caller.region is not None and caller.region in self._structure.owners[line - 1]
        distance = abs(line - caller.line) if caller.line is not None else line
        if number is None:  # a comprehension or a lambda of the caller, or the resume of a generator
            resumed = line in walk.left.values()
            return (not (resumed or inside), distance, line)
        region = self._structure.regions[number]
        values = frame.locals or {}
        misnamed = 0 if region.parameters is None else len(region.parameters ^ set(values))
        receiver = next(iter(values.values()), "")
        other_class = bool(region.owner) and not re.search(rf"\b{re.escape(region.owner or '')}\b", receiver)
        is_entry = not walk.scopes and self.context.entry == line - 1
        return (not is_entry, misnamed, other_class, not inside, distance, line)

    def _inside(self, scope: _Scope, frame: Frame) -> int | None:
        lines = self._by_text.get(_key(frame.source), [])
        own = [line for line in lines if scope.region in self._structure.owners[line - 1]]
        before = scope.line
        if before is None:
            return min(own or lines, default=None)
        if (frame.event is not Event.LINE or scope.nameless) and before in own:
            return before  # a line's return and its exception stand where the line stood
        flow = self._structure.flow
        region = self._structure.regions[scope.region] if scope.region is not None else None
        if region is not None and before == region.header and region.body > before:
            reachable: set[int] = {region.body}
        else:
            reachable = (flow.raised if scope.raised else flow.normal).get(before, set())

        def rank(line: int) -> tuple[bool, bool, int]:
            return line not in reachable, line < before, abs(line - before)

        return min(own or lines, key=rank, default=None)


def _nameless(frame: Frame) -> str:
    """What to add to a function's name for a scope inside it that has none of its own."""
    if ".0" in (frame.locals or {}):
        return ".<comprehension>"
    return ".<lambda>" if re.search(r"\blambda\b", frame.source) else ""


def _key(line: str) -> str:
    return strip_marker(line).removesuffix("\n").removesuffix("\r")
