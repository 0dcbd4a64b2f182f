# ruff: noqa: E501
"""Dense drills of simple conditions: one after another, little else around them, so that a trace holds many.

`branches` shows conditions as programs have them; that a condition's outcome is looked up and judged, and not what it
was the last time, is learned sooner where every other frame hangs on one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.words import Names

# {e} is asked about, {t} a value like those that come, {m} a small divisor, {r} a remainder, {few} some values.
NUMBERS = (
    *("{e} % 2 == 0",) * 6, *("{e} % 2 != 0",) * 2, *("{e} % 2 == 1",) * 3, *("{e} % 2",) * 2, "not {e} % 2", "{e} & 1", "{e} % {m} == 0", "{e} % {m} == 0", "{e} % {m} != 0", "{e} % {m} == {r}",
    *("{e} > {t}",) * 5, *("{e} < {t}",) * 5, *("{e} >= {t}",) * 3, *("{e} <= {t}",) * 3, *("{e} == {t}",) * 4, *("{e} != {t}",) * 3, "{e} > 0", "{e} < 0", "{e} == 0", "{e}", "not {e}", "{t} < {e}",
    "{e} in {few}", "{e} in {few}", "{e} not in {few}", "{e} > {t} and {e} % 2 == 0", "{e} < {t} or {e} > {u}", "{t} <= {e} <= {u}", "{e} == {t} or {e} == {u}",
)  # fmt: skip
LETTERS = (
    *("{e} == {t}",) * 6, *("{e} != {t}",) * 3, *("{e} in {few}",) * 4, "{e} not in {few}", "{e} in 'aeiou'", "{e} in 'aeiou'", "{e} not in 'aeiou'", "{e}.isdigit()", "{e}.isdigit()", "{e}.isalpha()", "{e}.isupper()", "{e}.isupper()",
    "{e}.islower()", "{e} > {t}", "{e} < {t}", "{e} == ' '", "{e} == {t} or {e} == {u}", "{e}.isalnum()", "{e} >= {t}",
)  # fmt: skip
BETWEEN = ("{a} > {b}", "{a} < {b}", "{a} > {b}", "{a} < {b}", "{a} == {b}", "{a} != {b}", "{a} >= {b}", "{a} <= {b}", "{a} % {b} == 0", "{a} - {b} > {t}", "{a} + {b} > {t}", "{a} > {b} and {a} > {t}", "({a} + {b}) % 2 == 0")  # fmt: skip
_ALPHABETS = ("ab", "abc", "aeiou", "abcde", "01", "xyz", "aAbB", "a1b2", "()", "hello ", "+-", "abcdefgh")


def program(rng: random.Random) -> Program:
    """A function full of conditions, and arguments for which they come out either way."""
    names = Names(rng)
    name = names.function()
    body, parameters, arguments = rng.choices((_elements, _chain, _neighbours, _countdown), (50, 25, 15, 10))[0](
        rng, names
    )
    text = f"def {name}({', '.join(parameters)}):\n" + "".join(f"    {line}\n" for line in body)
    if rng.random() < 0.3:
        text = dressed(rng, text)
    return start(rng, Subject("decisions", text, name, ", ".join(arguments)), (10, 70, 10, 5, 5))


def _values(rng: random.Random, count: int) -> list[int]:
    top = rng.choice((3, 9, 9, 20, 99, 300))
    return [rng.randint(-top if rng.random() < 0.15 else 0, top) for _ in range(count)]


def _filled(rng: random.Random, template: str, values: Sequence[object], **given: str) -> str:
    low, high = sorted((rng.choice(values), rng.choice(values)), key=lambda value: (str(type(value)), value))
    few: object = [rng.choice(values) for _ in range(rng.randint(2, 4))]
    if isinstance(low, str):
        few = "".join(few)  # type: ignore[arg-type]
    elif rng.random() < 0.5:
        few = tuple(few)  # type: ignore[arg-type]
    divisor = rng.randint(2, 5)
    places = {"t": repr(low), "u": repr(high), "few": repr(few), "m": str(divisor), "r": str(rng.randrange(divisor))}
    return template.format(**places | given)


def _elements(rng: random.Random, names: Names) -> tuple[list[str], list[str], list[str]]:
    """A loop over many values."""
    letters = rng.random() < 0.35
    many = names.throwaway("s", "text", "word") if letters else names.throwaway("xs", "nums", "lst", "arr", "a", "data")
    e, n = names.throwaway("x", "c", "i", "ch", "num", "v"), names.throwaway("n", "count", "k", "total", "res")
    count = rng.randint(7, 14)
    values: list[object] = [*rng.choices(rng.choice(_ALPHABETS), k=count)] if letters else [*_values(rng, count)]
    templates = LETTERS if letters else NUMBERS
    lines = [
        f"{n} = 0",
        f"for {e} in {many}:",
        f"    if {_filled(rng, rng.choice(templates), values, e=e)}:",
        f"        {n} += 1",
    ]
    draw = rng.random()
    if draw < 0.35:
        lines += [
            f"    elif {_filled(rng, rng.choice(templates), values, e=e)}:",
            f"        {n} += {rng.randint(2, 5)}",
        ]
    if draw < 0.15 or draw > 0.7:
        lines += ["    else:", f"        {n} -= 1"]
    argument = repr("".join(map(str, values))) if letters else literals.written(rng, values)
    return [*lines, f"return {n}"], [many], [argument]


def _chain(rng: random.Random, names: Names) -> tuple[list[str], list[str], list[str]]:
    """One condition after another on a few parameters."""
    given = [names.throwaway(*"abcxyzmpq") for _ in range(rng.randint(1, 3))]
    values = _values(rng, len(given))
    n = names.throwaway("n", "s", "count", "res")
    lines = [f"{n} = {rng.choice((0, 1))}"]
    for _ in range(rng.randint(5, 10)):
        if len(given) > 1 and rng.random() < 0.4:
            a, b = rng.sample(given, 2)
            condition = _filled(rng, rng.choice(BETWEEN), [*values, rng.randint(0, 20)], a=a, b=b)
        else:
            condition = _filled(rng, rng.choice(NUMBERS), [*values, *_values(rng, 1)], e=rng.choice([*given, n]))
        lines += [f"if {condition}:", f"    {n} {rng.choice(('+=', '+=', '-='))} {rng.randint(1, 3)}"]
        if rng.random() < 0.3:
            lines += ["else:", f"    {n} {rng.choice(('+=', '-='))} {rng.randint(1, 5)}"]
    return [*lines, f"return {n}"], given, [str(value) for value in values]


def _neighbours(rng: random.Random, names: Names) -> tuple[list[str], list[str], list[str]]:
    """Elements by index, compared."""
    many, i, n = names.throwaway("xs", "nums", "s", "a", "arr"), names.index(), names.throwaway("n", "count", "res")
    letters = rng.random() < 0.3
    count = rng.randint(5, 10)
    values: list[object] = [*rng.choices(rng.choice(_ALPHABETS), k=count)] if letters else [*_values(rng, count)]
    first, bound, other = rng.choice(
        (
            (0, f"len({many}) - 1", f"{i} + 1"),
            (1, f"len({many})", f"{i} - 1"),
            (0, f"len({many})", "0"),
            (0, f"len({many})", "-1"),
        )
    )
    sign = rng.choice(("==", "!=", ">", "<", ">=", "<="))
    begin = f"{first}, " if first or rng.random() < 0.3 else ""
    lines = [
        f"{n} = 0",
        f"for {i} in range({begin}{bound}):",
        f"    if {many}[{i}] {sign} {many}[{other}]:",
        f"        {n} += 1",
        f"return {n}",
    ]
    argument = repr("".join(map(str, values))) if letters else literals.written(rng, values)
    return lines, [many], [argument]


def _countdown(rng: random.Random, names: Names) -> tuple[list[str], list[str], list[str]]:
    """A number that changes until a condition fails, with another condition on it inside."""
    n, k = names.throwaway("n", "x", "num"), names.throwaway("count", "k", "steps", "res")
    base = rng.choice((1, 2, 3, 10))
    value = rng.randint(3, 9) * base + rng.randint(0, 3) if base != 10 else rng.randint(100, 99999)
    shrink = f"{n} //= 10" if base == 10 else f"{n} -= {base}"
    asked = (
        f"{n} % 10 {rng.choice(('>', '<', '=='))} {rng.randint(0, 9)}"
        if base == 10
        else _filled(rng, rng.choice(NUMBERS), [value, value // 2, base], e=n)
    )
    guard = rng.choice((f"{n} > 0", f"{n} > {rng.randint(0, 2)}", f"{n} >= 1"))
    return (
        [f"{k} = 0", f"while {guard}:", f"    if {asked}:", f"        {k} += 1", f"    {shrink}", f"return {k}"],
        [n],
        [str(value)],
    )
