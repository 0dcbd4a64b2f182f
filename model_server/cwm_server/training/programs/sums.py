# ruff: noqa: E501
"""Sums: what formulas of one to six steps make of small numbers, as functions, in rows, and added up in loops.

Of short functions that people write every third computes with numbers. The numbers are those that their tests have:
small ones and round ones. Elsewhere (`arithmetic`, `quizzes`) each operation stands once in a hundred expressions, which
teaches where its operands are found and not what comes of them.
"""

from __future__ import annotations

import random
import re

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program
from cwm_server.training.programs.oneliners import target_of
from cwm_server.training.programs.quiz_lines import SIGNS, Lines, asked_lines, quiz, turns
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.words import Names

# {a} {b} {c} numbers, {n} {m} small constants, {r} a round one, {d} a divisor of which the quotient is short.
ONE = (
    *("{a} + {b}", "{a} * {b}") * 5, *("{a} - {b}",) * 4, *("{a} + {n}", "{a} - {n}", "{n} * {a}", "{a} * {n}", "{a} - 1", "{a} + 1") * 2, "{n} - {a}", "{n} + {a}", "{r} - {a}", "{r} + {a}", "{a} * {r}", "{a} * 2", "2 * {a}", "{a} * {a}", "{a} * {a}", "{a} ** 2", "{a} ** 2", "{a} ** 3", "pow({a}, 2)", "2 ** {a}", "1 << {a}", "-{a}",
    *("{a} // {m}", "{a} % {m}", "{a} // 2", "{a} % 2", "{a} / 2", "{a} / {d}", "{a} % 10", "{a} // 10") * 2, "{a} / 10", "{a} * 10", "{a} % {b}", "{a} // {b}", "{a} * 0.5", "{a} >> 1", "{a} << 1", "{a} & {b}", "{a} | {b}", "{a} ^ {b}", "{a} & 1", "max({a}, {b})", "min({a}, {b})", "max({a}, {b}, {c})", "min({a}, {b}, {c})", "math.sqrt({a} * {a})", "float({a})", "int({a} / {d})", "divmod({a}, {m})", "str({a})", "len(str({a}))",
)  # fmt: skip
TWO = (
    *("{a} + {b} + {c}", "{a} * {b} * {c}", "2 * ({a} + {b})", "{a} * ({a} + 1)", "{a} * {b} + {c}", "({a} + {b}) / 2") * 2, "{a} + {b} - {c}", "{a} - {b} - {c}", "{a} + {b} * {c}", "{a} - {b} * {n}", "({a} + {b}) * {c}", "({a} - {b}) * {n}", "{n} * ({a} + {b})", "{n} * ({a} - {m})", "{a} * ({a} - 1)", "{a} * ({b} + 1)", "({a} + {b}) // 2", "{a} * {b} / 2", "{a} * {b} // 2", "{a} * {a} * {a}", "{a} * {a} + {b}", "{a} * {a} - {n}", "{n} * {a} + {m}", "{n} * {a} - {m}", "{n} * {a} * {b}", "{n} * {a} * {a}",
    "{r} - ({a} + {b})", "{r} - {a} - {b}", "{a} ** 2 + {n}", "{n} * {a} ** 2", "2 ** {a} - 1", "1 << ({a} - 1)", "(1 << {a}) - 1", "({a} + {b}) % {m}", "{a} * {b} % {m}", "{a} - {b} + {n}", "{a} // {m} * {m}", "{a} - {a} % {m}", "abs({a} - {b})", "({a} + 1) * {n}", "({a} - {n}) ** 2", "{a} / {d} + {n}", "({a} - {b}) / 2", "({a} + 1) / 2", "{a} * {n} + {b}", "max({a}, {b}) - {n}", "max({a}, {b}) - min({a}, {b})", "min({a}, {b}) * {n}", "{a} + {b} // {m}", "({a} & 1) + {b}", "{a} ^ ({a} >> 1)", "{a} & ({a} - 1)", "{a} + {b} + {n}", "{a} * {r} + {b}", "int({a} * {b} / 2)", "{a} * {a} / 2", "math.sqrt({a} * {a}) + {n}", "{r} + {a} * {n}", "0.5 * ({a} + {b})", "0.5 * {a} * {b}", "round({a} / {d}, 1)",
)  # fmt: skip
MORE = (
    *("{a} * ({a} + 1) // 2", "({a} + {b}) * {c} / 2", "{a} * {a} + {b} * {b}", "{a} + ({b} - 1) * {c}", "2 * {a} * ({b} + {c})", "{a} * {b} + {b} * {c}") * 2, "{a} * ({a} + 1) / 2", "({a} + {b}) * {c} // 2", "{a} * {b} - {c} * {n}", "{a} * {b} + {c} * {n}", "2 * ({a} * {b} + {b} * {c} + {a} * {c})", "{a} * {b} + {b} * {c} + {c} * {a}", "{n} * {a} * {a} - {m} * {a}", "{n} * {a} * {a} + {m} * {a} + 1", "{a} * ({n} * {a} - 1)", "{a} * ({n} * {a} - 1) // 2", "({a} - {b}) * ({a} + {b})", "({a} + {n}) * ({b} + {m})", "({a} - 1) * ({b} - 1)", "{b} * {b} - 4 * {a} * {c}", "{a} ** 2 + {b} ** 2", "{a} ** 2 - {b} ** 2", "{a} * {a} + 2 * {a} * {b} + {b} * {b}",
    "{n} * {a} * ({a} + 1) + 1", "{n} * {a} * ({a} - 1) + 1", "{a} * ({a} - 1) // 2", "{a} * ({a} - 1) + {b}", "{r} + ({a} - {n}) * {m}", "{r} - ({a} * {n} + {b})", "{a} + {b} * {n} - {c}", "({a} + {b} - {c}) * {n}", "{a} * {n} + {b} * {m}", "{a} - {b} + {c} * {n}", "({a} * {n} + {b}) % {m}", "({a} + {b}) * ({a} + {b})", "({a} + {b}) ** 2", "{n} * ({a} + {b}) + {c}", "{a} + {b} + {c} + {n}", "{a} * {b} * {c} * 2", "({a} + {b} + {c}) / 2", "{a} * ({b} + {c}) + {n}", "{a} * {b} + {n} * ({c} - 1)", "({a} + 1) * ({a} + 2) // 2", "{a} * ({a} + 1) * ({a} + 2) // 6", "{a} * ({a} + 1) * (2 * {a} + 1) // 6", "{c} * (2 * {a} + ({c} - 1) * {b}) / 2", "({a} * {b} - {c}) // {m}", "(2 ** {a} - 1) * {b}", "abs({a} - {b}) + abs({b} - {c})",
)  # fmt: skip
TURNS = (
    "{t} += {f}", "{t} += {f}", "{t} = {t} + {f}", "{t} += {i}", "{t} -= {f}", "{t} *= {i}", "{t} = {t} * {n} + {i}", "{t} = {t} + {i} * {i}", "{t} += {i} * {i}", "{t} += {i} ** 2", "{t} += {n} * {i}", "{t} = {f} - {t}",
)  # fmt: skip
# {a} and {b} numbers, {t} what is returned.
LOOPS = (
    ("{t} = 0", "while {a} > 0:", "    {t} += {a} % 10", "    {a} //= 10"),
    ("{t} = 1", "while {a}:", "    {t} = {t} * ({a} % 10)", "    {a} = {a} // 10"),
    ("{t} = 0", "while {a} > 0:", "    {t} = {t} * 10 + {a} % 10", "    {a} = {a} // 10"),
    ("{t} = 0", "while {a} > {b}:", "    {a} -= {b}", "    {t} += 1"),
    ("{t} = 0", "while {a} > 1:", "    {a} = {a} // 2", "    {t} = {t} + 1"),
    ("{t} = {b}", "while {t} < {a}:", "    {t} = {t} * 2"),
    ("{t} = {a}", "while {t} % {b} != 0:", "    {t} = {t} + {a}"),
    ("{t} = 0", "while {a} != 1 and {t} < 9:", "    {a} = {a} // 2 if {a} % 2 == 0 else 3 * {a} + 1", "    {t} += 1"),
    ("{t} = {b}", "while {a} % {t} != 0:", "    {t} -= 1"),
    ("{t}, {n} = 0, 1", "for _ in range({a} % 9 + 1):", "    {t}, {n} = {n}, {t} + {n}"),
)  # fmt: skip
_WORKING = ("+", "+", "+", "-", "-", "*", "*", "*", "//", "%")
_GIVEN = ("abc", "xyz", "nmk", "lwh", "pqr", "ijk")


