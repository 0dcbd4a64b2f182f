"""Containers of objects that have a repr of their own, whose text is mostly the interpreter's repr of the whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cwm_tracer.digest import ATOMS, is_ordered
from cwm_tracer.foreign import ForeignCalls, clean, has_no_address
from cwm_tracer.native import is_native
from cwm_tracer.own_repr import OwnReprs
from cwm_tracer.records import fields_of
from cwm_tracer.redaction import Redactor

_ATOMS = frozenset(map(id, ATOMS))
_SIZED = frozenset(map(id, (str, bytes)))
_LISTS = frozenset(map(id, (list, tuple, dict)))
_SETS = frozenset(map(id, (set, frozenset)))
_attribute_of: Callable[[type, str], Any] = type.__getattribute__  # whatever a metaclass says
_DEEPEST = 3
_MOST = 1_000
_LONGEST = 4_000  # characters, below which no bound on values is met but those that are looked at here


class MixedValues:
    """Asks for the text of a container at once, where that gives what asking for its parts one by one would give.

    That is so for lists, tuples and dicts, and sets at the outermost, of builtin values, of objects whose class has a
    repr in Python, of those with the interpreter's, of complete records, of subclasses that leave their repr to list,
    tuple or dict, and of regular expressions. `items` and `characters` are those of
    `values.Limits`.
    """

    def __init__(self, items: int, characters: int, own: OwnReprs, ask: ForeignCalls, redactor: Redactor) -> None:
        self._items = items
        self._characters = characters
        self._own = own
        self._ask = ask
        self._redactor = redactor
        self._good: set[str] = set()  # texts without anything to take out, which come again and again

    def __call__(self, value: Any) -> str | None:
        """The text; None where it must be made part by part.

        `told` is what the value said of itself as a whole where that is made of all of its parts: as long as the same
        object says the same, it has the same text, whatever must be taken out of it.
        """
        self.told: str | None = None
        self._has_secrets = False
        try:
            if not self._is_fit(value, id(type(value)), 1):
                return None
            make = _sorted_repr if id(type(value)) in _SETS and len(value) > 1 and not is_ordered(value) else repr
        except RuntimeError:  # another thread changes it
            return None
        told = self._ask.raw(make, value, {})
        if told is None or len(told) > _LONGEST or ".." in told:
            return None
        self.told = told
        if self._has_secrets or told in self._good:
            return None if self._has_secrets else told
        text = clean(told, value)
        if not has_no_address(text) or self._redactor.hide(text) != text:
            return None
        if text == told:
            if len(self._good) >= _MOST:
                self._good.clear()
            self._good.add(told)
        return text

    def _is_fit(self, value: Any, kind: int, depth: int) -> bool:
        if len(value) > self._items or depth > _DEEPEST:
            return False
        if type(value) is dict:
            return self._are_fit(value, depth, are_keys=True) and self._are_fit(value.values(), depth)
        if type(value) is tuple and len(value) == 2 and self._redactor.is_secret_key(value[0]):
            self._has_secrets = True
        return self._are_fit(value, depth)

    def _are_fit(self, parts: Any, depth: int, *, are_keys: bool = False) -> bool:
        for part in parts:
            kind = id(type(part))
            if kind in _ATOMS:
                if kind in _SIZED and len(part) > self._characters:
                    return False
                if are_keys and self._redactor.is_secret_key(part):
                    self._has_secrets = True
            elif kind in _LISTS:
                if not self._is_fit(part, kind, depth + 1):
                    return False
            elif not (
                is_native(type(part))
                or self._own.has(part)
                or self._is_fit_record(part, depth + 1)
                or _is_fit_pattern(part)
                or self._is_fit_subclass(part)
            ):
                return False
        return True

    def _is_fit_subclass(self, value: Any) -> bool:
        """Whether a value of a subclass of list, tuple or dict has the repr of that: it is asked as a whole anyway."""
        make = _attribute_of(type(value), "__repr__")
        return any(make is base.__repr__ and base.__len__(value) <= self._items for base in (list, tuple, dict))

    def _is_fit_record(self, value: Any, depth: int) -> bool:
        fields = fields_of(value)
        if fields is None or len(fields) > self._items or depth > _DEEPEST:
            return False
        if any(self._redactor.is_secret_key(name) for name, _ in fields):
            self._has_secrets = True
        return self._are_fit([held for _, held in fields], depth)


def _is_fit_pattern(value: Any) -> bool:
    return type(value) is re.Pattern and type(value.pattern) in (str, bytes)


def _sorted_repr(value: Any) -> str:
    """The repr of a set of several items in the order of their texts."""
    body = ", ".join(sorted([clean(repr(item), item) for item in value]))
    return f"{{{body}}}" if type(value) is set else f"frozenset({{{body}}})"
