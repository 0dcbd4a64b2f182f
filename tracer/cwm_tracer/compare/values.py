"""When two reprs mean the same value: as text, or as the literals they spell.

Nothing is evaluated. A text is parsed only after every token of it was checked to belong to a literal and its length
and depth are within limits, so a model's text can neither exhaust the parser nor make it warn.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Hashable
from functools import lru_cache

REDACTED = "<redacted>"
MAX_LENGTH = 20_000
MAX_DEPTH = 50

_ESCAPE = r"\\(?:[\\'\"abfnrtv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_TOKEN = re.compile(
    rf"""
    (?P<open>[(\[{{])
  | (?P<close>[)\]}}])
  | [bB]?'(?:[^'\\\n]|{_ESCAPE})*'
  | [bB]?"(?:[^"\\\n]|{_ESCAPE})*"
  | -?{_NUMBER}(?:[jJ]|[-+]{_NUMBER}[jJ])?(?![\w.])
  | -?(?:nan|inf)\b
  | (?:True|False|None|Ellipsis|set|frozenset)\b
  | [,:]
  | [ ]+
    """,
    re.VERBOSE,
)


class NotALiteral(ValueError):
    """A text that spells no Python literal, or one beyond the limits."""


def same_value(truth: str, predicted: str) -> bool:
    """Whether two reprs are the same text, or literals of equal value.

    Stricter than `==` where Python is lax: 1, True and 1.0 differ, so do 0.0 and -0.0. NaN equals NaN. Sets
    and dicts have no order.
    """
    if truth == predicted:
        return True
    try:
        return _meaning(truth) == _meaning(predicted)
    except NotALiteral:
        return False


def is_redacted(truth: str) -> bool:
    """Whether a recorded value, or a part of it, was withheld, so that no prediction of it can be scored."""
    return REDACTED in truth


def plain_data(text: str) -> object:
    """The built-in object that a repr spells, for display. Raises `NotALiteral`."""
    try:
        value: object = ast.literal_eval(_parse(text))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise NotALiteral(str(error)) from None
    return value


def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise NotALiteral("too long")
    depth = position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise NotALiteral(f"no literal at character {position}")
        position = token.end()
        depth += (token["open"] is not None) - (token["close"] is not None)
        if depth > MAX_DEPTH:
            raise NotALiteral("too deep")
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise NotALiteral(str(error)) from None


@lru_cache(maxsize=512)
def _meaning(text: str) -> Hashable:
    """A hashable form in which exactly the equal values are equal."""
    try:
        return _canonical(_parse(text))
    except (TypeError, OverflowError, RecursionError) as error:
        raise NotALiteral(str(error)) from None


def _canonical(node: ast.expr) -> Hashable:
    match node:
        case ast.Constant(value=value):
            return _constant(value)
        case ast.Name(id="nan" | "inf" as name):
            return _constant(float(name))
        case ast.Name(id=name):
            return ("name", name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _constant(-_number(operand))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _constant(_number(left) + _number(right))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _constant(_number(left) - _number(right))
        case ast.List(elts=items):
            return ("list", tuple(map(_canonical, items)))
        case ast.Tuple(elts=items):
            return ("tuple", tuple(map(_canonical, items)))
        case ast.Set(elts=items):
            return ("set", frozenset(map(_canonical, items)))
        case ast.Dict(keys=keys, values=values):
            # `**` is no token of a literal, so every key is there.
            return (
                "dict",
                frozenset({_canonical(key): _canonical(value) for key, value in _items(keys, values)}.items()),
            )
        case ast.Call(func=ast.Name(id="set" | "frozenset" as name), args=args, keywords=[]) if len(args) < 2:
            return (name, _elements(args))
    raise NotALiteral(type(node).__name__)


def _items(keys: list[ast.expr | None], values: list[ast.expr]) -> list[tuple[ast.expr, ast.expr]]:
    return [(key, value) for key, value in zip(keys, values, strict=True) if key is not None]


def _elements(args: list[ast.expr]) -> frozenset[Hashable]:
    if not args:
        return frozenset()
    if isinstance(args[0], ast.Set | ast.List | ast.Tuple):
        return frozenset(map(_canonical, args[0].elts))
    raise NotALiteral("not the elements of a set")


def _number(node: ast.expr) -> complex:
    match node:
        case ast.Constant(value=int() | float() | complex() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand)
        case ast.Name(id="nan" | "inf" as name):
            return float(name)
    raise NotALiteral("not a number")


def _constant(value: object) -> Hashable:
    if isinstance(value, float):
        return ("float", value.hex())
    if isinstance(value, complex):
        return ("complex", value.real.hex(), value.imag.hex())
    return (type(value).__name__, value)
