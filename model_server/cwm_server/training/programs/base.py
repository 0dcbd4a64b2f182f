"""A program to be traced, and the ways in which a trace of a function can be started."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass

RESULT = "__RESULT_{}__"
WRONG = "__WRONG_{}__"


@dataclass(frozen=True, slots=True)
class Program:
    """One module, what to call in it, and where the trace starts.

    `entry` is the qualified name of the function whose first call starts the trace, `call` the expression that sets it
    off. Values that are not known yet are written `__RESULT_k__`: what such a name is first compared with when the
    program runs takes its place, and something near it that of `__WRONG_k__`. `subject` names the function that the
    program is about, for comparison with evaluation sets. `rewritten` says that pytest's assertion rewriting applies.
    """

    source: str
    text: str
    entry: str
    call: str
    subject: str = ""
    heldout: bool = False
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A function in a module together with arguments for it, as source text: `f`, `1, [2, 3]`."""

    source: str
    text: str
    name: str
    arguments: str
    heldout: bool = False
    assertion: str | None = None  # somebody's `assert f(1) == 2`, right or wrong


def start(
    rng: random.Random, subject: Subject, weights: tuple[int, int, int, int, int] = (30, 18, 20, 15, 10)
) -> Program:
    """A program that calls `subject`: from `main`, directly, or from a test that asserts what it returns.

    `weights` are those of: `main`, the function itself as entry, an assertion of the call, variables, a parametrized
    test.
    """
    text = subject.text.rstrip("\n")
    call = f"{subject.name}({subject.arguments})"
    gap = "\n\n\n" if rng.random() < 0.5 else "\n\n"
    style = rng.choices(("main", "direct", "assert", "variables", "parametrized"), weights)[0]
    if "\n" in call and style in ("direct", "parametrized"):
        style = "main"
    if style == "direct":
        return Program(subject.source, text + "\n", subject.name, call, subject.name, subject.heldout)
    if style == "main":
        body = f"def main():\n    return {call}\n"
        return Program(subject.source, text + gap + body, "main", "main()", subject.name, subject.heldout)
    test = f"test_{subject.name.lstrip('_')}"
    if rng.random() < 0.3:
        test += rng.choice(("_basic", "_example", "_works", "_1", "_2", "_simple", "_case", "_result"))
    decorator, signature, arguments = "", "", ""
    parametrized = _parameters(subject) if style == "parametrized" else None
    if parametrized is not None:
        names, values = parametrized
        wanted = _wanted(rng)
        lines = [f"assert {subject.name}({', '.join(names)}) == expected"]
        signature, arguments = ", ".join((*names, "expected")), ", ".join((*values, wanted))
        decorator = f"@pytest.mark.parametrize({quoted(signature)}, [({arguments})])\n"
        text = with_import(text, "import pytest")
    elif style == "assert" or style == "parametrized":
        lines = [subject.assertion or f"assert {call} == {_wanted(rng)}"]
    else:
        lines = _variables(rng, subject)
    owner = ""
    if rng.random() < 0.12:
        owner = f"Test{subject.name.title().replace('_', '')}"
    text = f"{text}{gap}{function(lines, test, signature, owner, decorator)}"
    entry, started = (f"{owner}.{test}", f"{owner}().{test}({arguments})") if owner else (test, f"{test}({arguments})")
    return Program(subject.source, text, entry, started, subject.name, subject.heldout, rewritten=rng.random() < 0.5)


def with_import(text: str, statement: str) -> str:
    """`text` with one more import on top, below those from the future."""
    first = "from __future__ import annotations\n"
    if text.startswith(first):
        return f"{first}\n{statement}\n{text.removeprefix(first)}"
    return f"{statement}\n\n\n{text}"


def quoted(text: str) -> str:
    """As a string literal in double quotes."""
    return f'"{text}"'


def function(lines: list[str], name: str, signature: str = "", owner: str = "", decorator: str = "") -> str:
    """A test function, as a method of the class `owner` if there is one."""
    if not owner:
        return f"{decorator}def {name}({signature}):\n" + "".join(f"    {line}\n" for line in lines)
    parameters = f"self, {signature}" if signature else "self"
    head = "".join(f"    {line}\n" for line in decorator.splitlines())
    return f"class {owner}:\n{head}    def {name}({parameters}):\n" + "".join(f"        {line}\n" for line in lines)


def _wanted(rng: random.Random) -> str:
    return (WRONG if rng.random() < 0.12 else RESULT).format(0)


def _parameters(subject: Subject) -> tuple[list[str], list[str]] | None:
    """The subject's parameters and the arguments for them, where a test could have them as its own."""
    try:
        tree = ast.parse(subject.text)
        call = ast.parse(f"f({subject.arguments})", mode="eval").body
    except (SyntaxError, ValueError):  # the worker says so too, and there it is counted
        return None
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == subject.name]
    assert isinstance(call, ast.Call)
    if not found or call.keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    names = [argument.arg for argument in found[0].args.args][: len(call.args)]
    if not names or len(names) != len(call.args) or "expected" in names or "self" in names:
        return None
    return names, [ast.unparse(argument) for argument in call.args]


def _variables(rng: random.Random, subject: Subject) -> list[str]:
    """The body of a test that keeps the result, or what is expected, in variables."""
    call = f"{subject.name}({subject.arguments})"
    wanted = _wanted(rng)
    result = rng.choice(("result", "actual", "got", "output", "res", "value"))
    expected = rng.choice(("expected", "want", "target", "answer"))
    lines = [f"{result} = {call}"]
    if rng.random() < 0.4:
        lines.insert(rng.randint(0, 1), f"{expected} = {wanted}")
        lines.append(f"assert {result} == {expected}")
    else:
        lines.append(f"assert {result} == {wanted}")
    draw = rng.random()
    if draw < 0.15:
        lines.append(f"assert isinstance({result}, type({wanted.replace('WRONG', 'RESULT')}))")
    elif draw < 0.25:
        lines.append(f"assert {call} == {result}")
    return lines
