"""The kinds of syntax that the rules tell apart."""

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


def first_line(node: ast.stmt) -> int:
    """Where a statement begins, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
