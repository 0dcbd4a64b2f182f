"""Values as training reads them from their texts, and where in these their elements stand."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

LONGEST = 200  # characters of a text that is read as a value, and of one that is made


Value = Any  # what `ast.literal_eval` makes


@lru_cache(maxsize=1 << 14)
def read(text: str) -> Value:
    """The value that a text shows. Raises ValueError for a long one, and what `ast.literal_eval` does."""
    if len(text) > LONGEST:
        raise ValueError("long")
    return ast.literal_eval(text)


@lru_cache(maxsize=1 << 14)
def elements(value: bytes) -> tuple[tuple[str, int, int], ...]:
    """Index or key of each element, and where its text begins and ends; none of a value that is escaped or long.

    The last stands for the end of the value, its length for its index.
    """
    if len(value) > LONGEST or b"\\" in value or value[:1] not in (b"[", b"(", b"{", b"'"):
        return ()
    try:
        tree = ast.parse(value, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ()
    spans: list[tuple[str, int, int]]
    match tree:
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            spans = [(str(index), *_span(element)) for index, element in enumerate(elements)]
        case ast.Dict(keys=keys, values=values):
            pairs = [(key, each) for key, each in zip(keys, values, strict=True) if key is not None]
            spans = [(value[slice(*_span(key))].decode(), *_span(each)) for key, each in pairs]
        case ast.Constant(value=str(letters)) if len(letters) == len(value) - 2:
            spans = [(str(index), index + 1, index + 2) for index in range(len(letters))]
        case _:
            return ()
    return (*spans, (str(len(spans)), len(value) - 1, len(value)))


def _span(node: ast.expr) -> tuple[int, int]:
    return node.col_offset, node.end_col_offset or 0