def program(rng: random.Random) -> Program:
    """Formulas in a loop over rows, or some functions of them and a `main` that calls these."""
    if rng.random() < 0.45:
        return quiz(rng, _rows if rng.random() < 0.75 else _chained)
    return _functions(rng)


def _number(rng: random.Random) -> int:
    """As tests have them."""
    draw = rng.random()
    if draw < 0.6:
        return rng.randint(1, 9) if draw < 0.45 else rng.randint(2, 12)
    if draw < 0.84:
        return rng.randint(10, 20) if draw < 0.72 else rng.choice((10, 15, 20, 25, 30, 40, 50, 60, 80, 100))
    return rng.randint(10, 60) if draw < 0.94 else rng.choice((0, -rng.randint(1, 9), rng.randint(100, 400)))


def _formula(rng: random.Random, names: list[str], steps: int | None = None) -> str:
    """An expression of one step, of two or of more."""
    drawn = steps or rng.choices((1, 2, 3), (45, 32, 23))[0]
    if drawn > 1 and rng.random() < 0.3:
        text = _grown(rng, names, rng.choice((2, 2, 3, 4)) if drawn > 2 else 2)
    else:
        mixed = rng.choices(names, k=3) if rng.random() < 0.3 else [*rng.sample(names, len(names)), *names * 2][:3]
        text = rng.choice((ONE, TWO, MORE)[drawn - 1]).format(
            **dict(zip("abc", mixed, strict=True)),
            n=rng.randint(2, 9),
            m=rng.choice((2, 2, 3, 3, 4, 5, 6, 7, 10)),
            r=rng.choice((10, 20, 50, 90, 100, 180, 360, 21, 15)),
            d=rng.choice((2, 4, 5, 10)),
        )
    if rng.random() < 0.35 and not re.search(r"[a-z] |, ", text):
        text = text.replace(" ", "") if rng.random() < 0.7 else re.sub(r" ([*/]+) ", r"\1", text)
    return f"({text})" if rng.random() < 0.06 else text


