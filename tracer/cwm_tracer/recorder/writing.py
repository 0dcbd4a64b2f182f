"""A log as CWM's text, made without frames: what `wire.encode_frame` makes of them, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from cwm_tracer.model import Event
from cwm_tracer.recorder.log import Entry, Item, Layout, Log, text_maker
from cwm_tracer.redaction import REDACTED
from cwm_tracer.values import Renderer
from cwm_tracer.wire import EVENT_TOKEN, UNCHANGED, Special, closed

_SAME = quoted(UNCHANGED)
_SECRET = quoted(REDACTED)
_VALUES = slice(1, None, 2)
_LINE, _CALL, _RETURN, _EXCEPTION = range(4)  # events, as what is compared soonest


def write(
    log: Log,
    renderer: Renderer,
    spelled: Callable[[Special], Any],
    joined: Callable[[tuple[Any, ...]], Any],
    *,
    in_parts: bool,
) -> list[Any] | None:
    """The segments of all frames: special tokens as they are `spelled`, and those that always go together `joined`.

    The text of a frame's variables is one segment, or where all is joined in the end anyway `in_parts`. None for a log
    of activations that ended, or went on, without an event: the wire knows nothing of them.
    """
    json_of, texts, strings = _json_maker(renderer)
    action, argument, end = spelled(Special.ACTION), spelled(Special.ARGUMENT), spelled(Special.FRAME)
    kinds = {Event.LINE: _LINE, Event.CALL: _CALL, Event.RETURN: _RETURN, Event.EXCEPTION: _EXCEPTION}
    places = []
    for place in log.places:
        token, source = spelled(EVENT_TOKEN[place.event]), closed(place.source)
        tail, head = joined((action, source, end)), joined((token, action, source, argument))
        places.append((kinds[place.event], token, tail, head))
    moves = log.moves
    written: list[Any] = []
    append = written.append
    show: Callable[[Iterable[str]], None] = written.extend if in_parts else lambda parts: append("".join(parts))
    stack: list[tuple[_Writer, list[str]]] = []
    writer = _EMPTY
    values: list[str] = []  # of the innermost scope, as JSON
    is_new = True  # whether the last frame was another scope's, so that all values are shown
    for entry in log.entries:
        if type(entry) is int:
            _, token, tail, _ = places[entry]
            append(token)
            if is_new:
                show(writer.whole(values))
                is_new = False
            else:
                append(writer.same)
            append(tail)
            continue
        number = entry[0]
        if number < 0:
            return None
        kind, token, tail, head = places[number]
        if kind == _LINE:
            append(token)
            old, first = writer, 1
            if entry[1] < 0:
                move = moves[~entry[1]]
                writer = move.layout.writer or _writer(move.layout)
                if move.adds_one:
                    values.append("")
                else:
                    values = [values[at] if at >= 0 else "" for at in move.origins]
                first = 2
            if is_new:
                for at in range(first, len(entry), 2):
                    values[entry[at]] = json_of(entry[at + 1])
                show(writer.whole(values))
                is_new = False
            elif len(entry) == first + 2 and (writer is old or not writer.secrets):
                index, item = entry[first], entry[first + 1]
                value = f'"{item}"' if type(item) is int else json_of(item)
                if values[index] == value:
                    append(writer.same)
                else:
                    values[index] = value
                    before, after = writer.around[index] or writer.make_around(index)
                    show((before, value, after))
            else:
                append(_changed(entry, first, old, writer, values, json_of))
            append(tail)
        elif kind == _CALL:
            append(token)
            stack.append((writer, values))
            layout = moves[~entry[1]].layout
            writer = layout.writer or _writer(layout)
            values = [  # of most, the JSON is known
                f'"{item}"'
                if type(item) is int
                else (texts.get(item[0]) if type(item) is tuple else strings.get(item)) or json_of(item)
                for item in entry[2:]
            ]
            show(writer.whole(values))
            append(tail)
            is_new = False
        else:
            item = entry[1]
            append(head)
            append(f'"{item}"' if type(item) is int else json_of(item))
            append(end)
            if kind == _RETURN:
                writer, values = stack.pop()
                is_new = True
    return written


class _Writer:
    """The text of all variables of a layout, but for their values.

    `same` says that none has changed, `around` has what stands before and after one that alone has. `unchanged` has a
    part of the text for each variable, and `secrets` the names of those that are not shown with their places there.
    """

    __slots__ = ("_keys", "_order", "_pieces", "around", "same", "secrets", "unchanged")

    def __init__(self, layout: Layout) -> None:
        shown = layout.shown
        self._keys = keys = [f"{quoted(name)}: " for name, _ in shown]
        order = [at for _, at in shown]
        self._order = None if order == list(range(len(order))) else order  # the usual one
        self._pieces: list[str] = []
        self.around: list[tuple[str, str] | None] = [None] * len(layout.watched)
        self.unchanged = [key + _SAME for key in keys]
        self.same = f"{{{', '.join(self.unchanged)}}}"
        self.secrets = {name: place for place, (name, at) in enumerate(shown) if at is None} if layout.secrets else {}

    def whole(self, values: list[str]) -> list[str]:
        """All variables with their values, in parts."""
        pieces = (self._pieces or self._make_pieces()).copy()
        pieces[_VALUES] = values if self._order is None else [values[at] for at in self._order if at is not None]
        return pieces

    def _make_pieces(self) -> list[str]:
        """What stands before, between and behind the values, which are filled in at every second place."""
        pieces = ["{"]
        secret = self.secrets.values()
        for place, key in enumerate(self._keys):
            pieces[-1] += f", {key}" if place else key
            if place in secret:
                pieces[-1] += _SECRET
            else:
                pieces += ["", ""]
        pieces[-1] += "}"
        self._pieces = pieces
        return pieces

    def make_around(self, index: int) -> tuple[str, str]:
        """What stands before and after the value of one variable where no other has changed."""
        place, unchanged = self.place_of(index), self.unchanged
        before, behind = ", ".join([*unchanged[:place], self._keys[place]]), ", ".join(["", *unchanged[place + 1 :]])
        around = self.around[index] = f"{{{before}", f"{behind}}}"
        return around

    def place_of(self, index: int) -> int:
        """Where a variable stands among those that are shown."""
        return index if self._order is None else self._order.index(index)

    def part(self, place: int, value: str) -> str:
        """A variable with its value."""
        return self._keys[place] + value


def _writer(layout: Layout) -> _Writer:
    writer: _Writer | None = layout.writer
    if writer is None:
        writer = layout.writer = _Writer(layout)
    return writer


_EMPTY = _Writer(Layout())


def _changed(
    entry: Entry, first: int, old: _Writer, writer: _Writer, values: list[str], json_of: Callable[[Item], str]
) -> str:
    """Take what a line's entry tells, from its part `first` on, into the values, and write that alone."""
    parts = writer.unchanged.copy()
    for at in range(first, len(entry), 2):
        index = entry[at]
        value = json_of(entry[at + 1])
        if value != values[index]:
            values[index] = value
            place = writer.place_of(index)
            parts[place] = writer.part(place, value)
    for name, place in writer.secrets.items():
        if name not in old.secrets:
            parts[place] = writer.part(place, _SECRET)
    return f"{{{', '.join(parts)}}}"


def _json_maker(renderer: Renderer) -> tuple[Callable[[Item], str], dict[str, str], dict[str, str]]:
    """A function that gives the text of an item as a JSON string, and what it knows: that of texts and of strings."""
    text_of = text_maker(renderer)
    texts: dict[str, str] = {}
    strings: dict[str, str] = {}

    def json_of(item: Item) -> str:
        kind = type(item)
        if kind is tuple:
            text = item[0]
        elif kind is int:
            return f'"{item}"'
        elif kind is str:
            json = strings.get(item)
            if json is None:
                json = strings[item] = quoted(text_of(item))
            return json
        else:
            text = text_of(item)
        json = texts.get(text)
        if json is None:
            json = texts[text] = quoted(text)
        return json

    return json_of, texts, strings
