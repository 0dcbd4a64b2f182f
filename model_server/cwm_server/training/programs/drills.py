# ruff: noqa: E501
"""Value drills: short functions that do a few operations on random values, since values are what small models get wrong."""

from __future__ import annotations

import random

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.words import Names

# Operations on a variable `v` of the kind: {v} the variable, {r} a new name, {n} a small int, {i} an index within it,
# {x} a new element, {e} an element that is in it, {s} {t} strings (of one or two letters of it, mostly), {w} a value of the same kind.
STATEMENTS: dict[str, tuple[str, ...]] = {
    "list[int]": (
        "{v}.append({x})", "{v}.append({x})", "{v}.insert({i}, {x})", "{v}.pop()", "{r} = {v}.pop()", "{r} = {v}.pop({i})",
        "{r} = {v}.pop(0)", "{v}.remove({e})", "{v}.sort()", "{v}.sort(reverse=True)", "{v}.reverse()", "{v}.extend({w})",
        "{v} += [{x}]", "{v} = {v} + {w}", "{v}[{i}] = {x}", "{v}[{i}] += {n}", "{v}[{i}], {v}[{j}] = {v}[{j}], {v}[{i}]",
        "del {v}[{i}]", "{r} = {v}[{i}]", "{r} = {v}[-1]", "{r} = {v}[{i}:]", "{r} = {v}[:{i}]", "{r} = {v}[::-1]", "{r} = {v}[::2]",
        "{r} = {v}[1::2]", "{r} = {v}[{i}:{j}]", "{r} = {v}[-{n}:]", "{r} = {v}[:-1]", "{r} = len({v})", "{r} = sum({v})",
        "{r} = max({v})", "{r} = min({v})", "{r} = sorted({v})", "{r} = sorted({v}, reverse=True)", "{r} = list(reversed({v}))",
        "{r} = {v}.index({e})", "{r} = {v}.count({e})", "{r} = {e} in {v}", "{r} = {x} in {v}", "{r} = {v} * 2", "{r} = set({v})",
        "{r} = tuple({v})", "{r} = list(enumerate({v}))", "{r} = list(zip({v}, {w}))", "{r} = dict(zip({v}, {w}))",
        "{r} = [a * {n} for a in {v}]", "{r} = [a for a in {v} if a % 2 == 0]", "{r} = [a for a in {v} if a > {x}]",
        "{r} = [a + b for a, b in zip({v}, {w})]", "{r} = {{a: a ** 2 for a in {v}}}", "{r} = {{a % {n1} for a in {v}}}",
        "{r} = sum(a for a in {v} if a > {x})", "{r} = any(a > {x} for a in {v})", "{r} = all(a >= {x} for a in {v})",
        "{r} = list(map(str, {v}))", "{r} = list(map(lambda a: a - {n}, {v}))", "{r} = list(filter(lambda a: a % 2, {v}))",
        "{r} = ', '.join(str(a) for a in {v})", "{r} = sum({v}) / len({v})", "{r} = sum({v}) // len({v})", "{r} = {v}.copy()",
        "{r} = {v} == {w}", "{r} = {v} < {w}", "{r} = str({v})", "{r}, *_ = {v}", "{r} = [[a, a + 1] for a in {v}]",
        "{r} = list(range(len({v})))", "{r} = sorted(set({v}))", "{r} = sorted({v}, key=lambda a: -a)", "{r} = max({v}) - min({v})",
        "{v}[{i}:{j}] = [{x}]", "{r} = sorted({v}, key=lambda a: (a % {n1}, a))", "{r} = [{v}[k] for k in range(0, len({v}), 2)]",
    ),
    "list[str]": (
        "{v}.append({x})", "{v}.insert({i}, {x})", "{r} = {v}.pop()", "{r} = {v}.pop(0)", "{v}.remove({e})", "{v}.sort()",
        "{v}.sort(key=len)", "{v}.reverse()", "{v}.extend({w})", "{v}[{i}] = {x}", "{v}[{i}] = {v}[{i}].upper()", "{r} = {v}[{i}]",
        "{r} = {v}[-1]", "{r} = {v}[1:]", "{r} = {v}[::-1]", "{r} = len({v})", "{r} = ' '.join({v})", "{r} = ''.join({v})",
        "{r} = ', '.join({v})", "{r} = '-'.join({v})", "{r} = sorted({v})", "{r} = sorted({v}, key=len)", "{r} = max({v}, key=len)",
        "{r} = min({v})", "{r} = {v}.index({e})", "{r} = {x} in {v}", "{r} = [a.upper() for a in {v}]", "{r} = [len(a) for a in {v}]",
        "{r} = [a[0] for a in {v}]", "{r} = [a[::-1] for a in {v}]", "{r} = [a for a in {v} if len(a) > {n}]", "{r} = {{a: len(a) for a in {v}}}",
        "{r} = [a.title() for a in {v}]", "{r} = sum(len(a) for a in {v})", "{r} = {{k: a for k, a in enumerate({v})}}", "{r} = list(enumerate({v}, 1))",
        "{r} = [a for a in {v} if {s} in a]", "{r} = [a + {s} for a in {v}]", "{r} = set({v}) & set({w})", "{r} = [a.replace({s}, {t}) for a in {v}]",
        "{r} = list(zip({v}, range(len({v}))))", "{r} = ''.join(a[0].upper() for a in {v})", "{r} = sorted({v}, key=lambda a: a[-1])",
        "{r} = any(a.startswith({s}) for a in {v})", "{r} = list(map(len, {v}))", "{r} = f'{{len({v})}} items: {{{v}[0]}}'", "{r} = {v} + [{x}]",
    ),
    "str": (
        "{r} = {v}.upper()", "{r} = {v}.lower()", "{r} = {v}.title()", "{r} = {v}.capitalize()", "{r} = {v}.swapcase()", "{r} = {v}.strip()",
        "{r} = {v}.split()", "{r} = {v}.split({s})", "{r} = {v}.replace({s}, {t})", "{r} = {v}.find({s})", "{r} = {v}.count({s})",
        "{r} = {v}.startswith({s})", "{r} = {v}.endswith({s})", "{r} = {v}.isdigit()", "{r} = {v}.isalpha()", "{r} = {v}.isupper()",
        "{r} = {v}[::-1]", "{r} = {v}[{i}]", "{r} = {v}[-1]", "{r} = {v}[{i}:]", "{r} = {v}[:{i}]", "{r} = {v}[::2]", "{r} = {v}[1:-1]",
        "{r} = {v}[{i}:{j}]", "{r} = len({v})", "{r} = {v} + {x}", "{v} += {x}", "{r} = {v} * {n}", "{r} = {s} in {v}", "{r} = list({v})",
        "{r} = sorted({v})", "{r} = ''.join(sorted({v}))", "{r} = ''.join(reversed({v}))", "{r} = set({v})", "{r} = {v} == {v}[::-1]",
        "{r} = {v}.index({e})", "{r} = [c for c in {v} if c not in 'aeiou']", "{r} = sum(1 for c in {v} if c in 'aeiou')", "{r} = {v}.partition({s})",
        "{r} = [c.upper() for c in {v}]", "{r} = ''.join(c for c in {v} if c.isalpha())", "{r} = {{c: {v}.count(c) for c in {v}}}",
        "{r} = {v}.rjust({width})", "{r} = {v}.ljust({width}, '.')", "{r} = {v}.center({width}, '*')", "{r} = {v}.zfill({width})", "{r} = [ord(c) for c in {v}]",
        "{r} = chr(ord({v}[0]) + {n})", "{r} = '-'.join({v})", "{r} = f'<{{{v}}}>'", "{r} = f'{{{v}}}:{{len({v})}}'", "{r} = '{{}} {{}}'.format({v}, {n})",
        "{r} = {v}.lstrip({s})", "{r} = {v}.rstrip({s})", "{r} = {v}.rfind({s})", "{r} = {v}.splitlines()", "{r} = {v}[0].upper() + {v}[1:]",
        "{r} = [w[::-1] for w in {v}.split()]", "{r} = {v} < {x}", "{r} = max({v})", "{r} = {v}.isalnum()", "{r} = '%s=%d' % ({v}, {n})", "{r} = repr({v})",
        "{r} = ' '.join(w.capitalize() for w in {v}.split())", "{r} = {v}.rsplit({s}, 1)", "{r} = [{v}[k:k + 2] for k in range(0, len({v}), 2)]",
        "{r} = {v}.removeprefix({s})", "{r} = {v}.replace({s}, '')", "{r} = ''.join(c + c for c in {v})", "{r} = list(enumerate({v}))", "{r} = list(zip({v}, {v}[1:]))",
    ),
    "dict[str, int]": (
        "{v}[{k}] = {x}", "{v}[{h}] = {x}", "{v}[{h}] += {n}", "{v}.update({w})", "{r} = {v}.pop({h})", "{r} = {v}.pop({k}, None)", "del {v}[{h}]",
        "{r} = {v}.get({k}, 0)", "{r} = {v}.get({h})", "{r} = {v}[{h}]", "{r} = list({v})", "{r} = list({v}.values())", "{r} = list({v}.items())",
        "{r} = sorted({v})", "{r} = sorted({v}.items(), key=lambda p: p[1])", "{r} = sum({v}.values())", "{r} = max({v}, key={v}.get)", "{r} = len({v})",
        "{r} = {k} in {v}", "{r} = {{b: a for a, b in {v}.items()}}", "{r} = {{a: b * {n} for a, b in {v}.items()}}", "{r} = [a for a, b in {v}.items() if b > {n}]",
        "{v}.setdefault({k}, {x})", "{r} = {{**{v}, {k}: {x}}}", "{r} = sorted({v}, key={v}.get, reverse=True)", "{v}[{k}] = {v}.get({k}, 0) + 1",
        "{r} = dict(sorted({v}.items()))", "{r} = max({v}.values())", "{r} = {{a: b for a, b in {v}.items() if b != {x}}}", "{r} = {v} | {w}",
        "{r} = ', '.join(f'{{a}}={{b}}' for a, b in {v}.items())", "{r} = list({v}.keys())[0]", "{r} = {v}.copy()", "{r} = min({v}.items(), key=lambda p: p[1])",
    ),
    "set[int]": (
        "{v}.add({x})", "{v}.discard({x})", "{v}.remove({e})", "{r} = {v} | {w}", "{r} = {v} & {w}", "{r} = {v} - {w}", "{r} = {v} ^ {w}", "{r} = len({v})",
        "{r} = sorted({v})", "{r} = {x} in {v}", "{v}.update({w})", "{r} = {v} <= {w}", "{r} = sum({v})", "{r} = max({v})", "{r} = {{a + 1 for a in {v}}}",
        "{r} = {v}.union([{x}])", "{r} = {v}.issubset({w})", "{r} = list({v})", "{r} = {v}.intersection({w})", "{r} = {v}.isdisjoint({w})",
    ),
    "int": (
        "{v} += {n}", "{v} -= {n}", "{v} *= {n}", "{v} //= {n1}", "{v} %= {n1}", "{r} = {v} + {x}", "{r} = {v} - {x}", "{r} = {v} * {x}", "{r} = {v} // {n1}",
        "{r} = {v} % {n1}", "{r} = {v} / {n1}", "{r} = {v} ** 2", "{r} = {v} ** {small}", "{r} = -{v}", "{r} = abs({v})", "{r} = {v} > {x}", "{r} = {v} == {x}",
        "{r} = {v} % 2 == 0", "{r} = str({v})", "{r} = divmod({v}, {n1})", "{r} = max({v}, {x})", "{r} = min({v}, {x}, {n})", "{r} = {v} & {n}", "{r} = {v} | {n}",
        "{r} = {v} ^ {n}", "{r} = {v} << {small}", "{r} = {v} >> {small}", "{r} = bin({v})", "{r} = [int(d) for d in str(abs({v}))]", "{r} = float({v})",
        "{r} = {v} if {v} > {x} else {x}", "{r} = 0 <= {v} < {n}", "{r} = {v} > {x} and {v} % {n1} != 0", "{r} = not {v}", "{r} = {v} or {x}", "{r} = {v} and {x}",
        "{r} = list(range({n}))", "{r} = list(range({n}, {n} + {n1}))", "{r} = list(range({n1}, 0, -1))", "{r} = {v} * {n} + {x}", "{r} = ({v} + {x}) // 2", "{r} = round({v} / {n1}, 2)",
        "{r} = f'{{{v}}}!'", "{r} = f'{{{v}:03d}}'", "{r} = len(str({v}))", "{r} = int(str({v})[::-1]) if {v} > 0 else 0", "{r} = sum(int(d) for d in str(abs({v})))",
        "{r} = 'even' if {v} % 2 == 0 else 'odd'", "{r} = {v} in ({n}, {n1}, {x})", "{r} = pow({v}, {small}, {n1})", "{r} = hex({v})", "{r} = {v} == {x} or {v} < {n}",
    ),
    "float": (
        "{v} += {x}", "{v} *= {n}", "{r} = round({v}, 1)", "{r} = round({v})", "{r} = int({v})", "{r} = {v} / 2", "{r} = {v} * {x}", "{r} = {v} - {x}", "{r} = {v} > {x}",
        "{r} = str({v})", "{r} = f'{{{v}:.2f}}'", "{r} = {v} // 1", "{r} = abs({v})", "{r} = {v} ** 2", "{r} = max({v}, {x})", "{r} = {v} + {n}", "{r} = -{v}", "{r} = f'{{{v}:.1f}}%'",
    ),
    "list[list[int]]": (
        "{v}.append([{n}, {n}])", "{r} = [sum(row) for row in {v}]", "{r} = [row[0] for row in {v}]", "{r} = sum(sum(row) for row in {v})", "{r} = len({v})", "{v}[0][0] = {n}",
        "{r} = [list(col) for col in zip(*{v})]", "{r} = [a for row in {v} for a in row]", "{r} = {v}[-1]", "{r} = [row[::-1] for row in {v}]", "{r} = max(max(row) for row in {v})",
        "{r} = sorted({v})", "{v}[0].append({n})", "{r} = [[a * {n} for a in row] for row in {v}]", "{r} = list(map(sum, {v}))", "{r} = {v}[0][0]", "{r} = [len(row) for row in {v}]",
        "{r} = sorted({v}, key=sum)", "{v}.reverse()", "{r} = {v}[0] + {v}[-1]", "{r} = [row for row in {v} if sum(row) > {n}]",
    ),
    "tuple[int, ...]": (
        "{r} = {v}[0]", "{r} = {v}[-1]", "{r} = {v} + ({x},)", "{r} = len({v})", "{r} = sum({v})", "{r} = {v}[1:]", "{r} = {v}[::-1]", "{r} = sorted({v})", "{r} = list({v})",
        "{r}, *_ = {v}", "{r} = max({v})", "{r} = {v}.count({e})", "{r} = {v}.index({e})", "{r} = tuple(a * {n} for a in {v})", "{r} = {v} * 2", "{r} = {e} in {v}", "{r} = {v} + {w}",
        "{r} = tuple(sorted({v}))", "{r} = tuple(map(lambda a: a + {n}, {v}))", "{r} = tuple(a + b for a, b in zip({v}, {w}))", "{r} = dict(enumerate({v}))", "{r} = str({v})",
    ),
    "list[tuple[str, int]]": (
        "{r} = dict({v})", "{r} = [a for a, _ in {v}]", "{r} = [b for _, b in {v}]", "{r} = sorted({v}, key=lambda p: p[1])", "{r} = sum(b for _, b in {v})", "{r} = {v}[0]",
        "{r} = max({v}, key=lambda p: p[1])", "{v}.append(({s}, {n}))", "{r} = {{a: b for a, b in {v}}}", "{r} = list(zip(*{v}))", "{r} = [f'{{a}}:{{b}}' for a, b in {v}]", "{v}.sort()",
        "{r} = [(b, a) for a, b in {v}]", "{r} = sorted({v}, key=lambda p: (-p[1], p[0]))", "{r} = {v}[-1][1]", "{v}.sort(key=lambda p: p[1], reverse=True)", "{r} = min({v})",
    ),
}  # fmt: skip
_ELEMENT = {
    "list[int]": "int",
    "list[str]": "word",
    "set[int]": "int",
    "tuple[int, ...]": "int",
    "dict[str, int]": "int",
}


