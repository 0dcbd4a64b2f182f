"""Where functions and classes stand in a parsed text, and which names stand where."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterable, Iterator

from cwm_server.grammar.calls import openings
from cwm_server.grammar.names import names_of
from cwm_server.grammar.syntax import COMPREHENSIONS, FUNCTIONS, OWNERS, RESUMED, WORD, first_line, is_plain_class

_UNNAMED = (ast.Lambda, *COMPREHENSIONS)
# Code that binds names which stand nowhere as names.
_BINDING_CALLS = frozenset(("exec", "eval", "locals", "vars", "globals", "__prepare__"))


class Outline:
    """Functions and classes of a parsed text, by line."""

    def __init__(self, tree: ast.Module, lines: list[str]) -> None:
        self._lines = lines
        self._nodes = [node for node in ast.walk(tree) if hasattr(node, "lineno")]
        self._owners = [node for node in self._nodes if isinstance(node, OWNERS)]
        self._statements = [node for node in _loose(tree.body) if not isinstance(node, OWNERS)]
        self._classes = [node.name.lstrip("_") for node in self._owners if isinstance(node, ast.ClassDef)]
        self._words: dict[int, set[str]] = {}
        stored = set(_stored(tree))
        free = False
        for node in ast.walk(tree):
            bound, used = names_of(node)
            words = {*bound, *used}
            free = free or not words.isdisjoint(_BINDING_CALLS)
            line = getattr(node, "lineno", None)
            if line is not None and words:
                self._words.setdefault(line, set()).update(words)
        self.binds_freely = free
        self.rebound = {name for node in ast.walk(tree) if isinstance(node, ast.Nonlocal) for name in node.names}
        self._everywhere = frozenset(WORD.findall("\n".join(lines))) if free else frozenset()
        names = {*stored, *self._everywhere}
        self.bound = frozenset({*names, *self.mangled(names)})
        self.openings = frozenset(openings(tree, self._is_cut))
        # Before Python 3.12 the syntax tree does not know where the parts of an f-string stand.
        texts = (part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node))
        self.has_unplaced = any(isinstance(part, _UNNAMED) for part in texts)

    def scope(self, number: int) -> set[int]:
        """The lines of the functions and classes whose activations can begin, or go on, at a line."""
        begun = [node for node in self._owners if first_line(node) <= number <= node.lineno]
        if begun and any(node.lineno == number for node in begun):
            node = next(node for node in begun if node.lineno == number)
            return self._own(node)
        found = set[int]()
        for node in begun:  # on a decorator: what is there may belong to the code around it
            found |= self._own(node)
        around = [node for node in self._owners if first_line(node) <= number <= _last(node) and node not in begun]
        if around:
            return found | self._own(max(around, key=first_line))
        for statement in self._statements:
            if statement.lineno <= number <= _last(statement):
                found.update(range(statement.lineno, _last(statement) + 1))
        return found or {number}

    def function(self, number: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function whose CALL shows a line: that of its `def`, or of its first decorator."""
        functions = (node for node in self._owners if not isinstance(node, ast.ClassDef))
        found = [node for node in functions if number in (node.lineno, first_line(node))]
        return found[0] if len(found) == 1 else None

    def plain_class(self, number: int) -> ast.ClassDef | None:
        """The plain class whose head stands on a line."""
        found = [node for node in self._owners if node.lineno == number]
        return found[0] if len(found) == 1 and isinstance(found[0], ast.ClassDef) and is_plain_class(found[0]) else None

    def around(self, number: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The innermost function or class around a line, where that is a function and the line no part of its head."""
        found = [node for node in self._owners if first_line(node) <= number <= _last(node)]
        node = max(found, key=first_line, default=None)
        return None if node is None or isinstance(node, ast.ClassDef) or number <= node.lineno else node

    def names(self, numbers: Collection[int]) -> frozenset[str]:
        """The names that code on some lines, and nested in it, can show."""
        low = min(numbers)
        high = max([max(numbers), *(_last(node) for node in self._owners if node.lineno in numbers)])
        words = set(self._everywhere)
        for line in range(low, high + 1):
            words |= self._words.get(line, set())
        return frozenset({*words, *self.mangled(words)})

    def suspends(self, number: int) -> bool:
        """Whether a function that begins at a line is a generator or a coroutine."""
        for node in self._owners:
            if first_line(node) <= number <= node.lineno and (
                isinstance(node, ast.AsyncFunctionDef) or any(isinstance(each, RESUMED) for each in ast.walk(node))
            ):
                return True
        return False

    def mangled(self, names: Iterable[str]) -> set[str]:
        """Private names as the classes of the text spell them."""
        private = [name for name in names if name.startswith("__") and not name.endswith("__")]
        return {f"_{owner}{name}" for owner, name in itertools.product(self._classes, private)}

    def _is_cut(self, node: ast.stmt) -> bool:
        return any(map(is_gap, self._lines[first_line(node) - 1 : _last(node)]))

    def _own(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[int]:
        """The lines of a definition without the bodies of those nested in it."""
        lines = set(range(first_line(node), _last(node) + 1))
        for inner in ast.walk(node):
            if inner is not node and isinstance(inner, OWNERS):
                start = first_line(inner.body[0]) if isinstance(inner.body[0], OWNERS) else inner.body[0].lineno
                if self._lines[start - 1].encode()[: inner.body[0].col_offset].strip():
                    start += 1  # it begins behind the colon
                lines.difference_update(range(start, _last(inner) + 1))
        return lines


def is_gap(line: str) -> bool:
    """Whether a line stands for others that were left out."""
    return line.strip() == "# ..."


def _stored(tree: ast.Module) -> Iterator[str]:
    """The names that code inside functions binds: a module's own are no locals of anything that is recorded."""
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, inside = pending.pop()
        if inside:
            yield from names_of(node)[0]
        opens = isinstance(node, (*FUNCTIONS, *_UNNAMED))
        pending += [(child, inside or opens) for child in ast.iter_child_nodes(node)]


def _loose(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that stand in no function."""
    for node in body:
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _loose(node.body)


def _last(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno
