"""Which lines of a long literal can be left out so that what remains is still Python."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence

from cwm_tracer.source import parsed

Span = tuple[int, int]  # first and last line, from 1 on

_LONG = 8  # lines from which on a literal is long
_HEAD = 3  # of its lines stay in any case
_CONTAINERS = (ast.List, ast.Tuple, ast.Set, ast.Dict)
_PLAIN = (*_CONTAINERS, ast.Constant, ast.Name, ast.Attribute, ast.UnaryOp, ast.unaryop, ast.expr_context)


def elidable(root: ast.AST, lines: Sequence[str]) -> Iterator[Span]:
    """The bodies of the outermost long literals under `root` in which nothing is computed."""
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring goes or stays as a whole
        if isinstance(node, ast.expr) and _last(node) - node.lineno >= _LONG:
            body = _body(node)
            if body is not None and body[1] - body[0] > 1 and _holds_without(node, body, lines):
                yield body
                continue
        pending.extend(ast.iter_child_nodes(node))


def _body(node: ast.expr) -> Span | None:
    """What may go: whole elements of a container, on lines of their own; the middle of a string."""
    last = _last(node)
    if isinstance(node, ast.Constant):
        return node.lineno + _HEAD, last - 1
    if not isinstance(node, _CONTAINERS) or not all(isinstance(inner, _PLAIN) for inner in ast.walk(node)):
        return None
    elements = list(_elements(node))
    starts = [
        start
        for (_, previous_end), (start, _) in itertools.pairwise(elements)
        if start > previous_end and start >= node.lineno + _HEAD
    ]
    if not starts:
        return None
    if elements[-1][1] < last:
        return starts[0], elements[-1][1]
    return starts[0], starts[-1] - 1


def _elements(node: ast.List | ast.Tuple | ast.Set | ast.Dict) -> Iterator[Span]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield (key or value).lineno, _last(value)
    else:
        for element in node.elts:
            yield element.lineno, _last(element)


def _holds_without(node: ast.expr, body: Span, lines: Sequence[str]) -> bool:
    """Whether it parses without these lines: the tree does not tell where parentheses and adjacent strings begin."""
    last = _last(node)
    kept = [lines[number - 1] for number in (*range(node.lineno, body[0]), *range(body[1] + 1, last + 1))]
    kept[-1] = kept[-1].encode()[: node.end_col_offset].decode()
    kept[0] = kept[0].encode()[node.col_offset :].decode()
    return parsed("(" + "".join(kept) + "\n)") is not None


def _last(node: ast.expr) -> int:
    return node.end_lineno or node.lineno