def program(rng: random.Random) -> Program:
    """A function with a few operations on one or two arguments, as statements, in a loop or with a branch."""
    names = Names(rng)
    kind = rng.choices(list(STATEMENTS), [22, 14, 22, 12, 5, 14, 5, 7, 6, 6])[0]
    name, variable = names.function(), names.noun() if kind in ("int", "float", "str") else names.many()
    value = literals.value(rng, kind)
    if not value and rng.random() < 0.8:
        value = literals.value(rng, kind)
    shape = rng.choices((_straight, _looped, _branched, _stepped), (55, 20, 15, 10))[0]
    body = shape(rng, names, kind, variable, value)
    hinted = rng.random() < 0.2
    signature = f"{variable}: {kind}" if hinted else variable
    arguments = literals.written(rng, value)
    if rng.random() < 0.12:
        text = f"def {name}():\n    {variable} = {literals.written(rng, value)}\n" + "".join(
            f"    {line}\n" for line in body
        )
        return start(rng, Subject("drills", dressed(rng, text), name, ""), (15, 60, 10, 10, 5))
    text = f"def {name}({signature}):\n" + "".join(f"    {line}\n" for line in body)
    return start(rng, Subject("drills", dressed(rng, text), name, arguments), (25, 40, 15, 15, 5))


