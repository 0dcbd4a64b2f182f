"""Containers of numbers and strings, whose text is the interpreter's own repr in most cases."""

from __future__ import annotations

import itertools
import marshal
from collections.abc import Callable, Collection
from typing import Any

from cwm_tracer.digest import digest, digest_of_dumped
from cwm_tracer.numbers import NumberTexts, are_small_numbers
from cwm_tracer.redaction import Redactor

_NUMBERS = frozenset({int, float, bool, complex})
_SCALARS = _NUMBERS | {type(None), str}
_SETS = frozenset({set, frozenset})
_NESTING = frozenset({list, tuple, dict}) | _SETS
_PLAIN = _SCALARS | _NESTING
_DEEPEST = 40
_MOST_KEYS = 10_000
_ROOM = 20  # times the characters of one text, in bytes, up to which a value is written at all
_MANY = 64  # numbers, from which on their text is made piece by piece
_HUGE = 1_800  # bytes of a number that may be too long for a decimal text

# What may be said of a value:
_ODD = 1  # something in it is not told from all else by `marshal`
_LARGE = 2  # a container in it has more items, or stands deeper, than is shown, or has a secret key
_STRINGS = 4  # there are strings in it
_NESTED = 8  # there are containers in it
_SORTED = 16  # there is a set in it that is shown in another order than its own


class PlainValues:
    """Texts of lists, tuples and dicts that hold nothing but numbers, None, strings and containers like themselves.

    `items`, `depth` and `characters` bound what is shown, as in `values.Limits`.
    """

    def __init__(self, items: int, depth: int, characters: int, redactor: Redactor) -> None:
        self._items = items
        self._depth = depth
        self._characters = characters
        self._redactor = redactor
        self._numbers = NumberTexts()
        self._open_keys: set[str] = set()  # that are not secret

    def __call__(self, value: Any, dumped: bytes, render: Callable[[object], str]) -> tuple[str, bool, bool]:
        """The text of a list, tuple, dict or set of which `dumped` is the `marshal` in version 2.

        And whether `dumped` tells it from others; and whether it holds nothing that can change. `render` makes the text
        where it is not that of the interpreter.
        """
        try:
            if are_small_numbers(value, dumped) and (len(value) <= self._items or type(value) not in _SETS):
                if len(value) > _MANY and type(value) not in _SETS:
                    return self._of_numbers(type(value), len(value), dumped), True, True
                shape = 0
            else:
                shape = self._shape(value, 0)
            text = None if shape & (_ODD | _SORTED) else self._text(value, dumped, shape)
        except (RuntimeError, ValueError):  # another thread changes it, or a number is too long
            return render(value), False, False
        if text is None:
            text = render(value)
        return text, not shape & _ODD and marshal.dumps(value, 2) == dumped, not shape & (_ODD | _NESTED)

    def _of_numbers(self, kind: type, count: int, dumped: bytes) -> str:
        """The text of many small numbers, whatever has become of them since they were dumped."""
        shown = min(count, self._items)
        text = (self._numbers.of_pairs if kind is dict else self._numbers.of_items)(dumped, shown)
        if shown < count:
            text = f"{text}, {self._left(kind, count, dumped)}"
        return self._cut(f"[{text}]" if kind is list else f"({text})" if kind is tuple else f"{{{text}}}")

    def _text(self, value: Any, dumped: bytes, shape: int) -> str | None:
        numbers = not shape & (_STRINGS | _NESTED)
        if shape & _LARGE:
            return self._beginning(value, dumped) if numbers else None
        if len(dumped) > _ROOM * self._characters:
            return None
        text = repr(value)
        if len(text) <= self._characters:
            return self._redactor.hide(text) if shape & _STRINGS else text
        return self._cut(text) if numbers and _has_short_numbers(value, dumped) else None

    def _beginning(self, value: Any, dumped: bytes) -> str | None:
        kind = type(value)
        if len(value) <= self._items or (kind is not list and kind is not dict):
            return None
        shown = value[: self._items] if kind is list else dict(itertools.islice(value.items(), self._items))
        if not _has_short_numbers(shown, marshal.dumps(shown, 2)):
            return None
        text = repr(shown)
        return self._cut(f"{text[:-1]}, {self._left(kind, len(value), dumped)}{text[-1]}")

    def _left(self, kind: type, count: int, dumped: bytes) -> str:
        """What stands for the rest of a container of so many numbers, of which those that there is room for are shown.

        The digest is that of a list: for a dict, of its keys and values.
        """
        left, parts = count - self._items, count
        if kind is dict:
            parts *= 2
            dumped = b"[%b%b" % (parts.to_bytes(4, "little"), dumped[1:-1])
        elif kind is tuple:
            dumped = b"[" + dumped[1:]
        return f"<{left} more, {digest_of_dumped(parts, dumped, self._redactor)}>"

    def _cut(self, text: str) -> str:
        if len(text) <= self._characters:
            return text
        return f"{text[: self._characters // 2]}...<{len(text)} characters, {digest(text)}>"

    def _shape(self, value: Any, depth: int) -> int:
        if depth > _DEEPEST:
            return _ODD
        shape = _LARGE if len(value) > self._items or depth >= self._depth else 0
        if type(value) is not dict:
            return shape | self._parts(value, depth)
        shape |= self._parts(value, depth)
        if shape & _STRINGS and not shape & _ODD and not self._open_keys.issuperset(value) and self._has_secret(value):
            shape |= _LARGE
        return shape | self._parts(value.values(), depth)

    def _parts(self, parts: Collection[Any], depth: int) -> int:
        kinds = set(map(type, parts))
        shape = _STRINGS if str in kinds else 0
        if type(parts) in _SETS and not kinds <= _NUMBERS:
            shape |= _SORTED
        if kinds <= _SCALARS:
            return shape
        if not kinds <= _PLAIN:
            return _ODD
        for part in parts:
            if type(part) in _NESTING:
                shape |= self._shape(part, depth + 1)
        return shape | _NESTED

    def _has_secret(self, keys: Collection[Any]) -> bool:
        for key in keys:
            if type(key) is str and key not in self._open_keys:
                if self._redactor.is_secret_name(key):
                    return True
                if len(self._open_keys) < _MOST_KEYS:
                    self._open_keys.add(key)
        return False


def _has_short_numbers(value: Any, dumped: bytes) -> bool:
    """Whether no number in a value is too long for a decimal text, told by its dump."""
    return len(dumped) < len(value) + _HUGE or are_small_numbers(value, dumped)
