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

    `read` gets its variables, as a dict or a list; where there is none, they are the frame's `f_locals`. `bound` are
    the names that a list was last read for, where others may be bound without that it gets longer. By index in
    `layout.watched`, `last` has the values that nobody can change, and `known` what is known of the others. `outer` is
    the activation around it, while it runs.
    """

    __slots__ = ("bound", "depth", "facts", "frame", "known", "last", "layout", "outer", "read")

    facts: CodeFacts
    frame: FrameType | None
    layout: Layout
    read: Callable[[], Any] | None
    bound: list[str] | None
    last: list[Any]
    known: list[Known | None]
    outer: Activation
    depth: int


class Reader:
    """Turns the variables of activations into entries of a log.

    `fetch` gets the variables of a frame whose own dict must not be left behind.
    """

    def __init__(self, renderer: Renderer, log: Log, fetch: Callable[[FrameType], dict[str, Any]] | None) -> None:
        self.fetch = fetch
        self.looker = Looker(renderer)
        self._renderer = renderer
        self._log = log

    def activation(self, facts: CodeFacts) -> Activation:
        """A new one, of whose variables nothing is known."""
        activation = Activation()
        activation.facts = facts
        by_name = facts.is_namespace or self.fetch is not None or bool(facts.unreadable) or not VIEWS
        activation.layout = self._log.by_name if by_name else self._log.by_position
        return activation

    def begin(self, activation: Activation, frame: FrameType, place: int) -> tuple[Entry, Move]:
        """The entry of a call, with all variables of the frame, which is about to run."""
        values = self._attach(activation, frame)
        names = tuple(values) if type(values) is dict else tuple(self.bound(activation))
        move = self._log.move(activation.layout, names, by_name=type(values) is dict)
        activation.bound = list(names) if activation.facts.unbinds and type(values) is list else None
        layout = move.layout
        last: list[Any] = [CHANGING] * len(layout.keys)
        goes_on = layout is activation.layout and last  # of a generator
        known = activation.known if goes_on else looked_before(activation.facts, layout)
        activation.layout = layout
        activation.last, activation.known = last, known
        again = self.looker.again
        items = []
        for index, key in enumerate(layout.keys):
            value = values[key]
            if is_kept(value):
                last[index] = value
                items.append(value)
            else:
                item = again(last, known, index, value)
                items.append(item if item is not None else known[index][2])  # type: ignore[index]
        if any(known):
            activation.facts.looked = layout, known.copy()
        if layout.secrets:
            self.learn(activation, values)
        return (place, ~move.number, *items), move

    def rebind(self, activation: Activation, place: int, values: Any, *, anew: bool = False) -> Entry:
        """The entry of a line at which other variables are bound than before; with all of them if `anew`."""
        names = tuple(values) if type(values) is dict else tuple(self.bound(activation))
        if activation.bound is not None:
            activation.bound = list(names)
        move = self._log.move(activation.layout, names, by_name=type(values) is dict)
        layout = activation.layout = move.layout
        origins = move.origins if not anew else (-1,) * len(move.origins)
        last, known = activation.last, activation.known
        last = activation.last = [last[at] if at >= 0 else CHANGING for at in origins]
        known = activation.known = [known[at] if at >= 0 else None for at in origins]
        again = self.looker.again
        entry: tuple[Any, ...] = (place, ~move.number)
        for index, key in enumerate(layout.keys):
            value = values[key]
            if value is last[index]:
                continue
            if is_kept(value):
                last[index] = item = value
            else:
                item = again(last, known, index, value)
                if item is None:
                    continue
            entry = (*entry, index, item)
        if layout.secrets:
            self.learn(activation, values)
        return entry

    def suspend(self, activation: Activation) -> None:
        """Keep nothing of the program's alive until the frame goes on."""
        activation.frame = activation.read = None
        activation.outer = activation

    def bound(self, activation: Activation) -> list[str]:
        """The names of the variables that a list is read for."""
        mapping: Any = activation.frame.f_locals  # type: ignore[union-attr]
        names: list[str] = mapping.keys()
        return names

    def learn(self, activation: Activation, values: Any) -> None:
        """Have values of secret names hidden wherever they stand."""
        for key in activation.layout.secrets:
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