def operation(rng: random.Random, names: Names, kind: str, variable: str, value: object) -> tuple[str, str | None]:
    """One statement on `variable`, which holds something like `value`, and the name that it binds, if any."""
    template = rng.choice(STATEMENTS[kind])
    result = (
        names.throwaway("result", "res", "out", "r", "x", "y", "value", "tmp", "new", "ans")
        if "{r}" in template
        else None
    )
    if result and rng.random() < 0.6:
        names.taken.discard(result)
        result = names.noun()
    element = literals.value(rng, _ELEMENT.get(kind, "word" if kind == "str" else kind))
    inside = list(value) if isinstance(value, (list, tuple, str, set, dict)) else []
    chosen = rng.choice(inside) if inside and rng.random() < 0.93 else element
    text = value if isinstance(value, str) else (chosen if isinstance(chosen, str) else "abc")
    piece = _piece(rng, text)
    last = max(0, len(inside) - 1)
    i = rng.randint(0, last)
    filled = template.format(
        v=variable, r=result, n=rng.randint(0, 9), n1=rng.randint(2, 9), small=rng.randint(0, 4), width=rng.randint(4, 12), i=i,
        j=rng.randint(min(i, last), last + (":" in template and rng.random() < 0.5)), x=repr(element), e=repr(chosen), s=repr(piece),
        t=repr(rng.choice(("", "_", "-", "x", "a", "*", "o", "zz"))), w=repr(literals.value(rng, kind)),
        k=repr(literals.word(rng)), h=repr(chosen),
    )  # fmt: skip
    return filled, result


