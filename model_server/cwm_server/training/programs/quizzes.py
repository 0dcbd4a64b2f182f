# ruff: noqa: E501
"""Quizzes: lines of many small expressions over a few values, run for one row of values after another.

What a line makes of values that are looked up is learned by far later than the lookups: there are many operations, and
in programs as people write them each is rare. Here a line asks for half a dozen, on other values each time, and the
next frame shows what comes of all of them: an expression in thirteen tokens, where programs have one in forty.
"""

from __future__ import annotations

import random

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program
from cwm_server.training.programs.quiz_lines import (
    ALPHABETS,
    NAMED,
    Lines,
    asked_lines,
    filled,
    numbers,
    quiz,
    shown_row,
    top_of,
    turns,
)
from cwm_server.training.programs.words import Names

# {a} {b} integers, {n} a constant like them, {m} a small divisor, {r} a remainder, {s} a sign that compares.
NUMBERS = (
    *("{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} % {b}") * 2, "{b} + {a}", "{b} - {a}", "{a} // {b}", "{a} + {n}", "{a} - {n}", "{n} - {a}", "{a} * {n}", "{a} * 2", "{a} * {a}", "{a} ** 2", "-{a}", "abs({a} - {b})", "max({a}, {b})", "min({a}, {b})",
    *("{a} % {m}",) * 4, "{a} % 2", "{a} % 10", "{a} // {m}", "{a} // {m}", "{a} // 2", "{a} // 10", "{a} & 1", "{a} & {b}", "{a} | {b}", "{a} ^ {b}", "{a} >> 1", "{a} << 1", "{a} / {m}",
)  # fmt: skip
QUESTIONS = (
    *("{a} {s} {b}",) * 5, *("{a} {s} {n}",) * 3, *("{a} % 2 == 0",) * 4, "{a} % 2 == 1", "{a} % 2 != 0", *("{a} % {m} == 0",) * 4, "{a} % {m} == {r}", "{a} % {m} != 0", *("{a} % {b} == 0",) * 3, "{a} + {b} {s} {n}", "{a} - {b} {s} {n}", "{a} * {b} {s} {n}",
    "{a} + {b} == {b} + {n}", "{a} + {n} {s} {b}", "{a} * 2 {s} {b}", "{a} * {a} {s} {b}", "({a} + {b}) % 2 == 0", "({a} + {b}) % {m} == {r}", "{a} % {m} == {b} % {m}", "{a} // {m} {s} {b}", "abs({a} - {b}) {s} {n}", "not {a}", "not {a} % 2", "({a} & 1) == 0", "{a} & 1", "({a} ^ {b}) == 0",
    "{a} > {b} and {a} > {n}", "{a} > {n} and {b} > {n}", "{a} == {n} or {b} == {n}", "{a} % 2 == 0 and {b} % 2 == 0", "{a} % {m} == 0 or {b} % {m} == 0", "{a} > {b} or {a} == {n}", "{n} <= {a} <= {b}", "{a} < {n} < {b}", "{a} in ({n}, {b})", "{a} not in ({n}, {r}, {m})", "not {a} > {b}", "{a} != {b} and {a} % 2",
)  # fmt: skip
# {v} a list, or text, of which {i} is a place, {e} an element; {j} another place.
PLACES = (
    *("{v}[{i}]",) * 4, "{v}[{i} - 1]", "{v}[{i} - 1]", "{v}[-{i} - 1]", "{v}[{j}]", "{v}[-1]", "{v}[0]", "len({v})", "len({v}) - {i}", "{v}[{i}:]", "{v}[:{i}]", "{v}[{i}:{j}]", "{v}[::-1]", "{v}.count({v}[{i}])", "{v}.index({e})", "{v}.count({e})", "len({v}) - 1", "{i} % len({v})",
    *("{v}[{i}] {s} {v}[{i} - 1]",) * 3, *("{v}[{i}] {s} {v}[{j}]",) * 3, *("{v}[{i}] == {e}",) * 2, "{v}[{i}] == {v}[-1]", "{v}[{i}] != {v}[0]", "{v}[{i}] in {v}[:{i}]", "{v}[{i}] == {v}[-{i} - 1]", "{e} in {v}", "{e} not in {v}", "{i} < len({v})", "{i} == len({v}) - 1", "len({v}) {s} {j}", "{i} {s} {j}", "not {v}", "{v} == {v}[::-1]", "len({v}) % 2 == 0",
)  # fmt: skip
ELEMENTS = (
    *("{v}[{i}] + {v}[{i} - 1]",) * 2, "{v}[{i}] - {v}[{i} - 1]", "{v}[{i}] * {v}[{j}]", "{v}[{i}] * {n}", "{v}[{i}] + {n}", "{v}[{i}] + {i}", "{v}[{i}] * {i}", "{v}[{i}] % 2", "{v}[{i}] % {m}", "{v}[{i}] // {m}", "sum({v})", "max({v})", "min({v})", "sorted({v})", "sum({v}[:{i}])", "max({v}[{i}:])", "{v}[{i}] & 1", "{v}[{i}] ^ {v}[{j}]",
    *("{v}[{i}] % 2 == 0",) * 3, "{v}[{i}] % {m} == 0", "{v}[{i}] % {m} == {r}", *("{v}[{i}] {s} {n}",) * 3, "{v}[{i}] > {i}", "{v}[{i}] == {i}", "{v}[{i}] + {v}[{i} - 1] {s} {n}", "{v}[{i}] - {v}[{i} - 1] == {n}", "{v}[{i}] == max({v})", "{v}[{i}] == min({v})", "{v}[{i}] > {v}[{i} - 1] and {v}[{i}] > {v}[{j}]", "sum({v}) {s} {n}",
)  # fmt: skip
LETTERS = (
    "{v}[{i}] + {v}[{j}]", "{v}[{i}] * 2", "{v}[{i}].upper()", "{v}.upper()", "{v}.lower()", "{v}[{i}] + '{c}'", "'{c}' + {v}", "ord({v}[{i}])", "str({i}) + {v}[{i}]", "{v}.find({e})", "{v}.replace({e}, '{c}')", "{v}.strip({e})", "''.join(sorted({v}))",
    *("{v}[{i}] in 'aeiou'",) * 2, "{v}[{i}] not in 'aeiou'", "{v}[{i}] in '{c}{d}'", *("{v}[{i}] == '{c}'",) * 2, "{v}[{i}] != '{d}'", "{v}[{i}].isupper()", "{v}[{i}].isdigit()", "{v}[{i}].isalpha()", "{v}[{i}].islower()", "{v}.startswith({e})", "{v}.endswith({e})", "{v}[{i}] < '{c}'", "{v}.isalpha()", "{v}.isdigit()", "'{c}' in {v}", "{v}[{i}:{i} + 2] == '{c}{d}'", "{v}.count('{c}') {s} {r}",
)  # fmt: skip
# {d} a dict, {k} a name that may be a key.
KEYS = (
    "{k} in {d}", "{k} in {d}", "{k} not in {d}", "{d}.get({k})", "{d}.get({k}, 0)", "{d}.get({k}, 0) + 1", "{d}.get({k}, {n}) {s} {n}", "{d}.get({k}) == {n}", "len({d})", "len({d}) {s} {r}", "{k} == {l}", "{k} == {o}", "{d}[{o}]", "{d}[{o}] {s} {n}", "{d}[{o}] + {n}", "{d}[{o}] % 2 == 0", "{k} in {d} and {d}.get({k}) == {n}",
)  # fmt: skip
# {v} and {w} lists, {i} and {j} places of both.
FOUND = (
    *("{v}[{i}]",) * 14, "{v}[{j}]", "{v}[0]", "{v}[-1]", "{v}[1]", "{v}[{i} - 1]", "{v}[-{i}]",
    *("{v}[{i}] == {v}[{j}]", "{v}[{i}] {s} {v}[{j}]", "{v}[{i}] {s} {w}[{j}]", "{v}[{i}] {s} {w}[{i}]") * 2, "{v}[{i}] {s} {v}[{i} - 1]",
)  # fmt: skip
ADDED = (
    "{v}[{i}] + {v}[{j}]", "{v}[{i}] - {w}[{i}]", "{v}[{i}] + {w}[{j}]", "{v}[{i}] + {i}", "{v}[{i}] + 1", "{v}[{i}] * 2", "{v}[{i}] % 2", "{v}[{i}] % 2 == 0", "{v}[{i}] {s} {n}", "{v}[{i}] {s} {i}", "{v}[{i}] % {m} == 0",
)  # fmt: skip
# The same, of few values, so that they are often equal.
COMPARED = (
    *("{v}[{i}] == {v}[{j}]", "{v}[{i}] {s} {v}[{j}]", "{v}[{i}] == {w}[{j}]", "{v}[{i}] {s} {w}[{i}]", "{v}[{i}] == {v}[{i} + 1]", "{v}[{i}] {s} {v}[{i} - 1]") * 3,
    *("{v}[{i}] != {v}[{j}]", "{v}[{i}] != {w}[{j}]", "{v}[{i} + 1] == {v}[{j}]", "{v}[{j} - 1] {s} {w}[{i}]", "{v}[{i}] {s} {w}[{j} - 1]") * 2,
    "{v}[{i}]", "{v}[{j}]", "{v}[{i} + 1]", "{v}[{i} - 1]", "{v}[{i}] == {v}[0]", "{v}[{i}] != {v}[-1]", "{v}[{i}] == {e}", "{v}[{i}] == {e}", "{v}[{i}] {s} {e}", "{v}[{i}] == {v}[{j}] and {v}[{i}] != {e}", "{v}[{i}] == {v}[-{i} - 1]", "{i} == {j}",
)  # fmt: skip
SUMMED = (
    "{v}[{i}] + {v}[{j}] == {n}", "{v}[{i}] + {v}[{i} + 1] {s} {n}", "({v}[{i}] + {v}[{j}]) % 2 == 0", "{v}[{i}] - {v}[{j}] == {n}", "abs({v}[{i}] - {w}[{j}]) {s} {n}", "{v}[{i}] % 2 == {w}[{j}] % 2", "{v}[{i}] ^ {v}[{j}]", "{v}[{i}] == {i}", "{v}[{i}] {s} {j}",
)  # fmt: skip
CHANGES = ("{v}[{i}], {v}[{j}] = {v}[{j}], {v}[{i}]", "{v}[{i}] = {j}", "{v}[{j}] = {i}", "{v}[{i}] += {n}")


