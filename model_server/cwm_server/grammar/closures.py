"""Which names the functions of a text bind, and which they close over: what a CALL can show besides parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from cwm_server.grammar.names import names_of, parameters
from cwm_server.grammar.syntax import COMPREHENSIONS, FUNCTIONS

_CLASS = "__class__"  # bound by a class for its methods, if they use it or `super`


@dataclass(frozen=True, slots=True)
class Closure:
    """What a function can show: the names that it `binds`, and those that it `closes` over, in a frame's order.

    Variables of its comprehensions are among the former, which may be inlined; `lends` are those of them that functions
    inside of it close over. `sure` are those of the latter that are bound whenever it is called.
    """

    binds: frozenset[str] = frozenset()
    closes: tuple[str, ...] = ()
    sure: frozenset[str] = frozenset()
    lends: frozenset[str] = frozenset()

    @property
    def shows(self) -> tuple[str, ...]:
        """All names that its frames can have, in no order."""
        return (*self.binds, *self.closes)


@dataclass(slots=True, eq=False)
class _Scope:
    """A block of names: a module, a class, a function or what is like one. `outer` is the one around it.

    `done` are names of that one that are bound when this one is made. `hinted` are used in annotations, which the
    versions of Python evaluate at different times; `outside` are global, `nonlocal_` of some function around it.
    """

    node: ast.AST
    outer: _Scope | None = None
    done: frozenset[str] = frozenset()
    parameters: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    hinted: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    nonlocal_: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)  # by it and the scopes inside of it, from those around it
    inlined: set[str] = field(default_factory=set)
    lends: set[str] = field(default_factory=set)
    closes: set[str] = field(default_factory=set)
    around: set[str] = field(default_factory=set)  # bound by the functions around it
    sure: frozenset[str] = frozenset()

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, (*FUNCTIONS, ast.Lambda, *COMPREHENSIONS))

    @property
    def own(self) -> set[str]:
        return (self.bound | self.parameters) - self.outside - self.nonlocal_

    def closure(self, unbound: set[str]) -> Closure:
        """What it shows, where some code may unbind the names `unbound`."""
        sure = self.sure.intersection(self.closes, self.used) - unbound
        binds = frozenset(self.own | self.inlined)
        return Closure(binds, tuple(sorted(self.closes)), sure, frozenset(self.lends))


def closures(tree: ast.Module) -> dict[ast.AST, Closure]:
    """Those of all functions, lambdas and comprehensions; of none where the text has type parameters."""
    if any(getattr(node, "type_params", ()) or type(node).__name__ == "TypeAlias" for node in ast.walk(tree)):
        return {}
    reader = _Reader()
    reader.read(tree)
    scopes = reader.scopes
    for scope in reversed(scopes):  # those inside first
        if isinstance(scope.node, COMPREHENSIONS) and scope.outer is not None:
            scope.outer.inlined |= scope.own | scope.inlined
        wanted = scope.wanted | scope.used | scope.hinted | scope.nonlocal_
        if scope.is_function:
            scope.wanted = wanted - scope.own - scope.outside
        else:
            used = (scope.used | scope.hinted) - scope.own - scope.outside
            scope.wanted = (scope.wanted - {_CLASS}) | used | scope.nonlocal_
        if scope.outer is not None:
            scope.outer.wanted |= scope.wanted
    for scope in scopes:
        outer = scope.outer
        if outer is None:
            continue
        scope.around = outer.around | {_CLASS} if isinstance(outer.node, ast.ClassDef) else set(outer.around)
        scope.sure = outer.sure
        if outer.is_function:
            scope.around = (scope.around | outer.own) - outer.outside
            scope.sure = (outer.sure - outer.own) | (outer.own & (outer.parameters | scope.done))
        scope.closes = scope.wanted & scope.around
        if outer.is_function:
            outer.lends |= scope.closes & outer.own
    return {scope.node: scope.closure(reader.unbound) for scope in scopes if scope.is_function}


_Done = tuple[ast.stmt, "_Done"] | None  # the statements that are behind code of its scope, the last first


class _Reader:
    """Sorts the names of a text by scope. `unbound` are those that some code may unbind again."""

    def __init__(self) -> None:
        self.scopes: list[_Scope] = []
        self.unbound: set[str] = set()
        self._pending: list[tuple[ast.AST, _Scope, _Done, bool]] = []

    def read(self, tree: ast.Module) -> None:
        """Everything, without recursion: expressions may be nested deeply."""
        self._block(tree.body, self._opened(tree, None, None), None)
        while self._pending:
            self._node(*self._pending.pop())

    def _opened(self, node: ast.AST, outer: _Scope | None, done: _Done) -> _Scope:
        self.scopes.append(_Scope(node, outer, frozenset(_all(done))))
        return self.scopes[-1]

    def _block(self, body: list[ast.stmt], scope: _Scope, done: _Done) -> None:
        for statement in body:
            self._pending.append((statement, scope, done, False))
            done = (statement, done) if scope.is_function else None

    def _node(self, node: ast.AST, scope: _Scope, done: _Done, hint: bool) -> None:
        if isinstance(node, (*FUNCTIONS, ast.Lambda)):
            self._function(node, scope, done, hint)
        elif isinstance(node, ast.ClassDef):
            scope.bound.add(node.name)
            self._later([*node.decorator_list, *node.bases, *node.keywords], scope, done, hint)
            self._block(node.body, self._opened(node, scope, done), None)
        elif isinstance(node, COMPREHENSIONS):
            first, *others = node.generators
            inner = self._opened(node, scope, done)
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            self._later([first.iter], scope, done, hint)
            self._later([*parts, first.target, *first.ifs, *others], inner, None, hint)
        elif isinstance(node, ast.AnnAssign):
            self._later([node.target, *([node.value] if node.value else [])], scope, done, hint)
            self._later([node.annotation], scope, done, True)
        else:
            self._bind(node, scope, hint)
            for _, value in ast.iter_fields(node):
                if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                    self._block(value, scope, done)
                elif isinstance(value, (list, ast.AST)):
                    self._later(value if isinstance(value, list) else [value], scope, done, hint)

    def _later(self, nodes: list[object], scope: _Scope, done: _Done, hint: bool) -> None:
        self._pending += [(node, scope, done, hint) for node in nodes if isinstance(node, ast.AST)]

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope, done: _Done, hint: bool
    ) -> None:
        arguments = node.args
        self._later([*arguments.defaults, *arguments.kw_defaults], scope, done, hint)
        own = parameters(arguments)
        self._later([each.annotation for each in own], scope, done, True)
        if isinstance(node, ast.Lambda):
            inner = self._opened(node, scope, done)
            self._later([node.body], inner, None, hint)
        else:
            scope.bound.add(node.name)
            self._later([*node.decorator_list], scope, done, hint)
            self._later([node.returns], scope, done, True)
            inner = self._opened(node, scope, done if node.decorator_list else (node, done))
            self._block(node.body, inner, None)
        inner.parameters.update(each.arg for each in own)

    def _bind(self, node: ast.AST, scope: _Scope, hint: bool) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            (scope.hinted if hint else scope.used).add(node.id)
            if node.id == "super":
                scope.used.add(_CLASS)
        elif isinstance(node, ast.NamedExpr):
            owner = scope
            while isinstance(owner.node, COMPREHENSIONS) and owner.outer is not None:
                owner = owner.outer
            owner.bound.add(node.target.id)
            if owner is not scope:
                scope.nonlocal_.add(node.target.id)
        elif isinstance(node, ast.Global):
            scope.outside.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.nonlocal_.update(node.names)
        else:
            names, _ = names_of(node)
            scope.bound.update(names)
            if isinstance(node, ast.ExceptHandler) or isinstance(getattr(node, "ctx", None), ast.Del):
                self.unbound.update(names)


def _all(done: _Done) -> Iterator[str]:
    """The names that are bound where some statements have run."""
    while done is not None:
        statement, done = done
        yield from _certainly_bound(statement)


def _certainly_bound(node: ast.stmt) -> Iterator[str]:
    """The names that are bound behind a statement, whichever way its code went."""
    targets: list[ast.expr | None] = []
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ((each.asname or each.name).partition(".")[0] for each in node.names)
    elif isinstance(node, ast.Assign):
        targets += node.targets
    elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.AnnAssign) and node.value is not None):
        targets.append(node.target)
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        targets.append(node.items[0].optional_vars)  # behind the first something may be suppressed
    while targets:
        each = targets.pop()
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, (ast.Tuple, ast.List)):
            targets += each.elts
        elif isinstance(each, ast.Starred):
            targets.append(each.value)
