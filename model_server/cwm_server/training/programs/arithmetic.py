# ruff: noqa: E501
"""Arithmetic drills: short functions that compute with small integers, where the next digit can't be copied."""

from __future__ import annotations

import random

from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.words import Names

# {x} {y} variables, {n} a small number, {m} a divisor.
EXPRESSIONS = (
    "{x} + {y}", "{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} * {y}", "{x} + {n}", "{x} - {n}", "{x} * {n}", "{x} // {m}", "{x} // {m}", "{x} % {m}", "{x} % {m}", "{x} ** 2", "{x} * {x}", "({x} + {y}) // 2", "({x} + {y}) % {m}",
    "({x} - {y}) * {n}", "{x} + {y} * {n}", "{n} * {x} + 1", "{x} * ({x} + 1) // 2", "{n} * {x} - {y}", "abs({x} - {y})", "max({x}, {y})", "min({x}, {y})", "{x} - {y} if {x} > {y} else {y} - {x}", "{x} / {m}", "{x} << 1", "{x} >> 1",
    "{x} & {n}", "{x} | {n}", "{x} ^ {y}", "divmod({x}, {m})[1]", "int({x} / {m})", "round({x} / {m}, 2)", "{x} * {x} + {y} * {y}", "{x} ** 2 - {n}", "-{x}", "{x} * 10 + {n}", "({x} * {y}) // {m}", "{n} ** 2 + {x}", "sum([{x}, {y}, {n}])",
    "{x} + {y} - {n}", "{x} * 2", "{x} * 3 + {y}", "10 * {x}", "{x} // 10", "{x} % 10",
)  # fmt: skip
TESTS = (
    "{x} > {y}",
    "{x} == {y}",
    "{x} % 2 == 0",
    "{x} < {n}",
    "{x} >= {y} + {n}",
    "{x} % {m} == {y} % {m}",
    "{x} != {n} and {y} > {n}",
)
UPDATES = (
    "{x} += {y}",
    "{x} -= {n}",
    "{x} *= {n}",
    "{x} //= 2",
    "{x} += {n}",
    "{x} -= {y}",
    "{x} *= 2",
    "{x} %= {m}",
    "{x} += 1",
)


def program(rng: random.Random) -> Program:
    """A function of one to three integers: a few assignments in a row, or a loop that computes the next from the last."""
    names = Names(rng)
    name = names.function()
    parameters = [
        names.throwaway(*"abnxmk") if rng.random() < 0.6 else names.noun() for _ in range(rng.choice((1, 2, 2, 3)))
    ]
    known = list(parameters)
    lines = (_row if rng.random() < 0.6 else _loop)(rng, names, known)
    arguments = ", ".join(str(_number(rng)) for _ in parameters)
    text = f"def {name}({', '.join(parameters)}):\n" + "".join(f"    {line}\n" for line in lines)
    return start(rng, Subject("arithmetic", dressed(rng, text), name, arguments), (25, 40, 15, 15, 5))


def _number(rng: random.Random) -> int:
    return rng.choice(
        (rng.randint(0, 9), rng.randint(2, 20), rng.randint(10, 99), rng.randint(-9, 30), rng.randint(100, 400))
    )


def _filled(rng: random.Random, template: str, known: list[str]) -> str:
    near = list(dict.fromkeys(known[-4:]))
    x, y = rng.sample(near, 2) if len(near) > 1 else near * 2
    return _placed(rng, template, x, y)


def _placed(rng: random.Random, template: str, x: str, y: str) -> str:
    text = template.format(x=x, y=y, n=rng.randint(1, 12), m=rng.choice((2, 2, 3, 4, 5, 7, 10)))
    return text.replace(" ", "") if rng.random() < 0.08 and " if " not in text and " and " not in text else text


def _row(rng: random.Random, names: Names, known: list[str]) -> list[str]:
    lines: list[str] = []
    for _ in range(rng.randint(3, 8)):
        draw = rng.random()
        if draw < 0.2:
            lines.append(_filled(rng, rng.choice(UPDATES), known))
        elif draw < 0.32:
            lines += [
                f"if {_filled(rng, rng.choice(TESTS), known)}:",
                f"    {_filled(rng, rng.choice(UPDATES), known)}",
            ]
        else:
            value = _filled(rng, rng.choice(EXPRESSIONS), known)
            new = (
                names.throwaway("c", "d", "r", "s", "t", "result", "total", "q") if rng.random() < 0.5 else names.noun()
            )
            lines.append(f"{new} = {value}")
            known.append(new)
    last = rng.choice(
        (known[-1], f"{known[-1]}, {known[-2 % len(known)]}", _filled(rng, rng.choice(EXPRESSIONS), known))
    )
    return [*lines, f"return {last}"]


def _loop(rng: random.Random, names: Names, known: list[str]) -> list[str]:
    total, index = names.throwaway("total", "result", "s", "acc", "p"), names.index()
    lines = [f"{total} = {rng.choice((0, 1, 1, known[0]))}"]
    stop = rng.choice((str(rng.randint(3, 7)), f"{known[0]} % {rng.randint(4, 8)} + 1"))
    within = [*known, total, index, total]
    body = [f"{total} = {_filled(rng, rng.choice(EXPRESSIONS), within)}"]
    if rng.random() < 0.5:
        body = [_placed(rng, rng.choice(UPDATES), total, index)]
    if rng.random() < 0.3:
        body = [f"if {_filled(rng, rng.choice(TESTS), within)}:", *(f"    {line}" for line in body)]
    if rng.random() < 0.5:
        new = names.noun()
        body.insert(0, f"{new} = {_filled(rng, rng.choice(EXPRESSIONS), within)}")
        within.append(new)
        body.append(f"{total} {rng.choice(('+=', '-=', '='))} {new}")
    if rng.random() < 0.4:
        body.append(f"{total} %= {rng.choice((7, 10, 13, 100, 1000))}")
    return [
        *lines,
        f"for {index} in range({rng.choice(('', '1, '))}{stop}):",
        *(f"    {line}" for line in body),
        f"return {total}",
    ]