def program(rng: random.Random) -> Program:
    """A function that asks the same of several rows of values, and the values."""
    return quiz(rng, rng.choices(KINDS, (30, 25, 25, 12, 8))[0])


def comparison(rng: random.Random) -> Program:
    """One that asks which elements are the same."""
    return quiz(rng, _compared)


def _pairs(rng: random.Random, names: Names) -> Lines:
    """Two or three integers at a time, from a list of rows."""
    count = rng.randint(5, 18)
    rows = names.throwaway("rows", "pairs", "xs", "data", "table")
    given = [names.throwaway(*"abcxyzmnpq") for _ in range(rng.choice((2, 2, 2, 3)))]
    top, few = top_of(rng), rng.random() < 0.7
    values = [numbers(rng, top, len(given)) for _ in range(turns(rng, count))]
    for row in values:
        if rng.random() < 0.15:
            row[1] = row[0]
        row[-1] = row[-1] or 1 if few else abs(row[-1]) % 9 + 1  # often divided by
    flat = [value for row in values for value in row]
    asked = []
    for _ in range(count):
        a, b = rng.sample(given, 2)
        template = rng.choice(NUMBERS if rng.random() < 0.4 else QUESTIONS)
        if "% {b}" in template or "// {b}" in template:
            a, b = rng.choice(given[:-1]), given[-1]
        asked.append(filled(rng, template, flat, a=a, b=b))
    body, lines = asked_lines(rng, names, asked), []
    if rng.random() < 0.5:
        found = names.throwaway("n", "count", "k", "total")
        a, b = rng.sample(given, 2)
        condition = filled(rng, rng.choice([each for each in QUESTIONS if "% {b}" not in each]), flat, a=a, b=b)
        body += [f"if {condition}:", f"    {found} += {rng.randint(1, 3)}"]
        lines = [f"{found} = 0"]
    shown = literals.written(rng, [tuple(row) for row in values])
    return [*lines, f"for {', '.join(given)} in {rows}:", *(f"    {line}" for line in body)], [rows], [shown]


