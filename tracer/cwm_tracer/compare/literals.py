"""Read a repr as data, without evaluating anything and in bounded time, whatever a model wrote.

Read are literals, the constructor calls that dataclasses, datetimes or deques show (`Point(x=1, y=2)`), and objects in
angle brackets, which are opaque. A text beyond the limits, or any other, is `NotALiteral`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import lru_cache

MAX_LENGTH = 20_000
MAX_DEPTH = 50
_SHORT = 1_000  # characters; what is read of a longer text is not kept
_DIGITS = 600  # of an integer; the interpreter's own limit may be set as low as that

_ESCAPE = r"\\(?:[\\'\"abfnrtv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_STRING = rf"""'(?:[^'\\\n]|{_ESCAPE})*'|"(?:[^"\\\n]|{_ESCAPE})*\""""
_NUMBER = r"(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|(?:nan|inf)(?![\w.(=]))"
_TOKEN = re.compile(
    rf"""[ ]*(?:
    (?P<number>-?{_NUMBER}(?:[jJ]|[-+]{_NUMBER}[jJ])?(?![\w.]))
  | (?P<string>[bB]?(?:{_STRING}))
  | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
  | (?P<mark>[()\[\]{{}},:=])
  | (?P<angle><)
    )[ ]*""",
    re.VERBOSE,
)
_QUOTED = re.compile(_STRING)
_INTEGER = re.compile(r"-?[0-9]+")
_OBJECT = re.compile(r"<([\w.]+)")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_NAMES = {"True": True, "False": False, "None": None, "Ellipsis": ...}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+\b| id='\d{7,}'")  # of objects, and as unittest.mock writes it


class NotALiteral(ValueError):
    """A text that can't be read as data, or one beyond the limits."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as its repr spells it, `text[start:stop]`.

    `type` is the name of its type. An atom's value is `atom`; an opaque object's is its text without addresses.
    `items` are those of a sequence, a set or a call, `fields` those of a dict and a call's by name. `key` is the same
    exactly for equal values, in any order of sets and dicts.
    """

    type: str
    text: str
    start: int
    stop: int
    atom: Hashable = None
    items: tuple[Value, ...] = ()
    fields: tuple[tuple[Value, Value], ...] = ()
    opaque: bool = False
    called: bool = False
    key: Hashable = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # From the keys of the parts, so that no comparison has to go through all of them again.
        atom = self.atom
        if isinstance(atom, float):
            atom = atom.hex()
        elif isinstance(atom, complex):
            atom = (atom.real.hex(), atom.imag.hex())
        keys = (item.key for item in self.items)
        items: Hashable = frozenset(Counter(keys).items()) if self.type in ("set", "frozenset") else tuple(keys)
        fields = frozenset({name.key: item.key for name, item in self.fields}.items())
        object.__setattr__(self, "key", (self.type, self.called, self.opaque, atom, items, fields))

    @property
    def shown(self) -> str:
        """Its own part of the text."""
        return self.text[self.start : self.stop]


def address_free(text: str) -> str:
    """The text without memory addresses."""
    return _ADDRESS.sub("", text) if " at 0x" in text or " id='" in text else text


def read(text: str) -> Value:
    """The value that a repr spells. Raises `NotALiteral`."""
    if len(text) > MAX_LENGTH:
        raise NotALiteral("too long")
    return _read_short(text) if len(text) <= _SHORT else _Reader(text).whole()