def _piece(rng: random.Random, text: str) -> str:
    """A substring of `text`, mostly, else a usual separator."""
    if text and rng.random() < 0.75:
        at = rng.randrange(len(text))
        return text[at : at + rng.choice((1, 1, 1, 2, 3))]
    return rng.choice((" ", ",", "a", "e", "-", "th", "x", ".", "0"))


def _straight(rng: random.Random, names: Names, kind: str, variable: str, value: object) -> list[str]:
    lines: list[str] = []
    bound: list[str] = []
    for _ in range(rng.choices((1, 2, 3, 4, 5, 6), (10, 25, 30, 20, 10, 5))[0]):
        line, result = operation(rng, names, kind, variable, value)
        lines.append(line)
        bound += [result] if result else []
    answer = rng.choice([variable, *bound, *bound[-1:]])
    if len(bound) > 1 and rng.random() < 0.3:
        answer = ", ".join(bound[-3:])
    last = lines[-1]
    if bound and last.startswith(f"{bound[-1]} = ") and rng.random() < 0.25:
        lines[-1] = "return " + last.removeprefix(f"{bound[-1]} = ")
    else:
        lines.append(f"return {answer}")
    return lines


_ACCUMULATORS = (
    ("0", "{a} += {e}", "int"), ("0", "{a} = {a} + {e} * {n}", "int"), ("1", "{a} *= {e}", "int"), ("[]", "{a}.append({e})", ""),
    ("[]", "{a}.append({e} * 2)", ""), ("[]", "{a}.insert(0, {e})", ""), ("''", "{a} += {e}", "str"), ("''", "{a} = {e} + {a}", "str"),
    ("''", "{a} += str({e})", ""), ("{{}}", "{a}[{e}] = {a}.get({e}, 0) + 1", ""), ("0", "{a} = max({a}, {e})", "int"), ("set()", "{a}.add({e})", ""),
    ("[]", "{a} = [{e}] + {a}", ""), ("[]", "{a}.append(str({e}))", ""), ("0", "{a} -= {e}", "int"), ("''", "{a} += {e}.upper() + '-'", "str"),
    ("{{}}", "{a}[{e}] = len({a})", ""), ("[]", "{a}.append(({e}, len({a})))", ""), ("0", "{a} += len({e})", "str"), ("''", "{a} += {e}[0]", "str"),
    ("[]", "{a} += [{e}, {n}]", ""), ("0", "{a} = {e} - {a}", "int"), ("[]", "{a}.append({e} % {n1})", "int"), ("0", "{a} += {e} // {n1}", "int"),
    ("0", "{a} = {a} * 10 + {e}", "int"), ("[]", "{a}.append({e} ** 2)", "int"), ("[]", "{a}.append({e}.lower())", "str"), ("''", "{a} += {e} * 2", "str"),
)  # fmt: skip


