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
_MARK = "\0"  # in no JSON


def write(
    log: Log, renderer: Renderer, spelled: Callable[[Special], Any], joined: Callable[[tuple[Any, ...]], Any]
) -> list[Any] | None:
    """The segments of all frames: special tokens as they are `spelled`, and those that always go together `joined`.

    None for a log of activations that ended, or went on, without an event: the wire knows nothing of them.
    """
    json_of = _json_maker(renderer)
    action, argument, end = spelled(Special.ACTION), spelled(Special.ARGUMENT), spelled(Special.FRAME)
    places = []
    for place in log.places:
        token, source = spelled(EVENT_TOKEN[place.event]), closed(place.source)
        places.append((token, joined((action, source, end)), joined((token, action, source, argument)), place.event))
    moves = log.moves
    written: list[Any] = []
    stack: list[tuple[_Writer, list[str]]] = []
    writer = _EMPTY
    values: list[str] = []  # of the innermost scope, as JSON
    is_new = True  # whether the last frame was another scope's, so that all values are shown
    for entry in log.entries:
        if type(entry) is int:
            token, tail, _, _ = places[entry]
            written += (token, writer.whole(values) if is_new else writer.same, tail)
            is_new = False
            continue
        number = entry[0]
        if number < 0:
            return None
        token, tail, head, event = places[number]
        if event is Event.LINE:
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
            written += (token, shown, tail)
            is_new = False
        elif event is Event.CALL:
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
                values = [f'"{item}"' if type(item) is int else json_of(item) for item in entry[2:]]
                shown = writer.whole(values)
            written += (token, shown, tail)
            is_new = False
        else:
            item = entry[1]
            value = f'"{item}"' if type(item) is int else json_of(item)
            written += (head, value, end)
            if event is Event.RETURN:
                writer, values = stack.pop()
                is_new = True
    return written


class _Writer:
    """The text of all variables of a layout, but for their values.

    `same` says that none has changed, `around` has what stands before and after one that alone has. `single` has this
    for the value of one that alone is shown. `unchanged` has a part of the text for each variable, `place_of` by index
    where its part stands and how it begins, and `secrets` the same of those that are not shown, with their names.
    """

    __slots__ = (
        *("_order", "_template", "around", "layout", "place_of", "same", "secret_names", "secrets", "single"),
        "unchanged",
    )

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        order = [at for _, at in layout.shown if at is not None]
        self._order = None if order == list(range(len(order))) else order
        self._template = self._text(lambda at: "%s", escaped=True)
        self.same = self._text(lambda at: _SAME, secret=_SAME)
        self.around: list[tuple[str, str] | None] = [None] * len(layout.watched)
        shown = [(position, name, at, f"{quoted(name)}: ") for position, (name, at) in enumerate(layout.shown)]
        self.unchanged = [key + _SAME for _, _, _, key in shown]
        self.place_of = {at: (position, key) for position, _, at, key in shown if at is not None}
        self.secrets = [(position, name, key) for position, name, at, key in shown if at is None]
        self.secret_names = frozenset(name for _, name, _ in self.secrets)
        self.single: tuple[str, str] | None = None
        if len(layout.watched) == 1:
            before, _, after = self._text(lambda at: _MARK).partition(_MARK)
            self.single = before, after

    def whole(self, values: list[str]) -> str:
        """All variables with their values."""
        return self._template % tuple(values if self._order is None else [values[at] for at in self._order])

    def make_around(self, index: int) -> tuple[str, str]:
        """What stands before and after the value of one variable where no other has changed."""
        before, _, after = self._text(lambda at: _MARK if at == index else _SAME, secret=_SAME).partition(_MARK)
        self.around[index] = before, after
        return before, after

    def _text(self, shown: Callable[[int], str], *, secret: str = _SECRET, escaped: bool = False) -> str:
        parts = []
        for name, at in self.layout.shown:
            key = quoted(name).replace("%", "%%") if escaped else quoted(name)
            parts.append(f"{key}: {secret if at is None else shown(at)}")
        return f"{{{', '.join(parts)}}}"


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


def _json_maker(renderer: Renderer) -> Callable[[Item], str]:
    """A function that gives the text of an item as a JSON string."""
    text_of = text_maker(renderer)
    known: dict[str, str] = {}  # of texts
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
        json = known.get(text)
        if json is None:
            json = known[text] = quoted(text)
        return json

    return json_of
