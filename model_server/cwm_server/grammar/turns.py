"""What a loop or a comprehension takes next: the elements of what it goes through, in order, where they are shown.

How often its line has run says which; behind the last element it ends.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cwm_server.grammar.iterables import can_be_told, items
from cwm_server.grammar.literals import Unknown, shown
from cwm_server.grammar.moves import Known, Moves
from cwm_server.grammar.syntax import COMPREHENSIONS, first_line

_DECISIVE = {"any": True, "all": False}
# Builtins that take of an iterator what they want before they return.
_TAKING = frozenset(("all", "any", "dict", "frozenset", "list", "max", "min", "next", "set", "sorted", "sum", "tuple"))


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """Which element a loop takes, and what the variables held when it was entered, None where that is not known."""

    place: int
    entered: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """A `for` on a line of its own, with the lines of its block. It is entered from none of these."""

    node: ast.For
    body: range

    @classmethod
    def of(cls, node: ast.For, follow: Iterable[int]) -> Loop | None:
        """That of a statement behind which `follow` come; None for one that can't be told from its lines."""
        body = range(first_line(node.body[0]), (node.body[-1].end_lineno or 0) + 1)
        header = max(node.target.end_lineno or 0, node.iter.end_lineno or 0)
        # What follows may be the loop itself, entered anew.
        plain = header == node.lineno < body.start and node.lineno not in follow and not _is_silent(node.body)
        return cls(node, body) if plain and can_be_told(node.iter) else None

    def turn(self, before: frozenset[int], last: Turn | None, values: Mapping[str, str] | None) -> Turn | None:
        """That which comes when its line runs after one of the lines `before`; None where that is not known.

        `last` is the one before it; the variables hold `values`.
        """
        if before and before <= set(self.body):
            return None if last is None else replace(last, place=last.place + 1)
        return None if not before.isdisjoint((*self.body, self.node.lineno)) else Turn(0, values)


@dataclass(frozen=True, slots=True)
class Going:
    """A comprehension of one loop, on one line, that goes through `items`.

    Its line has run for `place` of them, for -1 before it has run at all. `handed` is the text of what it has handed
    out, to go on from there; None where it runs. `closed`: it is called for the last time, as no more is taken of it.
    """

    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    items: tuple[object, ...]
    place: int = -1
    handed: str | None = None
    closed: bool = False

    @property
    def target(self) -> ast.expr:
        """What its elements are bound to."""
        return self.node.generators[0].target

    @property
    def is_over(self) -> bool:
        """Whether no element is left."""
        return self.place >= len(self.items)

    def taken(self) -> dict[str, str] | None:
        """The texts of the names that hold what its line takes; none before it runs, None where they can't be told."""
        return {} if self.place < 0 or self.is_over else bound(self.target, self.items[self.place])

    def made(self, moves: Moves, values: Mapping[str, str]) -> str | None:
        """The text of a list or a dict that is made of moved values alone, all of them; None of any other."""
        parts = [self.node.key, self.node.value] if isinstance(self.node, ast.DictComp) else [self.node.elt]
        if self.node.generators[0].ifs or not isinstance(self.node, (ast.ListComp, ast.DictComp)):
            return None
        rows: list[list[object]] = []
        for item in self.items:
            texts = bound(self.target, item)
            if texts is None:
                return None
            try:
                rows.append([moves.value(part, Known({**values, **texts})) for part in parts])
            except Unknown:
                return None
        try:
            return shown([row[0] for row in rows] if len(parts) == 1 else {row[0]: row[1] for row in rows})
        except TypeError:  # no key
            return None

    def moved(self) -> Going:
        """Behind one more run of its line."""
        return replace(self, place=self.place + 1, handed=None)


