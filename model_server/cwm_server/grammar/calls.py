"""What a CALL can show: on which lines calls begin or go on, and which names their frames begin with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from cwm_server.grammar.flow import COMPREHENSIONS, FUNCTIONS, OWNERS, RESUMED, first_line

ITERATED = ".0"  # how Python names what a comprehension iterates over


@dataclass(frozen=True, slots=True)
class Opening:
    """One way in which a call can begin: on some `lines`, with the `required` names in their order.

    Names from outside, closed over, follow where `others` is true; nothing else does.
    """

    lines: frozenset[int]
    required: tuple[str, ...] = ()
    others: bool = True


def openings(tree: ast.Module) -> Iterator[Opening]:
    """All ways in which calls can begin, or be resumed, in a text."""
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, nested = pending.pop()
        yield from _openings(node, nested)
        inside = nested or isinstance(node, (*OWNERS, ast.Lambda))
        pending += [(child, inside) for child in ast.iter_child_nodes(node)]


def _openings(node: ast.AST, nested: bool) -> Iterator[Opening]:
    if isinstance(node, OWNERS):
        lines = frozenset(range(first_line(node), node.lineno + 1))
        parameters = tuple(_parameters(node.args)) if isinstance(node, FUNCTIONS) else ()
        if isinstance(node, FUNCTIONS) and not any(name.startswith("__") for name in parameters):
            yield Opening(lines, parameters, nested)
        else:
            yield Opening(lines)
        if getattr(node, "type_params", ()):
            yield Opening(lines)
    elif isinstance(node, ast.Lambda):
        yield Opening(_lines(node), tuple(_parameters(node.args)))
    elif isinstance(node, COMPREHENSIONS):
        yield Opening(_lines(node), (ITERATED,))
    if isinstance(node, (*RESUMED, ast.GeneratorExp)) or (isinstance(node, COMPREHENSIONS) and _is_async(node)):
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
