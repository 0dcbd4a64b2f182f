"""The functions and classes of a source text, and which of them each line belongs to."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cwm.debugger.flow import Flow

_HEADER = re.compile(r"([ \t]*)(async[ \t]+def|def|class)[ \t]+(\w+)")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SUSPENDING = (ast.Yield, ast.YieldFrom, ast.Await)


@dataclass(frozen=True, slots=True)
class Region:
    """One definition. Lines are 1-based; `header` is the line of `def` or `class`, `first` that of its first decorator.

    `parameters` and `owner` (the class around it) are None where they are unknown; `suspends` says that an
    activation can be left and resumed (a generator, a coroutine).
    """

    name: str
    first: int
    header: int
    body: int
    last: int
    parameters: frozenset[str] | None = None
    owner: str | None = None
    suspends: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """`owners` has one item per line, from line 1: the indices of the regions whose frames can stand there.

    A definition's header belongs to what it defines (its call) and to what surrounds it (the `def` statement).
    """

    regions: tuple[Region, ...]
    owners: tuple[frozenset[int], ...]
    flow: Flow


def read_structure(lines: list[str]) -> Structure:
    """The structure of a text split at its newlines; by indentation alone, and without flow, where it isn't Python."""
    flow = Flow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        regions = tuple(_by_indentation(lines))
    else:
        regions = tuple(_by_syntax(tree, flow, None))
    owners: list[frozenset[int]] = [frozenset()] * len(lines)
    for number, region in enumerate(regions):  # outer regions come before inner ones
        for line in range(region.first, min(region.last, len(lines)) + 1):
            outer = owners[line - 1] if line < region.body or line == region.header else frozenset()
            owners[line - 1] = outer | {number}
    return Structure(regions, tuple(owners), flow)


def _by_syntax(node: ast.AST, flow: Flow, owner: str | None) -> Iterator[Region]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _DEFINITIONS):
            flow.add(child.body)
            yield _region(child, owner)
            yield from _by_syntax(child, flow, child.name if isinstance(child, ast.ClassDef) else None)
        else:
            yield from _by_syntax(child, flow, owner)


def _region(node: _Definition, owner: str | None) -> Region:
    body = node.body[0]
    decorators = getattr(body, "decorator_list", [])
    parameters = None
    if not isinstance(node, ast.ClassDef):
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
        parameters = frozenset(each.arg for each in every if each is not None)
    return Region(
        name=node.name,
        first=min([node.lineno, *(each.lineno for each in node.decorator_list)]),
        header=node.lineno,
        body=min([body.lineno, *(each.lineno for each in decorators)]),
        last=node.end_lineno or node.lineno,
        parameters=parameters,
        owner=owner,
        suspends=isinstance(node, ast.AsyncFunctionDef) or any(isinstance(each, _SUSPENDING) for each in _within(node)),
    )


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a definition without those of the definitions inside it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*_DEFINITIONS, ast.Lambda)):
            yield from _within(child)


def _by_indentation(lines: list[str]) -> Iterator[Region]:
    for number, line in enumerate(lines, 1):
        match = _HEADER.match(line)
        if not match:
            continue
        last = number
        for following in range(number, len(lines)):
            text = lines[following]
            if text.strip() and len(text) - len(text.lstrip()) <= len(match[1]):
                break
            if text.strip():
                last = following + 1
        suspends = match[2].startswith("async") or any("yield" in each for each in lines[number:last])
        yield Region(match[3], number, number, number + 1, last, suspends=suspends)