def _places(rng: random.Random, names: Names) -> Lines:
    """Elements of a list or letters of a text, by their place."""
    letters = rng.random() < 0.4
    many = names.throwaway("s", "text", "word") if letters else names.throwaway("xs", "nums", "lst", "arr", "a", "data")
    i, j = names.index(), names.throwaway("k", "j", "last", "m")
    alphabet = rng.choice(ALPHABETS)
    count = rng.randint(5, 14)
    values = numbers(rng, top_of(rng), min(12, max(4, turns(rng, count))))
    text = "".join(rng.choices(alphabet, k=len(values)))
    asked = []
    for _ in range(count):
        template = rng.choice(PLACES if rng.random() < 0.5 else LETTERS if letters else ELEMENTS)
        element = repr(rng.choice(text)) if letters else str(rng.choice(values))
        c, d = rng.choices(alphabet, k=2)
        asked.append(filled(rng, template, values, v=many, i=i, j=j, e=element, c=c, d=d))
    body = asked_lines(rng, names, asked)
    shown = repr(text) if letters else literals.written(rng, values)
    head = f"for {i} in range({rng.choice(('', '1, '))}{rng.choice((f'len({many})', str(len(values) - 1)))}):"
    return [head, *(f"    {line}" for line in body)], [many, j], [shown, str(rng.randrange(len(values)))]


