"""The kinds of syntax that the rules tell apart, and the names that a single node binds and uses."""

from __future__ import annotations

import ast
import re

WORD = re.compile(r"[^\W\d]\w*")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OWNERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
RESUMED = (ast.Yield, ast.YieldFrom, ast.Await)
ITERABLES = (ast.Name, ast.List, ast.Tuple, ast.Constant)  # what a loop goes through as it stands there
ITERATED = ".0"  # how Python names what a comprehension iterates over
_IN_CLASS_BODIES = (
    *("__module__", "__qualname__", "__doc__", "__annotations__", "__firstlineno__", "__static_attributes__"),
    *("__classdict__", "__classdictcell__", "__class__", "__orig_bases__", "__slots__", "__type_params__"),
    *("__conditional_annotations__", "__annotate__"),
)
_GENERIC = ("TypeVar", "TypeVarTuple", "ParamSpec")
_IN_GENERICS = (".type_params", ".defaults", ".kwdefaults", ".generic_base")
ADDED = (*_IN_CLASS_BODIES, *_IN_GENERICS)  # names that Python binds by itself


def first_line(node: ast.stmt) -> int:
    """Where a statement begins, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


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
            bound += _IN_CLASS_BODIES
    elif type(node).__name__ in _GENERIC:
        bound += [node.name, *_IN_GENERICS]  # type: ignore[attr-defined]
    return [name for name in bound if name is not None], used
