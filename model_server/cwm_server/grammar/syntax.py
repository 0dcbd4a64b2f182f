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


def is_plain_class(node: ast.AST) -> bool:
    """Whether making a class runs its body and nothing else, before and behind."""
    if not isinstance(node, ast.ClassDef) or node.body[0].lineno == node.lineno:
        return False
    return not (node.bases or node.keywords or node.decorator_list or getattr(node, "type_params", None))


def first_line(node: ast.stmt) -> int:
    """Where a statement begins, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
