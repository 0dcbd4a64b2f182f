"""Programs as people write them, with lines in between that ask for more of what their own lines work out.

Quizzes teach operations, but in programs of their own: what is learned there shows little elsewhere, where names, loops
and values are others. Here a line before a statement works out what it hangs on, and more of that kind over the same
values, which no author would write, in a program that one wrote.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cwm_server.training.parts import FUNCTIONS, METHODS
from cwm_server.training.programs import mbpp, normal
from cwm_server.training.programs.base import Program
from cwm_server.training.programs.words import Names

Family = Callable[[random.Random, Path], Iterator[Program]]
PLACES = 3  # lines that ask, in a function
SHARES = {"mbpp": 4, "idioms": 5, "humaneval": 3, "branches": 2}
_ORDERED = ("==", "!=", "<", ">", "<=", ">=")
_ALIKE = ("==", "!=")
_NUMBERS = frozenset({"abs", "int", "len", "ord"})  # functions that give one
_LOOKED_INTO = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Subscript, ast.Slice, ast.Tuple, ast.List)
_PLAIN = (ast.Constant, ast.Tuple, ast.List, ast.Slice)  # not asked for by themselves
_ARITHMETIC = (ast.Sub, ast.FloorDiv, ast.Div, ast.Mod, ast.Pow, ast.BitAnd, ast.BitXor)


def programs(rng: random.Random, shared: Path, families: Mapping[str, Family]) -> Iterator[Program]:
    """Without end, of the `families` in their `SHARES`.

    Of programs that are neither held out nor, before they are asked anything, in an evaluation set.
    """
    forbidden = mbpp.test_fingerprints(shared)
    for program in _written(rng, shared, families):
        try:
            known = normal.functions(program.text)
        except (SyntaxError, ValueError):
            continue
        subject = known.get(program.subject)
        held_out = program.heldout or (subject is not None and normal.held_out(subject))
        if held_out or not forbidden.isdisjoint(known.values()):
            continue
        text = asked(rng, program.text)
        if text != program.text:
            yield replace(program, source="asked", text=text)


def _written(rng: random.Random, shared: Path, families: Mapping[str, Family]) -> Iterator[Program]:
    def source(name: str) -> Iterator[Program]:
        while True:
            yield from families[name](rng, shared)

    sources = {name: source(name) for name in SHARES}
    while True:
        yield next(sources[rng.choices(tuple(SHARES), tuple(SHARES.values()))[0]])


def asked(rng: random.Random, text: str) -> str:
    """A module with lines that ask for values in its functions; tests and `main` stay as they are."""
    tree = ast.parse(text)
    names = Names(rng)
    names.taken |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names.taken |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    lines = text.split("\n")
    added: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name != "main" and not node.name.startswith("test_"):
            added += _added(rng, node, lines, names)
    for number, line in sorted(added, reverse=True):
        lines.insert(number - 1, line)
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Place:
    """The statement before which a line may stand, and the expressions that are worked out there."""

    statement: ast.stmt
    worked: list[ast.expr]


def _added(rng: random.Random, function: ast.FunctionDef, lines: list[str], names: Names) -> list[tuple[int, str]]:
    """The number of the line that each new line goes before, and the new line."""
    numbers = _numbers(function)
    target = names.throwaway("r", "out", "res", "row", "t", "found", "seen", "chk", "info", "state")
    found = []
    for place in _places(function.body):
        line = lines[place.statement.lineno - 1]
        indent = line[: place.statement.col_offset]
        made = [text for node in place.worked for text in _made(rng, node, numbers)]
        if made and not indent.strip() and indent.isascii():
            chosen = dict.fromkeys(rng.sample(made, min(len(made), rng.randint(2, 7))))
            found.append((place.statement.lineno, indent + _line(rng, target, list(chosen))))
    return rng.sample(found, min(len(found), rng.randint(1, PLACES)))


def _line(rng: random.Random, target: str, expressions: list[str]) -> str:
    opening, closing = rng.choice((("[", "]"), ("(", ")"), ("", ""))) if len(expressions) > 1 else ("", "")
    return f"{target} = {opening}{', '.join(expressions)}{closing}"


def _places(body: list[ast.stmt]) -> Iterator[_Place]:
    for statement in body:
        worked = list(_worked(_head(statement)))
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            name = ast.Name(statement.target.id, ast.Load())
            worked += _worked(ast.BinOp(name, statement.op, statement.value))
        if isinstance(statement, ast.If):
            worked += _worked_elsewhere(statement)
        yield _Place(statement, worked)
        if isinstance(statement, ast.While) and statement.body:
            yield _Place(statement.body[0], worked)
        for block in ("body", "orelse", "finalbody"):
            inner = getattr(statement, block, [])
            is_elif = block == "orelse" and isinstance(statement, ast.If) and [type(each) for each in inner] == [ast.If]
            if not isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
                yield from (place for place in _places(inner) if not (is_elif and place.statement is inner[0]))


def _head(statement: ast.stmt) -> ast.expr | None:
    """What a statement evaluates first."""
    match statement:
        case ast.If(test=head) | ast.While(test=head) | ast.For(iter=head):
            return head
        case ast.Assign(value=head) | ast.AugAssign(value=head) | ast.Expr(value=head):
            return head
        case ast.AnnAssign(value=head) | ast.Return(value=head):
            return head
    return None


def _worked_elsewhere(statement: ast.If) -> Iterator[ast.expr]:
    """What the next `elif` works out that cannot fail where it would not be reached."""
    match statement.orelse:
        case [ast.If(test=ast.Compare() as test)] if not any(
            isinstance(node, (ast.Subscript, ast.Call)) for node in ast.walk(test)
        ):
            yield from _worked(test)


def _worked(node: ast.AST | None) -> Iterator[ast.expr]:
    """The expressions that are worked out whatever comes of the others, of those that nothing hangs on but values."""
    match node:
        case None | ast.Lambda() | ast.JoinedStr() | ast.Yield() | ast.YieldFrom() | ast.Await() | ast.NamedExpr():
            return
        case ast.BoolOp(values=[first, *_]):
            yield from _worked(first)
        case ast.IfExp(test=test):
            yield from _worked(test)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _worked(node.generators[0].iter)
        case _:
            function = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            for child in ast.iter_child_nodes(node):
                if child is not function:
                    yield from _worked(child)
    if isinstance(node, ast.expr) and not isinstance(node, _PLAIN) and _pure(node):
        yield node


def _pure(node: ast.expr) -> bool:
    """Whether an expression has no effects and makes of simple values simple ones."""
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return name in FUNCTIONS and all(map(_pure, arguments))
        case ast.Call(func=ast.Attribute(value=owner, attr=name), args=arguments, keywords=[]):
            named = any(names.fullmatch(name) for names in METHODS.values())
            return named and all(map(_pure, (owner, *arguments)))
    children = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return isinstance(node, _LOOKED_INTO) and all(map(_pure, children))


def _numbers(function: ast.FunctionDef) -> set[str]:
    """The variables that are numbers, as far as their use tells."""
    found: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"))):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int())):
                found.add(name)
            case ast.BinOp(left=ast.Name(id=name), op=op, right=ast.Constant(value=int())):
                if not isinstance(op, ast.Mult):
                    found.add(name)
            case ast.Compare(left=ast.Name(id=name), comparators=[ast.Constant(value=int())]):
                found.add(name)
    return found


def _is_number(node: ast.expr, numbers: set[str]) -> bool:
    match node:
        case ast.Constant(value=int() | float()):
            return True
        case ast.Name(id=name):
            return name in numbers
        case ast.Call(func=ast.Name(id=name)):
            return name in _NUMBERS
        case ast.BinOp(left=left, op=op, right=right):
            sides = [_is_number(side, numbers) for side in (left, right)]
            return all(sides) or (any(sides) and isinstance(op, _ARITHMETIC))
    return False


def _made(rng: random.Random, node: ast.expr, numbers: set[str]) -> list[str]:
    """Questions about an expression and its like."""
    text, count = ast.unparse(node), str(rng.choice((0, 1, 1, 2, 2, 3, 4, 5, 7, 9, 10, rng.randint(0, 60))))
    divisor = rng.choice((2, 2, 3, 4, 5, 10))
    whole = _held(node)
    of_number = [f"{whole} % {divisor}", f"{whole} {rng.choice(_ORDERED)} {count}", f"{whole} + {count}"]
    of_number += [f"{whole} % 2 == 0", f"{whole} - {count}", f"{whole} * {rng.randint(2, 5)}", f"{whole} // {divisor}"]
    match node:
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            numeric = _is_number(left, numbers) or _is_number(right, numbers)
            return _compared(rng, _held(left), sign, _held(right), numeric)
        case ast.BinOp():
            return [text, text, *(rng.sample(of_number, 2) if _is_number(node, numbers) else ())]
        case ast.Subscript(value=value, slice=place) if not isinstance(place, ast.Slice):
            if not _is_number(place, numbers):
                return [text, text]
            owner, index = _held(value), ast.unparse(place)
            like = [f"{owner}[0]", f"{owner}[-1]", f"len({owner})", f"{text} == {owner}[0]", f"{text} != {owner}[-1]"]
            like += [f"{owner}[:{index}]", f"{text} in {owner}[:{index}]", f"{index} < len({owner})"]
            return [text, text, text, *rng.sample(like, 2)]
        case ast.Name(id=name):
            return [rng.choice(of_number) if name in numbers else rng.choice((f"not {name}", f"bool({name})"))]
        case ast.Call(func=ast.Name(id="len")):
            return [text, *rng.sample(of_number, 1)]
    return [text]


def _compared(rng: random.Random, left: str, sign: ast.cmpop, right: str, numeric: bool) -> list[str]:
    """Comparisons of the same two, and for numbers what is made of them."""
    if isinstance(sign, (ast.In, ast.NotIn)):
        return [f"{left} in {right}", f"{left} not in {right}"]
    if isinstance(sign, (ast.Is, ast.IsNot)):
        return [f"{left} is {right}", f"{left} is not {right}"]
    signs = _ORDERED if numeric or not isinstance(sign, (ast.Eq, ast.NotEq)) else _ALIKE
    made = [f"{left} {rng.choice(signs)} {right}" for _ in range(2)] + [f"{right} {rng.choice(signs)} {left}"]
    if numeric:
        made += [f"{left} {rng.choice('+-*')} {right}", rng.choice((f"max({left}, {right})", f"abs({left} - {right})"))]
    return list(dict.fromkeys(made))


def _held(node: ast.expr) -> str:
    """As an operand."""
    text = ast.unparse(node)
    return text if isinstance(node, (ast.Name, ast.Constant, ast.Subscript, ast.Call)) else f"({text})"
