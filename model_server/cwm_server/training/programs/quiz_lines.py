"""What quizzes are made of: lines that ask, rows of values to ask them about, and a function around them."""

from __future__ import annotations

import random
from collections.abc import Callable

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.words import Names

SIGNS = ("==", "==", "!=", "<", ">", "<=", ">=")
ALPHABETS = (
    "ab", "abc", "aeiou", "abcde", "01", "xyz", "aAbB", "a1b2", "()", "hello ", "abcdefgh", "0123456789", "AbCd",
)  # fmt: skip
NAMED = {
    "numbers": ("xs", "nums", "lst", "arr", "a", "b", "data", "ys", "values", "dp", "heights", "stack"),
    "words": ("words", "names", "keys", "parts", "items"),
    "text": ("s", "t", "text", "word", "line"),
    "dict": ("d", "seen", "counts", "memo", "index"),
}
Lines = tuple[list[str], list[str], list[str]]  # of a function: lines, parameters, arguments
Kind = Callable[[random.Random, Names], Lines]
LONGEST = 10  # expressions on a line
TOKENS = 1_600  # of the loop's turns, about


def quiz(rng: random.Random, kind: Kind) -> Program:
    """A function of some kind's lines, that is called with its arguments."""
    names = Names(rng)
    name = names.function()
    lines, parameters, arguments = kind(rng, names)
    if rng.random() < 0.6 and not lines[-1].startswith("return"):
        lines.append(f"return {lines[-1].split()[0].rstrip(',')}")  # what the last line is about
    text = f"def {name}({', '.join(parameters)}):\n" + "".join(f"    {line}\n" for line in lines)
    if rng.random() < 0.2:
        text = dressed(rng, text)
    return start(rng, Subject("quizzes", text, name, ", ".join(arguments)), (10, 75, 5, 5, 5))


def numbers(rng: random.Random, top: int, count: int) -> list[int]:
    """So many, up to the top, few of them below 0."""
    return [rng.randint(-top if rng.random() < 0.1 else 0, top) for _ in range(count)]


def top_of(rng: random.Random) -> int:
    """The largest of a program's numbers."""
    return rng.choices((3, 9, 12, 20, 60, 99, 400), (1, 4, 3, 4, 2, 3, 1))[0]


def turns(rng: random.Random, count: int) -> int:
    """How often a loop with so many expressions can run."""
    return rng.randint(3, max(4, TOKENS // (40 + 12 * count)))


def filled(rng: random.Random, template: str, values: list[int], **given: str) -> str:
    """An expression in which a constant, a divisor, a remainder and a sign stand, and what is `given`."""
    divisor = rng.choice((2, 2, 3, 3, 4, 5, 5, 6, 7, 10))
    text = template.format(
        n=str(rng.choice(values)),
        m=str(divisor),
        r=str(rng.randrange(divisor)),
        s=rng.choice(SIGNS),
        **given,
    )
    words = set("'iao") & set(template.replace("{a}", ""))  # which would run together, as would what is quoted
    return text.replace(" ", "") if rng.random() < 0.05 and not words else text


def _line(rng: random.Random, names: Names, expressions: list[str]) -> str:
    """One statement that works out all the expressions."""
    draw = rng.random()
    if draw < 0.2 and len(expressions) < 6:
        return f"{', '.join(names.throwaway(*'pqrstuvw') for _ in expressions)} = {', '.join(expressions)}"
    opening, closing = ("[", "]") if draw < 0.5 else ("", "") if draw < 0.7 and len(expressions) > 1 else ("(", ")")
    last = "," if closing == ")" and len(expressions) == 1 else ""
    target = names.throwaway("r", "out", "res", "row", "t", "found")
    return f"{target} = {opening}{', '.join(expressions)}{last}{closing}"


def asked_lines(rng: random.Random, names: Names, make: list[str]) -> list[str]:
    """The expressions on as many lines as they need."""
    lines = []
    while make:
        count = rng.randint(min(3, len(make)), LONGEST)
        lines.append(_line(rng, names, make[:count]))
        make = make[count:]
    return lines


def shown_row(rng: random.Random, names: Names, kind: str, length: int, top: int) -> str:
    """A list, a text or a dict of so many elements, as source."""
    if kind == "text":
        return repr("".join(rng.choices(rng.choice(ALPHABETS), k=length)))
    if kind == "words":
        return repr([names.noun() if rng.random() < 0.5 else rng.choice("abcdefxyz") for _ in range(length)])
    values = numbers(rng, top, length)
    if kind == "dict":
        keys = rng.sample(range(length), length) if rng.random() < 0.5 else range(length)
        return repr(dict(zip(keys, values, strict=True)))
    return repr(tuple(values)) if rng.random() < 0.1 else literals.written(rng, values)
