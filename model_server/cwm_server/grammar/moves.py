"""What a line only moves: values that stand in the source or in the frames before, and are copied, not computed.

A constant, a variable, a display of such, an element at a place that is shown, a copy, what a call has returned, an
argument: their texts follow from what can be read already. Whatever applies an operator, a method or a builtin besides
is the model's.
"""

from __future__ import annotations

import ast
import builtins
import collections
import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import BuiltinFunctionType
from typing import Any

from cwm_server.grammar.literals import (
    ATOMS,
    Unknown,
    element_of,
    elements_of,
    is_fixed,
    read,
    rendered,
    shown,
    text_of,
    with_elements,
)
from cwm_server.grammar.mutations import Mutation
from cwm_server.grammar.names import names_of, stored
from cwm_server.grammar.syntax import COMPREHENSIONS, ITERATED, RESUMED
from cwm_tracer.redaction import REDACTED

_OPEN = ("[", "{", "(", "<")  # how the texts begin of what may change, or hold what may
_COPIERS: dict[str, type] = {"dict": dict, "list": list, "tuple": tuple}


@dataclass(frozen=True, slots=True)
class Known:
    """What can be read before some statements go on.

    `values` are the texts of variables that are sure to hold; `returned` is the plain function that was called last, or
    `.0` for a comprehension, with what it returned, None where none was since the line began.
    """

    values: Mapping[str, str]
    returned: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Moves:
    """What statements of one text move. `functions` are the parameters of its plain functions, by name.

    `lasting` are the texts of names that mean the same in all of it, and can be read where a function is defined.
    `apart`: what looks like a list is one, and can be taken apart; not so where the text has classes of its own kind.
    `quiet` are builtins that change nothing.
    """

    functions: Mapping[str, ast.arguments]
    lasting: Mapping[str, str] = field(default_factory=dict)
    apart: bool = True
    quiet: frozenset[str] = frozenset()

    def bound(self, statements: Sequence[ast.AST], known: Known) -> dict[str, str]:
        """The texts of what some statements of one line bind or put into, of those names for which they can be read."""
        after = self._after(statements, known)
        names = stored(statements) | _filled(statements)
        return {} if after is None else {name: text for name, text in after.items() if name in names}

    def _after(self, statements: Sequence[ast.AST], known: Known) -> dict[str, str] | None:
        """What can be read of all variables after some statements; None where one of them may change anything."""
        values = dict(known.values)
        returned = known.returned if len(statements) == 1 else None  # another may have called as well
        for node in statements:
            if isinstance(node, (ast.Pass, ast.Return)) or _is_constant(node):
                continue
            if (mutation := Mutation.of(node)) is not None:
                if not self._mutate(mutation, values):
                    return None
                continue
            if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
                return None
            here = Known(dict(values), returned)
            copied = self._is_copy(node.value) and self._text(node.value, here) is not None
            if not copied and any(map(self.may_change, ast.walk(node.value))):
                values = {name: text for name, text in values.items() if not text.startswith(_OPEN)}
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Subscript):
                    if not self._store(target, self._text(node.value, here), values):
                        return None
                elif not self._assign(target, node.value, here, values):
                    return None
        return values

    def result(self, statements: Sequence[ast.AST], known: Known) -> str | None:
        """The text of what a `return`, the last of some statements of one line, returns; None where it is computed."""
        last = statements[-1] if statements else None
        if not isinstance(last, ast.Return):
            return None
        values = self._after(statements[:-1], known)
        if values is None:
            return None
        return "None" if last.value is None else self._text(last.value, Known(values, known.returned))

    def passed(self, statement: ast.AST, function: str, known: Known, lasting: Mapping[str, str]) -> dict[str, str]:
        """The texts of a function's parameters, of those that can be read, when a statement calls it.

        Of the variables those in `lasting` hold whatever else the statement does.
        """
        parts = _evaluated(statement)
        inner = [each for part in parts for each in ast.walk(part)]
        if any(isinstance(each, (ast.Lambda, ast.NamedExpr, *COMPREHENSIONS, *RESUMED)) for each in inner):
            return {}
        calls = [each for each in inner if isinstance(each, ast.Call)]
        found = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == function]
        own = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id in self.functions]
        if len(found) != 1 or len(own) != 1 or function not in self.functions:
            return {}
        values = known.values if len(calls) == 1 else lasting
        given, defaults = _arguments(found[0], self.functions[function])
        texts = {name: self._text(node, Known(values)) for name, node in given.items()}
        texts |= {name: self._text(node, Known(self.lasting)) for name, node in defaults.items()}
        return {name: text for name, text in texts.items() if text is not None}

    def items(self, node: ast.expr, known: Known) -> list[object] | None:
        """The elements that an expression has, in their order; None where they can't be read."""
        try:
            return elements_of(self.value(node, known))
        except Unknown:
            return None

    def truth(self, node: ast.expr, known: Known) -> bool | None:
        """Whether what an expression moves counts as true; None where it is computed, or its text does not tell."""
        try:
            return bool(self.value(node, known))
        except Unknown:
            return None

    def is_true(self, text: str) -> bool | None:
        """Whether the value that a text shows counts as true; None where the text does not tell."""
        try:
            return bool(read(text)) if self.apart else None
        except Unknown:
            return None

    def may_change(self, node: ast.AST) -> bool:
        """Whether a part of an expression may change a value, or run code that does."""
        if isinstance(node, ast.Call):
            return not (isinstance(node.func, ast.Name) and node.func.id in self.quiet)
        return isinstance(node, (ast.NamedExpr, *RESUMED))

    def value(self, node: ast.expr, known: Known) -> object:
        """What an expression moves. Raises Unknown where it is computed, or not shown."""
        return _value(node, known.values if self.apart else {})

    def text(self, node: ast.expr, known: Known) -> str | None:
        """The text of what an expression moves; None where it is computed."""
        return self._text(node, known)

    def _assign(self, target: ast.expr, value: ast.expr, known: Known, values: dict[str, str]) -> bool:
        """Note in `values` what an assignment binds; False where it may change something else besides."""
        if isinstance(target, ast.Name):
            text = self._text(value, known)
            values.pop(target.id, None)
            if text is not None:
                values[target.id] = text
            return True
        if not isinstance(target, (ast.Tuple, ast.List)):
            return False
        if isinstance(value, (ast.Tuple, ast.List)):
            here = Known(known.values)
            texts = [None if isinstance(each, ast.Starred) else self._text(each, here) for each in value.elts]
        else:
            try:
                texts = [text_of(each) for each in elements_of(self.value(value, known))]
            except Unknown:
                texts = []
        if len(texts) != len(target.elts):
            texts = [None] * len(target.elts)
        for part, text in zip(target.elts, texts, strict=True):
            if isinstance(part, ast.Name):
                values.pop(part.id, None)
                if text is not None:
                    values[part.id] = text
            elif not isinstance(part, ast.Subscript) or not self._store(part, text, values):
                return False
        return True

    def _store(self, target: ast.Subscript, text: str | None, values: dict[str, str]) -> bool:
        """Note in `values` that what a text shows takes the place of an element; False where that can't be told."""

        def store(owner: Any) -> None:
            place: Any = _place(target.slice, values)
            owner[place] = element

        try:
            element = read(text or "")
        except Unknown:
            return False
        return isinstance(target.value, ast.Name) and is_fixed(element) and self._change(target.value.id, store, values)

    def _mutate(self, mutation: Mutation, values: dict[str, str]) -> bool:
        """Note in `values` what a method of a list does, and returns; False where that can't be told."""
        results: list[object] = []

        def change(owner: Any) -> None:
            given = [self.value(each, Known(values)) for each in mutation.given]
            elements = elements_of(given[0]) if mutation.method == "extend" else given
            if not isinstance(owner, list) or not all(map(is_fixed, elements)):
                raise Unknown
            results.append(mutation.done(owner, given))

        if not self._change(mutation.owner, change, values):
            return False
        if mutation.target is not None:
            values.pop(mutation.target, None)
            if (text := shown(results[0])) is not None:
                values[mutation.target] = text
        return True

    def _change(self, name: str, change: Callable[[Any], None], values: dict[str, str]) -> bool:
        """Note in `values` how a list or dict is after a `change`; False where that can't be told.

        What it gets has to be fixed: another list might hold the one that it is put into.
        """
        try:
            container: Any = copy.deepcopy(read(values[name]) if self.apart else None)
            if not isinstance(container, (list, dict)):
                return False
            change(container)
            after = text_of(container)
        except (Unknown, LookupError, TypeError, ValueError):
            return False
        # The same list may be held by another name, or stand in another list.
        others = [each for each, other in values.items() if other.startswith(_OPEN) and each != name]
        for each in others:
            del values[each]
        values[name] = after
        return True

    def _text(self, node: ast.expr, known: Known) -> str | None:
        if isinstance(node, ast.Name):
            text = known.values.get(node.id)
            return None if text is None or REDACTED in text else text
        if not self._is_copy(node) and (called := _result_of(node)) is not None:
            text = known.returned[1] if known.returned is not None and known.returned[0] == called else None
            return None if text is None or REDACTED in text else text
        try:
            return text_of(self._copied(node, known))
        except Unknown:
            return None

    def _copied(self, node: ast.expr, known: Known) -> Any:
        """What an expression moves, or makes anew of the elements of that. Raises Unknown."""
        match node if self._is_copy(node) else None:
            case ast.Call(ast.Attribute(value=owner)):
                copied = self.value(owner, known)
                if not isinstance(copied, (list, dict)):
                    raise Unknown
                return copied
            case ast.Call(ast.Name(id=name), given):
                try:
                    return _COPIERS[name](*(with_elements(self._copied(each, known)) for each in given))
                except (TypeError, ValueError):  # it raises; what comes then is no value
                    raise Unknown from None
        return self.value(node, known)

    def _is_copy(self, node: ast.expr) -> bool:
        """Whether an expression is a call that copies what is given to it, or makes something empty."""
        match node:
            case ast.Call(ast.Name(id=name), [] | [_], []):
                return name in _COPIERS and name in self.lasting
            case ast.Call(ast.Attribute(attr="copy"), [], []):
                return True
        return False