def _found(rng: random.Random, names: Names) -> Lines:
    """Elements of several lists, texts or dicts, by places that come in rows; in some the elements change places."""
    i, j = names.index(), names.throwaway("k", "j", "lo", "hi", "m")
    rows = names.throwaway("rows", "pairs", "spots", "moves", "table")
    kinds = rng.choices(tuple(NAMED), (10, 3, 5, 3), k=rng.choice((1, 2, 2, 3, 4)))
    length = rng.randint(3, 9)
    top = top_of(rng)
    many, shown = [], []
    for kind in kinds:
        many.append(names.many() if rng.random() < 0.4 else names.throwaway(*NAMED[kind]))
        shown.append(shown_row(rng, names, kind, length, top))
    flat = [rng.randint(0, top) for _ in range(8)]
    asked = []
    for _ in range(rng.randint(4, 16)):
        name, kind = rng.choice(list(zip(many, kinds, strict=True)))
        alike = [other for other, each in zip(many, kinds, strict=True) if each == kind]
        a, b = rng.sample((i, j), 2)
        template = FOUND[0] if kind == "dict" else rng.choice(FOUND)
        if kind in ("numbers", "dict") and rng.random() < 0.2:
            template = rng.choice(ADDED)
        asked.append(filled(rng, template, flat, v=name, w=rng.choice(alike), i=a, j=b))
    places = [(rng.randrange(length), rng.randrange(length)) for _ in range(turns(rng, len(asked)))]
    body = asked_lines(rng, names, asked)
    if "numbers" in kinds and rng.random() < 0.3:
        changed = rng.choice(CHANGES)
        body.append(changed.format(v=many[kinds.index("numbers")], i=i, j=j, n=rng.randint(1, 5)))
    shown.append(literals.written(rng, places))
    return [f"for {i}, {j} in {rows}:", *(f"    {line}" for line in body)], [*many, rows], shown


