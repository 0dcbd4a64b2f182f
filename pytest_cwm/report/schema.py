"""Checks a document against `schema.json`, so that a renderer meets no surprise.

Only the keywords that the schema uses are known, and each definition is compiled to one function: a report has millions
of values, and a general validator takes minutes for them. The tests hold both to the same verdicts. Where the type of a
value alone decides, all values of a list are looked at in one call.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

Json = Any
# What is wrong with a value, worded to come after its name (".tests[3] is no object"); None where nothing is.
Check = Callable[[Json], "str | None"]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
# The types of which a check lets every value pass, as parsed JSON has them: no subclasses.
_passing: dict[Check, frozenset[type]] = {}
_NONE: frozenset[type] = frozenset()


@functools.cache
def schema() -> Json:
    """The schema, as parsed JSON."""
    return json.loads(files(__package__).joinpath("schema.json").read_text(encoding="utf-8"))


@functools.cache
def check_of(name: str | None = None) -> Check:
    """The check of the definition called `name`, or of the whole document."""
    return _compiled(schema() if name is None else schema()["$defs"][name])


def _compiled(node: Json) -> Check:
    if "$ref" in node:
        return _reference(node["$ref"].rpartition("/")[2])
    if "anyOf" in node:
        return _any_of([_compiled(each) for each in node["anyOf"]])
    if "const" in node or "enum" in node:
        allowed = node["enum"] if "enum" in node else [node["const"]]
        return _one_of(allowed)
    checks = [_typed(node["type"])]
    if "minimum" in node:
        checks.append(_at_least(node["minimum"]))
    if "properties" in node or "required" in node:
        properties = {name: _compiled(each) for name, each in node.get("properties", {}).items()}
        checks.append(_fields(properties, node.get("required", ())))
    elif isinstance(node.get("additionalProperties"), dict):
        checks.append(_map(_compiled(node["additionalProperties"])))
    if "prefixItems" in node:
        checks.append(_row([_compiled(each) for each in node["prefixItems"]]))
    elif "items" in node:
        checks.append(_items(_compiled(node["items"])))
    return _all_of(checks)


def _reference(name: str) -> Check:
    found: list[Check] = []

    def check(value: Json) -> str | None:
        if not found:  # looked up when it is used, since definitions may refer to each other
            found.append(check_of(name))
        return found[0](value)

    return check


def _any_of(options: list[Check]) -> Check:
    passing = _NONE.union(*(_passing.get(option, _NONE) for option in options))

    def check(value: Json) -> str | None:
        if type(value) in passing:
            return None
        faults = []
        for option in options:
            fault = option(value)
            if fault is None:
                return None
            faults.append(fault)
        # The deepest fault tells what was meant.
        return max(faults, key=len)

    _passing[check] = passing
    return check


def _all_of(checks: list[Check]) -> Check:
    first, *others = checks
    if not others:
        return first
    then = _all_of(others)
    return lambda value: first(value) or then(value)  # a fault is never an empty text


def _one_of(allowed: list[str]) -> Check:
    fault = f" is not {' or '.join(map(json.dumps, allowed))}"
    return lambda value: None if isinstance(value, str) and value in allowed else fault


def _typed(names: str | list[str]) -> Check:
    names = [names] if isinstance(names, str) else names
    kinds = frozenset(kind for name in names for kind in _TYPES[name])
    fault = f" is no {' or '.join(names)}"

    def check(value: Json) -> str | None:
        return None if type(value) in kinds else fault

    _passing[check] = kinds
    return check


def _at_least(minimum: int) -> Check:
    return lambda value: None if value >= minimum else f" is less than {minimum}"


def _fields(properties: dict[str, Check], required: Iterable[str]) -> Check:
    def check(value: dict[str, Json]) -> str | None:
        for name in required:
            if name not in value:
                return f" has no {name!r}"
        for name, each in properties.items():
            if name in value and (fault := each(value[name])) is not None:
                return f".{name}{fault}"
        return None

    return check


def _map(each: Check) -> Check:
    passing = _passing.get(each, _NONE)

    def check(value: dict[str, Json]) -> str | None:
        if passing.issuperset(map(type, value.values())):
            return None
        for name, item in value.items():
            if (fault := each(item)) is not None:
                return f".{name}{fault}"
        return None

    return check


def _items(each: Check) -> Check:
    passing = _passing.get(each, _NONE)

    def check(value: list[Json]) -> str | None:
        if passing.issuperset(map(type, value)):
            return None
        for number, item in enumerate(value):
            if (fault := each(item)) is not None:
                return f"[{number}]{fault}"
        return None

    return check


def _row(items: list[Check]) -> Check:
    def check(value: list[Json]) -> str | None:
        if len(value) != len(items):
            return f" is no list of {len(items)}"
        for number, (item, each) in enumerate(zip(value, items, strict=True)):
            if (fault := each(item)) is not None:
                return f"[{number}]{fault}"
        return None

    return check
