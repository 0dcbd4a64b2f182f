# ruff: noqa: E501
"""Quizzes of what lines change: elements put into lists, numbers carried from turn to turn, whole values made anew.

What a line asks elsewhere in quizzes is a small expression over values that stay. Here lists grow and are filled from
what stands beside a place, a sum is worked out and kept, and functions of a whole list or text meet another one in
every turn.
"""

from __future__ import annotations

import random

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program
from cwm_server.training.programs.quiz_lines import (
    ALPHABETS,
    Lines,
    asked_lines,
    filled,
    numbers,
    quiz,
    shown_row,
    top_of,
)
from cwm_server.training.programs.words import Names

# {v} a list that is filled, {w} one that is given, {i} a place of both, {c} a number that is carried, {n} a constant.
PUT = (
    *("{v}[{i}] = {v}[{i} - 1] + {w}[{i}]",) * 3, *("{v}[{i}] = {v}[{i} - 1] + {v}[{i} - 2]",) * 2, "{v}[{i}] = {w}[{i}] + {w}[{i} - 1]", "{v}[{i}] = {w}[{i}] - {w}[{i} - 1]", "{v}[{i}] = {w}[{i}] * {w}[{i}]", "{v}[{i}] = {w}[{i}] ** 2", "{v}[{i}] = {w}[{i}] * {i}", "{v}[{i}] = {w}[{i}] + {n}", "{v}[{i}] = {n} - {w}[{i}]", "{v}[{i}] = {w}[{i}] % {m}", "{v}[{i}] = {w}[{i}] // {m}", "{v}[{i}] = {w}[-{i}]",
    *("{v}[{i}] = max({v}[{i} - 1], {w}[{i}])", "{v}[{i}] = min({v}[{i} - 1], {w}[{i}])") * 2, "{v}[{i}] = max({v}[{i} - 1], {v}[{i} - 2] + {w}[{i}])", "{v}[{i}] = max({w}[{i}], {v}[{i} - 1] + {w}[{i}])", "{v}[{i}] = {v}[{i} - 1] + 1", "{v}[{i}] = {v}[{i} - 1] + {i}", "{v}[{i}] = {v}[{i} - 1] * 2", "{v}[{i}] = {v}[{i} - 1] - {w}[{i}]", "{v}[{i}] = {c} + {w}[{i}]", "{v}[{i}] = {c}",
    *("{v}[{i}] += {w}[{i}]",) * 2, "{v}[{i}] += 1", "{v}[{i}] += {v}[{i} - 1]", "{v}[{i}] -= {w}[{i}]", "{v}[{i}] *= {n}", "{v}[{i} - 1] += {w}[{i}]", "{v}[{i}], {v}[{i} - 1] = {v}[{i} - 1], {v}[{i}]", "{v}[{i}], {v}[0] = {v}[0], {v}[{i}]", "{v}[{i}] = 1 if {w}[{i}] > {n} else 0", "{v}[{i}] = {w}[{i}] > {w}[{i} - 1]",
)  # fmt: skip
GROWN = (
    *("{v}.append({w}[{i}])", "{v}.append({w}[{i}] + {n})", "{v}.append({v}[-1] + {w}[{i}])") * 2, "{v}.append({v}[-1] + {v}[-2])", "{v}.append({w}[{i}] * {n})", "{v}.append({w}[{i}] + {w}[{i} - 1])", "{v}.append({w}[{i}] - {w}[{i} - 1])", "{v}.append({i})", "{v}.append({i} * {i})", "{v}.append({c})", "{v}.append({w}[{i}] % {m})", "{v}.append(max({v}[-1], {w}[{i}]))", "{v}.append(({i}, {w}[{i}]))", "{v}.append([{i}, {c}])", "{v}.append(str({w}[{i}]))",
    "{v}.insert(0, {w}[{i}])", "{v}.insert(1, {i})", "{v} = {v} + [{w}[{i}]]", "{v} = [{w}[{i}]] + {v}", "{v} += [{w}[{i}]]", "{v}.extend([{i}, {w}[{i}]])", "{v} += [{w}[{i}], {n}]", "{v}[-1] += {w}[{i}]", "{v} = {v}[1:] + [{w}[{i}]]",
)  # fmt: skip
CARRIED = (
    *("{c} += {w}[{i}]",) * 2, "{c} -= {w}[{i}]", "{c} += {w}[{i}] * {w}[{i}]", "{c} += {w}[{i}] * {i}", "{c} += {w}[{i}] ** 2", "{c} = {c} + {w}[{i}]", "{c} = {w}[{i}] + {w}[{i} - 1]", "{c} = {w}[{i}] - {w}[{i} - 1]", "{c} = abs({w}[{i}] - {w}[{i} - 1])", "{c} = max({c}, {w}[{i}])", "{c} = min({c}, {w}[{i}])", "{c} = max({w}[{i}], {c} + {w}[{i}])",
    "{c} = {c} * 2 + {w}[{i}] % 2", "{c} = ({c} + {w}[{i}]) // 2", "{c} = ({c} + {w}[{i}]) % {m}", "{c} = {w}[{i}] * {m} - {i}", "{c} = {w}[{i}] * {m} + {n}", "{c} = {i} * ({i} + 1) // 2", "{c} = {i} * {i} + {w}[{i}]", "{c} = 2 * {i} + 1", "{c} = 2 * {w}[{i}] - 1", "{c} = {w}[{i}] // {m} + {w}[{i}] % {m}", "{c} ^= {w}[{i}]", "{c} //= {m}", "{c} = {c} // {m} + {w}[{i}]", "{c} = {w}[{i}] ** 2 + {i} ** 2", "{c} = -{c}", "{c} = {c} + 1 if {w}[{i}] > {n} else 0", "{c} *= 2", "{c} = len({w}) - {i}",
)  # fmt: skip
BESIDE = ("{c} {s} {w}[{i}]", "{v}[-1] {s} {w}[{i}]", "len({v})", "{v}[-1] + {w}[{i}]")  # asked
# {v} a list of numbers or of words, or a text, another one in each turn.
WHOLE = {
    "any": ("len({v})", "len({v})", "{v}[0]", "{v}[-1]", "{v}[1]", "{v}[::-1]", "{v}[1:]", "{v}[:-1]", "{v}[:2]", "{v}[-2:]", "{v}[::2]", "sorted({v})", "sorted({v})", "sorted({v}, reverse=True)", "max({v})", "min({v})", "{v} * 2", "{v} == {v}[::-1]", "len(set({v}))", "len({v}) {s} {r}", "len({v}) % 2 == 0", "{v}[len({v}) // 2]", "len({v}) - 1", "{v}.count({v}[0])", "{v}[0] == {v}[-1]", "{v}[1:] + {v}[:1]", "list({v})", "tuple({v})", "sorted(set({v}))", "{v}[0] < {v}[-1]"),
    "numbers": ("sum({v})", "sum({v})", "max({v}) - min({v})", "{v} + [{n}]", "[{n}] + {v}", "{n} in {v}", "{n} not in {v}", "{v}.count({n})", "{v}[0] + {v}[-1]", "{v}[0] * {v}[1]", "{v}[0] - {v}[1]", "sum({v}) // len({v})", "sum({v}) % {m}", "sum({v}[1:])", "{v} == sorted({v})", "max({v}[1:])", "sorted({v})[0]", "sorted({v})[-2]", "sorted({v})[len({v}) // 2]", "any({v})", "all({v})", "sum({v}) {s} {n}", "{v}.index(max({v}))", "list(map(str, {v}))", "sum({v}) / len({v})"),
    "words": ("' '.join({v})", "''.join({v})", "','.join({v})", "{v}[0] + {v}[1]", "{v}[0].upper()", "{v}[-1].title()", "len({v}[0])", "len({v}[-1])", "{v}[0][0]", "{v}[-1][::-1]", "sorted({v}, key=len)", "max({v}, key=len)", "min({v}, key=len)", "'{d}' in {v}", "{v} + ['{d}']", "{v}.index({v}[-1])", "' '.join({v}[::-1])", "{v}[0] {s} {v}[1]"),
    "text": ("{v}.upper()", "{v}.lower()", "{v}.title()", "{v}.capitalize()", "{v}.swapcase()", "{v}.strip()", "{v} + '{d}'", "'{d}' + {v}", "{v}[0].upper() + {v}[1:]", "''.join(sorted({v}))", "'-'.join({v})", "{v}.split()", "{v}.split('{d}')", "{v}.replace('{d}', '{e}')", "{v}.replace('{d}', '')", "{v}.find('{d}')", "{v}.count('{d}')", "'{d}' in {v}", "{v}.isdigit()", "{v}.isalpha()", "{v}.isupper()", "{v}.startswith('{d}')", "{v}.endswith('{d}')", "ord({v}[0])", "{v}.zfill(8)", "f'{{{v}}}-{n}'", "f'{{{v}}} {{len({v})}}'", "'{d}' * len({v})", "{v}[:2].upper()", "{v}.partition('{d}')"),
}  # fmt: skip
KEPT = {
    "any": ("{v}.sort()", "{v}.reverse()", "{v}.pop()", "{v}.pop(0)", "{v}.insert(0, {v}[-1])", "{v}.append({v}[0])", "{v}.remove({v}[0])", "{v}[0], {v}[-1] = {v}[-1], {v}[0]", "del {v}[0]", "{v} = {v}[::-1]", "{v} = {v}[1:]", "{v} = {v}[1:] + {v}[:1]", "{v} = sorted({v})", "{v}.sort(reverse=True)", "{v} = {v} + {v}[:1]", "{v}.extend({v}[:2])", "{v}[1] = {v}[0]", "{v} = {v}[:-1]", "{v} += {v}[-1:]"),
    "numbers": ("{v}.append({n})", "{v}.append({v}[-1] + {v}[0])", "{v}[0] += {n}", "{v}[-1] = {v}[0] * 2", "{v}.insert(0, {n})", "{v}.append(len({v}))", "{v}.append(sum({v}))", "{v} = {v} + [{n}]", "{v}[0] = {v}[0] + {v}[1]", "{v}[1] -= {v}[0]"),
    "words": ("{v}.append('{d}')", "{v}[0] = {v}[0].upper()", "{v}[-1] += '{d}'", "{v}.insert(1, '{d}')", "{v}[0] = {v}[0] + {v}[1]", "{v}.append({v}[0][0])"),
}  # fmt: skip
CELLS = (
    *("{t}[{i}][{j}] = {t}[{i} - 1][{j}] + {t}[{i}][{j} - 1]",) * 2, "{t}[{i}][{j}] = {t}[{i} - 1][{j} - 1] + 1", "{t}[{i}][{j}] = max({t}[{i} - 1][{j}], {t}[{i}][{j} - 1])", "{t}[{i}][{j}] = min({t}[{i} - 1][{j}], {t}[{i}][{j} - 1]) + 1", "{t}[{i}][{j}] += {t}[{i} - 1][{j}]", "{t}[{i}][{j}] = {i} * {j}", "{t}[{i}][{j}] = {i} + {j}", "{t}[{i}][{j}], {t}[{j}][{i}] = {t}[{j}][{i}], {t}[{i}][{j}]", "{t}[{i}][{j}] *= 2", "{t}[{i}][{j}] = {t}[{j}][{i}]", "{t}[{i}][{j}] = {t}[{i}][{j}] + {n}",
)  # fmt: skip
CELLS_ASKED = (
    "{t}[{i}][{j}]", "{t}[{j}][{i}]", "{t}[{i} - 1][{j}]", "{t}[{i}][{j}] {s} {t}[{i} - 1][{j}]", "{t}[{i}][{j}] == {n}", "{t}[{i}][{j}] + {t}[{j}][{i}]", "len({t}[{i}])", "{t}[{i}]", "sum({t}[{i}])", "{t}[{i}][{j}] % 2 == 0", "{t}[{i}][-1]", "{i} == {j}", "max({t}[{i}])",
)  # fmt: skip
ROOM = 1_500  # tokens of a loop's turns, about


