"""Random values of the kinds that tests pass around, and how people write them down."""

from __future__ import annotations

import random
import string

from cwm_server.training.programs.words import PEOPLE, SENTENCES, THINGS

KINDS = ("int", "str", "list[int]", "list[str]", "dict[str, int]", "float", "bool", "tuple[int, ...]", "set[int]")


def integer(rng: random.Random) -> int:
    """Mostly small, sometimes negative or large."""
    draw = rng.random()
    if draw < 0.62:
        return rng.randint(0, 12)
    if draw < 0.76:
        return rng.randint(10, 99)
    if draw < 0.88:
        return rng.randint(-20, -1)
    if draw < 0.96:
        return rng.randint(100, 1000)
    return rng.choice((1024, 1000, 255, 256, 365, 4096, 9999, 10000, 12345, 65535, 100000, -100, 1_000_000))


def real(rng: random.Random) -> float:
    """Few decimals, as people type them."""
    draw = rng.random()
    if draw < 0.4:
        return rng.randint(-10, 40) / 2
    if draw < 0.8:
        return round(rng.uniform(-5, 100), 1)
    return round(rng.uniform(0, 20), 2)


def text(rng: random.Random) -> str:
    """Words, sentences, random letters, digits and punctuation, sometimes empty."""
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(THINGS)
    if draw < 0.5:
        return rng.choice(PEOPLE)
    if draw < 0.58:
        return rng.choice(SENTENCES).replace("\\n", "\n").replace("\\t", "\t")
    if draw < 0.68:
        return " ".join(rng.choice(THINGS) for _ in range(rng.randint(2, 4)))
    if draw < 0.82:
        alphabet = rng.choice((string.ascii_lowercase, "abc", "ab", string.ascii_letters, "01", "aeioubcd", "xyzXYZ"))
        return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 9)))
    if draw < 0.88:
        return "".join(rng.choice(string.digits) for _ in range(rng.randint(1, 6)))
    if draw < 0.94:
        return "".join(
            rng.choice(string.ascii_letters + string.digits + " .,-_!?@#") for _ in range(rng.randint(1, 10))
        )
    if draw < 0.97:
        return rng.choice(("", " ", "a", "A", "()", "[]", "(()", "a b", "A1", "  x "))
    return rng.choice(("-", ",", ", ")).join(rng.choice(THINGS) for _ in range(rng.randint(2, 3)))


def word(rng: random.Random) -> str:
    """One short word without blanks."""
    draw = rng.random()
    if draw < 0.6:
        return rng.choice(THINGS)
    if draw < 0.75:
        return rng.choice(PEOPLE)
    return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(1, 5)))


def size(rng: random.Random, low: int = 0, high: int = 7) -> int:
    """How many elements: 3 or 4 mostly."""
    return max(low, min(high, round(rng.gauss(3.8, 1.5))))


def integers(rng: random.Random, low: int = 0, high: int = 7) -> list[int]:
    """A list of integers: small, with repetitions, sorted, or of any size."""
    count = size(rng, low, high)
    draw = rng.random()
    if draw < 0.45:
        values = [rng.randint(0, 10) for _ in range(count)]
    elif draw < 0.65:
        values = [integer(rng) for _ in range(count)]
    elif draw < 0.8:
        start = rng.randint(-3, 10)
        values = list(range(start, start + count * rng.randint(1, 4), 1))[:count]
    elif draw < 0.9:
        values = [rng.randint(1, 3) for _ in range(count)]
    else:
        values = [rng.randint(-9, 99) for _ in range(count)]
    return sorted(values) if rng.random() < 0.15 else values


def value(rng: random.Random, kind: str) -> object:
    """A value of the kind, where kinds are written as type hints."""
    if kind == "int":
        return integer(rng)
    if kind == "str":
        return text(rng)
    if kind == "word":
        return word(rng)
    if kind == "float":
        return real(rng)
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "list[int]":
        return integers(rng)
    if kind == "list[str]":
        return [word(rng) for _ in range(size(rng, 0, 6))]
    if kind == "list[float]":
        return [real(rng) for _ in range(size(rng, 1, 5))]
    if kind == "tuple[int, ...]":
        return tuple(integers(rng, 1, 5))
    if kind == "set[int]":
        return {rng.randint(0, 20) for _ in range(size(rng, 1, 6))}
    if kind == "set[str]":
        return {word(rng) for _ in range(size(rng, 1, 3))}
    if kind == "dict[str, int]":
        return {word(rng): integer(rng) for _ in range(size(rng, 0, 5))}
    if kind == "dict[int, str]":
        return {rng.randint(0, 20): word(rng) for _ in range(size(rng, 0, 4))}
    if kind == "dict[str, list[int]]":
        return {word(rng): integers(rng, 0, 4) for _ in range(size(rng, 1, 3))}
    if kind == "list[list[int]]":
        width = rng.randint(1, 4)
        return [[rng.randint(0, 9) for _ in range(width)] for _ in range(rng.randint(1, 4))]
    if kind == "list[tuple[str, int]]":
        return [(word(rng), integer(rng)) for _ in range(size(rng, 1, 5))]
    if kind == "list[tuple[int, int]]":
        return [(rng.randint(0, 12), rng.randint(0, 12)) for _ in range(size(rng, 1, 5))]
    if kind == "list[dict[str, int]]":
        keys = [word(rng) for _ in range(rng.randint(1, 3))]
        return [{key: integer(rng) for key in keys} for _ in range(rng.randint(1, 3))]
    if kind == "tuple[int, int]":
        return (rng.randint(0, 12), rng.randint(0, 12))
    if kind == "tuple[str, int]":
        return (word(rng), integer(rng))
    if kind == "None":
        return None
    raise ValueError(f"no values of the kind {kind!r}")


def written(rng: random.Random, thing: object, indent: int = 4) -> str:
    """Source text of a value; long lists and dicts sometimes over several lines."""
    plain = repr(thing)
    if len(plain) > 60 and isinstance(thing, (list, dict)) and rng.random() < 0.5:
        pad = " " * (indent + 4)
        items = [repr(item) for item in thing]
        if isinstance(thing, dict):
            items = [f"{key!r}: {item!r}" for key, item in thing.items()]
        inner = "".join(f"{pad}{item},\n" for item in items)
        return f"{plain[0]}\n{inner}{' ' * indent}{plain[-1]}"
    return plain
