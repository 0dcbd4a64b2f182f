"""What a CALL can show: on which lines calls begin or go on, and which names their frames begin with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from cwm_server.grammar.syntax import COMPREHENSIONS, FUNCTIONS, ITERATED, OWNERS, RESUMED, first_line


@dataclass(frozen=True, slots=True)
class Opening:
    """One way in which a call can begin: on some `lines`, with the `required` names in their order.

    Names from outside, closed over, follow where `others` is true; nothing else does. `function` is the name of a
    function that stands in no class, `expression` a comprehension or a lambda whose place is known. `inner`: whoever
    calls stands on one of the `lines` too.
    """

    lines: frozenset[int]
    required: tuple[str, ...] = ()
    others: bool = True
    function: str = ""
    expression: ast.expr | None = None
    inner: bool = False


def openings(tree: ast.Module) -> Iterator[Opening]:
    """All ways in which calls can begin, or be resumed, in a text."""
    pending = [_Place(tree)]
    while pending:
        place = pending.pop()
        yield from _openings(place)
        node = place.node
        nested = place.nested or isinstance(node, (*OWNERS, ast.Lambda))
        # Before Python 3.12 the syntax tree does not know where the parts of an f-string stand.
        unplaced = place.unplaced or isinstance(node, ast.JoinedStr)
        is_class = isinstance(node, ast.ClassDef)
        pending += [_Place(child, nested, is_class, unplaced) for child in ast.iter_child_nodes(node)]


@dataclass(frozen=True, slots=True)
class _Place:
    """A node, and where it stands: `nested` in a definition, as `method` in a class, `unplaced` in an f-string."""

    node: ast.AST
    nested: bool = False
    method: bool = False
    unplaced: bool = False


def _openings(place: _Place) -> Iterator[Opening]:
    node = place.node
    if isinstance(node, OWNERS):
        lines = frozenset(range(first_line(node), node.lineno + 1))
        name = node.name if isinstance(node, FUNCTIONS) and not place.method else ""
        parameters = tuple(_parameters(node.args)) if isinstance(node, FUNCTIONS) else ()
        if isinstance(node, FUNCTIONS) and not any(parameter.startswith("__") for parameter in parameters):
            yield Opening(lines, parameters, place.nested, name)
        else:
            yield Opening(lines, function=name, inner=isinstance(node, ast.ClassDef))
        if getattr(node, "type_params", ()):
            yield Opening(lines)
    elif isinstance(node, ast.Lambda):
        yield Opening(_lines(node), tuple(_parameters(node.args)), expression=None if place.unplaced else node)
    elif isinstance(node, COMPREHENSIONS):
        inner = not (isinstance(node, ast.GeneratorExp) or place.unplaced or _is_async(node))
        yield Opening(_lines(node), (ITERATED,), expression=None if place.unplaced else node, inner=inner)
    if isinstance(node, RESUMED) or (isinstance(node, COMPREHENSIONS) and _is_async(node)):
        yield Opening(_lines(node))
    elif isinstance(node, (ast.AsyncFor, ast.AsyncWith)):
        yield Opening(frozenset(range(node.lineno, node.body[0].lineno + 1)))


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    """The parameters as a frame shows them."""
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if argument is not None:
            yield argument.arg


def _is_async(node: ast.AST) -> bool:
    return any(isinstance(each, ast.comprehension) and each.is_async for each in ast.walk(node))


def _lines(node: ast.expr) -> frozenset[int]:
    return frozenset(range(node.lineno, (node.end_lineno or node.lineno) + 1))
