"""Where inside two nested values they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from cwm_tracer.compare.literals import NotALiteral, Value, read
from cwm_tracer.compare.values import equal

_SHORT = 1_000  # characters of two values; what was found in longer ones is not kept


@dataclass(frozen=True, slots=True)
class Inner:
    """A part that differs: its path (`['items'][2].price`) and its two reprs, None where a side has no such part."""

    path: str
    truth: str | None
    predicted: str | None


def only_difference(truth: str, predicted: str) -> Inner | None:
    """The one part in which two nested values differ; None where it is the whole, or there are several."""
    return (_only_short if len(truth) + len(predicted) <= _SHORT else _only)(truth, predicted)


def _only(truth: str, predicted: str) -> Inner | None:
    try:
        found = list(islice(_differences(read(truth), read(predicted), ""), 2))
    except NotALiteral:
        return None
    return found[0] if len(found) == 1 and found[0].path else None


_only_short = lru_cache(maxsize=1024)(_only)  # a sentence asks, and then whoever writes the paths


def _differences(a: Value, b: Value, path: str) -> Iterator[Inner]:
    if equal(a, b):
        return
    alike = a.type == b.type and a.called == b.called and not a.opaque
    if alike and a.fields and b.fields and len(a.items) == len(b.items) == 0:
        yield from _in_fields(a, b, path)
    elif alike and a.type in ("list", "tuple"):
        yield from _in_sequence(a, b, path)
    else:
        yield Inner(path, a.shown, b.shown)


def _in_fields(a: Value, b: Value, path: str) -> Iterator[Inner]:
    left, right = ({key.key: (key, item) for key, item in value.fields} for value in (a, b))
    for each in {**left, **right}:
        name = (left.get(each) or right[each])[0].shown
        inner = f"{path}.{name}" if a.called else f"{path}[{name}]"
        if each not in right:
            yield Inner(inner, left[each][1].shown, None)
        elif each not in left:
            yield Inner(inner, None, right[each][1].shown)
        else:
            yield from _differences(left[each][1], right[each][1], inner)


def _in_sequence(a: Value, b: Value, path: str) -> Iterator[Inner]:
    """Item by item where both are of one length or one begins the other, else as a whole."""
    common = min(len(a.items), len(b.items))
    if len(a.items) == len(b.items):
        for number, (item, other) in enumerate(zip(a.items, b.items, strict=True)):
            yield from _differences(item, other, f"{path}[{number}]")
    elif abs(len(a.items) - len(b.items)) == 1 and all(map(equal, a.items, b.items)):
        rest = [value.items[common].shown if len(value.items) > common else None for value in (a, b)]
        yield Inner(f"{path}[{common}]", *rest)
    else:
        yield Inner(path, a.shown, b.shown)
