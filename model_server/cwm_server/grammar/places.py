"""The places of the traces of one context, and what may come at each: events, names, values, lines."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cwm_server.grammar.expectation import Activation, Expectation, Foreseen, Values
from cwm_server.grammar.flow import Branch
from cwm_server.grammar.source import Choices, Source, spelled
from cwm_server.grammar.syntax import ITERATED
from cwm_tracer.model import Event, Frame
from cwm_tracer.wire import UNCHANGED, Cursor

_ITERATED = ITERATED.encode()


@dataclass(slots=True, eq=False)
class Place:
    """Where a trace stands between two frames: which activations are open, the innermost last.

    `paused` is the generator expression that the last frame has left, and that can go on.
    """

    activations: tuple[Activation, ...] = ()
    begun: bool = False
    paused: Activation | None = None
    expectation: Expectation | None = None  # of the innermost, once somebody has asked


class Places:
    """What may come where, in traces of one context.

    Without the `complete` source anything may be called, and lines and names are free where nothing of it is shown.
    `said` are the names of a frame's locals so far.
    """

    def __init__(self, source: Source, complete: bool) -> None:
        self._source = source
        self._complete = complete
        self._called: dict[object, tuple[Choices, frozenset[int] | None]] = {}

    def standing(self, depth: int, frames: Sequence[Frame]) -> Place:
        """Where `depth` activations are open, and those inside of them that `frames` speak of.

        Of each its CALL and the last frames after that; what ran in between is not known.
        """
        place = Place((Activation(),) * depth, begun=depth > 0)
        for frame in frames:
            place = self._stood(place, frame)
        return place

    def after(self, place: Place, frame: Frame) -> Place:
        """The place behind a frame, which was read with `cursor`."""
        activations, line = place.activations, _bytes(frame.source)
        paused = None
        if frame.event is Event.CALL:
            activations += (self._activation(place, line, frame),)
        elif frame.event is Event.RETURN and activations:
            *outer, left = activations
            if outer:
                told = (left.called, frame.argument or "") if left.called else outer[-1].returned
                outer[-1] = replace(outer[-1], fresh=False, returned=told)
            activations = tuple(outer)
            going = left.going
            if going is not None and isinstance(going.node, ast.GeneratorExp) and not (going.is_over or left.raised):
                paused = replace(left, going=replace(going, handed=frame.argument or ""))
        elif activations:
            activations = (*activations[:-1], self._moved(place, line, frame))
        return Place(activations, True, paused)

    def cursor(self, place: Place) -> Cursor:
        """Reads the next frame: what `..` stands for there."""
        top = place.activations[-1] if place.activations else Activation()
        return Cursor((0,), 1, top.values if top.fresh else None)

    def may_begin(self, place: Place, event: Event) -> bool:
        """Whether a frame with this event may come next."""
        if not place.begun:
            return event is Event.CALL
        if not place.activations:
            return self._source.suspends
        if event is Event.EXCEPTION or self._is_free(place, event):
            return True
        if self._expected(place).closes:
            return False
        if event is Event.CALL:
            choices, lines = self._calls(place, frozenset())
            return bool(choices.texts) or lines is None or bool(lines)
        expected = self._expected(place)
        if expected.owes:
            return False
        return expected.may_return if event is Event.RETURN else bool(expected.lines.texts)

    def may_end(self, place: Place) -> bool:
        """Whether the trace may end."""
        return place.begun and not place.activations

    def names(self, place: Place, event: Event | None, said: frozenset[bytes]) -> tuple[Choices | None, bool]:
        """The names that can come next, None for any, and whether the locals may end."""
        if self._is_free(place, event):
            return None, True
        if event is Event.CALL:
            foreseen = self._foreseen(place, said)
            if foreseen is not None:
                left = foreseen.names.keys() - said
                return Choices(left), not left
            choices, lines = self._calls(place, said)
            return choices, lines is None or bool(lines)
        return self._expected(place).names(said)

    def due(self, place: Place, event: Event | None, said: frozenset[bytes]) -> int:
        """How many bytes, and so tokens at most, the names take that must still be said, with their values."""
        if event is None or self._is_free(place, event):
            return 0
        return self._source.longest_call if event is Event.CALL else self._expected(place).due(said)

    def value(self, place: Place, event: Event | None, said: frozenset[bytes], name: bytes) -> Choices | None:
        """What a variable can hold, None for anything."""
        if not place.activations or self._is_free(place, event):
            return None
        expected = self._expected(place)
        return expected.argument(said, name) if event is Event.CALL else expected.value(name)

    def may_stand(self, place: Place, event: Event | None, name: bytes) -> bool:
        """Whether `..` can stand for the value of a variable."""
        return event is not Event.CALL and self._expected(place).may_stand(name)

    def lines(self, place: Place, event: Event | None, said: frozenset[bytes]) -> Choices | None:
        """The lines that a frame can show, None for any."""
        if self._is_free(place, event):
            return None
        source = self._source
        if event is Event.CALL:
            if not place.begun:
                return source.entry
            foreseen = self._foreseen(place, said)
            lines = self._calls(place, said)[1] if foreseen is None else frozenset((foreseen.line,))
            return source.anywhere.lines if lines is None else source.shown(lines)
        expected = self._expected(place)
        return expected.lines if event is Event.LINE else expected.ends

    def branch(self, place: Place) -> Branch | None:
        """The lines to which a condition can lead that has just been worked out; see `Expectation.branch`."""
        return self._expected(place).branch if place.activations else None

    def shown(self, numbers: frozenset[int]) -> list[bytes]:
        """The texts of some lines."""
        return self._source.shown(numbers).texts

    def result(self, place: Place, event: Event | None) -> Choices | None:
        """What can be returned, None for anything."""
        if event is not Event.RETURN or not place.activations or self._is_free(place, event):
            return None
        return self._expected(place).result

    def _is_free(self, place: Place, event: Event | None) -> bool:
        """Whether nothing is known of the source in which the next frame stands: it may have been left out."""
        if self._complete:
            return False
        return event is Event.CALL or not place.activations or place.activations[-1].flow is None

    def _expected(self, place: Place) -> Expectation:
        if place.expectation is None:
            top = place.activations[-1] if place.activations else Activation()
            place.expectation = Expectation(self._source, top, place.paused)
        return place.expectation

    def _calls(self, place: Place, said: frozenset[bytes]) -> tuple[Choices, frozenset[int] | None]:
        if not place.begun:
            return self._source.entries(said)
        reach = self._expected(place).reach if place.activations else None
        if (reach, said) not in self._called:
            self._called[reach, said] = self._source.calls(said, reach)
        return self._called[reach, said]

    def _foreseen(self, place: Place, said: frozenset[bytes]) -> Foreseen | None:
        """What is foreseen of the CALL of a comprehension, which has shown some names."""
        return self._expected(place).foreseen if place.begun and _ITERATED in said else None

    def _activation(self, place: Place, line: bytes, frame: Frame) -> Activation:
        values = _values(frame)
        source = self._source
        if not self._complete:
            region, flow = source.region(line), source.flow(line)
            proposed = (region, flow) if region is not None and flow is not None else None
            return Activation(begun=False, values=values, fresh=True, proposed=proposed)
        resumed = source.resumed(line)
        if resumed is not None:
            region, flow, at = resumed
            return Activation(region, flow, at, values=values, fresh=True)
        inner = source.inner(line, frame.locals or {})
        if inner is not None:  # it may go on from the middle
            shown = frozenset(map(spelled, frame.locals or {}))
            foreseen = self._foreseen(place, shown)
            going = foreseen.going if foreseen is not None and foreseen.names.keys() == shown else None
            return Activation(*inner, at=inner[1].begin, values=values, fresh=True, going=going)
        region, flow, function = source.region(line), source.flow(line), source.function(line)
        return Activation(region, flow, begun=False, values=values, fresh=True, function=function)

    def _stood(self, place: Place, frame: Frame) -> Place:
        """The place behind a frame before which others are missing, and whose values no `..` stands for."""
        if frame.event is Event.LINE and place.activations:
            *outer, top = place.activations
            numbers = self._source.numbers(_bytes(frame.source))
            top = top.settled(numbers, first=False)
            own = frozenset(top.flow.steps) if top.flow is not None else numbers
            place = Place((*outer, top.at_line(numbers & own or numbers, _values(frame))), True)
        else:
            place = self.after(place, frame)
        if not place.activations:
            return place
        *outer, top = place.activations
        return Place((*outer, replace(top, fresh=False, returned=None, turns=None, going=None)), place.begun)

    def _moved(self, place: Place, line: bytes, frame: Frame) -> Activation:
        """The innermost activation behind a LINE or an EXCEPTION."""
        top = place.activations[-1]
        if frame.event is not Event.LINE:
            return replace(top, raised=True)
        numbers = self._source.numbers(line)
        if top.proposed is not None:
            top = top.settled(numbers, first=True)
            expected = top.flow.begin if top.flow is not None else None
        else:
            expected = self._expected(place).numbers
        at = numbers if expected is None else (numbers & expected or numbers)
        return top.at_line(at, _values(frame))


def _values(frame: Frame) -> Values | None:
    """What the variables hold; None where some value is not known."""
    values = frame.locals or {}
    return None if UNCHANGED in values.values() else values


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