def bound(target: ast.expr, item: object) -> dict[str, str] | None:
    """The texts of the names of a loop's target when it takes an element; None where they can't be told."""
    if isinstance(target, ast.Name):
        pairs = [(target.id, item)]
    elif isinstance(target, (ast.Tuple, ast.List)) and isinstance(item, (list, tuple, str)):
        names = [each.id for each in target.elts if isinstance(each, ast.Name)]
        if not len(names) == len(target.elts) == len(item):
            return None
        pairs = list(zip(names, item, strict=True))
    else:
        return None
    texts = {name: shown(each) for name, each in pairs if not name.startswith("__")}
    return None if len(texts) != len(pairs) or None in texts.values() else texts  # type: ignore[return-value]


def alone(expressions: Iterable[ast.expr]) -> ast.expr | None:
    """The comprehension, of one loop on one line, that is all that has frames of its own among some expressions."""
    nodes = list(expressions)
    if len(nodes) != 1 or not isinstance(nodes[0], COMPREHENSIONS):
        return None
    node = nodes[0]
    simple = len(node.generators) == 1 and not node.generators[0].is_async and node.lineno == node.end_lineno
    return node if simple else None


def begun(node: ast.expr, statement: ast.AST, moves: Moves, known: Known, lasting: Known) -> Going | None:
    """A comprehension of a statement that goes through what is shown, or through what is `lasting` if more runs."""
    assert isinstance(node, COMPREHENSIONS)
    iterable = node.generators[0].iter
    quiet = not any(map(moves.may_change, ast.walk(node)))
    sure = known if quiet and is_first(node, statement, moves) else lasting
    found = items(iterable, moves, sure, sure)
    return None if found is None else Going(node, tuple(found))


def is_first(node: ast.expr, statement: ast.AST, moves: Moves) -> bool:
    """Whether nothing of a statement that could change a value runs before one of its expressions begins."""
    here = (node.lineno, node.col_offset)
    others = (each for each in ast.walk(statement) if moves.may_change(each))
    return not any((each.end_lineno, each.end_col_offset) <= here for each in others)  # type: ignore[attr-defined]


def stops(node: ast.expr, statement: ast.AST, handed: str, moves: Moves) -> bool:
    """Whether a statement closes its generator expression once that has `handed` out something, and takes no more.

    `next` takes one, `any` and `all` the first that decides.
    """
    calls = (each for each in ast.walk(statement) if isinstance(each, ast.Call) and node in each.args[:1])
    name = next((each.func.id for each in calls if isinstance(each.func, ast.Name)), "")
    if name not in moves.lasting:
        return False
    return name == "next" or (name in _DECISIVE and moves.is_true(handed) is _DECISIVE[name])


def used_up(tree: ast.AST, moves: Moves) -> set[ast.expr]:
    """The generator expressions that are done with when their statement is: none of them goes on anywhere else."""
    calls = (each for each in ast.walk(tree) if isinstance(each, ast.Call))
    return {
        call.args[0]
        for call in calls
        if call.args and isinstance(call.args[0], ast.GeneratorExp) and _takes_at_once(call.func, moves)
    }


def _takes_at_once(function: ast.expr, moves: Moves) -> bool:
    match function:
        case ast.Name(id=name):
            return name in _TAKING and name in moves.lasting
        case ast.Attribute(value=ast.Constant(value=str()), attr="join"):
            return True
    return False


def free_names(node: ast.expr) -> list[str]:
    """The names that a comprehension of one loop reads in frames of its own, and does not bind."""
    assert isinstance(node, COMPREHENSIONS)
    (loop,) = node.generators
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    names = [each for part in (*parts, loop.target, *loop.ifs) for each in ast.walk(part) if isinstance(each, ast.Name)]
    stored = {each.id for each in names if not isinstance(each.ctx, ast.Load)}
    return list(dict.fromkeys(each.id for each in names if each.id not in stored))


def _is_silent(body: list[ast.stmt]) -> bool:
    """Whether a block may run without any line of it being reported."""
    return all(
        isinstance(each, (ast.Pass, ast.Continue))
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        for each in body
    )
