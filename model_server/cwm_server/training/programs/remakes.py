# ruff: noqa: E501
"""Remakes: the hundred things that people do most with a list, a text, a dict, on fresh values each time.

A way to remake a value (reverse it, leave out its last element, sort it) is a way to go through it, and is found after
thousands of examples or not at all. `oneliners` have four hundred ways; here are those that the others are made of.
"""

from __future__ import annotations

import random

from cwm_server.training.programs.base import Program
from cwm_server.training.programs.oneliners import Kind, functions, lines
from cwm_server.training.programs.quiz_lines import ALPHABETS, numbers, quiz
from cwm_server.training.programs.words import THINGS

# {v} a list of numbers, {w} another one of which some are the same; {n} a number, {m} a small one.
NUMBERS = (
    *("{v}[::-1]", "{v}[:-1]", "{v}[1:]", "sorted({v})", "max({v})", "min({v})", "sum({v})", "len({v})") * 2, "sorted({v}, reverse=True)", "list(reversed({v}))", "{v}[:{m}]", "{v}[{m}:]", "{v}[-{m}:]", "{v}[1:-1]", "{v}[::2]", "{v}[0]", "{v}[-1]", "{v}[-2]", "{v}[1]", "{v} + [{n}]", "[{n}] + {v}", "{v} * 2", "tuple({v})", "set({v})", "list(set({v}))", "len(set({v}))", "sorted(set({v}))", "{n} in {v}", "{v}.count({n})", "{v}.index({v}[-1])", "{v}[1:] + {v}[:1]", "{v}[-1:] + {v}[:-1]", "{v}[{m}:] + {v}[:{m}]", "max({v}) - min({v})", "sorted({v})[-2]", "sum({v}) / len({v})", "list(enumerate({v}))", "list(zip({v}, {v}[1:]))", "list(map(str, {v}))", "str({v})",
)  # fmt: skip
PAIRS = (
    "{v} + {w}", "list(zip({v}, {w}))", "dict(zip({v}, {w}))", "set({v}) & set({w})", "set({v}) | set({w})", "set({v}) - set({w})", "[{v}, {w}]", "({v}[0], {w}[0])", "sum({v}) + sum({w})", "{v} == {w}", "sorted({v} + {w})", "{v}[:-1] + {w}", "[x for x in {v} if x in {w}]", "[x for x in {v} if x not in {w}]", "[x + y for x, y in zip({v}, {w})]", "[x * y for x, y in zip({v}, {w})]", "[x - y for x, y in zip({v}, {w})]",
)  # fmt: skip
EACH = (
    *("[x * {m} for x in {v}]", "[x + {m} for x in {v}]", "[x ** 2 for x in {v}]", "[x for x in {v} if x % 2 == 0]", "[x for x in {v} if x > {n}]") * 2, "[x - {m} for x in {v}]", "[x * x for x in {v}]", "[x for x in {v} if x % 2 != 0]", "[x for x in {v} if x % {m} == 0]", "[x for x in {v} if x != {n}]", "[x for x in {v} if x < {n}]", "[str(x) for x in {v}]", "[-x for x in {v}]", "[x // 2 for x in {v}]", "[(x, x * x) for x in {v}]", "[i * x for i, x in enumerate({v})]", "[i for i, x in enumerate({v}) if x == {n}]", "[b - a for a, b in zip({v}, {v}[1:])]", "[a + b for a, b in zip({v}, {v}[1:])]", "sum(x for x in {v} if x % 2 == 0)", "sum(x * x for x in {v})", "sum(1 for x in {v} if x > {n})", "list(map(lambda x: x * {m}, {v}))", "list(map(lambda x: x + {m}, {v}))", "list(filter(lambda x: x > {n}, {v}))", "list(filter(lambda x: x % 2 == 0, {v}))", "tuple(x * 2 for x in {v})", "{{x: x * x for x in {v}}}", "[{v}.count(x) for x in {v}]", "any(x > {n} for x in {v})", "all(x > {n} for x in {v})",
)  # fmt: skip
# {c} a list of few numbers, many times.
COUNTED = (
    "collections.Counter({c})", "dict(collections.Counter({c}))", "set({c})", "list(set({c}))", "sorted(set({c}))", "len(set({c}))", "{c}.count({m})", "{c}.index({m}) if {m} in {c} else -1", "max(set({c}), key={c}.count)", "list(dict.fromkeys({c}))", "[x for x in {c} if {c}.count(x) == 1]", "[x for x in {c} if x != {m}]", "collections.Counter({c}).most_common(1)", "{{x: {c}.count(x) for x in {c}}}",
)  # fmt: skip
# {x} a text, {e} {f} letters or signs that it may have.
TEXTS = (
    *("{x}[::-1]", "{x}[:-1]", "{x}[1:]", "len({x})", "{x}.upper()", "{x}.replace('{e}', '{f}')", "{x}.split()", "{x}.count('{e}')") * 2, "{x}.replace('{e}', '')", "{x}.replace(' ', '')", "{x}.lower()", "{x}.title()", "{x}.capitalize()", "{x}.swapcase()", "{x}[:{m}]", "{x}[{m}:]", "{x}[-{m}:]", "{x}[1:-1]", "{x}[::2]", "{x}[0]", "{x}[-1]", "{x}[1]", "{x}[0] + {x}[-1]", "{x}[1:] + {x}[:1]", "{x}[{m}:] + {x}[:{m}]", "list({x})", "sorted({x})", "''.join(sorted({x}))", "set({x})", "{x} * 2", "{x} + '{e}'", "'{e}' + {x}", "{x}.find('{e}')", "{x}.strip('{e}')", "'{e}' in {x}", "{x}[0].upper() + {x}[1:]", "{x} == {x}[::-1]", "ord({x}[0])", "chr(ord({x}[0]) + 1)", "'-'.join({x})", "{x}.isalpha()", "{x}.isdigit()", "{x}.startswith('{e}')", "{x}.endswith('{e}')", "{x}.split('{e}')", "len({x}.split())", "{x}.split()[0]", "{x}.split()[-1]", "' '.join({x}.split()[::-1])", "'_'.join({x}.split())",
)  # fmt: skip
LETTERS = (
    *("''.join(c for c in {x} if c not in 'aeiou')", "[c for c in {x} if c in 'aeiou']", "re.findall(r'\\d+', {x})", "re.sub('{e}', '{f}', {x})") * 2, "[c for c in {x}]", "[c.upper() for c in {x}]", "[ord(c) for c in {x}]", "''.join(c for c in {x} if c != '{e}')", "''.join(c for c in {x} if c.isalpha())", "sum(1 for c in {x} if c in 'aeiou')", "sum(c == '{e}' for c in {x})", "[len(w) for w in {x}.split()]", "[w[::-1] for w in {x}.split()]", "[w.title() for w in {x}.split()]", "[w for w in {x}.split() if len(w) > 3]", "max({x}.split(), key=len)", "collections.Counter({x})", "dict(collections.Counter({x}))", "{{c: {x}.count(c) for c in {x}}}", "''.join(dict.fromkeys({x}))", "re.findall('[aeiou]', {x})", "re.findall('[a-z]+', {x})", "re.findall('[A-Z]', {x})", "re.findall(r'\\w+', {x})", "re.sub(' +', '-', {x})", "re.sub(r'\\s+', '', {x})", "re.sub('[aeiou]', '', {x})", "re.sub(r'\\d', '', {x})", "re.split(r'\\s+', {x})", "bool(re.search('{e}', {x}))", "bool(re.search('{e}{f}', {x}))", "bool(re.match('{e}', {x}))", "'yes' if re.search('{e}{f}*', {x}) else 'no'", "'yes' if re.search('^[a-z]+$', {x}) else 'no'", "re.search('{e}', {x} + '{e}').start()",
)  # fmt: skip
# {l} a list of words.
WORDS = (
    *("' '.join({l})", "sorted({l})", "max({l}, key=len)", "[len(w) for w in {l}]", "{l}[::-1]") * 2, "''.join({l})", "','.join({l})", "{l}[:-1]", "{l}[1:]", "{l}[-1]", "{l}[0]", "len({l})", "sorted({l}, key=len)", "min({l}, key=len)", "max({l})", "[w[0] for w in {l}]", "[w.upper() for w in {l}]", "[w[::-1] for w in {l}]", "[w for w in {l} if len(w) > 3]", "[w for w in {l} if '{e}' in w]", "[w.replace('{e}', '{f}') for w in {l}]", "[w + '{e}' for w in {l}]", "list(map(len, {l}))", "list(map(str.upper, {l}))", "{{w: len(w) for w in {l}}}", "len({l}[0])", "{l}[0] + {l}[1]", "{l}[0].upper()", "' '.join({l}[::-1])", "sum(len(w) for w in {l})", "{l} + ['{e}']", "list(enumerate({l}))",
)  # fmt: skip
# {t} a list of rows, which are lists or tuples.
ROWS = (
    *("[x[0] for x in {t}]", "[x[1] for x in {t}]", "[sum(x) for x in {t}]", "sorted({t}, key=lambda x: x[1])", "max({t}, key=lambda x: x[1])", "[y for x in {t} for y in x]") * 2, "[x[-1] for x in {t}]", "[x[::-1] for x in {t}]", "[max(x) for x in {t}]", "[len(x) for x in {t}]", "[sorted(x) for x in {t}]", "[tuple(x) for x in {t}]", "[list(x) for x in {t}]", "list(map(sum, {t}))", "list(map(max, {t}))", "{t}[::-1]", "{t}[0]", "{t}[-1]", "{t}[0][1]", "{t}[-1][0]", "{t}[1:]", "len({t})", "sorted({t})", "max({t})", "min({t})", "list(zip(*{t}))", "sum(map(sum, {t}))", "sum(x[0] for x in {t})", "{{x[0]: x[1] for x in {t}}}", "[x for x in {t} if {n} in x]", "[x for x in {t} if x[0] > {n}]", "[(y, x) for x, y in {t}]", "[x + y for x, y in {t}]",
)  # fmt: skip
# {d} a dict of words to numbers, {k} a key of it.
DICTS = (
    *("list({d})", "list({d}.values())", "list({d}.items())", "sum({d}.values())", "max({d}.values())", "max({d}, key={d}.get)", "sorted({d}.items(), key=lambda p: p[1])") * 2, "list({d}.keys())", "sorted({d})", "sorted({d}.values())", "min({d}.values())", "len({d})", "sorted({d}, key={d}.get)", "dict(sorted({d}.items()))", "{d}[{k}]", "{d}.get({k}, 0)", "{d}.get('none', {n})", "{k} in {d}", "{{b: a for a, b in {d}.items()}}", "{{a: b for a, b in {d}.items() if b > {n}}}", "{{a: b * {m} for a, b in {d}.items()}}", "[a for a, b in {d}.items() if b > {n}]", "{{**{d}, 'q': {n}}}",
)  # fmt: skip


