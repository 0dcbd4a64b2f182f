"""What texts show: the values that can be read from them, taken apart, and written again."""

from __future__ import annotations

import ast
import functools
from typing import Any

from cwm_tracer.redaction import REDACTED
from cwm_tracer.values import Renderer

_LONGEST = 1_000  # characters of a value that is taken apart
MOST = 200  # elements of one
ATOMS = (int, float, complex, str, bytes, type(None))  # bool is an int
rendered = Renderer()


class Unknown(Exception):
    """A value that would have to be computed, or is not shown."""


def element_of(container: Any, place: object) -> object:
    """The element, or the slice, of a container at a place. Raises Unknown where there is none."""
    if not isinstance(container, (str, bytes, list, tuple, dict)):
        raise Unknown
    try:
        return container[place]  # type: ignore[index, call-overload]
    except (LookupError, TypeError, ValueError):
        raise Unknown from None  # it raises; what comes then is no value


def elements_of(value: object) -> list[object]:
    """The elements of a value, in their order. Raises Unknown for one that has none, or too many."""
    if not isinstance(value, (str, bytes, list, tuple, dict)) or len(value) > MOST:
        raise Unknown
    return list(value)


def with_elements(value: Any) -> Any:
    """The same value. Raises Unknown for one that has no elements, or too many."""
    elements_of(value)
    return value


@functools.lru_cache(maxsize=256)
def _literal(text: str) -> object:
    tree = ast.parse(text.lstrip(" \t"), mode="eval")
    if any(isinstance(each, ast.Constant) and each.value is ... for each in ast.walk(tree)):
        raise ValueError("what repeats itself, or is cut, is not all shown")
    return ast.literal_eval(tree)


def read(text: str) -> object:
    """The value that a text shows. Raises Unknown where it shows only a part, or no literal."""
    if len(text) > _LONGEST or REDACTED in text:
        raise Unknown
    try:
        return _literal(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise Unknown from None


def shown(value: object) -> str | None:
    """The text of a value; None where it can't be told."""
    try:
        return text_of(value)
    except Unknown:
        return None


def text_of(value: object) -> str:
    """The text of a value. Raises Unknown for one with sets, whose order depends on how they came about."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, (set, frozenset)):
            raise Unknown
        if isinstance(each, (list, tuple)):
            pending += each
        elif isinstance(each, dict):
            pending += each.values()
            pending += each
    text = rendered(value)
    if REDACTED in text:
        raise Unknown
    return text


def is_fixed(value: object) -> bool:
    """Whether a value stays what it is, all of it."""
    return all(map(is_fixed, value)) if isinstance(value, tuple) else isinstance(value, ATOMS)
