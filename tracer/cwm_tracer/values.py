"""The bounded, address-free text of a value: its repr, as CWM's traces show it."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_tracer.digest import ATOMS, CONTAINERS, Budget, digest, digest_of, is_ordered, items_of
from cwm_tracer.foreign import ForeignCalls, clean, name_of, placeholder
from cwm_tracer.mixed import MixedValues
from cwm_tracer.native import native_repr
from cwm_tracer.own_repr import OwnReprs
from cwm_tracer.payloads import has_payload, payload_of
from cwm_tracer.plain import PlainValues
from cwm_tracer.records import fields_of
from cwm_tracer.redaction import REDACTED, Redactor
from cwm_tracer.signals import raised_by_handler

_CYCLES: dict[type, str] = {list: "[...]", tuple: "(...)"}
_MARGIN = 4_000  # characters beyond a cut in which the rest of a secret is looked for
_ROOM = 20  # times the characters of one text are written at most, before it is cut
_MOST_HIDDEN = 1_000  # texts in which something is hidden that are remembered
_BIG = 1 << 14_000  # near the interpreter's limit on digits, beyond which decimal text is refused or takes long


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one rendered value: items per container, nesting, characters in all, seconds in the program's code."""

    items: int = 200
    depth: int = 12
    characters: int = 1_000
    seconds: float = 0.25