def program(rng: random.Random) -> Program:
    """A function that changes lists and numbers turn by turn, and its arguments."""
    return quiz(rng, rng.choices((_lists, _wholes, _kept, _cells), (4, 4, 2, 2))[0])


def _lists(rng: random.Random, names: Names) -> Lines:
    """A list that is filled place by place, or grows, beside one that is given."""
    v = names.throwaway("dp", "out", "res", "acc", "sums", "best", "result", "table", "f", "stack")
    w = names.many() if rng.random() < 0.3 else names.throwaway("xs", "nums", "arr", "a", "cost", "values", "data")
    given = {"v": v, "w": w, "i": names.index(), "c": names.throwaway("total", "cur", "s", "count", "last", "k")}
    grows = rng.random() < 0.4
    top = min(top_of(rng), 60)
    stores = rng.sample(GROWN if grows else PUT, rng.randint(1, 2))
    carried = rng.sample(CARRIED, rng.randint(0, 2))
    statements = rng.sample([*stores, *carried], len(stores) + len(carried))
    asked = rng.sample(BESIDE, 2) if rng.random() < 0.3 else []
    count = len(statements) + len(asked)
    length = max(4, min(10, int((ROOM / (25 * (count + 1))) ** 0.8)))
    values = numbers(rng, top, length)
    body = [filled(rng, each, values, **given) for each in statements]
    body += asked_lines(rng, names, [filled(rng, each, values, **given) for each in asked])
    beginning = _grown_from(rng, w, values) if grows else _filled_from(rng, w, length)
    before = [f"{v} = {beginning}"]
    if any("{c}" in each for each in (*statements, *asked)):
        before.append(f"{given['c']} = {rng.choice((0, 0, 1, w + '[0]'))}")
    if not grows and rng.random() < 0.4:
        before.append(f"{v}[{rng.choice((0, 0, 1))}] = {rng.choice((1, w + '[0]', rng.choice(values)))}")
    head = f"for {given['i']} in range(2, {rng.choice((f'len({w})', str(length)))}):"
    shown = literals.written(rng, values)
    return [*before, head, *(f"    {line}" for line in body), f"return {rng.choice((v, v, w))}"], [w], [shown]


