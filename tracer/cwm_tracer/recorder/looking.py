"""Telling whether a value has changed since it was last looked at, without rendering it where that can be avoided."""

from __future__ import annotations

import marshal
from hashlib import sha256
from types import FunctionType
from typing import Any

from cwm_tracer.native import is_lasting, native_repr
from cwm_tracer.recorder.log import Item
from cwm_tracer.values import Renderer

SMALLEST, LARGEST = -1 << 30, 1 << 30  # the bounds on the whole numbers that are kept as they are
LONGEST = 200  # characters of the strings that are
CHANGING: Any = object()  # stands for a last value that says nothing about the next

Known = tuple[object, object, Item]  # how a value was looked at, what was found, and its item

_NATIVE = object()  # by the interpreter's own repr
_CONSTANT = object()  # by its identity
_OWN = object()  # by what it says, and by its identity, as it may say its address
_FOREIGN = object()  # by its text, which must be made each time
_UNFIT = object()  # what is found of a container that has no fingerprint
_DUMPED = frozenset({list, tuple, dict})
_SIZED = frozenset({str, bytes})
_LONGEST_KEY = 1_024  # bytes
_LONGEST_KEPT = 4_096  # characters
_MOST = 1_000  # texts of each kind that are kept in case that they are needed again


class Looker:
    """Gives values their items. Those that are equal share one where that is cheap."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._dumped: dict[bytes, Item] = {}
        self._lasting: dict[int, tuple[Any, Item]] = {}  # by identity
        self._functions: dict[str, Item] = {}
        self._said: dict[tuple[str, int], Item] = {}

    def item(self, value: object) -> Item:
        """What any value is rendered from later."""
        if is_kept(value):
            return value
        if type(value) in _DUMPED:
            return self._container(value, _fingerprint(value))[0]
        return (self._renderer(value),)

    def again(self, last: list[Any], known: list[Known | None], index: int, value: Any) -> Item | None:
        """The item of a value that can't be kept as it is; None where it has the text that it had before.

        What was last there are `last[index]` and, where that is CHANGING, `known[index]`.
        """
        kind = type(value)
        before = known[index] if last[index] is CHANGING else None
        if before is not None and before[1] is value and before[0] is _CONSTANT:
            last[index] = value
            return None
        way: object
        found: object
        if kind is FunctionType:
            way, found = kind, value.__qualname__
            if before is not None and before[0] is way and before[1] == found:
                return None
            item = self._function(value)
        elif kind is list or kind is dict or kind is tuple:
            way = kind
            if before is None or before[0] is not way:
                found = _fingerprint(value)
            elif before[1] is _UNFIT:
                found = _UNFIT
            else:
                found = _fingerprint(value)
                if found is not _UNFIT and found == before[1]:
                    return None
            item, found = self._container(value, found)
        elif is_lasting(value):
            item = self._constant(value)
            last[index], known[index] = value, (_CONSTANT, value, item)
            return item
        else:
            found = native_repr(value, default=self._renderer.describe is None)
            if found is None and (said := self._renderer.own_repr(value)) is not None:
                way, found = _OWN, (said, id(value))
                if before is not None and before[0] is way and before[1] == found:
                    return None
                item = self._told(value, said)
            elif found is None:
                way, item = _FOREIGN, (self._renderer(value),)
            else:
                way = _NATIVE
                if before is not None and before[0] is way and before[1] == found:
                    return None
                item = (self._renderer.native(value, found),)
        last[index] = CHANGING
        if before is not None and before[2] == item:
            known[index] = way, found, before[2]
            return None
        # A container that has changed may now have a fingerprint.
        known[index] = way, None if found is _UNFIT else found, item
        return item

    def _function(self, value: Any) -> Item:
        item = self._functions.get(value.__qualname__)
        if item is None:
            item = (self._renderer(value),)
            if len(self._functions) >= _MOST:
                self._functions.clear()
            self._functions[value.__qualname__] = item
        return item

    def _told(self, value: object, said: str) -> Item:
        """The item of a value that has an `own_repr`."""
        key = said, id(value)
        item = self._said.get(key)
        if item is None:
            item = (self._renderer.told(value, said),)
            if len(said) <= _LONGEST_KEPT:
                if len(self._said) >= _MOST:
                    self._said.clear()
                self._said[key] = item
        return item

    def _constant(self, value: Any) -> Item:
        known = self._lasting.get(id(value))
        if known is None:
            known = value, (self._renderer(value),)
            if type(value) not in _SIZED or len(value) <= _LONGEST_KEPT:
                if len(self._lasting) >= _MOST:
                    self._lasting.clear()
                self._lasting[id(value)] = known
        return known[1]

    def _container(self, value: object, found: object) -> tuple[Item, object]:
        """The item of a list, tuple or dict, and its fingerprint if that tells one text from another."""
        if type(found) is not bytes:
            return (self._renderer(value),), _UNFIT
        key = found if len(found) <= _LONGEST_KEY else sha256(found).digest()
        item = self._dumped.get(key)
        if item is None:
            text, telling = self._renderer.of_dumped(value, found)
            item = (text,)
            if not telling:
                return item, _UNFIT
            if len(self._dumped) >= _MOST:
                self._dumped.clear()
            self._dumped[key] = item
        return item, found


def is_kept(value: Any) -> bool:
    """Whether a value is kept as it is: one that is small and that nobody can change, whose type is exactly builtin."""
    kind = type(value)
    if kind is int:
        return bool(SMALLEST < value < LARGEST)
    if kind is str:
        return len(value) <= LONGEST
    return value is None or kind is bool or kind is float


def _fingerprint(value: Any) -> object:
    """Bytes that are equal where two values are, for most values of builtin types.

    Reads nothing but builtin containers. Blind where something has the bytes of another: a `bytearray` those of
    `bytes`, a set those of the same set in another order.
    """
    try:
        return marshal.dumps(value, 2)
    except ValueError:  # there is another type in it, or it holds itself
        return _UNFIT
