"""Which names a piece of Python binds, and which it needs from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Uses:
    """Free names of some code, those that only annotations mention apart, and the attributes it reads of anything."""

    names: frozenset[str]
    annotations: frozenset[str]
    attributes: frozenset[str]


@dataclass(slots=True)
class _Scope:
    parent: _Scope | None = None
    loads: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)  # declared global: stored, but not here
    annotations: set[str] = field(default_factory=set)


def uses(*roots: ast.AST) -> Uses:
    """What the code under `roots` needs. What the roots themselves bind counts as needed where they also read it."""
    top = _Scope()
    scopes = [top]
    attributes: set[str] = set()
    pending: list[tuple[ast.AST, _Scope, bool]] = [(root, top, False) for root in roots]
    while pending:  # not recursive: generated code nests deeper than the interpreter's stack
        node, scope, annotating = pending.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                (scope.annotations if annotating else scope.loads).add(node.id)
            else:
                scope.stores.add(node.id)
            continue
        if isinstance(node, _FUNCTIONS):
            inner = _Scope(scope)
            scopes.append(inner)
            pending.extend(_function_parts(node, scope, inner))
            continue
        if isinstance(node, ast.Attribute):
            attributes.add(node.attr)
        elif isinstance(node, ast.Global):
            scope.outer.update(node.names)
            scope.loads.update(node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            scope.stores.update(imported(node))
        elif isinstance(node, (ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            scope.stores.update((node.name,) if node.name else ())
        elif isinstance(node, ast.AnnAssign):
            pending.append((node.annotation, scope, True))
            pending.append((node.target, scope, annotating))
            if node.value is not None:
                pending.append((node.value, scope, annotating))
            continue
        pending.extend((child, scope, annotating) for child in ast.iter_child_nodes(node))
    for scope in reversed(scopes):
        if scope.parent is not None:
            bound = scope.stores - scope.outer
            scope.parent.loads |= scope.loads - bound
            scope.parent.annotations |= scope.annotations - bound
    return Uses(frozenset(top.loads), frozenset(top.annotations - top.loads), frozenset(attributes))


def _function_parts(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, outer: _Scope, inner: _Scope
) -> Iterator[tuple[ast.AST, _Scope, bool]]:
    arguments = node.args
    for default in (*arguments.defaults, *arguments.kw_defaults):
        if default is not None:
            yield default, outer, False
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    for argument in every:
        if argument is not None:
            inner.stores.add(argument.arg)
            if argument.annotation is not None:
                yield argument.annotation, outer, True
    if isinstance(node, ast.Lambda):
        yield node.body, inner, False
        return
    outer.stores.add(node.name)
    for decorator in node.decorator_list:
        yield decorator, outer, False
    if node.returns is not None:
        yield node.returns, outer, True
    for statement in node.body:
        yield statement, inner, False


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The names that an import binds; `*` for a star."""
    return [alias.asname or alias.name.partition(".")[0] for alias in node.names]


def binds(node: ast.stmt) -> frozenset[str]:
    """The names that a statement binds in its own scope or whose value it changes in place (`TABLE["x"] = 1`).

    A definition binds its own name, but the functions inside a compound statement count for nothing: one that did
    not run is of no use to a reader. An `if __name__ == "__main__":` binds nothing that anyone needs.
    """
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return frozenset((node.name,))
    if isinstance(node, ast.If) and any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test)):
        return frozenset()
    names: set[str] = set()
    pending: list[ast.AST] = [node]
    while pending:
        inner = pending.pop()
        if isinstance(inner, (ast.Import, ast.ImportFrom)):
            names.update(imported(inner))
        elif isinstance(inner, ast.ClassDef):
            names.add(inner.name)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names.add(inner.id)
        elif isinstance(inner, (ast.Subscript, ast.Attribute)) and isinstance(inner.ctx, ast.Store):
            names.update(_owner(inner))
        elif isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call):
            names.update(_owner(inner.value.func))
        elif not isinstance(inner, _FUNCTIONS):
            pending.extend(ast.iter_child_nodes(inner))
    return frozenset(names)


def _owner(node: ast.AST) -> list[str]:
    """The `x` of `x.y`, `x[i]`, `x.y[i].z`."""
    inside = False
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
        inside = True
    return [node.id] if inside and isinstance(node, ast.Name) else []
