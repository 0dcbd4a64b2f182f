"""The shape of the document: which JSON types stand where. Checked on reading, so that a renderer meets no surprise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with these fields; those in `optional` may be absent, others that are not named are ignored."""

    required: dict[str, Any]
    optional: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Map:
    """An object of any keys whose values all have one shape."""

    values: Any


@dataclass(frozen=True, slots=True)
class Items:
    """A list of items of one shape."""

    each: Any


@dataclass(frozen=True, slots=True)
class Row:
    """A list of exactly these items."""

    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of several shapes."""

    options: tuple[Any, ...]


def mismatch(value: object, shape: Any) -> str | None:
    """The first place where `value` does not have `shape` and what is wrong there (".tests[3] is no object").

    None where it has. The place is put together on the way back only, since nearly all values are right.
    """
    if isinstance(shape, type):
        right = isinstance(value, shape) and (shape is not int or (value is not True and value is not False))
        return None if right else f" is no {shape.__name__}"
    if isinstance(shape, Either):
        return _none_fits(value, shape.options)
    if isinstance(shape, Items):
        if not isinstance(value, list):
            return " is no list"
        return _first((number, item, shape.each) for number, item in enumerate(value))
    if isinstance(shape, Row):
        if not isinstance(value, list) or len(value) != len(shape.items):
            return f" is no list of {len(shape.items)}"
        return _first(zip(range(len(value)), value, shape.items, strict=True))
    if isinstance(shape, Map):
        if not isinstance(value, dict):
            return " is no object"
        return _first((name, item, shape.values) for name, item in value.items())
    if isinstance(shape, Fields):
        if not isinstance(value, dict):
            return " is no object"
        absent = next((name for name in shape.required if name not in value), None)
        if absent is not None:
            return f" has no {absent!r}"
        named = {**shape.required, **shape.optional}
        return _first((name, value[name], each) for name, each in named.items() if name in value)
    return None if value is shape or value == shape else f" is not {shape!r}"


def _first(inner: Iterable[tuple[str | int, object, Any]]) -> str | None:
    for place, value, shape in inner:
        found = mismatch(value, shape)
        if found is not None:
            return f"[{place}]{found}" if isinstance(place, int) else f".{place}{found}"
    return None


def _none_fits(value: object, options: tuple[Any, ...]) -> str | None:
    kind = type(value)
    if any(option is kind or option is value for option in options):
        return None
    faults = []
    for option in options:
        fault = mismatch(value, option)
        if fault is None:
            return None
        faults.append(fault)
    # The deepest fault tells what was meant.
    return max(faults, key=len)


def _or_none(shape: Any) -> Either:
    return Either((None, shape))


_NUMBER = Either((int, float, "inf", "nan"))
_METRICS = Map(
    Either((Fields({"correct": int, "total": int}, {}), Fields({"sum": _NUMBER, "count": int}, {}))),
)
_PROBLEMS = Items(Row((str, int, str)))
_LINES = Items(Row((str, _or_none(str), _or_none(int))))
_STATE = Map(Either((str, Row((str,)))))
_FRAME = Either((Row((Either(("C", "L")), int, _STATE, int)), Row((Either(("R", "E")), int, _or_none(str), int))))
_CONTEXT = Fields(
    {
        "text": str,
        "places": Items(Either((Row((None, None, int)), Row((str, int, int))))),
        "entry": _or_none(int),
    },
    {},
)
_META = Fields({"python": _or_none(str), "ending": str, "producer": str}, {})
_TRACE = Fields({"meta": _META, "context": Either(("=", _CONTEXT)), "lines": _LINES, "frames": Items(_FRAME)}, {})
_CHOICE = Fields({"frame": Either((None, "=", _FRAME)), "problems": _PROBLEMS, "ended": bool}, {})
_VERIFICATION = Fields(
    {
        "model": str,
        "windows": int,
        "failure": _or_none(str),
        "lines": _LINES,
        "choices": Items(Either((None, "=", _CHOICE))),
        "bits": Items(_or_none(_NUMBER)),
    },
    {},
)
_ROLL_OUT = Fields({"model": str, "failure": _or_none(str), "problems": _PROBLEMS, "trace": _TRACE}, {})
_DIVERGENCE = Fields(
    {
        "question": Either(("tf", "fr")),
        "kind": str,
        "index": int,
        "truth": bool,
        "predicted": bool,
        "predicted_index": _or_none(int),
        "count": int,
        "sentence": str,
        "variables": Items(Row((str, _or_none(str), _or_none(str)))),
        "problems": _PROBLEMS,
    },
    {},
)
_TEST = Fields(
    {
        "nodeid": str,
        "outcome": str,
        "entry": str,
        "metrics": _METRICS,
        "missing": int,
        "redacted": int,
        "notes": Items(str),
        "divergences": Items(_DIVERGENCE),
        "trace": _or_none(_TRACE),
    },
    {"verification": _or_none(_VERIFICATION), "roll_out": _or_none(_ROLL_OUT)},
)
REPORT = Fields(
    {
        "settings": Map(object),
        "environment": Map(object),
        "model": Map(object),
        "totals": _METRICS,
        "gates": Items(Row((bool, str, _or_none(str)))),
        "notes": Items(str),
        "tests": Items(_TEST),
        "run": Map(object),
    },
    {},
)