def _evaluated(node: ast.AST) -> list[ast.expr]:
    """The expressions of a statement besides its blocks, where they are evaluated once and from the left."""
    if isinstance(node, (ast.If, ast.While, ast.Assert)):
        return [node.test]
    if isinstance(node, ast.For):
        return [node.iter]
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)):
        return [node.value] if node.value is not None else []
    return []


def _arguments(call: ast.Call, parameters: ast.arguments) -> tuple[dict[str, ast.expr], dict[str, ast.expr]]:
    """The parameters of a function with the expressions that a call gives them, and those that take their default."""
    if any(isinstance(each, ast.Starred) for each in call.args):
        return {}, {}
    places = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
    given = dict(zip(places, call.args, strict=False))
    if any(each.arg is None for each in call.keywords):  # what is spread out may be any of the others
        return given, {}
    given |= {each.arg: each.value for each in call.keywords if each.arg is not None}
    defaults = dict(zip(reversed(places), reversed(parameters.defaults), strict=False))
    named = zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
    defaults |= {each.arg: default for each, default in named if default is not None}
    names = {*places, *(each.arg for each in parameters.kwonlyargs)}
    return (
        {name: node for name, node in given.items() if name in names},
        {name: node for name, node in defaults.items() if name not in given and _is_immutable(node)},
    )


