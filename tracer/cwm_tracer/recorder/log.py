"""What a recording keeps while the program runs: short entries, from which frames are made once somebody asks.

An entry is one of these, where `place` counts in `Log.places` and `move` in `Log.moves`:

    place                               a line at which nothing has changed since the last one of its activation
    (place, index, item, index, item…)  a line: the variables with these indices have changed
    (place, ~move, index, item…)        a line at which other variables are bound than before
    (place, ~move, item, item…)         a call, with all variables
    (place, item)                       a return or an exception with its argument
    (LEFT, count), (ENTERED,)           activations that ended, or went on, without an event

An item is what a value is rendered from. Numbers, short strings and the like stand for themselves, since nobody can
change them; of anything else there is the text, in a tuple of one, made when the event happened. Such entries hold
no reference that keeps anything of the program's alive, and the garbage collector does not track them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cwm_tracer.model import Event
from cwm_tracer.values import Renderer

LEFT = -1
ENTERED = -2
_STR = frozenset({str})
HIDDEN_PREFIX = "@py"  # of names that pytest's assertion rewriting adds to a function

Item = Any
Entry = Any


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An event on a line."""

    event: Event
    source: str
    file: str
    line: int


@dataclass(slots=True, eq=False)
class Layout:
    """The variables that are bound in a frame.

    `size` counts all of them, in the order of `names`; `places` has their positions, without those that are not shown.
    `number` is that of a move to this layout. `watched` are the names of those that are shown with their values. `keys`
    find these among the values, and `secrets` the others: names where the values are a dict, positions where they are a
    list. `pairs` are the keys with their indices. `shown` holds what a frame shows, in binding order: a name and its
    index in `watched`, None for one that is secret.
    """

    size: int = 0
    names: tuple[Any, ...] = ()
    places: tuple[tuple[str, int], ...] = ()
    number: int = -1
    watched: tuple[str, ...] = ()
    keys: tuple[Any, ...] = ()
    pairs: tuple[tuple[int, Any], ...] = ()
    secrets: tuple[Any, ...] = ()
    shown: tuple[tuple[str, int | None], ...] = ()
    moves: dict[tuple[Any, ...], Move] = field(default_factory=dict)
    writer: Any = None  # of whoever writes it


@dataclass(slots=True, eq=False)
class Move:
    """A change of the variables that are bound. `origins` has the old index of each that is watched now, or -1.

    `adds_one` says that all are where they were, and one more is watched behind them.
    """

    number: int
    layout: Layout
    origins: tuple[int, ...]
    adds_one: bool


class Log:
    """The entries of one recording."""

    def __init__(self, is_secret_name: Callable[[str], bool]) -> None:
        self._is_secret_name = is_secret_name
        self._kinds: dict[str, bool | None] = {}  # of names: whether it is secret, None for one that is not shown
        self._layouts: dict[Any, Layout] = {}
        self._numbers: dict[tuple[str, str, str, int], int] = {}
        self.places: list[Place] = []
        self.moves: list[Move] = []
        self.entries: list[Entry] = []
        self.marks = 0  # of the entries, those that are no frames
        # Nothing is bound, in frames whose values are a dict and in those whose values are a list.
        self.by_name = Layout()
        self.by_position = Layout()

    def number(self, event: Event, source: str, file: str, line: int) -> int:
        """The number of a place."""
        key = event._value_, source, file, line
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self.places)
            self.places.append(Place(event, source, file, line))
        return known

    def last_line(self) -> int:
        """The line of the last frame, 0 where there is none."""
        for entry in reversed(self.entries):
            number = entry if type(entry) is int else entry[0]
            if number >= 0:
                return self.places[number].line
        return 0

    def move(self, layout: Layout, names: tuple[Any, ...], *, by_name: bool) -> Move:
        """From one layout to that of a frame in which exactly `names` are bound, in the order of its values."""
        known = layout.moves.get(names)
        if known is None:
            are_strings = set(map(type, names)) <= _STR  # others are the program's, and may be looked at by it
            if names and by_name and are_strings and names[:-1] == layout.names and self._kind(names[-1]) is False:
                known = self._one_more(layout, names)
            else:
                known = self._move(layout, names, by_name)
            self.moves.append(known)
            if are_strings:
                layout.moves[names] = known
        return known

    def _kind(self, name: str) -> bool | None:
        kinds = self._kinds
        if name not in kinds:
            kinds[name] = None if name.startswith(HIDDEN_PREFIX) else self._is_secret_name(name)
        return kinds[name]

    def _one_more(self, old: Layout, names: tuple[str, ...]) -> Move:
        """The move where the last of the names is bound besides, which is what most lines do that bind one."""
        index, name = len(old.watched), names[-1]
        places, shown = (*old.places, (name, old.size)), (*old.shown, (name, index))
        key = True, len(names), places, shown
        layout = self._layouts.get(key)
        if layout is None:
            watched, pairs = (*old.watched, name), (*old.pairs, (index, name))
            layout = Layout(len(names), names, places, len(self.moves), watched, watched, pairs, old.secrets, shown)
            self._layouts[key] = layout
        return Move(len(self.moves), layout, (*range(index), -1), True)

    def _move(self, old: Layout, names: tuple[Any, ...], by_name: bool) -> Move:
        at = {
            name: position for position, name in enumerate(names) if type(name) is str and self._kind(name) is not None
        }
        # A dict keeps the order of its first insertions.
        order = {**{name: 0 for name, _ in old.shown if name in at}, **at}
        watched = tuple([name for name in at if not self._kinds[name]])
        index = {name: number for number, name in enumerate(watched)}
        places, shown = tuple(at.items()), tuple([(name, index.get(name)) for name in order])
        key = by_name, len(names), places, shown
        layout = self._layouts.get(key)
        if layout is None:
            secret = [name for name in at if self._kinds[name]]
            keys = watched if by_name else tuple([at[name] for name in watched])
            secrets = tuple(secret if by_name else [at[name] for name in secret])
            pairs = tuple(enumerate(keys))
            layout = Layout(len(names), names, places, len(self.moves), watched, keys, pairs, secrets, shown)
            self._layouts[key] = layout
        before = {name: number for number, name in enumerate(old.watched)}
        origins = tuple([before.get(name, -1) for name in layout.watched])
        return Move(len(self.moves), layout, origins, origins == (*range(len(old.watched)), -1))


def text_maker(renderer: Renderer) -> Callable[[Item], str]:
    """A function that gives the text of an item."""
    strings: dict[str, str] = {}

    def text_of(item: Item) -> str:
        kind = type(item)
        if kind is tuple:
            text: str = item[0]
        elif kind is str:
            known = strings.get(item)
            if known is None:
                known = strings[item] = renderer(item)
            text = known
        else:
            text = repr(item)
        return text

    return text_of