def _looped(rng: random.Random, names: Names, kind: str, variable: str, value: object) -> list[str]:
    """A loop over the variable that accumulates."""
    if kind in ("float", "list[list[int]]", "list[tuple[str, int]]"):
        return _straight(rng, names, kind, variable, value)
    element, total = names.noun(), names.throwaway("total", "result", "res", "out", "acc", "ans", "output")
    elements = "int" if kind in ("list[int]", "set[int]", "tuple[int, ...]", "int") else "str"
    initial, update, _ = rng.choice([item for item in _ACCUMULATORS if item[2] in ("", elements)])
    iterable = f"range({rng.choice(('', '1, '))}{variable} % {rng.randint(4, 9)})" if kind == "int" else variable
    n, n1 = rng.randint(2, 9), rng.randint(2, 5)
    head = f"for {element} in {iterable}:"
    if kind != "int" and rng.random() < 0.3:
        draw = rng.random()
        if kind == "dict[str, int]":
            head = f"for {element}, {names.noun()} in {variable}.items():"
        elif draw < 0.5:
            head = f"for {names.index()}, {element} in enumerate({variable}):"
        elif draw < 0.75:
            head = (
                f"for {element} in reversed({variable}):"
                if kind not in ("set[int]",)
                else f"for {element} in sorted({variable}):"
            )
        elif kind in ("list[int]", "list[str]", "str", "tuple[int, ...]"):
            index = names.index()
            head = f"for {index} in range(len({variable})):"
            element = f"{variable}[{index}]"
    filled = update.format(a=total, e=element, n=n, n1=n1)
    body = [filled]
    if rng.random() < 0.35:
        condition = _condition(rng, elements, element)
        body = [f"if {condition}:", f"    {filled}"]
        draw = rng.random()
        if draw < 0.25:
            body = [f"if {condition}:", "    continue", filled]
        elif draw < 0.4:
            body = [f"if {condition}:", "    break", filled]
        elif draw < 0.55:
            other = rng.choice([item for item in _ACCUMULATORS if item[0] == initial and item[2] in ("", elements)])
            body += ["else:", "    " + other[1].format(a=total, e=element, n=rng.randint(2, 9), n1=rng.randint(2, 5))]
    initial = initial.replace("{{", "{").replace("}}", "}")
    return [f"{total} = {initial}", head, *(f"    {line}" for line in body), f"return {total}"]


