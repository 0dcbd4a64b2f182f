"""Secrets that are written into source code: literals that a secret name is given, called or compared with."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cwm_tracer.named_secrets import REDACTED
from cwm_tracer.redaction import Redactor

_LONG_NUMBER = 100_000  # a smaller one under a secret name counts tokens, say
_SHOWN = f'"{REDACTED}"'.encode()


@dataclass(frozen=True, slots=True)
class ConcealedSource:
    """The lines of a file without the secrets in them; the strings among those secrets; all names in its code."""

    lines: tuple[str, ...]
    secrets: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


def conceal_source(lines: Sequence[str], tree: ast.Module | None, redactor: Redactor) -> ConcealedSource:
    """Take the secrets out of a file. Every line stays in its place; `tree` is None for a file that doesn't parse."""
    secrets: set[str] = set()
    names: set[str] = set()
    if tree is not None and redactor.mentions_names("".join(lines)):
        nodes = list(ast.walk(tree))
        names.update(_names(nodes))
        literals = dict(_secret_literals(nodes, redactor.is_secret_name))
        secrets.update(_text(node) for node, given in literals.items() if given)
        edits = _Edits(lines)
        for node in _strings(tree):
            if node not in literals:
                edits.add(node, lambda text: redactor.hide_named(text, secrets.add))
        for node in literals:
            edits.add(node, None)
        lines = edits.apply()
    lines = [_without_comment(line, redactor, secrets) for line in lines]
    hidden = (redactor.hide_values(line.rstrip("\n")) + "\n" for line in lines)
    return ConcealedSource(tuple(hidden), frozenset(secrets), frozenset(names))


def _without_comment(line: str, redactor: Redactor, secrets: set[str]) -> str:
    code, mark, comment = line.partition("#")
    return code + mark + redactor.hide_named(comment, secrets.add) if mark else line


# -- what is secret in a syntax tree

_IsSecret = Callable[[str], bool]


def _secret_literals(nodes: Iterable[ast.AST], is_secret: _IsSecret) -> Iterator[tuple[ast.expr, bool]]:
    """Literals that are secret; with each, whether it is the secret itself, not what a function makes one of."""
    for node in nodes:
        for value in _secret_values(node, is_secret):
            yield from _literals(value, is_secret, given=True)


def _secret_values(node: ast.AST, is_secret: _IsSecret) -> Iterator[ast.expr | None]:
    """The expressions whose value gets a secret name, or is compared with one that has one."""
    match node:
        case ast.Assign(targets=targets, value=value) if any(_is_named(each, is_secret) for each in targets):
            yield value
        case (
            ast.AnnAssign(target=target, value=value)
            | ast.AugAssign(target=target, value=value)
            | ast.NamedExpr(target=target, value=value)
            | ast.For(target=target, iter=value)
            | ast.AsyncFor(target=target, iter=value)
        ) if _is_named(target, is_secret):
            yield value
        case ast.keyword(arg=str(name), value=value) if is_secret(name):
            yield value
        case ast.arguments():
            positional = [*node.posonlyargs, *node.args]
            defaults = zip(positional[len(positional) - len(node.defaults) :], node.defaults, strict=True)
            given = (*defaults, *zip(node.kwonlyargs, node.kw_defaults, strict=True))
            yield from (default for argument, default in given if is_secret(argument.arg))
        case ast.Dict(keys=keys, values=values):
            yield from (value for key, value in zip(keys, values, strict=True) if _is_name(key, is_secret))
        case ast.Call(args=args) | ast.Tuple(elts=[_, _] as args):
            yield from (value for name, value in itertools.pairwise(args) if _is_name(name, is_secret))
        case ast.Compare(left=left, comparators=others):
            sides = [left, *others]
            if any(_is_named(side, is_secret) for side in sides):
                yield from (side for side in sides if isinstance(side, (ast.Constant, ast.JoinedStr)))
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if is_secret(name):
            yield from (each.value for each in ast.walk(node) if isinstance(each, (ast.Return, ast.Yield)))


def _is_named(target: ast.expr, is_secret: _IsSecret) -> bool:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return is_secret(name)
        case ast.Subscript(slice=key):
            return _is_name(key, is_secret)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return any(_is_named(part, is_secret) for part in parts)
        case ast.Starred(value=inner):
            return _is_named(inner, is_secret)
    return False


def _is_name(node: ast.expr | None, is_secret: _IsSecret) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and is_secret(node.value)


def _literals(node: ast.AST | None, is_secret: _IsSecret, *, given: bool) -> Iterator[tuple[ast.expr, bool]]:
    """The literals that an expression's value is made of; `given` as in `_secret_literals`."""
    match node:
        case ast.JoinedStr():
            yield node, False
        case ast.Constant(value=str() | bytes() as value):
            # In a call it may well be the name of the secret: getenv("DB_PASSWORD").
            if value and (given or not _is_name(node, is_secret)):
                yield node, given
        case ast.Constant(value=int(number)) if number >= _LONG_NUMBER:
            yield node, False
        case ast.Call(func=function, args=args, keywords=keywords):
            for part in (function, *args, *(keyword.value for keyword in keywords)):
                yield from _literals(part, is_secret, given=False)
        case ast.Attribute(value=inner):
            yield from _literals(inner, is_secret, given=False)
        case ast.Dict(values=values):
            for held in values:
                yield from _literals(held, is_secret, given=given)
        case (
            ast.BinOp()
            | ast.BoolOp()
            | ast.IfExp()
            | ast.Tuple()
            | ast.List()
            | ast.Set()
            | ast.Starred()
            | ast.Await()
        ):
            for child in ast.iter_child_nodes(node):
                yield from _literals(child, is_secret, given=given)


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=bytes(data)):
            return data.decode("utf-8", "replace")
    return ""


def _strings(node: ast.AST) -> Iterator[ast.expr]:
    """The outermost strings; before 3.12 those inside an f-string don't know where they stand."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child
        else:
            yield from _strings(child)


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        for attribute in ("id", "attr", "arg", "name"):
            name = getattr(node, attribute, None)
            if isinstance(name, str):
                yield name


# -- editing lines


class _Edits:
    """Replaces parts of lines that syntax nodes span, in the lines' own order."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = [line.encode("utf-8", "surrogatepass") for line in lines]
        self._spans: dict[int, dict[tuple[int, int], Callable[[str], str] | None]] = {}

    def add(self, node: ast.expr, edit: Callable[[str], str] | None) -> None:
        """What becomes of the node's text on each of its lines; None: a placeholder."""
        last = node.end_lineno or node.lineno
        for number in range(node.lineno, last + 1):
            line = self._lines[number - 1]
            start = node.col_offset if number == node.lineno else len(line) - len(line.lstrip())
            end = node.end_col_offset if number == last and node.end_col_offset is not None else len(line.rstrip())
            if start < end:
                self._spans.setdefault(number, {})[start, end] = edit

    def apply(self) -> list[str]:
        """The lines, edited. Of spans that overlap the last that was added wins, and its place is edited once."""
        for number, spans in self._spans.items():
            line = self._lines[number - 1]
            chosen: list[tuple[int, int]] = []
            for start, end in reversed(spans):
                if all(end <= first or last <= start for first, last in chosen):
                    chosen.append((start, end))
            for start, end in sorted(chosen, reverse=True):
                edit = spans[start, end]
                old = line[start:end]
                new = (
                    _SHOWN
                    if edit is None
                    else edit(old.decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass")
                )
                line = line[:start] + new + line[end:]
            self._lines[number - 1] = line
        return [line.decode("utf-8", "surrogatepass") for line in self._lines]
