"""What a CALL can show: on which lines calls begin or go on, and which names their frames begin with."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from cwm_server.grammar.closures import Closure, closures
from cwm_server.grammar.names import parameters
from cwm_server.grammar.syntax import COMPREHENSIONS, FUNCTIONS, ITERATED, OWNERS, RESUMED, first_line


@dataclass(frozen=True, slots=True)
class Opening:
    """One way in which a call can begin: on some `lines`, with the `required` names in their order.

    Of the `others` more can follow, in this order, those that are `sure` in any case; None stands for whatever there
    is. `resumed`: it goes on from its middle, and the order is another one. `late` are parameters that come last, as up
    to Python 3.10, where what begins has another opening as well. `function` is the name of a function that stands in
    no class, `expression` a comprehension or a lambda whose place is known. `inner`: whoever calls stands on one of the
    `lines` too.
    """

    lines: frozenset[int]
    required: tuple[str, ...] = ()
    others: tuple[str, ...] | None = None
    sure: frozenset[str] = frozenset()
    resumed: bool = False
    late: frozenset[str] = frozenset()
    function: str = ""
    expression: ast.expr | None = None
    inner: bool = False


def openings(tree: ast.Module, is_cut: Callable[[ast.stmt], bool]) -> Iterator[Opening]:
    """All ways in which calls can begin, or be resumed, in a text.

    Of what stands in a statement of the module that `is_cut`, parts of which are not shown, the names are not known.
    """
    known: Mapping[ast.AST, Closure] = closures(tree)
    pending = [_Place(statement, known=None if is_cut(statement) else known) for statement in tree.body]
    while pending:
        place = pending.pop()
        yield from _openings(place)
        node = place.node
        # Before Python 3.12 the syntax tree does not know where the parts of an f-string stand.
        unplaced = place.unplaced or isinstance(node, ast.JoinedStr)
        is_class = isinstance(node, ast.ClassDef)
        own = _own(node)
        told = None if isinstance(node, COMPREHENSIONS) else place.known  # it is they that go on
        pending += [
            _Place(child, node if child in own else place.function, is_class, unplaced, told)
            for child in ast.iter_child_nodes(node)
        ]


@dataclass(frozen=True, slots=True)
class _Place:
    """A node, and where it stands: in a `function`, as `method` in a class, `unplaced` in an f-string."""

    node: ast.AST
    function: ast.AST | None = None
    method: bool = False
    unplaced: bool = False
    known: Mapping[ast.AST, Closure] | None = None

    def begun(self, node: ast.AST, lines: frozenset[int], names: tuple[str, ...]) -> Iterator[Opening]:
        """How calls of a function with these parameters begin."""
        closure = self._closure(node)
        if closure is None:
            yield Opening(lines, names)
            return
        yield Opening(lines, names, closure.closes, closure.sure)
        lent = closure.lends.intersection(names)
        if lent:
            left = tuple(name for name in names if name not in lent)
            yield Opening(lines, left, (*closure.closes, *sorted(lent)), closure.sure | lent, late=lent)

    def resumed(self, node: ast.AST | None, lines: frozenset[int]) -> Opening:
        """How a function goes on."""
        closure = self._closure(node)
        return Opening(lines) if closure is None else Opening(lines, (), closure.shows, resumed=True)

    def _closure(self, node: ast.AST | None) -> Closure | None:
        return None if self.known is None or node is None else self.known.get(node)


def _openings(place: _Place) -> Iterator[Opening]:
    node = place.node
    expression = node if isinstance(node, ast.expr) and not place.unplaced else None
    if isinstance(node, OWNERS):
        lines = frozenset(range(first_line(node), node.lineno + 1))
        name = node.name if isinstance(node, FUNCTIONS) and not place.method else ""
        names = _parameters(node.args) if isinstance(node, FUNCTIONS) else ()
        if isinstance(node, FUNCTIONS) and not any(each.startswith("__") for each in names):
            yield from (replace(each, function=name) for each in place.begun(node, lines, names))
        else:
            yield Opening(lines, function=name, inner=isinstance(node, ast.ClassDef))
        if getattr(node, "type_params", ()):
            yield Opening(lines)
    elif isinstance(node, ast.Lambda):
        begun = place.begun(node, _lines(node), _parameters(node.args))
        yield from (replace(each, expression=expression) for each in begun)
    elif isinstance(node, COMPREHENSIONS):
        inner = not (isinstance(node, ast.GeneratorExp) or place.unplaced or _is_async(node))
        if isinstance(node, ast.GeneratorExp) or _is_async(node):  # it may go on
            yield replace(place.resumed(node, _lines(node)), required=(ITERATED,), expression=expression, inner=inner)
        else:
            begun = place.begun(node, _lines(node), (ITERATED,))
            yield from (replace(each, expression=expression, inner=inner) for each in begun)
    if isinstance(node, RESUMED) or (isinstance(node, COMPREHENSIONS) and _is_async(node)):
        yield place.resumed(place.function, _lines(node))
    elif isinstance(node, (ast.AsyncFor, ast.AsyncWith)):
        yield place.resumed(place.function, frozenset(range(node.lineno, node.body[0].lineno + 1)))


def _own(node: ast.AST) -> set[ast.AST]:
    """The code of a function: what stands in its head runs in the one around it."""
    return set(node.body) if isinstance(node, FUNCTIONS) else {node.body} if isinstance(node, ast.Lambda) else set()


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    return tuple(each.arg for each in parameters(arguments))


def _is_async(node: ast.AST) -> bool:
    return any(isinstance(each, ast.comprehension) and each.is_async for each in ast.walk(node))


def _lines(node: ast.expr) -> frozenset[int]:
    return frozenset(range(node.lineno, (node.end_lineno or node.lineno) + 1))