def _condition(rng: random.Random, kind: str, name: str) -> str:
    options: tuple[str, ...]
    if kind == "int":
        options = (
            f"{name} % 2 == 0", f"{name} > {rng.randint(0, 9)}", f"{name} < {rng.randint(0, 9)}", f"{name} == {rng.randint(0, 6)}", f"{name} % {rng.randint(2, 5)}", f"{name} != {rng.randint(0, 5)}",
            f"{name} >= {rng.randint(1, 8)} and {name} < {rng.randint(8, 30)}", f"not {name}", f"{name} in ({rng.randint(0, 4)}, {rng.randint(2, 9)})", f"{name} <= 0 or {name} > {rng.randint(5, 20)}",
        )  # fmt: skip
    else:
        letter = rng.choice("aeioutsnrl")
        options = (
            f"'{letter}' in {name}", f"{name}[:1] in 'aeiou'", f"len({name}) > {rng.randint(1, 5)}", f"{name}.startswith('{letter}')", f"{name}.isupper()", f"{name}.isalpha()",
            f"{name} > '{letter}'", f"{name} == '{letter}'", f"{name} != '{letter}'", f"not {name}", f"{name}.isdigit()", f"{name}.lower() == {name}",
        )  # fmt: skip
    return rng.choice(options)


def _branched(rng: random.Random, names: Names, kind: str, variable: str, value: object) -> list[str]:
    """if / elif / else on the variable, operations inside."""

    def condition() -> str:
        if kind in ("int", "str"):
            return _condition(rng, kind, variable)
        if kind == "float":
            return f"{variable} > {literals.real(rng)}"
        size = rng.randint(1, 5)
        return rng.choice((f"len({variable}) > {size}", f"not {variable}", f"len({variable}) % 2 == 0", variable))

    result = names.throwaway("result", "res", "out", "label", "status", "answer")
    lines = [f"if {condition()}:"]
    branches = rng.randint(2, 3)
    early = rng.random() < 0.4
    for branch in range(branches):
        for _ in range(rng.randint(0, 1)):
            line, _bound = operation(rng, names, kind, variable, value)
            lines.append(f"    {line}")
        shown = rng.choice((repr(literals.word(rng)), repr(literals.integer(rng)), variable, "True", "False", "None"))
        lines.append(f"    return {shown}" if early else f"    {result} = {shown}")
        if branch < branches - 1:
            lines.append(f"elif {condition()}:" if branch < branches - 2 else "else:")
    if not early:
        lines.append(f"return {rng.choice((result, f'{result}, {variable}'))}")
    return lines


