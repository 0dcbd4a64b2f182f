"""Which source lines can follow which inside a function: a control-flow graph by line, from the syntax alone.

It only ranks lines of equal text, so it errs on the side of allowing too much: any physical line of a statement may
follow any other of it, and every branch counts as possible.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

Lines = frozenset[int]
NOWHERE: Lines = frozenset()


@dataclass(frozen=True, slots=True)
class _Around:
    """Where control goes from inside a block, other than to the next statement."""

    again: Lines = NOWHERE  # continue
    leave: Lines = NOWHERE  # break
    handlers: Lines = NOWHERE  # an exception
    final: Lines = NOWHERE  # a `finally` on the way out


@dataclass(slots=True)
class Flow:
    """1-based line -> lines that can come next: `normal` without and `raised` after an exception at that line."""

    normal: dict[int, set[int]] = field(default_factory=dict)
    raised: dict[int, set[int]] = field(default_factory=dict)

    def add(self, body: Sequence[ast.stmt]) -> Lines:
        """Add the body of one function; the result is its first statement's lines."""
        return self._block(body, NOWHERE, _Around())

    def _link(self, sources: Iterable[int], targets: Lines) -> None:
        for line in sources:
            self.normal.setdefault(line, set()).update(targets)

    def _block(self, body: Sequence[ast.stmt], after: Lines, around: _Around) -> Lines:
        for statement in reversed(body):
            after = self._statement(statement, after, around)
        return after

    def _statement(self, node: ast.stmt, after: Lines, around: _Around) -> Lines:
        own = _own_lines(node)
        for line in own:
            self._link([line], own - {line})
            self.raised.setdefault(line, set()).update(around.handlers)
        if isinstance(node, ast.If):
            self._link(own, self._block(node.body, after, around) | self._block(node.orelse, after, around))
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            inner = replace(around, again=own, leave=after)
            self._link(own, self._block(node.body, own, inner) | self._block(node.orelse, after, around))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            # The block's end goes back to the header, where the context manager is left.
            inner = replace(around, handlers=around.handlers | own)
            self._link(own, self._block(node.body, own, inner) | after)
        elif isinstance(node, ast.Match):
            self._match(node, own, after, around)
        elif isinstance(node, (ast.Return, ast.Raise)):
            self._link(own, around.final)
        elif isinstance(node, ast.Break):
            self._link(own, around.leave | around.final)
        elif isinstance(node, ast.Continue):
            self._link(own, around.again | around.final)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            self._try(node, own, after, around)  # type: ignore[arg-type]
        else:
            self._link(own, after)
        return own

    def _match(self, node: ast.Match, own: Lines, after: Lines, around: _Around) -> None:
        following = after
        for case in reversed(node.cases):
            lines = frozenset(range(case.pattern.lineno, max(case.pattern.lineno + 1, _first_line(case.body[0]))))
            self._link(lines, following | self._block(case.body, after, around))
            following = lines
        self._link(own, following)

    def _try(self, node: ast.Try, own: Lines, after: Lines, around: _Around) -> None:
        final = self._block(node.finalbody, after, around)
        if node.finalbody:
            around = replace(around, final=final, handlers=final)
        following: Lines = NOWHERE
        for handler in reversed(node.handlers):
            lines = frozenset(range(handler.lineno, max(handler.lineno + 1, _first_line(handler.body[0]))))
            self._link(lines, following | self._block(handler.body, final, around))
            following = lines
        orelse = self._block(node.orelse, final, around)
        inner = replace(around, handlers=following | around.final if following else around.handlers)
        self._link(own, self._block(node.body, orelse, inner))


def _own_lines(node: ast.stmt) -> Lines:
    """The physical lines of a statement without those of the blocks inside it."""
    end = node.end_lineno or node.lineno
    body = node.cases[0].pattern if isinstance(node, ast.Match) else next(iter(getattr(node, "body", ())), None)
    if body is not None:
        end = max(node.lineno, _first_line(body) - 1)
    return frozenset(range(_first_line(node), end + 1))


def _first_line(node: ast.stmt | ast.pattern) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])
