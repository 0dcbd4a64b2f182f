"""Arguments for the idioms, written as source text, of kinds that make different branches happen."""

from __future__ import annotations

import ast
import random

from cwm_server.training.programs import literals
from cwm_server.training.programs.templates import filled


def argument(rng: random.Random, kind: str) -> str:
    """A literal of the kind.

    `int 1 20` in a range, `str abc` of an alphabet, `= x` as written with its open places filled; `ints 0 9` a list of
    one to six integers in a range, `ints 0 9 4` of at most four; `grid 0 9` two to three rows of equal length, `square
    0 9` as many as columns; `rows .#` the same of strings; `some a b c` a list of none to five of the words, `phrase a
    b c` two to five of them in one string; `sorted` before a kind sorts it; other kinds are those of `literals.value`.
    """
    name, _, rest = kind.partition(" ")
    if name == "=":
        return filled(rng, rest.strip())[0]
    if name == "int" and rest:
        low, high = map(int, rest.split())
        return str(rng.randint(low, high))
    if name == "str" and rest:
        return repr("".join(rng.choice(rest) for _ in range(rng.randint(1, 8))))
    if name == "ints":
        low, high, most = map(int, (*rest.split(), "6")[:3])
        return repr([rng.randint(low, high) for _ in range(rng.randint(1, most))])
    if name in ("grid", "square"):
        low, high = map(int, rest.split())
        height = rng.randint(2, 3)
        width = height if name == "square" else rng.randint(2, 4)
        return repr([[rng.randint(low, high) for _ in range(width)] for _ in range(height)])
    if name == "rows":
        width = rng.randint(2, 4)
        return repr(["".join(rng.choice(rest) for _ in range(width)) for _ in range(rng.randint(2, 3))])
    if name == "some":
        return repr([rng.choice(rest.split()) for _ in range(rng.randint(0, 5))])
    if name == "phrase":
        return repr(" ".join(rng.choice(rest.split()) for _ in range(rng.randint(2, 5))))
    if name == "sorted":
        plain = ast.literal_eval(argument(rng, rest))
        return repr(sorted(plain))
    return literals.written(rng, literals.value(rng, kind))