def _is_immutable(node: ast.expr) -> bool:
    """Whether what an expression makes can't change behind it; a name's value may."""
    return not any(isinstance(each, (ast.List, ast.Dict, ast.Set, ast.Subscript)) for each in ast.walk(node))


def lasting(tree: ast.Module) -> dict[str, str]:
    """The texts of a module's constants, and of builtins, whose names mean nothing else in the text."""
    nodes = list(ast.walk(tree))
    if any(isinstance(node, ast.alias) and node.name == "*" for node in nodes):
        return {}
    counts = collections.Counter(name for node in nodes for name in names_of(node)[0])
    found = {name: text for name, text in _builtins().items() if not counts[name]}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, text = node.targets[0].id, _constant(node.value)
            if counts[name] == 1 and text is not None:
                found[name] = text
    return found


@functools.cache
def _builtins() -> dict[str, str]:
    plain = ((name, each) for name, each in vars(builtins).items() if isinstance(each, (type, BuiltinFunctionType)))
    return {name: rendered(each) for name, each in plain}


def _constant(node: ast.expr) -> str | None:
    """The text of a constant, or a tuple of such; None of anything else."""
    try:
        return text_of(_value(node, {})) if _is_immutable(node) else None
    except Unknown:
        return None


def _filled(nodes: Sequence[ast.AST]) -> set[str]:
    """The names of what some code puts elements into."""
    each = (each for node in nodes for each in ast.walk(node) if isinstance(each, ast.Subscript))
    found = {e.value.id for e in each if isinstance(e.value, ast.Name) and not isinstance(e.ctx, ast.Load)}
    return found | {mutation.owner for node in nodes if (mutation := Mutation.of(node)) is not None}


def _result_of(node: ast.expr) -> str | None:
    """By what that what an expression gives was returned: the name of a function, or `.0` for a comprehension.

    Empty where it has none, None of what is no call. Where comprehensions have no frames, a generator expression inside
    of one is called by the function itself.
    """
    if isinstance(node, ast.Call):
        return node.func.id if isinstance(node.func, ast.Name) else ""
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp)):
        return "" if any(isinstance(each, ast.GeneratorExp) for each in ast.walk(node)) else ITERATED
    return None


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _value(node: ast.expr, values: Mapping[str, str]) -> object:
    """The value that a node moves. Raises Unknown."""
    if isinstance(node, ast.Constant) and isinstance(node.value, ATOMS):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        if isinstance(number, (int, float)):
            return -number
    if isinstance(node, ast.Name) and node.id in values:
        return read(values[node.id])
    try:
        if isinstance(node, ast.Tuple):
            return tuple(_value(each, values) for each in node.elts)
        if isinstance(node, ast.List):
            return [_value(each, values) for each in node.elts]
        if isinstance(node, ast.Dict):
            keys = [_value(each, values) for each in node.keys if each is not None]
            return dict(zip(keys, (_value(each, values) for each in node.values), strict=True))
        if isinstance(node, ast.Subscript):
            return element_of(_value(node.value, values), _place(node.slice, values))
    except (TypeError, ValueError):  # no key, or a part that is spread out
        raise Unknown from None
    raise Unknown


def _place(node: ast.expr, values: Mapping[str, str]) -> object:
    if not isinstance(node, ast.Slice):
        return _value(node, values)
    return slice(*(None if part is None else _value(part, values) for part in (node.lower, node.upper, node.step)))
