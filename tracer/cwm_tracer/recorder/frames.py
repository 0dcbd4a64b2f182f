"""The frames that a log tells of, made when somebody asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from cwm_tracer.model import Event, Frame
from cwm_tracer.recorder.log import ENTERED, LEFT, Entry, Item, Layout, Log, text_maker
from cwm_tracer.recorder.writing import write
from cwm_tracer.redaction import REDACTED
from cwm_tracer.values import Renderer
from cwm_tracer.wire import Segment, Special


class RecordedFrames(Sequence[Frame]):
    """An immutable sequence of the frames that a log tells of. It equals any sequence of equal frames."""

    __slots__ = ("_frames", "_length", "_log", "_renderer")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, log: Log, renderer: Renderer) -> None:
        self._log = log
        self._renderer = renderer
        self._frames: tuple[Frame, ...] | None = None
        self._length = len(log.entries) - log.marks

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Frame, ...]: ...
    def __getitem__(self, index: int | slice) -> Frame | tuple[Frame, ...]:
        return self._made()[index]

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._made())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return self is other or (len(self) == len(other) and self._made() == tuple(other))

    def __repr__(self) -> str:
        return f"<{len(self)} recorded frames>"

    def segments(self) -> list[Segment] | None:
        """The frames as `wire.encode` writes them, or None where they must be looked at one by one."""
        pieces = write(self._log, self._renderer, _same, _same, in_parts=False)
        if pieces is None:
            return None
        return [segment for piece in pieces for segment in (piece if type(piece) is tuple else (piece,))]

    def text(self, end: str = "") -> str | None:
        """The same with the special tokens by their names, as `wire.to_text` writes it, and `end` behind it."""
        pieces = write(self._log, self._renderer, _name_of, "".join, in_parts=True)
        return None if pieces is None else "".join([*pieces, end])

    def _made(self) -> tuple[Frame, ...]:
        if self._frames is None:
            self._frames = tuple(_frames(self._log, self._renderer))
        return self._frames


def _same(spelled: Any) -> Any:
    return spelled


def _name_of(special: Special) -> str:
    return special.value


class _Scope:
    """The variables of an activation, as texts."""

    __slots__ = ("layout", "number", "state", "texts")

    def __init__(self, number: int) -> None:
        self.number = number
        self.layout = _EMPTY
        self.texts: list[str] = []
        self.state: dict[str, str] = {}

    def enter(self, layout: Layout, texts: list[str]) -> None:
        """All variables are told."""
        self.layout = layout
        self.texts = texts
        self._show()

    def update(self, log: Log, entry: Entry, text_of: Callable[[Item], str]) -> None:
        """What a line's entry tells."""
        at = 1
        if entry[1] < 0:
            move = log.moves[~entry[1]]
            self.layout = move.layout
            self.texts = [self.texts[origin] if origin >= 0 else "" for origin in move.origins]
            at = 2
        for index, item in zip(entry[at::2], entry[at + 1 :: 2], strict=True):
            self.texts[index] = text_of(item)
        self._show()

    def _show(self) -> None:
        texts = self.texts
        self.state = {name: REDACTED if at is None else texts[at] for name, at in self.layout.shown}


def _frames(log: Log, renderer: Renderer) -> Iterator[Frame]:
    text_of = text_maker(renderer)
    places = log.places
    scopes: list[_Scope] = []
    scope = _Scope(-1)
    opened = 0
    for entry in log.entries:
        if type(entry) is int:
            place = places[entry]
            yield Frame(place.event, place.source, scope.state, None, scope.number, place.file, place.line)
            continue
        number = entry[0]
        if number == LEFT:
            del scopes[-entry[1] :]
            scope = scopes[-1]
            continue
        place = places[number]
        event = place.event if number >= 0 else None
        if event is Event.LINE:
            scope.update(log, entry, text_of)
        elif event is Event.CALL or number == ENTERED:
            scope = _Scope(opened)
            scope.enter(log.moves[~entry[1]].layout, [text_of(item) for item in entry[2:]])
            scopes.append(scope)
            opened += 1
            if number == ENTERED:
                continue
        else:
            argument = text_of(entry[1])
            yield Frame(place.event, place.source, None, argument, scope.number, place.file, place.line)
            if event is Event.RETURN:
                scopes.pop()
                scope = scopes[-1] if scopes else scope
            continue
        yield Frame(place.event, place.source, scope.state, None, scope.number, place.file, place.line)


_EMPTY = Layout()
