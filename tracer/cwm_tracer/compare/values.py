"""How far two reprs mean the same value: as text, as what the texts spell, or as no more than values of one type.

Nothing is evaluated, and the time is bounded: what a model says may be anything.
"""

from __future__ import annotations

import enum
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache

from cwm_tracer.compare.literals import NotALiteral, Value, address_free, read
from cwm_tracer.model import Frame
from cwm_tracer.named_secrets import REDACTED

__all__ = [
    "REDACTED",
    "VARIES",
    "Level",
    "NotALiteral",
    "count_redacted",
    "is_redacted",
    "level_of",
    "matches",
    "plain_data",
    "same_value",
    "type_of",
]

VARIES = "<varies>"  # in a recorded expectation: any value
# Floats that differ by no more than this share of the larger are the same; there is no absolute tolerance.
TOLERANCE = 1e-9
# Elements of a set that are tried one by one once those that are exactly equal are gone.
_MAX_TRIED = 64
_SHORT = 1_000  # characters of two values; what became of longer ones is not kept
_ADDS_NOTHING = re.compile(r"-?(?:0|[1-9][0-9]*)|True|False|None")
_START = re.compile(r"<([\w.]+)|([^\W\d][\w.]*)\(|([bB]?)['\"]|([\[({])")


class Level(enum.Enum):
    """How far a predicted value is right, best first."""

    IDENTICAL = "identical"
    EQUAL = "equal"
    SAME_TYPE = "same type"
    DIFFERENT = "different"


def level_of(truth: str, predicted: str) -> Level:
    """Compare two reprs. Raises nothing, whatever the texts are."""
    if truth == predicted:
        return Level.IDENTICAL
    return (_level_of_short if len(truth) + len(predicted) <= _SHORT else _level_of)(truth, predicted)


def _level_of(truth: str, predicted: str) -> Level:
    if same_value(truth, predicted):
        return Level.EQUAL
    kind = type_of(truth)
    return Level.SAME_TYPE if kind is not None and kind == type_of(predicted) else Level.DIFFERENT


# A score asks, and then whoever shows it; a wrong value is often wrong in the next frames too.
_level_of_short = lru_cache(maxsize=1024)(_level_of)


def same_value(truth: str, predicted: str) -> bool:
    """Whether two reprs are the same text, or spell equal values.

    Stricter than `==` where Python is lax: 1, True and 1.0 differ, so do 0.0 and -0.0. NaN equals NaN, floats are
    equal within `TOLERANCE`. Sets and dicts have no order. What can't be read as data is compared as text without
    addresses.
    """
    if truth == predicted:
        return True
    return VARIES not in predicted and matches(truth, predicted)


def matches(truth: str, expected: str) -> bool:
    """The same for an expectation in which `<varies>` stands for any value."""
    if truth == expected or expected == VARIES:
        return True
    if _ADDS_NOTHING.fullmatch(truth) and _ADDS_NOTHING.fullmatch(expected):
        return False
    try:
        return equal(read(truth), read(expected))
    except NotALiteral:
        return address_free(truth) == address_free(expected)


def type_of(text: str) -> str | None:
    """The name of the type that a repr shows; None where it does not."""
    try:
        return read(text).type
    except NotALiteral:
        return _type_at_the_start(text)


def is_redacted(truth: str) -> bool:
    """Whether a recorded value, or a part of it, was withheld, so that no prediction of it can be scored."""
    return REDACTED in truth


def any_redacted(frames: Iterable[Frame]) -> bool:
    """Whether a value of some frames is not shown. What many frames show is looked at once."""
    shown: set[str | None] = set()
    for frame in frames:
        if frame.locals is not None:
            shown.update(frame.locals.values())
        shown.add(frame.argument)
    return any(is_redacted(value) for value in shown if value is not None)


def count_redacted(frames: Iterable[Frame]) -> int:
    """How many values of some frames are not shown."""
    return sum(
        is_redacted(value)
        for frame in frames
        for value in (*(frame.locals or {}).values(), frame.argument)
        if value is not None
    )


def plain_data(text: str) -> object:
    """The built-in object that a repr spells, for display. Raises `NotALiteral`."""
    try:
        return _built(read(text))
    except (TypeError, ValueError) as error:  # a list as a key of a dict; too many digits
        raise NotALiteral(str(error)) from None


def equal(a: Value, b: Value) -> bool:
    """Whether two values that were read are equal, as `matches` says."""
    if a.key == b.key or (b.opaque and b.atom == VARIES):
        return True
    if a.type != b.type or a.called != b.called or a.opaque != b.opaque:
        return False
    if a.type == "float" and isinstance(a.atom, float) and isinstance(b.atom, float):
        return _close(a.atom, b.atom)
    if a.type == "complex" and isinstance(a.atom, complex) and isinstance(b.atom, complex):
        return _close(a.atom.real, b.atom.real) and _close(a.atom.imag, b.atom.imag)
    if a.atom != b.atom or len(a.items) != len(b.items) or len(a.fields) != len(b.fields):
        return False
    if a.type in ("set", "frozenset"):
        return _same_elements(a.items, b.items)
    if not all(map(equal, a.items, b.items)):
        return False
    return _same_fields(a, b)


def _close(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.copysign(1, a) == math.copysign(1, b) and math.isclose(a, b, rel_tol=TOLERANCE)


def _same_fields(a: Value, b: Value) -> bool:
    if not a.fields:
        return True
    # A repr may name a key twice only when it isn't one; the last one counts, as in Python.
    left = {key.key: value for key, value in a.fields}
    right = {key.key: value for key, value in b.fields}
    return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())


def _same_elements(left: Sequence[Value], right: Sequence[Value]) -> bool:
    """Elements that are exactly equal first, then those that are so within the tolerance."""
    common = Counter(item.key for item in left) & Counter(item.key for item in right)
    rest, remaining = _without(left, common), _without(right, common)
    if len(rest) > _MAX_TRIED:
        return False
    for item in rest:
        match = next((other for other in remaining if equal(item, other)), None)
        if match is None:
            return False
        remaining.remove(match)
    return not remaining


def _without(items: Sequence[Value], common: Counter[Hashable]) -> list[Value]:
    left = Counter(common)
    kept = []
    for item in items:
        if left[item.key] > 0:
            left[item.key] -= 1
        else:
            kept.append(item)
    return kept


def _built(value: Value) -> object:
    if value.opaque or value.called or (value.type == "int" and not isinstance(value.atom, int)):
        raise NotALiteral(f"{value.type} is no literal")
    if value.type == "dict":
        return {_built(key): _built(item) for key, item in value.fields}
    makers: dict[str, Callable[..., object]] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
    maker = makers.get(value.type)
    return maker(map(_built, value.items)) if maker is not None else value.atom


def _type_at_the_start(text: str) -> str | None:
    match = _START.match(text)
    if match is None:
        return None
    name, called, prefix, bracket = match.groups()
    if bracket is not None:
        return {"[": "list", "(": "tuple"}.get(bracket)
    if prefix is not None:
        return "bytes" if prefix else "str"
    return str(name or called)
