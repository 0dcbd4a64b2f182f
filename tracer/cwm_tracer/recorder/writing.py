"""A log as CWM's text, made without frames: what `wire.encode_frame` makes of them, one after another."""

from __future__ import annotations

from collections.abc import Callable
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
    log: Log, renderer: Renderer, spelled: Callable[[Special], Any], joined: Callable[[tuple[Any, ...]], Any]
) -> list[Any] | None:
    """The segments of all frames: special tokens as they are `spelled`, and those that always go together `joined`.

    None for a log of activations that ended, or went on, without an event: the wire knows nothing of them.
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
    stack: list[tuple[_Writer, list[str]]] = []
    writer = _EMPTY
    values: list[str] = []  # of the innermost scope, as JSON
    is_new = True  # whether the last frame was another scope's, so that all values are shown
    for entry in log.entries:
        if type(entry) is int:
            _, token, tail, _ = places[entry]
            shown = writer.whole(values) if is_new else writer.same
            is_new = False
        else:
            number = entry[0]
            if number < 0:
                return None
            kind, token, tail, head = places[number]
            if kind == _LINE:
                if len(entry) == 3 and not is_new:
                    _, index, item = entry
                    value = f'"{item}"' if type(item) is int else json_of(item)
                    if values[index] == value:
                        shown = writer.same
                    else:
                        values[index] = value
                        before, after = writer.around[index] or writer.make_around(index)
                        shown = before + value + after
                else:
                    old = writer
                    if entry[1] < 0:
                        move = moves[~entry[1]]
                        writer = _writer(move.layout)
                        values = [values[at] if at >= 0 else "" for at in move.origins]
                    shown = _changed(entry, old, writer, values, json_of)
                    if is_new:
                        shown = writer.whole(values)
            elif kind == _CALL:
                stack.append((writer, values))
                layout = moves[~entry[1]].layout
                writer = layout.writer or _writer(layout)
                if writer.single is not None and len(entry) == 3:
                    item = entry[2]
                    value = f'"{item}"' if type(item) is int else json_of(item)
                    values = [value]
                    before, after = writer.single
                    shown = before + value + after
                else:
                    values = [  # of most, the JSON is known
                        f'"{item}"'
                        if type(item) is int
                        else (texts.get(item[0]) if type(item) is tuple else strings.get(item)) or json_of(item)
                        for item in entry[2:]
                    ]
                    shown = writer.whole(values)
            else:
                item = entry[1]
                written.append(head)
                written.append(f'"{item}"' if type(item) is int else json_of(item))
                written.append(end)
                if kind == _RETURN:
                    writer, values = stack.pop()
                    is_new = True
                continue
            is_new = False
        written.append(token)
        written.append(shown)
        written.append(tail)
    return written


class _Writer:
    """The text of all variables of a layout, but for their values.

    `same` says that none has changed, `around` has what stands before and after one that alone has. `single` has this
    for the value of one that alone is shown. `unchanged` has a part of the text for each variable, `place_of` by index
    where its part stands and how it begins, and `secrets` the same of those that are not shown, with their names.
    """

    __slots__ = (
        *("_order", "_pieces", "around", "place_of", "same", "secret_names", "secrets", "single"),
        "unchanged",
    )

    def __init__(self, layout: Layout) -> None:
        shown = layout.shown
        keys = [f"{quoted(name)}: " for name, _ in shown]
        order = [at for _, at in shown if at is not None]
        self._order = None if order == list(range(len(order))) else order
        self.unchanged = [key + _SAME for key in keys]
        self.same = f"{{{', '.join(self.unchanged)}}}"
        self.around: list[tuple[str, str] | None] = [None] * len(layout.watched)
        places = list(enumerate(zip(shown, keys, strict=True)))
        self.place_of = {at: (place, key) for place, ((_, at), key) in places if at is not None}
        self.secrets = [(place, name, key) for place, ((name, at), key) in places if at is None]
        self.secret_names = frozenset(name for _, name, _ in self.secrets)
        # What stands before, between and behind the values, which are filled in at every second place.
        self._pieces = ["{"]
        for at, ((_, index), key) in places:
            self._pieces[-1] += f", {key}" if at else key
            if index is None:
                self._pieces[-1] += _SECRET
            else:
                self._pieces += ["", ""]
        self._pieces[-1] += "}"
        self.single = (self._pieces[0], self._pieces[2]) if len(order) == 1 else None

    def whole(self, values: list[str]) -> str:
        """All variables with their values."""
        pieces = self._pieces.copy()
        pieces[_VALUES] = values if self._order is None else [values[at] for at in self._order]
        return "".join(pieces)

    def make_around(self, index: int) -> tuple[str, str]:
        """What stands before and after the value of one variable where no other has changed."""
        place, key = self.place_of[index]
        before = "".join([f"{part}, " for part in self.unchanged[:place]])
        behind = "".join([f", {part}" for part in self.unchanged[place + 1 :]])
        around = self.around[index] = f"{{{before}{key}", f"{behind}}}"
        return around


def _writer(layout: Layout) -> _Writer:
    writer: _Writer | None = layout.writer
    if writer is None:
        writer = layout.writer = _Writer(layout)
    return writer


_EMPTY = _Writer(Layout())


def _changed(entry: Entry, old: _Writer, writer: _Writer, values: list[str], json_of: Callable[[Item], str]) -> str:
    """Take what a line's entry tells into the values, and write that alone."""
    first = 1 if entry[1] >= 0 else 2
    parts = writer.unchanged.copy()
    for at in range(first, len(entry), 2):
        index = entry[at]
        value = json_of(entry[at + 1])
        if value != values[index]:
            values[index] = value
            position, key = writer.place_of[index]
            parts[position] = key + value
    for position, name, key in writer.secrets:
        if name not in old.secret_names:
            parts[position] = key + _SECRET
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