def _stepped(rng: random.Random, names: Names, kind: str, variable: str, value: object) -> list[str]:
    """A while loop that consumes the variable or counts."""
    counter, total = names.throwaway("i", "n", "count", "steps", "k"), names.throwaway("total", "result", "acc", "out")
    if kind in ("list[int]", "list[str]"):
        pop = rng.choice((".pop()", ".pop(0)"))
        item = names.noun()
        guard = rng.choice(
            (variable, f"len({variable}) > {rng.randint(0, 2)}", f"{variable} and len({total}) < {rng.randint(1, 4)}")
        )
        return [
            f"{total} = []",
            f"while {guard}:",
            f"    {item} = {variable}{pop}",
            f"    {total}.append({item})",
            f"return {total}",
        ]
    if kind in ("str", "tuple[int, ...]"):
        step = rng.choice((1, 1, 2))
        add = rng.choice(
            (
                f"{total}.append({variable}[{counter}])",
                f"{total} = {total} + [{counter}]",
                f"{total}.append({variable}[-{counter} - 1])",
            )
        )
        return [
            f"{counter} = 0",
            f"{total} = []",
            f"while {counter} < len({variable}):",
            f"    {add}",
            f"    {counter} += {step}",
            f"return {total}",
        ]
    if kind == "int":
        base, limit = rng.choice((2, 2, 3, 5, 7, 10)), rng.randint(1, 6)
        body = rng.choice((
            [f"{variable} = abs({variable})", f"{total} = []", f"while {variable} > 0:", f"    {total}.append({variable} % {base})", f"    {variable} //= {base}"],
            [f"{variable} = abs({variable})", f"{total} = 0", f"while {variable}:", f"    {total} = {total} * {base} + {variable} % {base}", f"    {variable} //= {base}"],
            [f"{total} = 0", f"while {total} < {limit}:", f"    {variable} += {base}", f"    {total} += 1"],
            [f"{total} = [{variable}]", f"while len({total}) < {limit + 1}:", f"    {total}.append({total}[-1] {rng.choice('+-*')} {base})"],
            [f"{total} = 0", f"while {variable} > {limit}:", f"    {variable} -= max({base}, {variable} // 2)", f"    {total} += 1"],
        ))  # fmt: skip
        return [*body, f"return {total}"]
    return _straight(rng, names, kind, variable, value)
