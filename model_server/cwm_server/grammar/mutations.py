"""What a method puts into a list that is shown, takes out of it, or does to its order, as a statement of its own."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

_METHODS = {"append": (1,), "clear": (0,), "extend": (1,), "insert": (2,), "pop": (0, 1), "reverse": (0,)}  # arguments


@dataclass(frozen=True, slots=True)
class Mutation:
    """A call of a method of the list that the name `owner` holds; `target` is the name that holds its result then."""

    owner: str
    method: str
    given: tuple[ast.expr, ...]
    target: str | None = None

    @classmethod
    def of(cls, node: ast.AST) -> Mutation | None:
        """That of a statement; None of one that does anything else besides."""
        match node:
            case ast.Expr(value=call):
                target = None
            case ast.Assign([ast.Name(id=target)], call):
                pass
            case _:
                return None
        match call:
            case ast.Call(ast.Attribute(ast.Name(id=owner), method), given, []) if len(given) in _METHODS.get(
                method, ()
            ):
                spread = any(isinstance(each, ast.Starred) for each in given)
                return None if spread or target == owner else cls(owner, method, tuple(given), target)
        return None

    def done(self, owner: list[Any], given: list[object]) -> object:
        """What the method returns; the list is changed. Raises whatever that raises."""
        return getattr(owner, self.method)(*given)
