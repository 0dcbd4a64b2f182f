"""What a loop goes through: what is shown as it stands there, and what some calls make of that.

The ends of a `range` are worked out once, from integers and lengths that are shown when the loop is entered: no frame
ever shows them. `enumerate`, `zip` and the views of a dict follow what they are given, which may change meanwhile.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence, Sized

from cwm_server.grammar.literals import MOST, Unknown
from cwm_server.grammar.moves import Known, Moves
from cwm_server.grammar.names import stored
from cwm_server.grammar.syntax import COMPREHENSIONS, ITERABLES

_CALLED = ("enumerate", "range", "zip")
_VIEWS: dict[str, Callable[[dict[object, object]], Sequence[object]]] = {
    "items": lambda shown: list(shown.items()),
    "keys": list,
    "values": lambda shown: list(shown.values()),
}
_WORKED_OUT: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}
_BIGGEST = 10**12  # end of a range
_MADE = {"range": "<range_iterator object>"}
_ITERATORS: dict[type, str] = {
    list: "<list_iterator object>",
    tuple: "<tuple_iterator object>",
    dict: "<dict_keyiterator object>",
}


def can_be_told(node: ast.expr) -> bool:
    """Whether an expression is such that its elements can be known, if what it reads is shown."""
    return isinstance(node, ITERABLES) or _called(node) in _CALLED or _view(node) is not None


def elements(loop: ast.For, moves: Moves, known: Known, entered: Known | None) -> Sequence[object] | None:
    """What a loop goes through, in its order; None where that is not shown, or is another when it runs again.

    `known` is what can be read when its line runs, `entered` what could be when it ran first, None where nobody knows.
    """
    if _called(loop.iter) == "range":
        return None if entered is None else _range(loop.iter, moves, entered)
    read = {each.id for each in ast.walk(loop.iter) if isinstance(each, ast.Name)}
    again = not read.isdisjoint(stored([loop.target, *loop.body]))
    return None if again or not can_be_told(loop.iter) else items(loop.iter, moves, known, entered)


def items(node: ast.expr, moves: Moves, known: Known, entered: Known | None) -> list[object] | None:
    """The elements that an expression has, in their order; None where they can't be read, or are too many.

    What can be read is `known`, and was `entered` when it began: slices are made then.
    """
    found: Sequence[object] | None
    view = _view(node)
    match node:
        case ast.Call(args=args) if (name := _called(node)) and name in moves.lasting:
            parts = [] if name == "range" else [_part(each, moves, known, entered) for each in args]
            if name == "range":
                found = _range(node, moves, known)
            elif name == "enumerate" and len(parts) == 1 and parts[0] is not None:
                found = list(enumerate(parts[0]))
            elif name == "zip" and parts and None not in parts:
                found = list(zip(*(part for part in parts if part is not None), strict=False))
            else:
                found = None
        case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if view is not None:
            found = _shown_view(owner, attr, moves, known)
        case _:
            return moves.items(node, known)
    return None if found is None or len(found) > MOST else list(found)


def _part(node: ast.expr, moves: Moves, known: Known, entered: Known | None) -> list[object] | None:
    """The elements of what `enumerate` or `zip` is given."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return None if entered is None else moves.items(node, entered)
    return moves.items(node, known)


def iterator_of(node: ast.expr, moves: Moves, known: Known) -> str | None:
    """The text of what Python makes of that which a comprehension goes through; None where versions differ."""
    assert isinstance(node, COMPREHENSIONS)
    iterable = node.generators[0].iter
    name = _called(iterable)
    if name in _CALLED and name in moves.lasting:
        return _MADE.get(name, f"<{name} object>")
    try:  # compilers make a tuple of a list that nobody else can see
        return _ITERATORS.get(type(moves.value(iterable, known))) if isinstance(iterable, ast.Name) else None
    except Unknown:
        return None


def _called(node: ast.expr) -> str:
    """The name that an expression calls with places alone; empty for any other."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return "" if any(isinstance(each, ast.Starred) for each in args) else name
    return ""


def _view(node: ast.expr) -> ast.expr | None:
    """The dict of which an expression takes a view."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr=attr), args=[], keywords=[]) if attr in _VIEWS:
            return owner
    return None


def _shown_view(owner: ast.expr, attr: str, moves: Moves, known: Known) -> Sequence[object] | None:
    try:
        shown = moves.value(owner, known)
    except Unknown:
        return None
    return _VIEWS[attr](shown) if isinstance(shown, dict) else None


def _range(node: ast.expr, moves: Moves, known: Known) -> range | None:
    if not isinstance(node, ast.Call) or "range" not in moves.lasting:
        return None
    try:
        return range(*(_end(each, moves, known) for each in node.args))
    except (Unknown, ValueError, TypeError, ZeroDivisionError):  # a wrong number of ends, or a step of 0
        return None


def _end(node: ast.expr, moves: Moves, known: Known) -> int:
    """An end of a range. Raises Unknown."""
    end: object
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _WORKED_OUT:
            end = _WORKED_OUT[type(op)](_end(left, moves, known), _end(right, moves, known))
        case ast.Call(args=[owner]) if _called(node) == "len" and "len" in moves.lasting:
            shown = moves.value(owner, known)
            if not isinstance(shown, Sized):
                raise Unknown
            end = len(shown)
        case _:
            end = moves.value(node, known)
    if type(end) is not int or abs(end) > _BIGGEST:
        raise Unknown
    return end