class Renderer:
    """Turns values into text, without addresses and without running more of anybody's code than `__repr__`.

    What is cut carries a digest that tells different values apart. What is secret is replaced before anything is cut. A
    type whose `__repr__` took too long or wrote too much is not asked again. `describe` is a function of the user's own
    that gives the text of a value of a type that isn't built in, or None.
    """

    def __init__(self, limits: Limits | None = None, redactor: Redactor | None = None) -> None:
        self._limits = limits or Limits()
        self.redactor = redactor or Redactor()
        self.describe: Callable[[object], object] | None = None
        self._plain = PlainValues(self._limits.items, self._limits.depth, self._limits.characters, self.redactor)
        self._ask = ForeignCalls(self._limits.seconds)
        self._own = OwnReprs()
        self._mixed = MixedValues(self._limits.items, self._limits.characters, self._own, self._ask, self.redactor)
        self._room = 0
        self._parts = Budget()
        self._undescribed: dict[int, type] = {}
        self._unshown: dict[int, type] = {}

    def for_another_thread(self) -> Renderer:
        """One that says the same, for use at the same time."""
        other = Renderer(self._limits, self.redactor)
        other.describe = self.describe
        return other

    def __call__(self, value: object) -> str:
        """The repr of `value`. Raises nothing but the RecursionError of a caller that has used up the stack."""
        characters = self._limits.characters
        if type(value) is str and len(value) <= characters:
            return self.redactor.hide(repr(value))
        self._room = characters * _ROOM
        self._parts = Budget()
        self._ask.restart()
        try:
            text = self._text(value, 0, ())
            if len(text) <= characters:
                return text
            self._parts = Budget()
            whole = self._digest((value,), ()) if self._room < 0 else digest(text)
            return self._cut(text, whole)
        except RecursionError:
            raise
        except Exception as error:  # a container that another thread changes meanwhile, say
            if raised_by_handler(error):
                raise
            return placeholder(value)

    def own_repr(self, value: object) -> str | None:
        """What a value's `__repr__` says, if it is in Python and makes the text, `told`; otherwise None."""
        if self.describe is not None or not self._own.has(value):
            return None
        text = self._ask.raw(repr, value, self._unshown, anew=True)
        return placeholder(value) if text is None else text

    def told(self, value: object, said: str) -> str:
        """The text of a value whose `own_repr` is known."""
        text = self.redactor.hide(clean(said, value))
        return text if len(text) <= self._limits.characters else self._cut(text, digest(text))

    def native(self, value: object, told: str) -> str:
        """The text of a value whose `native_repr` is known."""
        return self(value) if len(told) > self._limits.characters else self.redactor.hide(clean(told, value))

    def of_dumped(self, value: object, dumped: bytes) -> tuple[str, bool, bool]:
        """The text of a list, tuple, dict or set of which `dumped` is the `marshal` in version 2.

        And whether what is dumped so has that text always, and whether it can't change but by an item's replacement.
        """
        return self._plain(value, dumped, self)

    def of_container(self, value: object, known: dict[tuple[str, int], str] | None = None) -> str:
        """What a call gives for a list, tuple, dict or set of any values, mostly sooner.

        `known` remembers texts in which something is hidden. It is to be a recording's own, since secrets that are
        found are learned for that.
        """
        if self.describe is not None:
            return self(value)
        self._ask.restart()
        text = self._mixed(value)
        if text is not None:
            return text if len(text) <= self._limits.characters else self._cut(text, digest(text))
        told = self._mixed.told
        if told is None or known is None:
            return self(value)
        key = told, id(value)
        text = known.get(key)
        if text is None:
            text = self(value)
            if len(known) >= _MOST_HIDDEN:
                known.clear()
            known[key] = text
        return text

    def returned(self, value: object, name: str) -> str:
        """The text of what a function returned; a string that one like `get_password` returns is secret."""
        kind = type(value)
        if (kind is str or kind is bytes) and self.redactor.is_secret_name(name):
            self.redactor.learn(value)
            return REDACTED
        return self(value)

    def _cut(self, text: str, whole: str) -> str:
        secret = f", {REDACTED}" if REDACTED in text and REDACTED not in whole else ""
        return f"{text[: self._limits.characters // 2]}...<{len(text)} characters, {whole}{secret}>"

    def _text(self, value: object, depth: int, inside: tuple[int, ...]) -> str:
        kind = type(value)
        if type(kind) is not type:  # a metaclass may define how types hash
            return self._foreign(value, depth, inside)
        if kind in ATOMS:
            return self._atom(value)
        if kind not in CONTAINERS:
            return self._foreign(value, depth, inside)
        if id(value) in inside:
            return _CYCLES.get(kind, "{...}")
        items = items_of(value)
        if depth >= self._limits.depth:
            return self._summary(value, items, inside)
        texts = self._texts(kind, items, depth + 1, (*inside, id(value)))
        left = len(items) - len(texts)
        if left > 0:
            texts.append(self._left(left, value, inside))
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
            return self._fitting(self._pair(key, held, depth, inside) for key, held in items[:shown])
        if (kind is set or kind is frozenset) and not is_ordered(items):
            if len(items) > _ROOM * shown and all(type(item) is str for item in items):
                items = heapq.nsmallest(shown, items)  # rendering all of them to sort their texts would take long
            return sorted([self._text(item, depth, inside) for item in items])[:shown]
        if kind is tuple and len(items) == 2 and self.redactor.is_secret_key(items[0]):
            return [self._text(items[0], depth, inside), self._held(items[0], items[1], depth, inside)]
        return self._fitting(self._text(item, depth, inside) for item in items[:shown])

    def _fitting(self, made: Iterable[str]) -> list[str]:
        """Texts, as they are made, as long as there is room for them."""
        texts = []
        for text in made:
            texts.append(text)
            self._room -= len(text)
            if self._room < 0:
                break
        return texts

    def _left(self, count: int, value: object, inside: tuple[int, ...]) -> str:
        """What stands for the rest of a container; without room for more, the whole value is to have a digest."""
        return f"<{count} more, {self._digest(value, inside)}>" if self._room >= 0 else f"<{count} more>"

    def _pair(self, key: object, held: object, depth: int, inside: tuple[int, ...]) -> str:
        return f"{self._text(key, depth, inside)}: {self._held(key, held, depth, inside)}"

    def _held(self, name: object, held: object, depth: int, inside: tuple[int, ...]) -> str:
        """The text of what is held under a name."""
        if not self.redactor.is_secret_key(name):
            return self._text(held, depth, inside)
        self.redactor.learn(held)
        return REDACTED

    def _atom(self, value: Any) -> str:
        kind = type(value)
        if (kind is str or kind is bytes) and len(value) > self._limits.characters:
            return self._long(value)
        if kind is int and not -_BIG < value < _BIG:
            return hex(value)
        return self.redactor.hide(repr(value)) if kind is str or kind is bytes else repr(value)

    def _long(self, value: str | bytes) -> str:
        """The beginning of a long string. What is secret is hidden before it is cut: no part of it may remain."""
        cut = self._limits.characters // 4
        head, shown = repr(value[:cut]), repr(value[: cut + _MARGIN])
        hidden = self.redactor.hide(shown)
        if hidden != shown:
            head = hidden[: len(head) - 1] + head[-1]
        return f"<{type(value).__name__} {head}... of {len(value)}, {self._digest(value, ())}>"

    def _foreign(self, value: object, depth: int, inside: tuple[int, ...]) -> str:
        """The text of a value whose `__repr__` may be anybody's code."""
        told = native_repr(value, default=self.describe is None)
        if told is not None:
            return self.redactor.hide(clean(told, value))
        kind = type(value)
        if self.describe is not None and (described := self._described(value)) is not None:
            return described
        fields = fields_of(value)
        if fields is not None:
            return self._record(value, fields, depth, inside)
        items = items_of(value)
        if len(items) > (self._limits.characters if isinstance(items, (str, bytes)) else self._limits.items):
            return self._summary(value, items, inside)
        make: Callable[[object], object] = repr
        banned = self._unshown
        if has_payload(kind):
            banned = {}  # what takes long there is the value or the machine, not the type
            make = functools.partial(payload_of, show=lambda element: self._text(element, depth + 1, inside))
        elif self._own.interferes(value):
            return placeholder(value)
        told = self._ask(make, value, banned)
        return placeholder(value) if told is None else self.redactor.hide(told)

    def _described(self, value: object) -> str | None:
        """What the user's own function says of a value."""
        told = self._ask(self.describe, value, self._undescribed) if self.describe is not None else None
        return None if told is None else self.redactor.hide(told)

    def _record(self, value: object, fields: Sequence[tuple[str, Any]], depth: int, inside: tuple[int, ...]) -> str:
        """A dataclass or a named tuple, as its repr shows it."""
        kind = type(value)
        if id(value) in inside:
            return "..."
        if depth >= self._limits.depth or len(fields) > self._limits.items:
            return self._summary(value, fields, inside)
        within = (*inside, id(value))
        texts = self._fitting(f"{name}={self._held(name, held, depth + 1, within)}" for name, held in fields)
        left = len(fields) - len(texts)
        if left > 0:
            texts.append(self._left(left, value, inside))
        return f"{kind.__name__ if issubclass(kind, tuple) else name_of(kind)}({', '.join(texts)})"

    def _summary(self, value: object, items: Sequence[Any], inside: tuple[int, ...]) -> str:
        unit = "characters" if isinstance(items, str) else "bytes" if isinstance(items, bytes) else "items"
        return f"<{name_of(type(value))} of {len(items)} {unit}, {self._digest(value, inside)}>"

    def _digest(self, value: object, inside: tuple[int, ...]) -> str:
        shown = functools.partial(self._foreign, depth=self._limits.depth, inside=inside)
        return digest_of(value, shown, self.redactor, self._parts)
