# ruff: noqa: E501
"""Programs from a grammar of typed statements: several functions of loops, branches and assignments that call each other."""

from __future__ import annotations

import random

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.expressions import TABLE, Scope, atom, expression
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.words import Names

_PARAMETERS = {
    "int": 28,
    "str": 20,
    "list[int]": 26,
    "list[str]": 12,
    "dict[str, int]": 10,
    "list[list[int]]": 4,
    "list[tuple[str, int]]": 4,
    "set[int]": 3,
    "tuple[int, int]": 3,
    "float": 3,
    "bool": 2,
}
_ASSIGNED = {
    "int": 30,
    "str": 20,
    "list[int]": 20,
    "list[str]": 10,
    "dict[str, int]": 7,
    "bool": 5,
    "set[int]": 4,
    "float": 4,
    "tuple[int, int]": 4,
    "list[list[int]]": 4,
    "list[tuple[str, int]]": 4,
}
_INDENT = "    "


def program(rng: random.Random) -> Program:
    """One to three functions; the last is called."""
    names = Names(rng)
    calls: list[tuple[str, tuple[str, ...], str]] = []
    texts = []
    hints = rng.random() < 0.25
    for index in range(count := rng.choices((1, 2, 3), (60, 30, 10))[0]):
        size = rng.randint(2, 7) if index == count - 1 else rng.randint(1, 3)
        texts.append(_function(rng, names, calls, size, hints))
    name, kinds, _ = calls[-1]
    arguments = ", ".join(literals.written(rng, literals.value(rng, kind)) for kind in kinds)
    text = dressed(rng, ("\n\n\n" if rng.random() < 0.6 else "\n\n").join(texts))
    return start(rng, Subject("grammar", text + "\n", name, arguments), (40, 25, 12, 13, 10))


def _draw(rng: random.Random, kinds: dict[str, int]) -> str:
    return rng.choices(list(kinds), list(kinds.values()))[0]


def _function(
    rng: random.Random, names: Names, calls: list[tuple[str, tuple[str, ...], str]], size: int, hints: bool
) -> str:
    outside = set(names.taken)
    name = names.function()
    scope = Scope(rng, names, calls=list(calls))
    kinds = tuple(_draw(rng, _PARAMETERS) for _ in range(rng.choices((1, 2, 3), (50, 40, 10))[0]))
    parameters = []
    for kind in kinds:
        parameter = _variable(scope, kind)
        scope.bind(parameter, kind)
        parameters.append(f"{parameter}: {kind}" if hints else parameter)
    lines: list[str] = []
    if rng.random() < 0.12:
        lines += _guard(scope, kinds)
    for _ in range(size):
        lines += statement(scope, 0)
    result, kind = _result(scope)
    lines.append(f"return {result}")
    calls.append((name, kinds, kind))
    names.taken = outside | {name}
    head = f"def {name}({', '.join(parameters)})" + (f" -> {kind}:" if hints and kind in TABLE else ":")
    return "\n".join([head, *(_INDENT + line for line in lines)])


def _variable(scope: Scope, kind: str) -> str:
    if kind == "int" and scope.rng.random() < 0.3:
        return scope.names.throwaway("n", "k", "m", "count", "limit", "total", "x", "y")
    if kind == "str" and scope.rng.random() < 0.3:
        return scope.names.throwaway("s", "text", "word", "name", "line", "msg")
    return scope.names.noun() if kind in ("int", "str", "float", "bool", "tuple[int, int]") else scope.names.many()


def _guard(scope: Scope, kinds: tuple[str, ...]) -> list[str]:
    rng, name = scope.rng, next(iter(scope.kinds))
    condition = {"int": f"{name} < {rng.randint(-2, 2)}", "bool": f"not {name}", "float": f"{name} <= 0"}.get(
        kinds[0], f"not {name}"
    )
    if rng.random() < 0.4:
        error = rng.choice(("ValueError", "ValueError", "TypeError", "RuntimeError"))
        return [
            f"if {condition}:",
            f"{_INDENT}raise {error}('{rng.choice(('empty', 'bad value', 'invalid', 'nothing to do', 'too small'))}')",
        ]
    return [
        f"if {condition}:",
        f"{_INDENT}return {rng.choice(('None', '0', '[]', repr(literals.word(rng)), '-1', 'False', name))}",
    ]


