"""Digests of whole values: what tells two values apart where only a part of them is shown."""

from __future__ import annotations

import collections
import hashlib
import marshal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_tracer.records import fields_of
from cwm_tracer.redaction import REDACTED, Redactor

# Immutable values of exact builtin types, whose identity implies an equal repr.
ATOMS = frozenset({int, float, bool, str, bytes, complex, type(None), type(Ellipsis)})
CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
_NUMBERS = frozenset({int, float, bool, complex})
_REDACTED = REDACTED.encode()
_MOST = 200_000  # parts of one value that are looked at, atoms in a container of nothing else aside
_MOST_AGAIN = 10_000  # that are looked at once more, where a container of containers stands in a value more than once


@dataclass(slots=True)
class Budget:
    """How many parts digests that belong together may still look at."""

    left: int = _MOST
    again: int = _MOST_AGAIN


# What a builtin container or string holds, whatever a subclass makes of iteration.
_ITEMS: dict[type, Callable[[Any], Sequence[Any]]] = {
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: list(tuple.__iter__(value)),
    collections.OrderedDict: lambda value: list(collections.OrderedDict.items(value)),
    dict: lambda value: list(dict.items(value)),
    set: lambda value: list(set.__iter__(value)),
    frozenset: lambda value: list(frozenset.__iter__(value)),
    collections.deque: lambda value: list(collections.deque.__iter__(value)),
    str: str.__str__,
    bytes: lambda value: bytes(memoryview(value)),
    bytearray: lambda value: bytes(memoryview(value)),
}
SIZED = tuple(_ITEMS)


def items_of(value: object) -> Sequence[Any]:
    """The items of a builtin container or string or of a subclass of one, pairs for a dict; of another value, none.

    Runs no code of the value's, and what it returns doesn't change with the value.
    """
    kind = type(value)
    known = _ITEMS.get(kind) if type(kind) is type else None
    if known is None and issubclass(kind, SIZED):
        known = next(_ITEMS[base] for base in SIZED if issubclass(kind, base))
    return () if known is None else known(value)


def is_ordered(items: Iterable[object]) -> bool:
    """Whether the items of a set hash to the same in every process, so that their order is the program's own."""
    return all(
        type(item) in _NUMBERS or (type(item) is tuple and all(type(part) in _NUMBERS for part in item))
        for item in items
    )


def digest(text: str) -> str:
    """Twelve hexadecimal digits, the same in every process."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def digest_of(value: object, shown: Callable[[object], str], redactor: Redactor, budget: Budget) -> str:
    """A digest of all that a record, a builtin container or string, or one of a subclass, holds at any depth.

    `shown` gives the text of what is neither inside. Secrets don't count; where there is any, the digest says so, as it
    does where a value has more parts than the budget is for: then it is of a beginning.
    """
    result = hashlib.sha256()
    hidden = False
    for chunk in _chunks(value, shown, redactor, budget):
        concealed = redactor.hide_in_bytes(chunk)
        hidden = hidden or _REDACTED in concealed
        result.update(concealed)
        budget.left -= 1
        if budget.left < 0:
            return f"{result.hexdigest()[:12]} of a beginning" + (f", {REDACTED}" if hidden else "")
    return f"{result.hexdigest()[:12]}, {REDACTED}" if hidden else result.hexdigest()[:12]


def digest_of_dumped(count: int, dumped: bytes, redactor: Redactor) -> str:
    """`digest_of` a list of `count` atoms, of which `dumped` is the `marshal` in version 2."""
    result = hashlib.sha256()
    hidden = False
    for chunk in (b"%d(" % count, dumped):
        concealed = redactor.hide_in_bytes(chunk)
        hidden = hidden or _REDACTED in concealed
        result.update(concealed)
    return f"{result.hexdigest()[:12]}, {REDACTED}" if hidden else result.hexdigest()[:12]


class _Leave:
    """Stands on the stack of a walk for the end of a container."""

    def __init__(self, identity: int) -> None:
        self.identity = identity


def _chunks(root: object, shown: Callable[[object], str], redactor: Redactor, budget: Budget) -> Iterator[bytes]:
    """Bytes that differ where two values do. Not recursive, so that the depth of a value is no limit."""
    stack: list[Any] = [root]
    inside: dict[int, int] = {}
    seen: dict[int, int] = {}
    while stack:
        value = stack.pop()
        kind = type(value)
        builtin = type(kind) is type
        if kind is _Leave:
            del inside[value.identity]
        elif builtin and kind in ATOMS:
            yield marshal.dumps(value, 2)
        elif id(value) in inside:
            yield b"^%d" % inside[id(value)]
        elif budget.again < 0 and id(value) in seen:
            yield b"=%d" % seen[id(value)]
        elif (fields := fields_of(value)) is not None or value is root or (builtin and kind in CONTAINERS):
            items = _flat(value, shown, redactor, budget) if fields is None else _held(fields, redactor)
            yield f"{'' if value is root else kind.__name__}{len(items)}(".encode()
            if _are_atoms(items):
                yield marshal.dumps(items, 2)
            else:
                if id(value) in seen:
                    budget.again -= 1 + len(items)
                seen.setdefault(id(value), len(seen))
                inside[id(value)] = len(inside)
                stack.append(_Leave(id(value)))
                stack.extend(reversed(items))
        else:
            yield marshal.dumps(shown(value), 2)


def _flat(value: object, shown: Callable[[object], str], redactor: Redactor, budget: Budget) -> list[Any]:
    """What is in a container, in an order that is the same in every process."""
    kind, items = type(value), items_of(value)
    if issubclass(kind, dict):
        return _held(items, redactor)
    if issubclass(kind, (set, frozenset)):
        if _are_atoms(list(items)):
            return sorted(marshal.dumps(item, 2) for item in items)
        return sorted(digest_of((item,), shown, redactor, budget) for item in items)
    return [items] if isinstance(items, (str, bytes)) else list(items)


def _held(pairs: Iterable[Any], redactor: Redactor) -> list[Any]:
    """What is held under names, and the names."""
    return [part for key, held in pairs for part in (key, REDACTED if redactor.is_secret_key(key) else held)]


def _are_atoms(items: list[Any]) -> bool:
    try:
        return set(map(type, items)) <= ATOMS
    except Exception:  # a metaclass may define how types hash
        return False