def _filled_from(rng: random.Random, w: str, length: int) -> str:
    """A list of that many elements."""
    return rng.choice((f"[0] * len({w})", f"[0] * {length}", f"[1] * len({w})", f"list({w})", f"{w}[:]", f"{w}.copy()"))


def _grown_from(rng: random.Random, w: str, values: list[int]) -> str:
    """A list of two elements."""
    a, b = rng.choices(values, k=2)
    return rng.choice((f"[{w}[0], {w}[1]]", f"{w}[:2]", f"[{a}, {b}]", "[0, 1]", "[1, 1]", f"[{a}, {w}[0]]"))


def _wholes(rng: random.Random, names: Names) -> Lines:
    """What is made of whole lists or texts, of one after the other."""
    kind = rng.choices(("numbers", "words", "text"), (5, 2, 4))[0]
    rows = names.throwaway("rows", "lists", "groups", "data", "lines", "words", "items")
    v = names.throwaway("row", "xs", "s", "nums", "t", "lst", "word", "line", "group", "part")
    count = rng.randint(4, 12)
    length = 6 if kind == "words" else 9
    top = min(top_of(rng), 99)
    values = numbers(rng, top, 8)
    alphabet = rng.choice([each for each in ALPHABETS if each != "()"])
    asked = []
    for _ in range(count):
        d, e = rng.choices(alphabet, k=2)
        template = rng.choice(WHOLE["any" if rng.random() < 0.45 else kind])
        asked.append(filled(rng, template, values, v=v, d=d, e=e))
    body = asked_lines(rng, names, asked)
    turns = rng.randint(3, max(3, min(9, ROOM // (40 + 22 * count))))
    shown = [_row(rng, names, kind, rng.randint(2, length), top, alphabet) for _ in range(turns)]
    return [f"for {v} in {rows}:", *(f"    {line}" for line in body)], [rows], [f"[{', '.join(shown)}]"]


def _kept(rng: random.Random, names: Names) -> Lines:
    """Lists that methods and assignments change, line by line."""
    kind = rng.choices(("numbers", "words"), (3, 1))[0]
    rows = names.throwaway("rows", "lists", "groups", "data", "items")
    row = names.throwaway("row", "xs", "a", "lst", "group")
    v = names.throwaway("b", "out", "res", "copy", "ys", "cur", "stack", "queue")
    count = rng.randint(3, 6)
    top = min(top_of(rng), 99)
    values = numbers(rng, top, 8)
    copies = (f"list({row})", f"{row}[:]", f"sorted({row})", f"{row}[::-1]", f"{row} + {row}[:1]")
    body = [f"{v} = {rng.choice(copies)}"]
    for _ in range(count):
        template = rng.choice(KEPT["any" if rng.random() < 0.6 else kind])
        body.append(filled(rng, template, values, v=v, d=names.noun() if rng.random() < 0.3 else rng.choice("abxyz")))
    turns = rng.randint(2, max(2, min(7, ROOM // (45 * (count + 2)))))
    # Enough elements that all the lines can take one away.
    shown = [_row(rng, names, kind, rng.randint(count + 2, count + 4), top, "") for _ in range(turns)]
    lines = [f"for {row} in {rows}:", *(f"    {line}" for line in body), f"return {v}"]
    return lines, [rows], [f"[{', '.join(shown)}]"]


def _row(rng: random.Random, names: Names, kind: str, length: int, top: int, alphabet: str) -> str:
    if kind == "numbers":
        return repr(numbers(rng, top, length))
    if kind == "text" and rng.random() < 0.6:
        return repr("".join(rng.choices(alphabet, k=length)))
    return repr(literals.text(rng)[:14] or "ab") if kind == "text" else shown_row(rng, names, kind, length, top)


def _cells(rng: random.Random, names: Names) -> Lines:
    """A table, cell by cell."""
    t = names.throwaway("dp", "grid", "matrix", "table", "m", "board")
    given = {"t": t, "i": names.throwaway("i", "r", "row"), "j": names.throwaway("j", "c", "col")}
    size = rng.choice((2, 3, 3, 3, 4))
    top = min(top_of(rng), 20)
    values = numbers(rng, top, 8)
    body = [filled(rng, each, values, **given) for each in rng.sample(CELLS, rng.choice((0, 1, 1)))]
    asked = [filled(rng, rng.choice(CELLS_ASKED), values, **given) for _ in range(rng.randint(2, 6))]
    lines = [f"for {given['i']} in range({rng.choice(('1, ', '1, ', ''))}{size}):"]
    lines.append(f"    for {given['j']} in range({rng.choice(('1, ', '1, ', ''))}{size}):")
    lines += [f"        {line}" for line in [*body, *asked_lines(rng, names, asked)]]
    given_rows = [numbers(rng, top, size) for _ in range(size)]
    if rng.random() < 0.3:
        made = rng.choice((f"[[0] * {size} for _ in range({size})]", f"[[1] * {size} for _ in range({size})]"))
        return [f"{t} = {made}", *lines, f"return {t}"], [], []
    return [*lines, f"return {t}"], [t], [literals.written(rng, given_rows)]