@lru_cache(maxsize=512)
def _read_short(text: str) -> Value:
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._ahead = _TOKEN.match(text)

    def whole(self) -> Value:
        """The value that the text spells from end to end."""
        value = self._value(0)
        if self._position < len(self._text) or self._ahead is not None:
            raise self._error()
        return value

    def _value(self, depth: int) -> Value:
        token = self._take()
        start, stop = token.span(token.lastgroup or 0)
        text = self._text[start:stop]
        if token.lastgroup == "number":
            kind, atom = _number(text)
            return Value(kind, self._text, start, stop, atom)
        if token.lastgroup == "string":
            kind, atom = _string(text)
            return Value(kind, self._text, start, stop, atom)
        if token.lastgroup == "angle":
            return self._object(start)
        if token.lastgroup == "name":
            return self._call(start, text, depth) if self._is("(") else self._constant(start, stop)
        return self._container(start, text, depth)

    def _constant(self, start: int, stop: int) -> Value:
        name = self._text[start:stop]
        if name not in _NAMES:
            raise NotALiteral(f"the name {name!r}")
        return Value(type(_NAMES[name]).__name__, self._text, start, stop, _NAMES[name])

    def _object(self, start: int) -> Value:
        """`<...>`, up to the bracket that closes it; those in quotes do not count."""
        depth, at = 0, start
        while at < len(self._text):
            character = self._text[at]
            depth += (character == "<") - (character == ">" and self._text[at - 1] != "-")
            quoted = _QUOTED.match(self._text, at) if character in "'\"" else None
            at = quoted.end() if quoted else at + 1
            if not depth:
                shown = self._text[start:at]
                self._go_to(at)
                kind = _OBJECT.match(shown)
                return Value(kind[1] if kind else "object", self._text, start, at, address_free(shown), opaque=True)
        raise NotALiteral(f"nothing closes the bracket at character {start}")

    def _call(self, start: int, name: str, depth: int) -> Value:
        self._take()
        items, fields, _, stop = self._items(")", depth)
        if name in ("set", "frozenset") and not fields and len(items) < 2:
            inner = items[0] if items else None
            if inner is None or inner.type in ("set", "list", "tuple"):
                return Value(name, self._text, start, stop, items=inner.items if inner else ())
        return Value(name, self._text, start, stop, items=items, fields=fields, called=True)

    def _container(self, start: int, bracket: str, depth: int) -> Value:
        if bracket not in _CLOSING:
            raise self._error()
        items, fields, commas, stop = self._items(_CLOSING[bracket], depth)
        if bracket == "(" and len(items) == 1 and not commas:
            return items[0]
        if items and fields:
            raise NotALiteral("neither a set nor a dict")
        kind = {"(": "tuple", "[": "list", "{": "set" if items else "dict"}[bracket]
        return Value(kind, self._text, start, stop, items=items, fields=fields)

    def _items(self, end: str, depth: int) -> tuple[tuple[Value, ...], tuple[tuple[Value, Value], ...], int, int]:
        """Items, `key: value` or `name=value` fields, the number of commas, and where the closing bracket ends."""
        if depth >= MAX_DEPTH:
            raise NotALiteral("too deep")
        items: list[Value] = []
        fields: list[tuple[Value, Value]] = []
        commas = 0
        while not self._is(end):
            if len(items) + len(fields) > commas:
                self._need(",")
                commas += 1
                continue
            key = self._field_name() if end == ")" else None
            if key is None:
                key = self._value(depth + 1)
                if end != "}" or not self._is(":"):
                    items.append(key)
                    continue
            self._take()
            fields.append((key, self._value(depth + 1)))
        stop = self._take().end("mark")
        return tuple(items), tuple(fields), commas, stop

    def _field_name(self) -> Value | None:
        token = self._ahead
        if token is None or token.lastgroup != "name" or not self._text.startswith("=", token.end()):
            return None
        self._take()
        return Value("name", self._text, token.start("name"), token.end("name"), token["name"])

    def _is(self, mark: str) -> bool:
        return self._ahead is not None and self._ahead["mark"] == mark

    def _need(self, mark: str) -> None:
        if not self._is(mark):
            raise self._error()
        self._take()

    def _take(self) -> re.Match[str]:
        token = self._ahead
        if token is None:
            raise self._error()
        self._go_to(token.end())
        return token

    def _go_to(self, position: int) -> None:
        self._position = position
        self._ahead = _TOKEN.match(self._text, position)

    def _error(self) -> NotALiteral:
        return NotALiteral(f"no literal at character {self._position}")


def _number(text: str) -> tuple[str, Hashable]:
    if _INTEGER.fullmatch(text):
        if len(text.lstrip("-0")) < len(text.lstrip("-")) and text.strip("-0"):
            raise NotALiteral("an integer with zeros before it")
        return "int", int(text) if len(text) < _DIGITS else text
    if text[-1] in "jJ":
        return "complex", complex(text)
    return "float", float(text)


def _string(text: str) -> tuple[str, Hashable]:
    kind = "bytes" if text[0] in "bB" else "str"
    if "\\" not in text and kind == "str":
        return kind, text[1:-1]
    try:
        value: Hashable = ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise NotALiteral(str(error)) from None
    return kind, value