def _result(scope: Scope) -> tuple[str, str]:
    """What a function returns: mostly variables that nothing has read yet."""
    rng = scope.rng
    fresh = [name for name in scope.kinds if name in scope.unused] or list(scope.kinds)
    draw = rng.random()
    if draw < 0.55:
        name = rng.choice(fresh[-3:])
        return name, scope.kinds[name]
    if draw < 0.75 and len(fresh) > 1:
        return ", ".join(fresh[-rng.randint(2, 3) :]), "tuple"
    kind = _draw(rng, _ASSIGNED)
    return expression(scope, kind, 2), kind


def statement(scope: Scope, depth: int) -> list[str]:
    """One statement, compound ones with their blocks."""
    makers = [(_assign, 26), (_augment, 16), (_mutate, 14), (_unpack, 5)]
    if depth < 2:
        makers += [(_branch, 16 - 4 * depth), (_loop, 18 - 9 * depth)]
    if depth < 1:
        makers += [(_while, 5), (_try, 4), (_nested, 2)]
    for _ in range(8):
        maker = scope.rng.choices([item[0] for item in makers], [item[1] for item in makers])[0]
        lines: list[str] = maker(scope, depth)
        if lines:
            return lines
    return _assign(scope, depth)


def _block(scope: Scope, depth: int, size: int) -> list[str]:
    lines: list[str] = []
    for _ in range(size):
        lines += statement(scope, depth)
    return [_INDENT + line for line in lines]


