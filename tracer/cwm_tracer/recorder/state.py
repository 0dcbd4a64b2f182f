"""Reading the variables of a live frame, without changing the program and at little cost where nothing has changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from cwm_tracer.recorder.bytecode import CodeFacts
from cwm_tracer.recorder.log import Entry, Item, Layout, Log, Move
from cwm_tracer.recorder.looking import CHANGING, Known, Looker, is_kept
from cwm_tracer.recorder.reading import readable_locals
from cwm_tracer.values import Renderer

VIEWS = sys.version_info >= (3, 13)  # the locals of a function are a view of the frame, and before that its one dict


class Activation:
    """One activation of a function: what was last seen of its variables.

    `read` gets its variables, as a dict or a list; where there is none, they are the frame's `f_locals`. By index in
    `layout.watched`, `last` has the values that nobody can change, and `known` what is known of the others. `outer` is
    the activation around it, while it runs. `told` is a size of the log: as long as it has that, nothing of the program
    can have run since the state was told.
    """

    __slots__ = ("depth", "facts", "frame", "known", "last", "layout", "outer", "read", "told")

    facts: CodeFacts
    frame: FrameType | None
    layout: Layout
    read: Callable[[], Any] | None
    last: list[Any]
    known: list[Known | None]
    outer: Activation
    depth: int
    told: int


class Reader:
    """Turns the variables of activations into entries of a log.

    `fetch` gets the variables of a frame whose own dict must not be left behind.
    """

    def __init__(self, renderer: Renderer, log: Log, fetch: Callable[[FrameType], dict[str, Any]] | None) -> None:
        self.fetch = fetch
        self.looker = Looker(renderer)
        self._renderer = renderer
        self._log = log
        # Of a frame that was not looked at yet, and whose variables are read in the usual way.
        self.nothing = log.by_position if VIEWS and fetch is None else log.by_name

    def activation(self, facts: CodeFacts) -> Activation:
        """A new one, of whose variables nothing is known."""
        activation = Activation()
        activation.facts = facts
        activation.told = 0
        activation.layout = self.nothing if facts.is_plain else self._log.by_name
        return activation

    def begin(self, activation: Activation, frame: FrameType, place: int) -> Entry:
        """The entry of a call, with all variables of the frame, which is about to run."""
        values = self._attach(activation, frame)
        facts = activation.facts
        before = activation.layout
        layout = self._move(activation, values).layout
        if layout is not before or not layout.keys:
            activation.known = looked_before(facts, layout)
        if before.number < 0:  # not of a generator that goes on
            facts.start = layout
        last: list[Any] = [CHANGING] * len(layout.keys)
        known, again = activation.known, self.looker.again
        activation.last = last
        items = []
        for index, key in enumerate(layout.keys):
            value = values[key]
            if is_kept(value):
                last[index] = value
                items.append(value)
            else:
                item = again(last, known, index, value)
                items.append(item if item is not None else known[index][3])  # type: ignore[index]
        if any(known):
            facts.looked = layout, known.copy()
        if layout.secrets:
            self.learn(layout, values)
        return (place, ~layout.number, *items)

    def rebind(self, activation: Activation, place: int, values: Any, *, anew: bool = False) -> Entry:
        """The beginning of the entry of a line at which other variables are bound than before.

        What is known of those that still are is kept, unless they are to be told `anew`.
        """
        move = self._move(activation, values)
        if move.adds_one and not anew:
            activation.last.append(CHANGING)
            activation.known.append(None)
        else:
            origins = (-1,) * len(move.origins) if anew else move.origins
            last, known = activation.last, activation.known
            activation.last = [last[at] if at >= 0 else CHANGING for at in origins]
            activation.known = [known[at] if at >= 0 else None for at in origins]
        return place, ~move.number

    def _move(self, activation: Activation, values: Any) -> Move:
        """Give an activation the layout that it has now."""
        by_name = type(values) is dict
        names = tuple(values) if by_name else self.bound(activation)
        move = self._log.move(activation.layout, names, by_name=by_name)
        activation.layout = move.layout
        return move

    def suspend(self, activation: Activation) -> None:
        """Keep nothing of the program's alive until the frame goes on."""
        activation.frame = activation.read = None
        activation.outer = activation

    def bound(self, activation: Activation) -> tuple[str, ...]:
        """The names of the variables that a list is read for."""
        return tuple(activation.frame.f_locals.keys())  # type: ignore[union-attr]

    def learn(self, layout: Layout, values: Any) -> None:
        """Have values of secret names hidden wherever they stand."""
        for key in layout.secrets:
            self._renderer.redactor.learn(values[key])

    def _attach(self, activation: Activation, frame: FrameType) -> Any:
        activation.frame = frame
        activation.read = None
        if activation.facts.is_namespace:
            activation.read = partial(_namespace, frame)
        elif self.fetch is not None:
            return self.fetch(frame)
        elif activation.facts.unreadable:
            activation.read = partial(readable_locals, frame, activation.facts.unreadable)
        elif VIEWS:
            activation.read = frame.f_locals.values
        return activation.read() if activation.read is not None else frame.f_locals

    def returned(self, value: object, name: str) -> Item:
        """The item of what a function with a secret name returned."""
        return (self._renderer.returned(value, name),)


def looked_before(facts: CodeFacts, layout: Layout) -> list[Known | None]:
    """What is known of variables from the last call of the same code: most functions are called with the same again."""
    if facts.looked is not None and facts.looked[0] is layout:
        return facts.looked[1].copy()
    return [None] * len(layout.keys)


def _namespace(frame: FrameType) -> dict[str, object]:
    """The names of a class body: its mapping may be anything that a metaclass prepares, and no code of it is run."""
    mapping: Any = frame.f_locals
    if not issubclass(type(mapping), dict):
        return {}
    return {name: value for name, value in dict.items(mapping) if type(name) is str}