def _grown(rng: random.Random, names: list[str], steps: int) -> str:
    """An expression that no list has."""
    if steps == 0:
        return rng.choice(names) if rng.random() < 0.75 else str(rng.randint(1, 10))
    sign = rng.choice(_WORKING)
    if sign in ("//", "%"):
        return f"({_grown(rng, names, steps - 1)}) {sign} {rng.choice((2, 3, 5, 10))}"
    left = rng.randint(0, steps - 1)
    sides = [_grown(rng, names, left), _grown(rng, names, steps - 1 - left)]
    if sign == "*":
        sides = [f"({side})" if re.search(r" [-+%] | // ", side) else side for side in sides]
    elif sign == "-" and re.search(r" [-+] ", sides[1]):
        sides[1] = f"({sides[1]})"
    return re.sub(r"\((\w+)\) (//|%)", r"\1 \2", f"{sides[0]} {sign} {sides[1]}")


def _parameters(rng: random.Random, names: Names) -> list[str]:
    count = rng.choice((1, 2, 2, 3))
    if rng.random() < 0.6:
        return [names.throwaway(letter) for letter in rng.choice(_GIVEN)[:count]]
    return [names.noun() for _ in range(count)]


def _row(rng: random.Random, count: int) -> list[int]:
    return [max(1, _number(rng)) if index else _number(rng) for index in range(count)]


def _table(rng: random.Random, width: int, height: int) -> str:
    rows = [_row(rng, width) for _ in range(height)]
    return literals.written(rng, [row[0] for row in rows] if width == 1 else [tuple(row) for row in rows])


def _plain(rng: random.Random, names: list[str]) -> str:
    """A formula that needs no module."""
    while "math." in (text := _formula(rng, names)):
        pass
    return text


def _basic(rng: random.Random, names: list[str]) -> str:
    """One of the operations that all the others are made of."""
    left, right = rng.choice(names), rng.choice(names) if rng.random() < 0.7 else str(rng.randint(1, 12))
    return f"{left} {rng.choice('++--*')} {right}"


def _rows(rng: random.Random, names: Names) -> Lines:
    """Many formulas of each row of numbers, several on a line."""
    given, rows = _parameters(rng, names), names.throwaway("rows", "pairs", "xs", "data", "table", "cases")
    asked = [_plain(rng, given) for _ in range(rng.randint(3, 12))]
    if rng.random() < 0.5:
        asked = [_basic(rng, given) for _ in asked]
    elif rng.random() < 0.3:
        asked += [f"{_plain(rng, given)} {rng.choice(SIGNS)} {rng.choice(given)}" for _ in range(2)]
    body = asked_lines(rng, names, asked)
    shown = _table(rng, len(given), turns(rng, len(asked)))
    return [f"for {', '.join(given)} in {rows}:", *(f"    {line}" for line in body)], [rows], [shown]