def _assign(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    kind = _draw(rng, _ASSIGNED)
    source = expression(scope, kind, rng.choice((1, 1, 2, 2, 3)))
    again = [name for name in scope.having(kind) if name not in scope.frozen]
    name = rng.choice(again) if again and rng.random() < (0.25 if depth == 0 else 0.5) else _variable(scope, kind)
    if source == name:
        return []
    scope.bind(name, kind)
    return [f"{name} = {source}"]


def _augment(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    kind = rng.choice(("int", "int", "int", "str", "list[int]"))
    found = [name for name in scope.having(kind) if name not in scope.frozen]
    if not found:
        return []
    name = rng.choice(found)
    scope.unused.add(name)
    if kind == "int":
        operator = rng.choice(("+=", "+=", "+=", "-=", "*=" if depth == 0 else "+=", "%=", "//="))
        operand = (
            expression(scope, "int", rng.choice((0, 0, 1))) if operator in ("+=", "-=") else str(rng.randint(2, 7))
        )
        return [f"{name} {operator} {operand}"]
    if depth and kind == "list[int]":
        return [f"{name}.append({atom(scope, 'int')})"]
    return [f"{name} += {atom(scope, kind)}"] if depth == 0 or (kind == "str" and rng.random() < 0.5) else []


_MUTATIONS = {
    "list[int]": ("{v}.append({int})", "{v}.append({int})", "{v}.append({int})", "{v}.insert(0, {int})", "{v}.sort()", "{v}.reverse()", "{v}.extend({list})", "{v}[0] = {int}", "{v}[-1] += {int}", "{r} = {v}.pop()", "{r} = {v}.pop(0)", "{v}.sort(reverse=True)", "{v}[0], {v}[-1] = {v}[-1], {v}[0]"),
    "list[str]": ("{v}.append({str})", "{v}.append({str})", "{v}.insert(0, {str})", "{v}.sort()", "{v}.reverse()", "{v}.sort(key=len)", "{v}[0] = {str}"),
    "dict[str, int]": ("{v}[{str}] = {int}", "{v}[{str}] = {int}", "{v}[{str}] = {v}.get({str2}, 0) + {int}", "{v}.update({{{str}: {int}}})", "{v}.setdefault({str}, {int})", "{v}.pop({str}, None)"),
    "set[int]": ("{v}.add({int})", "{v}.add({int})", "{v}.discard({int})", "{v}.update({list})"),
    "list[list[int]]": ("{v}.append([{int}])", "{v}[0].append({int})", "{v}.reverse()"),
}  # fmt: skip


def _mutate(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    found = [(name, kind) for name, kind in scope.kinds.items() if kind in _MUTATIONS and name not in scope.frozen]
    if not found:
        return []
    name, kind = rng.choice(found)
    template = rng.choice(_MUTATIONS[kind])
    text = atom(scope, "str")
    result = _variable(scope, "int") if "{r}" in template else ""
    line = template.format(
        v=name,
        r=result,
        int=expression(scope, "int", rng.choice((0, 0, 1))),
        str=text,
        str2=text,
        list=atom(scope, "list[int]") if depth == 0 else "[1, 2]",
    )
    if result:
        scope.bind(result, "int")
    scope.unused.add(name)
    if "extend(" + name in line:
        return []
    return [line]


def _unpack(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    pair = scope.pick("tuple[int, int]")
    if pair and rng.random() < 0.6:
        a, b = _variable(scope, "int"), _variable(scope, "int")
        scope.bind(a, "int")
        scope.bind(b, "int")
        return [f"{a}, {b} = {pair}"]
    numbers = [name for name in scope.having("int") if name not in scope.frozen]
    if len(numbers) >= 2 and rng.random() < 0.6:
        a, b = rng.sample(numbers, 2)
        return [rng.choice((f"{a}, {b} = {b}, {a}", f"{a}, {b} = {b}, {a} + {b}", f"{a}, {b} = {a} - {b}, {b}"))]
    values = scope.pick("list[int]")
    if values:
        a, b = _variable(scope, "int"), scope.names.throwaway("rest", "tail", "others")
        scope.bind(a, "int")
        scope.bind(b, "list[int]")
        return [f"{a}, *{b} = {values}"]
    return []


def _branch(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    lines = [f"if {expression(scope, 'bool', rng.choice((1, 1, 2)))}:"]
    scopes = [scope.inner()]
    lines += _block(scopes[0], depth + 1, rng.choice((1, 1, 2)))
    if depth == 0 and rng.random() < 0.1:
        lines += [_INDENT + f"return {_result(scopes[0])[0]}"]
        return lines
    if rng.random() < 0.25:
        lines.append(f"elif {expression(scope, 'bool', 1)}:")
        lines += _block(scope.inner(), depth + 1, 1)
    if rng.random() < 0.5:
        lines.append("else:")
        lines += _block(scope.inner(), depth + 1, rng.choice((1, 1, 2)))
    return lines


def _iteration(scope: Scope) -> tuple[str, list[tuple[str, str]], str | None]:
    """The head of a for loop, the variables it binds, and the variable it runs over."""
    rng = scope.rng
    options: list[tuple[str, int]] = [("range", 6)]
    options += [
        (kind, weight)
        for kind, weight in (
            ("list[int]", 10),
            ("str", 6),
            ("list[str]", 6),
            ("dict[str, int]", 5),
            ("list[list[int]]", 2),
            ("list[tuple[str, int]]", 4),
            ("set[int]", 1),
        )
        if scope.having(kind)
    ]
    kind = rng.choices([item[0] for item in options], [item[1] for item in options])[0]
    if kind == "range":
        index = scope.names.index()
        bounds = rng.choice(
            (
                f"{rng.randint(2, 5)}",
                f"1, {rng.randint(3, 6)}",
                f"{rng.randint(4, 8)}, 0, -{rng.randint(1, 3)}",
                f"0, {rng.randint(4, 10)}, {rng.randint(2, 3)}",
                f"len({scope.pick('list[int]')})" if scope.having("list[int]") else "3",
            )
        )
        return f"for {index} in range({bounds}):", [(index, "int")], None
    over = scope.pick(kind) or ""
    if kind == "dict[str, int]":
        key, value = scope.names.throwaway("key", "k", "name"), scope.names.throwaway("value", "v", "amount", "n")
        draw = rng.random()
        if draw < 0.7:
            return f"for {key}, {value} in {over}.items():", [(key, "str"), (value, "int")], over
        if draw < 0.85:
            return f"for {key} in {over}:", [(key, "str")], over
        return f"for {value} in {over}.values():", [(value, "int")], over
    if kind == "list[tuple[str, int]]":
        a, b = _variable(scope, "str"), _variable(scope, "int")
        return f"for {a}, {b} in {over}:", [(a, "str"), (b, "int")], over
    element = {"list[int]": "int", "str": "str", "list[str]": "str", "list[list[int]]": "list[int]", "set[int]": "int"}[
        kind
    ]
    name = (
        scope.names.throwaway("c", "ch", "char", "letter")
        if kind == "str" and rng.random() < 0.7
        else _variable(scope, element)
    )
    draw = rng.random()
    if draw < 0.2 and kind != "set[int]":
        index = scope.names.index()
        return (
            f"for {index}, {name} in enumerate({over}{rng.choice(('', '', ', 1', ', start=1'))}):",
            [(index, "int"), (name, element)],
            over,
        )
    if draw < 0.27 and kind == "list[int]" and len(scope.having("list[int]")) > 1:
        other, second = (
            _variable(scope, "int"),
            rng.choice([item for item in scope.having("list[int]") if item != over]),
        )
        return f"for {name}, {other} in zip({over}, {second}):", [(name, "int"), (other, "int")], over
    form = (
        f"sorted({over})"
        if kind == "set[int]"
        else rng.choice(
            (
                over,
                over,
                over,
                over,
                f"reversed({over})",
                f"{over}[1:]",
                f"sorted({over})",
                f"{over}[::-1]",
                f"{over}[:3]",
            )
        )
    )
    return f"for {name} in {form}:", [(name, element)], over


_EMPTY = {
    "int": ("0", "0", "1"),
    "str": ("''",),
    "list[int]": ("[]",),
    "list[str]": ("[]",),
    "dict[str, int]": ("{}",),
    "set[int]": ("set()",),
}


def _loop(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    lines: list[str] = []
    head, bound, over = _iteration(scope)
    target: tuple[str, str] | None = None
    if rng.random() < 0.75:
        kind = rng.choices(list(_EMPTY), (30, 15, 25, 10, 12, 5))[0]
        name = scope.names.throwaway(*{"int": ("total", "count", "result", "acc", "score", "best"), "str": ("result", "out", "text", "res"), "dict[str, int]": ("counts", "result", "table", "seen", "index")}.get(kind, ("result", "out", "items", "res", "found", "kept", "seen")))  # fmt: skip
        lines.append(f"{name} = {rng.choice(_EMPTY[kind])}")
        scope.bind(name, kind)
        target = name, kind
    inner = scope.inner()
    for name, kind in bound:
        inner.bind(name, kind)
        inner.frozen.add(name)
    if over:
        inner.frozen.add(over)
    body: list[str] = []
    draw = rng.random()
    if draw < 0.12:
        body += [f"if {expression(inner, 'bool', 1)}:", f"{_INDENT}continue"]
    elif draw < 0.22:
        body += [f"if {expression(inner, 'bool', 1)}:", f"{_INDENT}break"]
    if rng.random() < 0.45 or target is None:
        body += statement(inner, depth + 1)
    if target is not None:
        update = [_update(inner, *target)]
        if rng.random() < 0.3:
            update = [f"if {expression(inner, 'bool', 1)}:", *(_INDENT + line for line in update)]
            if rng.random() < 0.4:
                update += ["else:", _INDENT + _update(inner, *target)]
        body += update
        scope.unused.add(target[0])
    lines.append(head)
    lines += [_INDENT + line for line in body]
    if rng.random() < 0.04:
        lines += ["else:", _INDENT + (_update(scope, *target) if target else "pass")]
    return lines


def _update(scope: Scope, name: str, kind: str) -> str:
    rng = scope.rng
    others = scope.inner()
    others.kinds.pop(name, None)
    if kind == "int":
        return (
            f"{name} {rng.choice(('+=', '+=', '+=', '-='))} {expression(others, 'int', rng.choice((0, 1, 1)))}"
            if rng.random() < 0.85
            else f"{name} = {rng.choice(('max', 'min'))}({name}, {atom(others, 'int')})"
        )
    if kind == "str":
        piece = expression(others, "str", rng.choice((0, 1)))
        return rng.choice((f"{name} += {piece}", f"{name} += {piece}", f"{name} = {piece} + {name}"))
    if kind == "dict[str, int]":
        key = atom(others, "str")
        return rng.choice(
            (
                f"{name}[{key}] = {name}.get({key}, 0) + 1",
                f"{name}[{key}] = {expression(others, 'int', 1)}",
                f"{name}[{key}] = {name}.get({key}, 0) + {atom(others, 'int')}",
            )
        )
    element = "str" if kind == "list[str]" else "int"
    return (
        f"{name}.{'add' if kind == 'set[int]' else 'append'}({expression(others, element, rng.choice((0, 1, 1, 2)))})"
    )


def _while(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    inner = scope.inner()
    values = [name for name in scope.having("list[int]") if name not in scope.frozen]
    if values and rng.random() < 0.4:
        name, item = rng.choice(values), _variable(scope, "int")
        inner.bind(item, "int")
        inner.frozen.add(name)
        return [
            f"while {rng.choice((name, f'len({name}) > 1'))}:",
            f"{_INDENT}{item} = {name}.pop({rng.choice(('', '0'))})",
            *_block(inner, depth + 1, 1),
        ]
    counter = scope.names.throwaway("i", "n", "step", "k", "left", "turn")
    inner.bind(counter, "int")
    inner.frozen.add(counter)
    if rng.random() < 0.6:
        lines = [f"{counter} = 0", f"while {counter} < {rng.randint(2, 5)}:"]
        step = f"{counter} += {rng.choice((1, 1, 1, 2))}"
    else:
        lines = [f"{counter} = {rng.randint(3, 30)}", f"while {counter} > {rng.randint(0, 2)}:"]
        step = f"{counter} {rng.choice(('//= 2', '-= ' + str(rng.randint(2, 5)), '//= 3'))}"
    scope.bind(counter, "int")
    return [*lines, *_block(inner, depth + 1, rng.choice((1, 2))), _INDENT + step]


def _try(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    risky, error, kind = rng.choice((
        ("int({str})", "ValueError", "int"), ("{list}[{n}]", "IndexError", "int"), ("{dict}[{str}]", "KeyError", "int"), ("{int} // {int2}", "ZeroDivisionError", "int"), ("{list}.index({int})", "ValueError", "int"), ("{str}.index({char})", "ValueError", "int"),
    ))  # fmt: skip
    source = risky.format(
        str=atom(scope, "str"),
        list=atom(scope, "list[int]"),
        dict=atom(scope, "dict[str, int]"),
        n=rng.randint(0, 6),
        int=atom(scope, "int"),
        int2=atom(scope, "int"),
        char=repr(rng.choice("aeostx")),
    )
    name = _variable(scope, kind)
    caught = rng.choice((error, error, error, "Exception", f"({error}, TypeError)"))
    lines = ["try:", f"{_INDENT}{name} = {source}"]
    if rng.random() < 0.2:
        alias = scope.names.throwaway("e", "err", "exc", "error")
        lines += [
            f"except {caught} as {alias}:",
            f"{_INDENT}{name} = {rng.choice((f'len(str({alias}))', f'len({alias}.args)'))}",
        ]
    else:
        lines += [f"except {caught}:", f"{_INDENT}{name} = {rng.choice(('0', '-1', '1'))}"]
    scope.bind(name, kind)
    if rng.random() < 0.15:
        lines += ["else:", f"{_INDENT}{name} += {rng.randint(1, 9)}"]
    if rng.random() < 0.15:
        lines += ["finally:", *_block(scope.inner(), depth + 1, 1)]
    return lines


def _nested(scope: Scope, depth: int) -> list[str]:
    rng = scope.rng
    name, parameter = scope.names.function(), scope.names.throwaway("x", "n", "v", "a")
    inner = Scope(rng, scope.names, {**{k: v for k, v in scope.kinds.items() if rng.random() < 0.4}, parameter: "int"})
    body = expression(inner, "int", 2)
    scope.calls.append((name, ("int",), "int"))
    result = _variable(scope, "int")
    call = f"{result} = {name}({atom(scope, 'int')})"
    scope.bind(result, "int")
    if rng.random() < 0.4:
        return [f"{name} = lambda {parameter}: {body}", call]
    return [f"def {name}({parameter}):", f"{_INDENT}return {body}", call]
