"""Lists, tuples and dicts of numbers and strings, whose text is the interpreter's own repr in most cases."""

from __future__ import annotations

import itertools
import marshal
from collections.abc import Callable, Collection
from typing import Any

from cwm_tracer.digest import digest, digest_of_dumped
from cwm_tracer.redaction import Redactor

_SCALARS = frozenset({int, float, bool, complex, type(None), str})
_NESTING = frozenset({list, tuple, dict})
_PLAIN = _SCALARS | _NESTING
_DEEPEST = 40
_MOST_KEYS = 10_000
_ROOM = 20  # times the characters of one text, in bytes, up to which a value is written at all
_HUGE = 1_800  # bytes of a number that may be too long for a decimal text

# What may be said of a value:
_ODD = 1  # something in it is not told from all else by `marshal`
_LARGE = 2  # a container in it has more items, or stands deeper, than is shown, or has a secret key
_STRINGS = 4  # there are strings in it
_NESTED = 8  # there are containers in it


class PlainValues:
    """Texts of lists, tuples and dicts that hold nothing but numbers, None, strings and containers like themselves.

    `items`, `depth` and `characters` bound what is shown, as in `values.Limits`.
    """

    def __init__(self, items: int, depth: int, characters: int, redactor: Redactor) -> None:
        self._items = items
        self._depth = depth
        self._characters = characters
        self._redactor = redactor
        self._open_keys: set[str] = set()  # that are not secret

    def __call__(self, value: Any, dumped: bytes, render: Callable[[object], str]) -> tuple[str, bool]:
        """The text of a list, tuple or dict, and whether `dumped`, its `marshal` in version 2, tells it from others.

        `render` makes the text where it is not that of the interpreter.
        """
        try:
            shape = 0 if _are_numbers(value, dumped) and len(value) <= self._items else self._shape(value, 0)
            text = None if shape & _ODD else self._text(value, dumped, shape)
        except (RuntimeError, ValueError):  # another thread changes it, or a number is too long
            return render(value), False
        if text is None:
            text = render(value)
        return text, not shape & _ODD and marshal.dumps(value, 2) == dumped

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
        left = len(value) - self._items
        kind = type(value)
        if left <= 0 or kind is tuple:
            return None
        shown = value[: self._items] if kind is list else dict(itertools.islice(value.items(), self._items))
        if not _has_short_numbers(shown, marshal.dumps(shown, 2)):
            return None
        parts = len(value)
        if kind is dict:  # which counts as the list of its keys and values
            parts *= 2
            dumped = b"[%b%b" % (parts.to_bytes(4, "little"), dumped[1:-1])
        digest = digest_of_dumped(parts, dumped, self._redactor)
        text = repr(shown)
        return self._cut(f"{text[:-1]}, <{left} more, {digest}>{text[-1]}")

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
    return len(dumped) < len(value) + _HUGE or _are_numbers(value, dumped)


def _are_numbers(value: Any, dumped: bytes) -> bool:
    """Whether a dump is of small whole numbers and nothing else: each takes five bytes, the first of them an `i`."""
    kind = type(value)
    start = 1 if kind is dict else 5
    count = 2 * len(value) if kind is dict else len(value)
    return len(dumped) == start + 5 * count + (kind is dict) and dumped[start : start + 5 * count : 5] == b"i" * count
