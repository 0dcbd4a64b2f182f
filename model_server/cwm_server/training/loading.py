"""Program text as modules: one file, or the tests and what they test in two."""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cwm_server.training.sandbox import Rejected


@dataclass(frozen=True, slots=True)
class File:
    """One source file of a program: the module's name, its file name and its text."""

    name: str
    filename: str
    text: str


def load(
    text: str, name: str, filename: str, tree: ast.Module | None = None, names: Mapping[str, object] | None = None
) -> types.ModuleType:
    """The module that `text` (or `tree`, made from it) defines, with `names` in it from the start."""
    module = types.ModuleType(name)
    module.__dict__.update(names or {})
    if name != "__main__":
        sys.modules[name] = module  # dataclasses look their module up, tests import what they test
    exec(compile(tree or text, filename, "exec", dont_inherit=True), module.__dict__)
    return module


@contextlib.contextmanager
def importable() -> Iterator[None]:
    """What is loaded inside the block can be imported inside the block only."""
    before = dict(sys.modules)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name not in before]:
            file = getattr(sys.modules[name], "__spec__", None)
            if file is None:
                del sys.modules[name]
        sys.modules.update({name: module for name, module in before.items() if sys.modules.get(name) is not module})


def fixture_value(fixture: Any) -> Any:
    """What a pytest fixture of the module gives: programs' calls use it in pytest's place."""
    return getattr(fixture, "_fixture_function", fixture)()


def entry_code(module: types.ModuleType, entry: str) -> types.CodeType:
    """The code of the function with this qualified name, under its decorators."""
    thing: Any = module
    for part in entry.split("."):
        thing = inspect.getattr_static(thing, part) if isinstance(thing, type) else getattr(thing, part)
    thing = getattr(thing, "fget", None) or getattr(thing, "__func__", None) or thing
    code = getattr(inspect.unwrap(thing), "__code__", None)
    if not isinstance(code, types.CodeType):
        raise Rejected("entry has no code")
    return code


def definition(tree: ast.Module, entry: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The node of the function with this qualified name."""
    body: list[ast.stmt] = tree.body
    found: ast.stmt | None = None
    for part in entry.split("."):
        found = None
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == part:
                found = node
        body = found.body if found is not None else []
    if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)):
        raise Rejected("entry not in the text")
    return found


def split(text: str, entry: str, name: str) -> tuple[str, str] | None:
    """What is tested, and the test that imports it from the module `name`; None where the text can't be cut so."""
    tree = ast.parse(text)
    outer = entry.split(".")[0]
    index = next((number for number, node in enumerate(tree.body) if _is_test(node, outer)), 0)
    if index == 0:
        return None
    node = tree.body[index]
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    first = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
    lines = text.split("\n")
    test = "\n".join(lines[first:])
    used = {item.id for part in tree.body[index:] for item in ast.walk(part) if isinstance(item, ast.Name)}
    imports, wanted = [], []
    for item in tree.body[:index]:
        if isinstance(item, (ast.Import, ast.ImportFrom)):
            if used & {(alias.asname or alias.name).split(".")[0] for alias in item.names}:
                imports.append(ast.unparse(item))
        else:
            bound = [
                getattr(item, "name", None),
                *(target.id for target in getattr(item, "targets", []) if isinstance(target, ast.Name)),
            ]
            wanted += [word for word in bound if word in used]
    if not wanted:
        return None
    module = "\n".join(lines[:first]).rstrip() + "\n"
    module = re.sub(r"(?m)^import pytest\n+", "", module)
    head = "\n".join([*imports, *([""] if imports else []), f"from {name} import {', '.join(dict.fromkeys(wanted))}"])
    return module, f"{head}\n\n\n{test}"


def _is_test(node: ast.stmt, entry: str) -> bool:
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return node.name == entry or any("fixture" in ast.unparse(item) for item in node.decorator_list)
