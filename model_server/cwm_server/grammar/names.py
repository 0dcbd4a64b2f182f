"""Which names a piece of syntax reads, binds and declares."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from cwm_server.grammar.syntax import COMPREHENSIONS, ITERATED, OWNERS


def walk_own(node: ast.AST) -> Iterator[ast.AST]:
    """All of a part's syntax but what stands in functions of its own."""
    pending = [node]
    while pending:
        each = pending.pop()
        yield each
        if not isinstance(each, (ast.Lambda, *OWNERS)):
            pending.extend(ast.iter_child_nodes(each))


def contains(parts: Iterable[ast.AST], kinds: tuple[type[ast.AST], ...]) -> bool:
    """Whether parts have syntax of some kinds, other functions' aside."""
    return any(isinstance(each, kinds) for part in parts for each in walk_own(part))


def names_in(nodes: Iterable[ast.expr]) -> Iterator[ast.Name]:
    """All names in expressions, those of functions in them with them."""
    return (each for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name))


def bound_by(node: ast.AST, parts: Iterable[ast.AST]) -> Iterator[str]:
    """The names that a statement can bind."""
    if isinstance(node, OWNERS):
        yield node.name
    for each in (each for part in parts for each in walk_own(part)):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            yield each.id
        elif isinstance(each, ast.alias):
            yield (each.asname or each.name).partition(".")[0]
        elif isinstance(each, (ast.MatchAs, ast.MatchStar)) and each.name:
            yield each.name
        elif isinstance(each, ast.MatchMapping) and each.rest:
            yield each.rest
        elif isinstance(each, COMPREHENSIONS):
            yield ITERATED


def inlined(part: ast.AST) -> Iterator[str]:
    """Variables of comprehensions, which for a while stand in the way of others where comprehensions are inlined."""
    for each in walk_own(part):
        if isinstance(each, COMPREHENSIONS):
            for name in ast.walk(each):
                if isinstance(name, ast.Name):
                    yield name.id


def said_global(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The names that are no variables of a function, though it binds them."""
    for each in (each for statement in function.body for each in walk_own(statement)):
        if isinstance(each, ast.Global):
            yield from each.names