def _compared(rng: random.Random, names: Names) -> Lines:
    """Whether elements of lists and texts are the same, or which is more, in lines and in conditions."""
    i, j = names.index(), names.throwaway("k", "j", "lo", "hi", "m")
    rows = names.throwaway("rows", "pairs", "spots", "moves", "table")
    count = names.throwaway("n", "count", "same", "c")
    kind = rng.choices(("numbers", "words", "text"), (10, 2, 5))[0]
    length, top = rng.randint(3, 9), rng.choice((1, 2, 3, 4, 6, 9, 20))
    few = [names.noun() if rng.random() < 0.5 else rng.choice("abcdefxyz") for _ in range(3)]
    many, shown, elements = [], [], [str(rng.randint(0, top)) for _ in range(3)]
    for _ in range(rng.choice((1, 2, 2))):
        many.append(names.many() if rng.random() < 0.4 else names.throwaway(*NAMED[kind]))
        if kind == "words":
            shown.append(repr(rng.choices(few, k=length)))
            elements = list(map(repr, few))
        else:
            shown.append(shown_row(rng, names, kind, length, top))
    if kind == "text":
        elements = [repr(rng.choice(shown[0][1:-1])) for _ in range(3)]

    def question() -> str:
        a, b = rng.sample((i, j), 2)
        template = rng.choice(SUMMED if kind == "numbers" and rng.random() < 0.25 else COMPARED)
        given = {"v": rng.choice(many), "w": rng.choice(many), "i": a, "j": b, "e": rng.choice(elements)}
        return filled(rng, template, list(range(2 * top + 1)), **given)

    asked = [question() for _ in range(rng.randint(3, 12))]
    body = asked_lines(rng, names, asked)
    for _ in range(rng.choice((0, 1, 2))):
        body += [f"if {question()}:", f"    {count} {rng.choice(('+= 1', '-= 1', '+= ' + i))}"]
        if rng.random() < 0.4:
            body += ["else:", f"    {count} {rng.choice(('= 0', '+= 2', '= ' + j))}"]
    places = [(rng.randrange(length - 1), rng.randrange(length - 1)) for _ in range(turns(rng, len(asked) + 6))]
    shown.append(literals.written(rng, places))
    return [f"{count} = 0", f"for {i}, {j} in {rows}:", *(f"    {line}" for line in body)], [*many, rows], shown


def _keys(rng: random.Random, names: Names) -> Lines:
    """Values of a dict, and whether there are any."""
    held, many, k = (
        names.throwaway("d", "counts", "prices"),
        names.throwaway("keys", "ks", "words"),
        names.throwaway("k", "key", "w"),
    )
    words = list(dict.fromkeys(names.noun() if rng.random() < 0.6 else rng.choice("abcdefxyz") for _ in range(7)))
    inside = words[: max(1, len(words) // 2 + 1)]
    values = numbers(rng, top_of(rng), len(inside))
    asked = []
    for _ in range(rng.randint(3, 6)):
        own = {"d": held, "k": k, "l": repr(rng.choice(words)), "o": repr(rng.choice(inside))}
        asked.append(filled(rng, rng.choice(KEYS), values, **own))
    body = asked_lines(rng, names, asked)
    pairs = dict(zip(inside, values, strict=True))
    order = rng.sample(words, len(words))
    return [f"for {k} in {many}:", *(f"    {line}" for line in body)], [held, many], [repr(pairs), repr(order)]


KINDS = (_pairs, _found, _compared, _places, _keys)
