"""Which names a piece of syntax reads, binds and declares, and those that Python binds by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from cwm_server.grammar.syntax import COMPREHENSIONS, ITERATED, OWNERS

IN_CLASS_BODIES = (
    *("__module__", "__qualname__", "__doc__", "__annotations__", "__firstlineno__", "__static_attributes__"),
    *("__classdict__", "__classdictcell__", "__class__", "__orig_bases__", "__slots__", "__type_params__"),
    *("__conditional_annotations__", "__annotate__"),
)
_GENERIC = ("TypeVar", "TypeVarTuple", "ParamSpec")
_IN_GENERICS = (".type_params", ".defaults", ".kwdefaults", ".generic_base")
ADDED = (*IN_CLASS_BODIES, *_IN_GENERICS)  # names that Python binds by itself


def names_of(node: ast.AST) -> tuple[list[str], list[str]]:
    """The names that a node binds, those among them that Python adds, and those that it uses."""
    bound: list[str | None] = []
    used: list[str] = []
    if isinstance(node, ast.Name):
        (used if isinstance(node.ctx, ast.Load) else bound).append(node.id)
        if node.id in ("super", "__class__"):
            bound.append("__class__")
    elif isinstance(node, COMPREHENSIONS):
        bound.append(ITERATED)
    elif isinstance(node, ast.arg):
        bound.append(node.arg)
    elif isinstance(node, ast.alias):
        bound.append((node.asname or node.name).partition(".")[0])
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        bound += node.names
    elif isinstance(node, ast.MatchMapping):
        bound.append(node.rest)
    elif isinstance(node, (*OWNERS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        bound.append(node.name)
        if isinstance(node, ast.ClassDef):
            bound += IN_CLASS_BODIES
    elif type(node).__name__ in _GENERIC:
        bound += [node.name, *_IN_GENERICS]  # type: ignore[attr-defined]
    return [name for name in bound if name is not None], used


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """The parameters of a function in the order in which a frame shows them."""
    last = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *last]


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


def said_global(owner: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[str]:
    """The names that are no variables of a function or a class, though it binds them."""
    for each in (each for statement in owner.body for each in walk_own(statement)):
        if isinstance(each, ast.Global):
            yield from each.names


def stored(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that some code binds or removes."""
    each = (each for node in nodes for each in ast.walk(node))
    return {e.id for e in each if isinstance(e, ast.Name) and not isinstance(e.ctx, ast.Load)}
