# ruff: noqa: E501
"""Functions of one expression: what builtins, comprehensions and lambdas make of lists, rows, dicts, tuples and texts.

Half of the short functions that people write return what a single expression makes of their arguments. Quizzes ask
what one or two operations do with numbers and elements; here whole values come of whole values, of two of them as well.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program
from cwm_server.training.programs.quiz_lines import ALPHABETS, Lines, asked_lines, filled, numbers, quiz
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.words import Names

# {v} a list of numbers, {w} another one of which some are the same; {n} {m} {r} {s} as in quizzes.
TWO = (
    *("set({v}) & set({w})", "list(set({v}) & set({w}))", "sorted(set({v}) & set({w}))", "list(zip({v}, {w}))", "dict(zip({v}, {w}))", "{v} + {w}") * 2, "set({v}) | set({w})", "set({v}) - set({w})", "set({v}) ^ set({w})", "tuple(set({v}) | set({w}))", "list(set({v}) - set({w}))", "sorted(set({v}) | set({w}))", "sorted(set({v}) ^ set({w}))", "len(set({v}) & set({w}))", "set({v}) == set({w})", "set({v}) <= set({w})", "set({v}).issubset({w})", "bool(set({v}) & set({w}))",
    "[a + b for a, b in zip({v}, {w})]", "[a * b for a, b in zip({v}, {w})]", "[a - b for a, b in zip({v}, {w})]", "[max(a, b) for a, b in zip({v}, {w})]", "[a == b for a, b in zip({v}, {w})]", "sum(a * b for a, b in zip({v}, {w}))", "sum(a == b for a, b in zip({v}, {w}))", "[x for x in {v} if x in {w}]", "[x for x in {v} if x not in {w}]", "list(map(lambda a, b: a + b, {v}, {w}))", "list(map(lambda a, b: a - b, {v}, {w}))", "list(filter(lambda x: x in {w}, {v}))", "list(map(max, {v}, {w}))", "any(x in {w} for x in {v})", "all(x in {w} for x in {v})", "[(x, y) for x in {v}[:2] for y in {w}[:2]]", "[x for both in zip({v}, {w}) for x in both]", "[[a, b] for a, b in zip({v}, {w})]",
    "sorted({v} + {w})", "{v}[:{m}] + {w}[{m}:]", "{v}[-1:] + {w}[:-1]", "{v}[1:] + {w}[:1]", "{v}[::-1] + {w}", "tuple({v}) + tuple({w})", "[{v}, {w}]", "({v}[0], {w}[-1])", "{v} == {w}", "{v} < {w}", "sum({v}) + sum({w})", "sum({v}) - sum({w})", "sum({v}) > sum({w})", "max({v}) - min({w})", "max(max({v}), max({w}))", "len({v}) {s} len({w})", "{v}[:-1] + {w}", "{v} + [{n}] + {w}", "[{v}[i] + {w}[i] for i in range(len({w}))]",
)  # fmt: skip
ONE = (
    *("[x * {n} for x in {v}]", "[x + {n} for x in {v}]", "[x ** 2 for x in {v}]", "[x for x in {v} if x % 2 == 0]", "[x for x in {v} if x > {n}]") * 2, "[x for x in {v} if x % 2 != 0]", "[x for x in {v} if x % {m} == 0]", "[x for x in {v} if x != {n}]", "[x for x in {v} if x]", "[-x for x in {v}]", "[abs(x - {n}) for x in {v}]", "[x - {n} for x in {v}]", "[str(x) for x in {v}]", "[x % {m} for x in {v}]", "[x // {m} for x in {v}]", "[x / {m} for x in {v}]", "[(x, x * x) for x in {v}]", "[i * x for i, x in enumerate({v})]", "[i for i, x in enumerate({v}) if x {s} {n}]", "[x for i, x in enumerate({v}) if i % 2 == 0]", "[x > {n} for x in {v}]", "[x if x > {n} else 0 for x in {v}]", "[[x] for x in {v}]", "[[x] * {m} for x in {v}[:3]]",
    *("list(map(lambda x: x * x, {v}))", "list(filter(lambda x: x % 2 == 0, {v}))") * 2, "list(map(lambda x: x + {n}, {v}))", "list(map(lambda x: x ** 3, {v}))", "list(map(lambda x: x % {m}, {v}))", "list(filter(lambda x: x > {n}, {v}))", "list(filter(lambda x: x % {m} == 0, {v}))", "len(list(filter(lambda x: x < {n}, {v})))", "sum(filter(lambda x: x % 2, {v}))", "sorted({v}, key=lambda x: -x)", "sorted({v}, key=lambda x: x % {m})", "max({v}, key=lambda x: x % {m})", "functools.reduce(lambda a, b: a + b, {v})", "functools.reduce(lambda a, b: a * b, {v}[:4])",
    "sum(x for x in {v} if x % 2 == 0)", "sum(x ** 2 for x in {v})", "sum(1 for x in {v} if x > {n})", "len([x for x in {v} if x % 2])", "sum(x > {n} for x in {v})", "any(x > {n} for x in {v})", "all(x > {n} for x in {v})", "max(x for x in {v} if x != max({v}))", "tuple(x * 2 for x in {v})", "' '.join(str(x) for x in {v})", "''.join(map(str, {v}))", "','.join([str(x) for x in {v}])", "math.prod({v}[:4])",
    "[{v}[i:i + 2] for i in range(0, len({v}), 2)]", "[{v}[i:i + {m}] for i in range(0, len({v}), {m})]", "[{v}[i] + {v}[i + 1] for i in range(len({v}) - 1)]", "[b - a for a, b in zip({v}, {v}[1:])]", "list(zip({v}, {v}[1:]))", "[sum({v}[:i]) for i in range(1, len({v}) + 1)]", "list(itertools.accumulate({v}))", "[{v}.count(x) for x in {v}]", "{{x: x * x for x in {v}}}", "{{x: {v}.count(x) for x in {v}}}", "dict.fromkeys({v}, 0)", "list(dict.fromkeys({v}))", "dict(enumerate({v}))", "collections.Counter({v})", "dict(collections.Counter({v}))", "collections.Counter({v}).most_common(1)", "collections.Counter({v})[{n}]", "heapq.nlargest(2, {v})", "heapq.nsmallest(2, {v})", "list(enumerate({v}))",
    "set({v})", "len(set({v}))", "len(set({v})) == len({v})", "list(set({v}))", "tuple({v})", "tuple(sorted({v}))", "{v}[{m}:] + {v}[:{m}]", "{v}[-{m}:] + {v}[:-{m}]", "{v}[:{m}]", "{v}[-{m}:]", "{v}[::2]", "{v}[1::2]", "{v}[:{m}][::-1] + {v}[{m}:]", "sorted({v})[:{m}]", "sorted({v})[-{m}:]", "sorted({v}, reverse=True)[:{m}]", "sum(sorted({v})[:{m}])", "sorted({v})[-2]", "sorted(set({v}))[-2]", "sorted({v})[1]", "sum({v}) / len({v})", "round(sum({v}) / len({v}), 2)", "max({v}) + min({v})", "max({v}), min({v})", "(sum({v}), len({v}))", "{v}.index(max({v}))", "{v}.index(min({v}))", "max(set({v}), key={v}.count)", "max({v}) - min({v})", "sum({v}[:{m}]) + sum({v}[-{m}:])", "[min({v}), max({v})]", "{v}[len({v}) // 2:] + {v}[:len({v}) // 2]", "{v} == sorted({v})", "[{n}] * len({v})", "[0] * {m} + {v}", "{v} * 2", "list(reversed({v}))", "sum(map(abs, {v}))", "bool({v})", "str({v})",
)  # fmt: skip
# {t} a list of rows, which are lists or tuples.
ROWS = (
    *("[x[0] for x in {t}]", "[sum(x) for x in {t}]", "sorted({t}, key=lambda x: x[1])", "max({t}, key=lambda x: x[1])", "[x for row in {t} for x in row]", "list(map(len, {t}))") * 2, "[x[-1] for x in {t}]", "[max(x) for x in {t}]", "[min(row) for row in {t}]", "[len(x) for x in {t}]", "[x[::-1] for x in {t}]", "[sorted(x) for x in {t}]", "[tuple(x) for x in {t}]", "[list(x) for x in {t}]", "[x[1:] for x in {t}]", "[x[:-1] for x in {t}]", "[x[0] + x[1] for x in {t}]", "[x[0] * x[1] for x in {t}]", "list(map(sum, {t}))", "list(map(max, {t}))", "list(map(list, {t}))", "list(map(tuple, {t}))", "max(map(len, {t}))", "min(map(sum, {t}))", "sum(map(sum, {t}))", "sum(map(len, {t}))", "sum(len(x) for x in {t})", "sum(x[0] for x in {t})",
    "max({t})", "min({t})", "max({t}, key=len)", "min({t}, key=len)", "max({t}, key=sum)", "min({t}, key=sum)", "(len(max({t}, key=len)), max({t}, key=len))", "sorted({t})", "sorted({t}, key=len)", "sorted({t}, key=sum)", "sorted({t}, reverse=True)", "sorted({t}, key=lambda x: x[-1], reverse=True)", "min({t}, key=lambda x: x[1])[0]", "max({t}, key=lambda x: x[1])[0]", "max(x[1] for x in {t})", "list(map(lambda x: x[0], {t}))", "list(filter(lambda x: len(x) > 2, {t}))", "list(filter(lambda x: sum(x) > {n}, {t}))", "[x for x in {t} if len(x) > 2]", "[x for x in {t} if {n} in x]", "[x for x in {t} if {n} not in x]", "[x for x in {t} if x[0] > {n}]", "[i for i, x in enumerate({t}) if {n} in x]", "any({n} in x for x in {t})", "all(len(x) == 2 for x in {t})", "[x for x in {t} if x]",
    "list(zip(*{t}))", "[list(x) for x in zip(*{t})]", "{t}[0] + {t}[-1]", "{t}[::-1]", "{t}[1:] + {t}[:1]", "len({t})", "{t}[0][0] + {t}[-1][-1]", "{t}[1][0]", "[x + x[:1] for x in {t}]", "[x[-1:] + x for x in {t}]", "[[y * 2 for y in x] for x in {t}]", "[[y for y in x if y % 2 == 0] for x in {t}]", "[x * 2 for x in {t}]", "{t} + [[{n}, {m}]]", "{t} + [({n}, {m})]", "set(map(tuple, {t}))", "len(set(map(tuple, {t})))", "list(itertools.chain(*{t}))", "set(itertools.chain.from_iterable({t}))", "[x[2 - 1] for x in {t}]", "{{x[0]: x[1] for x in {t}}}", "{{x[0]: x[1:] for x in {t}}}", "[str(x) for x in {t}]", "{t}.index({t}[1])", "{t}.count({t}[0])", "tuple(map(sum, zip(*{t})))", "[x[0] for x in sorted({t}, key=lambda x: x[1])]",
)  # fmt: skip
# {d} a dict of words to numbers, {q} a word.
DICTS = (
    *("sum({d}.values())", "max({d}, key={d}.get)", "list({d}.items())", "sorted({d}.items(), key=lambda kv: kv[1])") * 2, "max({d}.values())", "min({d}.values())", "min({d}, key={d}.get)", "list({d})", "list({d}.keys())", "list({d}.values())", "sorted({d})", "sorted({d}, key={d}.get)", "sorted({d}.values())", "sorted({d}.items(), key=lambda kv: kv[1], reverse=True)", "sorted({d}.items())", "dict(sorted({d}.items()))", "dict(sorted({d}.items(), key=lambda kv: kv[1]))", "{{k: x * 2 for k, x in {d}.items()}}", "{{k: x + {n} for k, x in {d}.items()}}", "{{x: k for k, x in {d}.items()}}", "{{k: x for k, x in {d}.items() if x > {n}}}", "{{k: x for k, x in {d}.items() if x != {n}}}", "[k for k, x in {d}.items() if x > {n}]", "[x for x in {d}.values() if x % 2 == 0]", "[(k, x) for k, x in {d}.items() if x > {n}]", "[k for k in {d} if len(k) > 3]", "{{**{d}, '{q}': {n}}}", "{d} | {{'{q}': {n}}}", "len({d})", "'{q}' in {d}", "{d}.get('{q}', {n})", "{d}.get('{q}')", "list({d})[0]", "list({d}.items())[:2]", "list({d}.values())[-1]", "all(x > {n} for x in {d}.values())", "any(x == {n} for x in {d}.values())", "''.join({d})", "' '.join(sorted({d}))", "set({d}.values())", "sum(len(k) for k in {d})", "[f'{{k}}={{x}}' for k, x in {d}.items()]", "{d} == {{}}", "list(zip({d}, {d}.values()))", "tuple({d}.values())", "[[k, x] for k, x in {d}.items()]", "list(map(lambda k: k.upper(), {d}))", "max({d}.items(), key=lambda kv: kv[1])", "sum(x for k, x in {d}.items() if k != '{q}')",
)  # fmt: skip
# {u} a tuple of numbers.
TUPLES = (
    *("{u} + ({n},)", "tuple(list({u}) + [{n}])", "tuple(reversed({u}))", "list({u})") * 2, "({n},) + {u}", "{u} * 2", "{u}[::-1]", "{u}[1:]", "{u}[:2] + {u}[3:]", "{u}[:-1]", "tuple(sorted({u}))", "sorted({u})", "{u}.count({n})", "{u}.index({u}[1])", "tuple(x for x in {u} if x > {n})", "tuple(x + {n} for x in {u})", "tuple(map(str, {u}))", "tuple(map(lambda x: x * 2, {u}))", "sum({u})", "len({u})", "{u}[:1] + ({n},) + {u}[1:]", "max({u}), min({u})", "(min({u}), max({u}))", "''.join(map(str, {u}))", "' '.join(str(x) for x in {u})", "int(''.join(str(abs(x)) for x in {u}[:4]))", "{n} in {u}", "set({u})", "tuple(set({u}))", "list(set({u}))", "str({u})", "{u}[0], {u}[-1]", "{u}[-{m}]", "tuple(zip({u}, {u}[1:]))", "[{u}] * 2", "list(enumerate({u}))", "{u}[{m}:] + {u}[:{m}]", "all(x > {n} for x in {u})", "tuple(x for x in {u} if {u}.count(x) == 1)", "sum(x * x for x in {u})", "dict(enumerate({u}))", "({u}, {n})", "{u} == tuple(sorted({u}))", "sorted({u})[:{m}]", "tuple([x, x * {n}] for x in {u})", "math.prod({u}[:3])",
)  # fmt: skip
# {x} a text, {e} {f} letters or signs that it may have.
TEXTS = (
    *("{x}.split()", "len({x}.split())", "''.join(c for c in {x} if c not in 'aeiou')", "re.findall(r'\\d+', {x})", "{x}.replace('{e}', '{f}')") * 2, "[c for c in {x} if c.isalpha()]", "''.join(c for c in {x} if c.isdigit())", "''.join(sorted({x}))", "''.join(sorted(set({x})))", "sum(c.isdigit() for c in {x})", "sum(1 for c in {x} if c in 'aeiou')", "len([c for c in {x} if c.isupper()])", "{x}.count('{e}')", "{x}.replace(' ', '')", "{x}.replace('{e}', '')", "{x}.replace('{e}', '', 1)", "'_'.join({x}.split())", "' '.join({x}.split()[::-1])", "' '.join(w[::-1] for w in {x}.split())", "[len(w) for w in {x}.split()]", "max({x}.split(), key=len)", "min({x}.split(), key=len)", "sorted({x}.split())", "sorted({x}.split(), key=len)", "{x}.split()[-1]", "{x}.split()[0]", "[w[0] for w in {x}.split()]", "''.join(w[0].upper() for w in {x}.split())", "[w.title() for w in {x}.split()]", "[w for w in {x}.split() if len(w) > 3]", "[w.upper() for w in {x}.split()]", "list(map(len, {x}.split()))", "{x}.split('{e}')", "{x}.title()", "{x}.upper()", "{x}.swapcase()", "{x}.capitalize()",
    "list({x})", "tuple({x})", "list({x})[:3]", "{x}[0] == {x}[-1]", "{x}[::-1]", "{x} == {x}[::-1]", "{x}[::-1].upper()", "''.join(reversed({x}))", "{x}[:{m}] + {x}[{m} + 1:]", "{x}[-1] + {x}[1:-1] + {x}[0]", "{x}[{m}:] + {x}[:{m}]", "{x}[:{m}]", "{x}[1::2]", "[{x}[i:i + 2] for i in range(0, len({x}), 2)]", "{x} + {x}[::-1]", "{x} * 2", "[ord(c) for c in {x}]", "sum(ord(c) - 96 for c in {x} if c.islower())", "chr(ord({x}[0]) + 1)", "''.join(chr(ord(c) + 1) for c in {x})", "{x}.find('{e}')", "{x}.rfind('{e}')", "{x}.index({x}[-1])", "{x}.strip('{e}')", "{x}.startswith('{e}')", "{x}.isalnum()", "{x}.islower()", "{x}.isdigit()", "len({x}) % 2 == 0", "len(set({x}))", "set({x})", "len(set({x})) == len({x})", "''.join(dict.fromkeys({x}))", "{{c: {x}.count(c) for c in {x}}}", "dict(collections.Counter({x}))", "collections.Counter({x}).most_common(1)[0][0]", "[i for i, c in enumerate({x}) if c == '{e}']", "''.join(c * 2 for c in {x})", "''.join(c if c != '{e}' else '{f}' for c in {x})", "'-'.join({x})", "'%s-%d' % ({x}, {n})", "'{{}}:{{}}'.format({x}, {n})", "f'{{{x}}}/{{len({x})}}'", "{x}.ljust(9, '.')", "{x}.zfill(9)", "list(filter(lambda c: c != '{e}', {x}))", "''.join(map(lambda c: c.upper(), {x}))", "'{e}' in {x} and '{f}' in {x}", "{x}.partition('{e}')", "any(c.isdigit() for c in {x})", "all(c.isalpha() for c in {x})",
    "re.findall(r'[a-z]+', {x})", "re.findall('[A-Z]', {x})", "re.findall(r'\\w+', {x})", "re.sub(r'\\d', '', {x})", "re.sub('[aeiou]', '*', {x})", "re.sub(' +', '-', {x})", "re.sub('{e}', '{f}', {x})", "re.sub(r'\\s+', '', {x})", "re.split(r'\\s+', {x})", "re.split('[{e}{f}]', {x})", "bool(re.search('{e}{f}', {x}))", "bool(re.search('{e}+', {x}))", "bool(re.match(r'^[a-z]+$', {x}))", "bool(re.match('{e}', {x}))", "'yes' if re.search('{e}.*{f}$', {x}) else 'no'", "re.search('[{e}{f}]', {x} + '{e}').start()",
)  # fmt: skip
# {a} and {b} numbers, {h} a small one.
SINGLE = (
    *("str({a})[::-1]", "sum(int(c) for c in str({a}))", "[int(c) for c in str({a})]", "bin({a})[2:]") * 2, "int(str({a})[::-1])", "sum(map(int, str({a})))", "list(map(int, str({a})))", "len(str({a}))", "bin({a})", "bin({a}).count('1')", "hex({a})", "oct({a})", "max(str({a}))", "min(map(int, str({a})))", "str({a}) == str({a})[::-1]", "({a} & ({a} - 1)) == 0", "{a} & 1 == 0", "{h} * ({h} + 1) // 2", "{h} ** 2", "{h} ** 3", "{h} * {h} * {h}", "4 * {h}", "{h} * {h} - {m}", "{h} * {h} + {m}", "2 * {h} * {h} + {n}", "{h} * ({h} + {m}) - 1", "({h} + {m}) * ({h} - {m})", "{m} * ({h} + {n}) // 2", "divmod({a}, {m})", "math.gcd({a}, {b})", "math.factorial({m})", "math.sqrt({h} * {h})", "math.ceil({a} / {m})", "math.floor({a} / {m})", "math.isqrt({a})", "round({a} / {m}, 2)", "{a} / {m}", "{a} / 2", "({a} + {b}) / 2", "abs({a} - {b})", "{a} ^ {b}", "{a} | {b}", "{a} & {b}", "{a} << 1", "{a} >> {m}", "list(range({m}))", "list(range({h}, {h} + {m}))", "list(range(0, {a}, {a} // 4 + 1))", "[i for i in range(1, {h} + 1) if {h} % i == 0]", "sum(i for i in range(1, {h}) if {h} % i == 0)", "sum(range({h}))", "[i * i for i in range({m})]", "[{h} * i for i in range(1, {m} + 1)]", "int({a} / {m})", "float({a})", "2 ** {m}", "{a} % 10", "{a} // 10", "{a} // 10 % 10", "int(str({a})[0])", "str({a}) + str({b})", "int(str({a}) + str({b}))", "f'{{{a}:05d}}'", "'{{:b}}'.format({a})", "{a} if {a} > {b} else {b}", "max({a}, {b}, {n})", "min({a}, {b}) + {n}", "'even' if {a} % 2 == 0 else 'odd'", "{a} % {m} == 0 and {b} % {m} == 0", "[{a}, {b}][::-1]", "({b}, {a})", "all({h} % i for i in range(2, {h}))", "chr(97 + {h} % 26)", "[1 if {h} >> i & 1 else 0 for i in range(4)]",
)  # fmt: skip
_MODULES = re.compile(r"\b(functools|math|itertools|collections|heapq|re)\.")
_FRAMED = re.compile(r"\bfor\b|\blambda\b")  # runs in frames of its own
_WORDS = ("hello", "abc", "cat", "Python", "a1b2", "dog", "tree", "sun", "Big", "x", "no 12", "red", "ab", "level")
_NAMED = {
    "u": ("t", "tup", "test_tup", "tuple1"),
    "d": ("d", "dict1", "counts", "scores"),
    "k": ("key", "k", "name"),
    "l": ("words", "names", "strings", "lst", "items"),
}
_TARGETS = ("a", "b", "c", "r", "got", "first", "other", "value", "done")
MOST_TARGETS = 5  # every frame names them all
Given = Callable[[random.Random], list[str]]  # arguments, as source
Kind = tuple[tuple[str, ...], str, Given]  # templates, the letters that stand in them for parameters, and these


def program(rng: random.Random) -> Program:
    """Some functions of one expression and a `main` that calls them, or a loop that works out many such."""
    return functions(rng, "oneliners", KINDS, WEIGHTS) if rng.random() < 0.6 else quiz(rng, _lines)


def functions(
    rng: random.Random, source: str, kinds: Sequence[Kind], weights: Sequence[int], calls: int = 1
) -> Program:
    """Functions that return an expression of some kind, and a `main` that calls each, often so many times more."""
    names = Names(rng)
    modules, functions, body, targets = set[str](), list[str](), list[str](), list[str]()
    for _ in range(rng.randint(2, 6)):
        templates, letters, given = rng.choices(kinds, weights)[0]
        template, name = rng.choice(templates), names.function()
        used = [place for place, letter in enumerate(letters) if f"{{{letter}}}" in template]
        parameters = [_parameter(rng, names, letters[place]) for place in used]
        expression = _filled(rng, template, {letters[p]: each for p, each in zip(used, parameters, strict=True)})
        modules |= set(_MODULES.findall(expression))
        head, result = f"def {name}({', '.join(parameters)}):", names.throwaway("result", "res", "out", "ans")
        draw = rng.random()
        lines = [f"return {expression}"] if draw < 0.5 else [f"{result} = {expression}", f"return {result}"]
        functions.append("\n".join((head, *(f"    {line}" for line in lines))) + "\n")
        framed = _FRAMED.search(expression)
        for _ in range(rng.choice((1, 1, 2)) if framed else calls * rng.choice((1, 2, 2, 3))):
            target = target_of(rng, names, targets)
            arguments = given(rng)
            body.append(f"{target} = {name}({', '.join(arguments[place] for place in used)})")
    rng.shuffle(body)
    body.append(f"return {body[-1].split()[0]}")
    imports = "".join(f"import {module}\n" for module in sorted(modules))
    text = "\n\n".join(functions)
    if rng.random() < 0.2:
        text = dressed(rng, text)
    main = "def main():\n" + "".join(f"    {line}\n" for line in body)
    text = f"{imports}{chr(10) if imports else ''}{text}\n\n{main}"
    return Program(source, text, "main", "main()")


def target_of(rng: random.Random, names: Names, targets: list[str]) -> str:
    """The name that keeps a result, put to those of the results before: a new one, or one of some."""
    targets.append(names.throwaway(*_TARGETS) if len(targets) < MOST_TARGETS else rng.choice(targets))
    return targets[-1]


def _lines(rng: random.Random, names: Names) -> Lines:
    return lines(rng, names, rng.choices(KINDS, WEIGHTS)[0])


def lines(rng: random.Random, names: Names, kind: Kind, room: int = 50) -> Lines:
    """Expressions that need no frames, up to so many in all, of one row of arguments after the other."""
    templates, letters, given = kind
    plain = [each for each in templates if not _FRAMED.search(each) and not _MODULES.search(each)]
    parameters = [_parameter(rng, names, letter) for letter in letters]
    rows = names.throwaway("rows", "cases", "items", "data", "tests")
    asked = rng.sample(plain, rng.randint(3, min(10, len(plain))))
    known = dict(zip(letters, parameters, strict=True))
    body = asked_lines(rng, names, [_filled(rng, each, known) for each in asked])
    shown = [given(rng) for _ in range(rng.randint(3, max(3, room // (len(asked) + 2))))]
    values = [each[0] if len(each) == 1 else f"({', '.join(each)})" for each in shown]
    return (
        [f"for {', '.join(parameters)} in {rows}:", *(f"    {line}" for line in body)],
        [rows],
        [f"[{', '.join(values)}]"],
    )


def _filled(rng: random.Random, template: str, known: dict[str, str]) -> str:
    """An expression with its names and constants."""
    alphabet = rng.choice([each for each in ALPHABETS if each != "()"])
    e, f = rng.choice(alphabet), rng.choice(alphabet + " ")
    return filled(rng, template, numbers(rng, 9, 6), e=e, f=f, q=rng.choice(_WORDS), **known)


def _parameter(rng: random.Random, names: Names, letter: str) -> str:
    """A name for what a letter of the templates stands for."""
    if letter in _NAMED and rng.random() < 0.5:
        return names.throwaway(*_NAMED[letter])
    if letter in "abh":
        return names.throwaway("n", "a", "b", "x", "num", "k", "y", "number", "m")
    if letter == "x":
        return names.throwaway("s", "text", "str1", "string", "word", "line")
    return (
        names.many()
        if rng.random() < 0.3
        else names.throwaway("nums", "lst", "xs", "list1", "arr", "data", "l1", "test_list")
    )


def _two(rng: random.Random) -> list[str]:
    first = _ints(rng)
    second = [value if rng.random() < 0.5 else rng.randint(0, 12) for value in rng.sample(first, len(first))]
    return [repr(first), repr(second[: rng.randint(2, len(second))] if rng.random() < 0.4 else second)]


def _ints(rng: random.Random, low: int = 3) -> list[int]:
    return numbers(rng, rng.choice((5, 9, 12, 20, 40, 99)), rng.randint(low, 8))


def _rows(rng: random.Random) -> list[str]:
    height, width, top = rng.randint(2, 5), rng.choice((2, 2, 3)), rng.choice((5, 9, 20, 50))
    kind = tuple if rng.random() < 0.4 else list
    rows = [kind(numbers(rng, top, width if rng.random() < 0.8 else rng.randint(2, 4))) for _ in range(height)]
    return [repr(rows)]


def _dict(rng: random.Random) -> list[str]:
    keys = rng.sample([*_WORDS, *"abcdefgh"], rng.randint(2, 5))
    return [repr(dict(zip(keys, numbers(rng, rng.choice((5, 20, 100)), len(keys)), strict=True)))]


def _text(rng: random.Random) -> list[str]:
    draw = rng.random()
    if draw < 0.35:
        return [repr(" ".join(rng.choices(_WORDS, k=rng.randint(2, 4))))]
    if draw < 0.75:
        return [repr("".join(rng.choices(rng.choice(ALPHABETS), k=rng.randint(2, 9))))]
    return [repr(literals.text(rng)[:14] or "ab")]


def _numbers(rng: random.Random) -> list[str]:
    return [str(rng.randint(2, rng.choice((9, 20, 99, 500, 9999)))), str(rng.randint(1, 60)), str(rng.randint(2, 20))]


KINDS: tuple[Kind, ...] = (
    (TWO, "vw", _two),
    (ONE, "v", lambda rng: [repr(_ints(rng))]),
    (ROWS, "t", _rows),
    (DICTS, "d", _dict),
    (TUPLES, "u", lambda rng: [repr(tuple(_ints(rng)))]),
    (TEXTS, "x", _text),
    (SINGLE, "abh", _numbers),
)
WEIGHTS = (3, 5, 4, 2, 2, 5, 3)
