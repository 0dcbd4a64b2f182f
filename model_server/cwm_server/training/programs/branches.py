# ruff: noqa: E501
"""Branch drills: loops full of conditions whose outcome has to be looked up or computed, either outcome about as often.

What runs next behind an `if` or a `while` is what small models get wrong most. Every program loops over a few values,
by element, by index, in pairs or with `while`, and asks something of each.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.words import Names

# Open places: {e} what is asked about, {t} a value like those that come, {k} the function's second parameter or such a
# value, {m} {q} small divisors, {r} a small number, {lo} {hi} a range, {few} a few values, {c} a letter, {w} a word.
CONDITIONS: dict[str, tuple[str, ...]] = {
    "int": (
        "{e} % 2 == 0", "{e} % 2 == 0", "{e} % 2 != 0", "{e} % 2 == 1", "{e} % 2", "not {e} % {m}", "{e} % {m} == 0", "{e} % {m} != 0", "{e} % {m} == {r}", "{e} & 1",
        "{e} > {k}", "{e} >= {k}", "{e} < {k}", "{e} <= {k}", "{e} == {k}", "{e} != {k}", "{e} > {t}", "{e} < {t}", "{e} == {t}", "{k} > {e}", "{e} > 0", "{e} == 0", "{e} < 0", "not {e}", "{e} >= {t}",
        "{lo} <= {e} <= {hi}", "{lo} < {e} < {hi}", "{e} > {lo} and {e} < {hi}", "{e} < {lo} or {e} > {hi}", "{e} % {m} == 0 and {e} > {t}", "{e} % {m} == 0 or {e} % {q} == 0",
        "{e} % {m} == 0 and {e} % {q} == 0", "{e} in {few}", "{e} not in {few}", "{e} // {m} > {r}", "{e} * {m} > {hi}", "{e} + {r} > {k}", "{e} - {t} > 0", "abs({e} - {k}) > {r}", "not ({e} > {t} or {e} == {r})",
        "{e} ** 2 > {hi}", "{e} % {m} > {r}", "{e} != {t} and {e} != {r}", "{e} > {t} and not {e} % 2", "{e} == {t} or {e} == {k}",
    ),
    "char": (
        "{e} == {c}", "{e} == {c}", "{e} != {c}", "{e} in {few}", "{e} in 'aeiou'", "{e} not in 'aeiou'", "{e}.lower() in 'aeiou'", "{e}.isdigit()", "{e}.isalpha()", "{e}.isupper()", "{e}.islower()",
        "{e} > {c}", "{e} < {c}", "{e} >= {c}", "{e} == ' '", "ord({e}) % 2 == 0", "ord({e}) > ord({c})", "{e} == {c} or {e} == {d}", "{e}.isalnum()", "not {e}.isalpha()", "'a' <= {e} <= 'm'", "{e} != ' ' and {e} != {c}", "{e} == {k}",
    ),
    "word": (
        "len({e}) > {r}", "len({e}) >= {r}", "len({e}) == {r}", "len({e}) % 2 == 0", "{e}[0] == {c}", "{e}[-1] == {c}", "{e}.startswith({c})", "{e}.endswith({c})", "{c} in {e}", "{c} not in {e}", "{e} == {w}", "{e} != {k}",
        "{e} < {w}", "{e} == {e}[::-1]", "{e}[0] == {e}[-1]", "{e}.count({c}) > 1", "{e} in {few}", "{e} not in {few}", "len({e}) > len({w})", "{e}[0] in 'aeiou'", "{e}.islower()", "len({e}) > {r} and {c} in {e}", "{e} > {k}",
    ),
}  # fmt: skip
# With a neighbour or the index: {v} the sequence, {i} the index, of which the neighbour is {o}.
NEIGHBOURS = (
    "{v}[{i}] == {v}[{o}]", "{v}[{i}] != {v}[{o}]", "{v}[{i}] > {v}[{o}]", "{v}[{i}] < {v}[{o}]", "{v}[{i}] >= {v}[{o}]", "{v}[{i}] <= {v}[{o}]", "{v}[{i}] == {v}[-1]", "{v}[{i}] == {v}[0]", "{v}[{i}] == {v}[-{i} - 1]",
    "{v}[{i}] != {v}[len({v}) - 1 - {i}]", "{i} % 2 == 0", "{i} % 2 != 0", "{i} % 2", "{i} % {m} == 0", "{i} > 0 and {v}[{i}] == {v}[{o}]", "{v}[{i}] in {v}[:{i}]", "{v}[{i}] not in {v}[{i} + 1:]", "{i} > len({v}) // 2",
)  # fmt: skip
PAIRS = (
    "{v}[{i}] == {v}[{j}]", "{v}[{i}] > {v}[{j}]", "{v}[{i}] < {v}[{j}]", "{v}[{i}] + {v}[{j}] == {k}", "{v}[{i}] + {v}[{j}] > {hi}", "{v}[{i}] - {v}[{j}] == {r}", "abs({v}[{i}] - {v}[{j}]) <= {r}", "({v}[{i}] + {v}[{j}]) % 2 == 0",
    "{v}[{i}] * {v}[{j}] > {hi}", "({v}[{i}] ^ {v}[{j}]) % 2 == 0", "{v}[{i}] != {v}[{j}]", "{v}[{i}] % {m} == {v}[{j}] % {m}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """What a program loops over: the kind and the values of its elements, and the names it has for things."""

    rng: random.Random
    names: Names
    kind: str  # a key of CONDITIONS
    value: Sequence[object]
    variable: str
    bound: str | None  # the second parameter, if there is one

    def likely(self) -> object:
        """A value that occurs, mostly."""
        if len(self.value) and self.rng.random() < 0.85:
            return self.rng.choice(self.value)
        return {"int": literals.integer, "char": lambda rng: rng.choice("abcxyz 01"), "word": literals.word}[self.kind](
            self.rng
        )

    def condition(self, template: str, **given: str) -> str:
        """A template with all places filled; some authors put it in parentheses, some save the blanks."""
        rng = self.rng
        low = rng.randint(0, 6)
        text = str(self.likely())
        letters = [str(value)[:1] or "a" for value in (self.likely(), self.likely())]
        if self.kind == "word" and rng.random() < 0.5:
            letters = [rng.choice(text or "a"), rng.choice(str(self.likely()) or "e")]
        few = [self.likely() for _ in range(rng.randint(2, 4))]
        places = {
            "t": repr(self.likely()), "m": str(rng.randint(2, 5)), "q": str(rng.randint(3, 7)), "r": str(rng.randint(0, 4)), "lo": str(low), "hi": str(low + rng.randint(2, 12)),
            "few": repr("".join(map(str, few))) if self.kind == "char" else repr(rng.choice((list, tuple))(few)), "c": repr(letters[0]), "d": repr(letters[1]), "w": repr(text),
            "k": self.bound or repr(self.likely()), "v": self.variable,
        }  # fmt: skip
        if self.kind == "word":
            places["r"] = str(rng.randint(2, 6))
        filled = template.format(**places | given)
        if rng.random() < 0.2:
            filled = re.sub(r" (==|!=|>=|<=|>|<|%|\+|-|\*|//) ", r"\1", filled)
        return f"({filled})" if rng.random() < 0.2 and " and " not in filled else filled


@dataclass(frozen=True, slots=True)
class Account:
    """What a loop keeps: a variable with its initial value, and statements on an element {e} that update it as {a}."""

    name: str
    initial: str
    updates: tuple[str, ...]


_NUMBER = ("{a} += 1", "{a} += 1", "{a} = {a} + 1", "{a} -= 1", "{a} += 2")
_SUMS = ("{a} += {e}", "{a} = {a} + {e}", "{a} -= {e}", "{a} += {e} * 2", "{a} = {e}", "{a} = max({a}, {e})")
_LISTS = ("{a}.append({e})", "{a}.append({e})", "{a} += [{e}]", "{a}.insert(0, {e})")
_TEXTS = ("{a} += {e}", "{a} = {a} + {e}", "{a} += {e}.upper()", "{a} += '-'", "{a} = {e} + {a}")


def program(rng: random.Random) -> Program:
    """A function with a loop and conditions in it, and arguments that make them come out either way."""
    names = Names(rng)
    shape, kinds = rng.choices(SHAPES, [weight for *_, weight in SHAPES])[0][:2]
    kind = rng.choice(kinds)
    name = names.function()
    value = _values(rng, kind)
    variable = names.throwaway("s", "text", "string", "str1", "word") if kind == "char" else names.many()
    bound = names.throwaway("k", "n", "x", "limit", "target", "key", "ch") if rng.random() < 0.35 else None
    scene = Scene(rng, names, kind, value, variable, bound)
    body = shape(scene)
    argument = repr("".join(map(str, value))) if kind == "char" else literals.written(rng, value)
    arguments, parameters = [argument], [variable]
    if bound is not None and any(re.search(rf"\b{bound}\b", line) for line in body):
        arguments.append(repr(scene.likely()))
        parameters.append(bound)
    text = f"def {name}({', '.join(parameters)}):\n" + "".join(f"    {line}\n" for line in body)
    return start(rng, Subject("branches", dressed(rng, text), name, ", ".join(arguments)), (25, 40, 15, 15, 5))


def _values(rng: random.Random, kind: str) -> list[object]:
    """Three to eight elements, with repetitions."""
    count = rng.randint(3, 8)
    if kind == "word":
        return [literals.word(rng) for _ in range(min(count, 5))]
    if kind == "char":
        if rng.random() < 0.4:
            return list(literals.word(rng)[:9] or "abca")
        alphabet = rng.choice(("ab", "abc", "aeiou bcd", "()", "()[]{}", "01", "aAbB1 ", "xyz12", "abcdefghij", "+-ab"))
        return [rng.choice(alphabet) for _ in range(count)]
    top = rng.choice((3, 9, 9, 12, 20, 50, 120))
    low = rng.choice((0, 0, 1, 1, -top))
    values: list[object] = [rng.randint(low, top) for _ in range(count)]
    return sorted(values) if rng.random() < 0.2 else values  # type: ignore[type-var]


def _accounts(scene: Scene) -> list[Account]:
    """One or two things that the loop keeps."""
    names, number = scene.names, scene.kind == "int"
    count = Account(names.throwaway("count", "cnt", "c", "res", "n", "hits"), "0", _NUMBER)
    found = Account(names.throwaway("result", "res", "out", "lst", "found", "ans"), "[]", _LISTS)
    flag = Account(names.throwaway("flag", "found", "ok", "seen"), "False", ("{a} = True", "{a} = not {a}"))
    if number:
        other = Account(names.throwaway("total", "sum1", "acc", "best"), "0", _SUMS)
    else:
        other = Account(names.throwaway("out", "res", "text", "joined"), "''", _TEXTS)
    often = [count] * 3 + [found] * 2 + [other] * 2 + [flag]
    return list(dict.fromkeys(scene.rng.sample(often, scene.rng.choices((1, 2), (60, 40))[0])))


def _asked(
    scene: Scene, accounts: Sequence[Account], templates: Sequence[str], element: str, **given: str
) -> list[str]:
    """`if`, perhaps `elif`s and `else`, about an element, with something to do in each branch."""
    rng = scene.rng

    def act() -> list[str]:
        account = rng.choice(accounts)
        draw = rng.random()
        if draw < 0.07:
            return [f"    return {rng.choice((element, 'True', 'False', account.name, 'None'))}"]
        if draw < 0.12:
            return [f"    {rng.choice(('break', 'continue'))}"]
        return ["    " + rng.choice(account.updates).format(a=account.name, e=element)]

    lines = [f"if {scene.condition(rng.choice(templates), e=element, **given)}:", *act()]
    for _ in range(rng.choices((0, 1, 2), (65, 25, 10))[0]):
        lines += [f"elif {scene.condition(rng.choice(templates), e=element, **given)}:", *act()]
    if rng.random() < 0.4:
        lines += ["else:", *act()]
    elif rng.random() < 0.15:
        lines = [lines[0], *("    " + line for line in _asked(scene, accounts, templates, element, **given))]
    return lines


def _framed(scene: Scene, accounts: Sequence[Account], loop: Sequence[str]) -> list[str]:
    """The accounts opened, the loop, and what it comes to."""
    rng, names = scene.rng, [account.name for account in accounts]
    opened = [f"{account.name} = {account.initial}" for account in accounts]
    answer = rng.choice((names[-1], ", ".join(names), names[0]))
    if rng.random() < 0.12 and all(account.initial == "0" for account in accounts):
        answer = f"{names[0]} {rng.choice(('> 0', '== 0', '> 1', '% 2 == 0'))}"
    return [*opened, *loop, f"return {answer}"]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _ending(lines: Sequence[str]) -> list[str]:
    """For a loop whose last line makes it end: nothing goes on before it."""
    return [line.replace("continue", "break") for line in lines]


def _by_element(scene: Scene) -> list[str]:
    element = scene.names.throwaway({"int": "x", "char": "c", "word": "word"}[scene.kind], "i", "el", "ele", "item")
    accounts = _accounts(scene)
    asked = _asked(scene, accounts, CONDITIONS[scene.kind], element)
    if scene.rng.random() < 0.2:
        index = scene.names.index()
        templates = (*CONDITIONS[scene.kind], f"{index} % 2 == 0", f"{index} > {{r}}", f"{index} % {{m}}")
        asked = _asked(scene, accounts, templates, element)
        return _framed(scene, accounts, [f"for {index}, {element} in enumerate({scene.variable}):", *_indented(asked)])
    return _framed(scene, accounts, [f"for {element} in {scene.variable}:", *_indented(asked)])


def _by_index(scene: Scene) -> list[str]:
    rng, v, index = scene.rng, scene.variable, scene.names.index()
    accounts = _accounts(scene)
    before = rng.random() < 0.5
    other = f"{index} - 1" if before else f"{index} + 1"
    templates = (*NEIGHBOURS, *rng.sample(CONDITIONS[scene.kind], 8))
    asked = _asked(scene, accounts, templates, f"{v}[{index}]", i=index, o=other)
    stop = f"len({v})" if before else f"len({v}) - 1"
    if rng.random() < 0.3:  # written with `while`
        asked = _ending(asked)
        step = rng.choice((f"{index} += 1", f"{index} = {index} + 1"))
        guard = f"{index} < {stop}"
        if rng.random() < 0.3:
            guard += f" and {scene.condition(rng.choice(CONDITIONS[scene.kind]), e=f'{v}[{index}]')}"
        head = [f"{index} = {1 if before else 0}", f"while {guard}:"]
        return _framed(scene, accounts, [*head, *_indented([*asked, step])])
    if rng.random() < 0.3:
        name = scene.names.noun()
        asked = [f"{name} = {v}[{index}]", *(line.replace(f"{v}[{index}]", name) for line in asked)]
    begin = "1, " if before else rng.choice(("", "0, "))
    return _framed(scene, accounts, [f"for {index} in range({begin}{stop}):", *_indented(asked)])


def _by_pairs(scene: Scene) -> list[str]:
    rng, v, i, j = scene.rng, scene.variable, scene.names.index(), scene.names.index()
    if rng.random() < 0.25:  # a sort that swaps neighbours
        swap = f"{v}[{j}], {v}[{j} + 1] = {v}[{j} + 1], {v}[{j}]"
        sign = rng.choice("><")
        head = [f"for {i} in range({rng.choice((2, f'len({v}) - 1'))}):", f"    for {j} in range(len({v}) - {i} - 1):"]
        return [*head, f"        if {v}[{j}] {sign} {v}[{j} + 1]:", f"            {swap}", f"return {v}"]
    accounts = _accounts(scene)
    asked = _asked(scene, accounts, PAIRS, f"{v}[{j}]", i=i, j=j)
    begin = rng.choice((f"{i} + 1", f"{i} + 1", "0", f"{i}"))
    loop = [
        f"for {i} in range({rng.choice((2, 3, f'len({v})', f'len({v})'))}):",
        f"    for {j} in range({begin}, len({v})):",
    ]
    return _framed(scene, accounts, [*loop, *_indented(_indented(asked))])


def _by_digits(scene: Scene) -> list[str]:
    """Numbers taken apart: digits, halves, divisors."""
    rng, names = scene.rng, scene.names
    accounts = _accounts(scene)
    n, part = names.throwaway("n", "num", "number", "temp"), names.throwaway("d", "r", "rem", "digit")
    first = f"{n} = {rng.choice((f'sum({scene.variable})', f'max({scene.variable}) * {rng.randint(2, 40)}', str(rng.randint(10, 9999))))}"
    draw = rng.random()
    if draw < 0.45:
        asked = _ending(_asked(scene, accounts, CONDITIONS["int"], part))
        guard = rng.choice((f"{n} > 0", f"{n} > 0", f"{n} != 0", f"({n} > 0)", n))
        base = rng.choice((10, 10, 10, 2, 8))
        rest = rng.choice((f"{n} //= {base}", f"{n} = {n} // {base}", f"{n} = int({n} / {base})"))
        return _framed(
            scene,
            accounts,
            [first, f"{n} = abs({n})", f"while {guard}:", *_indented([f"{part} = {n} % {base}", *asked, rest])],
        )
    if draw < 0.7:
        asked = _asked(
            scene, accounts, (f"{n} % {{e}} == 0", f"{n} % {{e}} != 0", "{e} % 2 == 0", "{e} * {e} > {hi}"), part
        )
        return _framed(scene, accounts, [f"{n} = {rng.randint(4, 24)}", f"for {part} in range({rng.choice((1, 2))}, {rng.choice((n, f'{n} + 1', f'{n} // 2 + 1', 8))}):", *_indented(asked)])  # fmt: skip
    steps = names.throwaway("steps", "count", "i")
    halved = rng.choice((f"{n} //= 2", f"{n} = {n} // 2"))
    grown = rng.choice(
        (f"{n} = 3 * {n} + 1", f"{n} -= 1", f"{n} = {n} - {rng.choice((1, 3))}", f"{n} += {rng.randint(1, 5)}")
    )
    odd = rng.choice((f"{n} % 2 == 0", f"({n} % 2 == 0)", f"not {n} % 2", f"{n} & 1 == 0"))
    guard = f"{n} > {rng.randint(1, 3)} and {steps} < {rng.randint(5, 12)}"
    return [f"{n} = {rng.randint(3, 90)}", f"{steps} = 0", f"while {guard}:", f"    if {odd}:", f"        {halved}", "    else:", f"        {grown}", f"    {steps} += 1", f"return {rng.choice((steps, n, f'{n}, {steps}'))}"]  # fmt: skip


def _by_two_ends(scene: Scene) -> list[str]:
    """Two indices that move towards each other: pairs from the ends, and binary search."""
    rng, names, v = scene.rng, scene.names, scene.variable
    low, high = (
        names.throwaway("lo", "left", "i", "low", "start", "l"),
        names.throwaway("hi", "right", "j", "high", "end"),
    )
    head = [f"{low} = 0", f"{high} = len({v}) - 1"] if rng.random() < 0.6 else [f"{low}, {high} = 0, len({v}) - 1"]
    draw = rng.random()
    if draw < 0.4 and scene.kind == "int":
        mid, wanted = names.throwaway("mid", "m", "middle"), scene.bound or repr(scene.likely())
        middle = rng.choice((f"({low} + {high}) // 2", f"{low} + ({high} - {low}) // 2", f"({low}+{high})//2"))
        return [
            f"{v} = sorted({v})", *head, f"while {low} <= {high}:", f"    {mid} = {middle}", f"    if {v}[{mid}] == {wanted}:", f"        return {mid}", f"    elif {v}[{mid}] < {wanted}:",
            f"        {low} = {mid} + 1", "    else:", f"        {high} = {mid} - 1", f"return {rng.choice(('-1', low, 'None', 'False'))}",
        ]  # fmt: skip
    if draw < 0.7:
        sign = rng.choice(("!=", "==", ">", "<"))
        action = rng.choice((f"return {rng.choice(('False', 'True', low))}", f"{v} = {v}[1:]", "break"))
        return [*head, f"while {low} < {high}:", f"    if {v}[{low}] {sign} {v}[{high}]:", f"        {action}", f"    {low} += 1", f"    {high} -= 1", f"return {rng.choice(('True', f'{low}, {high}', low))}"]  # fmt: skip
    if scene.kind == "int":
        wanted = scene.bound or str(rng.randint(2, 20))
        return [*head, f"while {low} < {high}:", f"    if {v}[{low}] + {v}[{high}] == {wanted}:", f"        return {low}, {high}", f"    if {v}[{low}] + {v}[{high}] < {wanted}:", f"        {low} += 1", "    else:", f"        {high} -= 1", f"return {rng.choice(('None', 'False', '()', '-1'))}"]  # fmt: skip
    return [*head, f"while {low} < {high} and {v}[{low}] {rng.choice(('==', '!=', '<='))} {v}[{high}]:", f"    {low} += 1", f"    {high} -= 1", f"return {rng.choice((f'{low} >= {high}', f'{v}[{low}:{high} + 1]', low))}"]  # fmt: skip


def _by_memory(scene: Scene) -> list[str]:
    """What has come before decides: seen elements, counts, a stack, the best so far."""
    rng, names, v = scene.rng, scene.names, scene.variable
    e, a = names.throwaway("x", "c", "i", "item", "el"), names.throwaway("seen", "stack", "d", "counts", "res")
    b = names.throwaway("out", "result", "best", "cur")
    return rng.choice((
        [f"{a} = set()", f"for {e} in {v}:", f"    if {e} in {a}:", f"        return {e}", f"    {a}.add({e})", "return None"],
        [f"{a} = []", f"for {e} in {v}:", f"    if {e} not in {a}:", f"        {a}.append({e})", f"return {a}"],
        [f"{a} = {{}}", f"for {e} in {v}:", f"    if {e} in {a}:", f"        {a}[{e}] += 1", "    else:", f"        {a}[{e}] = 1", f"return {a}"],
        [f"{a} = {{}}", f"{b} = []", f"for {e} in {v}:", f"    if {e} in {a}.keys():", f"        {b}.append({e})", "    else:", f"        {a}[{e}] = len({b})", f"return {b}"],
        [f"{b} = {v}[0]", f"for {e} in {v}[1:]:", f"    if {e} {rng.choice(('>', '<', '>=', '<='))} {b}:", f"        {b} = {e}", f"return {b}"],
        [f"{b} = None", f"for {e} in {v}:", f"    if {b} is None or {e} {rng.choice('<>')} {b}:", f"        {b} = {e}", f"return {b}"],
        [f"{a} = []", f"for {e} in {v}:", f"    if {a} and {a}[-1] == {e}:", f"        {a}.pop()", "    else:", f"        {a}.append({e})", f"return {rng.choice((a, f'not {a}', f'len({a})'))}"],
        [f"{a} = []", f"for {e} in {v}:", f"    while {a} and {a}[-1] {rng.choice('<>')} {e}:", f"        {a}.pop()", f"    {a}.append({e})", f"return {a}"],
        [f"{a}, {b} = 0, 1", f"for {e} in range(1, len({v})):", f"    if {v}[{e}] {rng.choice(('==', '>', '!='))} {v}[{e} - 1]:", f"        {b} += 1", "    else:", f"        {a} = max({a}, {b})", f"        {b} = 1", f"return max({a}, {b})"],
        [f"{a} = {{}}", f"for {e} in {v}:", f"    {a}[{e}] = {a}.get({e}, 0) + 1", f"    if {a}[{e}] > {rng.randint(1, 2)}:", f"        return {e}", f"return {rng.choice(('None', '-1', a))}"],
        [f"{b} = 0", f"for {e} in {v}:", f"    if not {b} or {v}.count({e}) > {rng.randint(1, 2)}:", f"        {b} += 1", f"return {b}"],
    ))  # fmt: skip


SHAPES = (
    (_by_element, ("int", "int", "char", "char", "word"), 30),
    (_by_index, ("int", "int", "char"), 28),
    (_by_pairs, ("int",), 10),
    (_by_digits, ("int",), 14),
    (_by_two_ends, ("int", "char"), 8),
    (_by_memory, ("int", "char", "word"), 10),
)
