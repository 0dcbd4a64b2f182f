"""The bounded, address-free text of a value: its repr, as CWM's traces show it."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_tracer.deadline import Deadline, DeadlineExceeded
from cwm_tracer.digest import ATOMS, CONTAINERS, digest, digest_of, is_ordered, items_of
from cwm_tracer.redaction import REDACTED, is_secret_key

# Types whose repr runs nobody's code.
_TRUSTED = frozenset(
    {type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, types.GeneratorType, range}
)
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{7,16}\b| id='\d{7,}'")  # of objects, and as unittest.mock writes it
_CYCLES: dict[type, str] = {list: "[...]", tuple: "(...)"}
_HUGE = 100_000  # characters; a type that writes more is not asked again
_BIG = 1 << 14_000  # near the interpreter's limit on digits, beyond which decimal text is refused or takes long
_name_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__  # whatever a metaclass says


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one rendered value: items per container, nesting, characters in all, seconds in one `__repr__`."""

    items: int = 200
    depth: int = 12
    characters: int = 1_000
    seconds: float = 0.25


class Renderer:
    """Turns values into text, without addresses and without running more of anybody's code than `__repr__`.

    What is cut carries a digest that tells different values apart. A type whose `__repr__` took too long or wrote too
    much is not asked again.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._deadline = Deadline(self._limits.seconds)
        self._banned: dict[int, type] = {}

    def __call__(self, value: object) -> str:
        """The repr of `value`. Raises nothing but the RecursionError of a caller that has used up the stack."""
        if type(value) is str and len(value) <= self._limits.characters:
            return repr(value)
        try:
            text = self._text(value, 0, ())
        except RecursionError:
            raise
        except Exception:  # a container that another thread changes meanwhile, say
            text = _placeholder(value)
        if len(text) <= self._limits.characters:
            return text
        return f"{text[: self._limits.characters // 2]}...<{len(text)} characters, {digest(text)}>"

    def _text(self, value: object, depth: int, inside: tuple[int, ...]) -> str:
        kind = type(value)
        if type(kind) is not type:  # a metaclass may define how types hash
            return self._foreign(value)
        if kind in ATOMS:
            return self._atom(value)
        if kind not in CONTAINERS:
            return self._foreign(value)
        if id(value) in inside:
            return _CYCLES.get(kind, "{...}")
        items = items_of(value)
        if depth >= self._limits.depth:
            return self._summary(value, items)
        texts = self._texts(kind, items, depth + 1, (*inside, id(value)))
        left = len(items) - self._limits.items
        if left > 0:
            texts.append(f"<{left} more, {self._digest(value)}>")
        body = ", ".join(texts)
        if kind is list:
            return f"[{body}]"
        if kind is tuple:
            return f"({body},)" if len(items) == 1 else f"({body})"
        if kind is dict:
            return f"{{{body}}}"
        if not items:
            return f"{kind.__name__}()"
        return f"{{{body}}}" if kind is set else f"frozenset({{{body}}})"

    def _texts(self, kind: type, items: Sequence[Any], depth: int, inside: tuple[int, ...]) -> list[str]:
        """The texts of the first items."""
        shown = self._limits.items
        if kind is dict:
            return [self._pair(key, held, depth, inside) for key, held in items[:shown]]
        if (kind is set or kind is frozenset) and not is_ordered(items):
            return sorted([self._text(item, depth, inside) for item in items])[:shown]
        return [self._text(item, depth, inside) for item in items[:shown]]

    def _pair(self, key: object, held: object, depth: int, inside: tuple[int, ...]) -> str:
        shown = REDACTED if is_secret_key(key) else self._text(held, depth, inside)
        return f"{self._text(key, depth, inside)}: {shown}"

    def _atom(self, value: Any) -> str:
        kind = type(value)
        if (kind is str or kind is bytes) and len(value) > self._limits.characters:
            head = repr(value[: self._limits.characters // 4])
            return f"<{kind.__name__} {head}... of {len(value)}, {self._digest(value)}>"
        if kind is int and not -_BIG < value < _BIG:
            return hex(value)
        return repr(value)

    def _foreign(self, value: object) -> str:
        """The text of a value whose `__repr__` may be anybody's code."""
        kind = type(value)
        if type(kind) is type and kind in _TRUSTED:
            return _clean(repr(value), value)
        if id(kind) in self._banned:
            return _placeholder(value)
        items = items_of(value)
        if len(items) > (self._limits.characters if isinstance(items, (str, bytes)) else self._limits.items):
            return self._summary(value, items)
        try:
            text = str.__str__(self._deadline.call(repr, value))
        except KeyboardInterrupt:
            raise
        except DeadlineExceeded:
            self._banned[id(kind)] = kind
            return _placeholder(value)
        except BaseException:  # SystemExit from a __repr__ would end the user's program
            return _placeholder(value)
        if len(text) > _HUGE:
            self._banned[id(kind)] = kind
            return _placeholder(value)
        return _clean(text, value)

    def _summary(self, value: object, items: Sequence[Any]) -> str:
        unit = "characters" if isinstance(items, str) else "bytes" if isinstance(items, bytes) else "items"
        return f"<{_name_of(type(value))} of {len(items)} {unit}, {self._digest(value)}>"

    def _digest(self, value: object) -> str:
        return digest_of(value, self._foreign)


def _placeholder(value: object) -> str:
    return f"<{_name_of(type(value))} object>"


def _clean(text: str, value: object) -> str:
    """The text of a `__repr__` without addresses, and as text that can be written to a file."""
    text = _ADDRESS.sub("", text)
    for address in (f"{id(value):x}", str(id(value))):
        if address in text:
            text = text.replace(address, "...")
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()  # as the repr of a str shows lone surrogates
    return "<..>" if text == ".." else text  # `..` is the wire's word for "unchanged"