def _chained(rng: random.Random, names: Names) -> Lines:
    """A formula a line, of what those before it gave as well."""
    given, rows = _parameters(rng, names), names.throwaway("rows", "pairs", "xs", "data", "table", "cases")
    known, body = list(given), list[str]()
    for _ in range(rng.randint(2, 5)):
        made = (
            names.throwaway("s", "t", "u", "v", "area", "total", "res", "half") if rng.random() < 0.7 else names.noun()
        )
        body.append(f"{made} = {_plain(rng, known[-3:])}")
        known.append(made)
    shown = _table(rng, len(given), turns(rng, 2 * len(body)))
    return [f"for {', '.join(given)} in {rows}:", *(f"    {line}" for line in body)], [rows], [shown]


def _functions(rng: random.Random) -> Program:
    names = Names(rng)
    functions, calls, targets = list[str](), list[str](), list[str]()
    for _ in range(rng.randint(2, 6)):
        name, given = names.function(), _parameters(rng, names)
        draw = rng.random()
        make = _looped if draw < 0.2 else _judged if draw < 0.32 else _computed
        lines = make(rng, names, given)
        functions.append("\n".join((f"def {name}({', '.join(given)}):", *(f"    {line}" for line in lines))) + "\n")
        for _ in range(1 if make is _looped else rng.choice((1, 2, 2, 3, 4))):
            target = target_of(rng, names, targets)
            calls.append(f"{target} = {name}({', '.join(map(str, _row(rng, len(given))))})")
    rng.shuffle(calls)
    calls.append(f"return {calls[-1].split()[0]}")
    text = "\n\n".join(functions)
    head = "import math\n\n" if "math." in text else ""
    if rng.random() < 0.2:
        text = dressed(rng, text)
    return Program(
        "sums", f"{head}{text}\n\ndef main():\n" + "".join(f"    {line}\n" for line in calls), "main", "main()"
    )


def _computed(rng: random.Random, names: Names, given: list[str]) -> list[str]:
    """A formula that is returned, or two of which the second uses what the first gave."""
    draw, result = rng.random(), names.throwaway("result", "res", "area", "total", "ans", "s", "volume", "value")
    if draw < 0.45:
        return [f"return {_formula(rng, given)}"]
    if draw < 0.8:
        return [f"{result} = {_formula(rng, given)}", f"return {result}"]
    last = _formula(rng, [result, *given][:3], steps=1)
    return [f"{result} = {_formula(rng, given)}", f"return {last}"]


def _judged(rng: random.Random, names: Names, given: list[str]) -> list[str]:
    """Whether formulas compare, as a value or by what is returned."""
    right = rng.choice((rng.choice(given), str(rng.randint(0, 30)), _formula(rng, given, steps=1)))
    condition = f"{_formula(rng, given)} {rng.choice(SIGNS)} {right}"
    if rng.random() < 0.25:
        condition += (
            f" {rng.choice(('and', 'or'))} {_formula(rng, given, steps=1)} {rng.choice(SIGNS)} {rng.randint(0, 20)}"
        )
    if rng.random() < 0.3:
        return [f"return {condition}"]
    yes, no = rng.choice((("True", "False"), ("'Yes'", "'No'"), ("1", "0"), (given[0], _formula(rng, given, steps=1))))
    return [
        f"if {condition}:",
        f"    return {yes}",
        *((f"return {no}",) if rng.random() < 0.5 else ("else:", f"    return {no}")),
    ]


def _looped(rng: random.Random, names: Names, given: list[str]) -> list[str]:
    """What comes of a number step by step, or of formulas of the numbers up to it."""
    total, other = names.throwaway("total", "result", "s", "sm", "count", "res"), names.throwaway("k", "q", "step")
    if rng.random() < 0.4:
        loop = [line.format(a=given[0], b=given[-1], t=total, n=other) for line in rng.choice(LOOPS)]
        bounded = f"{given[0]} = {given[0]} % {rng.randint(20, 300)} + {rng.choice((1, 10))}"
        smaller = [f"{given[-1]} = {given[-1]} % 7 + 2"] if len(given) > 1 else []
        return [bounded, *smaller, *loop, f"return {total}"]
    index = names.index()
    turn = rng.choice(TURNS).format(t=total, i=index, n=rng.randint(2, 5), f=_formula(rng, [index, *given][:2]))
    stop = rng.choice((f"{given[0]} % {rng.randint(3, 7)} + 2", str(rng.randint(3, 7))))
    head = f"for {index} in range({rng.choice(('', '1, '))}{stop}):"
    return [f"{total} = {rng.choice((0, 0, 1))}", head, f"    {turn}", f"return {total}"]