def program(rng: random.Random) -> Program:
    """Functions that remake values and a `main` that calls each some times, or a loop that remakes row after row."""
    if rng.random() < 0.45:
        kind = rng.choices(KINDS, LOOPED)[0]
        return quiz(rng, lambda drawn, names: lines(drawn, names, kind, 90))
    return functions(rng, "remakes", KINDS, WEIGHTS, calls=2)


def _ints(rng: random.Random, low: int = 2, high: int = 6) -> list[int]:
    top = rng.choice((9, 9, 12, 20, 50, 99))
    return numbers(rng, top, rng.randint(low, high)) if rng.random() < 0.3 else _distinct(rng, top, low, high)


def _distinct(rng: random.Random, top: int, low: int, high: int) -> list[int]:
    """As people make them up: no two the same, tens if they are large."""
    found = rng.sample(range(1, top + 1), min(top, rng.randint(low, high)))
    return [10 * each for each in found] if top == 9 and rng.random() < 0.2 else found


def _pair(rng: random.Random) -> list[str]:
    first = _ints(rng)
    return [repr(first), repr([value if rng.random() < 0.4 else rng.randint(1, 20) for value in first])]


def _text(rng: random.Random) -> list[str]:
    draw = rng.random()
    if draw < 0.4:
        return [repr(" ".join(rng.choice(THINGS) for _ in range(rng.randint(1, 3))))]
    if draw < 0.6:
        return [repr("".join(rng.choices(rng.choice(ALPHABETS), k=rng.randint(2, 7))))]
    return [repr("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 8))))]


def _words(rng: random.Random) -> list[str]:
    letters = ["".join(rng.choices("abcdefgh", k=rng.randint(1, 4))) for _ in range(4)]
    return [repr(rng.sample([*letters, *rng.choices(THINGS, k=6)], rng.randint(2, 4)))]


def _rows(rng: random.Random) -> list[str]:
    kind, width = rng.choice((list, tuple)), rng.choice((2, 2, 2, 3))
    top = rng.choice((9, 20, 60))
    return [repr([kind(numbers(rng, top, width)) for _ in range(rng.randint(2, 4))])]


def _dict(rng: random.Random) -> list[str]:
    keys = rng.sample([*"abcdefgh", *THINGS], rng.randint(2, 4))
    made = dict(zip(keys, numbers(rng, rng.choice((9, 20, 99)), len(keys)), strict=True))
    return [repr(made), repr(rng.choice(keys))]


def _counted(rng: random.Random) -> list[str]:
    few = rng.sample(range(1, 10), rng.randint(2, 4))
    return [repr(rng.choices(few, k=rng.randint(3, 7)))]


KINDS: tuple[Kind, ...] = (
    (NUMBERS, "v", lambda rng: [repr(_ints(rng))]),
    (PAIRS, "vw", _pair),
    (EACH, "v", lambda rng: [repr(_ints(rng, 2, 5))]),
    (COUNTED, "c", _counted),
    (TEXTS, "x", _text),
    (LETTERS, "x", _text),
    (WORDS, "l", _words),
    (ROWS, "t", _rows),
    (DICTS, "dk", _dict),
)
WEIGHTS = (8, 2, 4, 2, 8, 3, 3, 3, 2)
LOOPED = (8, 2, 0, 2, 8, 0, 3, 3, 2)  # what runs in frames of its own makes a loop too long
