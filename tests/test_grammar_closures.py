"""Which names functions close over, against what Python compiles; and what a CALL shows besides parameters."""

from __future__ import annotations

import ast
import sysconfig
import types
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sentencepiece")

from cwm_server.grammar.closures import Closure, closures
from cwm_server.grammar.syntax import FUNCTIONS, ITERATED, first_line
from cwm_tracer import wire
from cwm_tracer.wire import START_MARKER, Segment, Special
from guided import lets

UNNAMED = {ast.Lambda: "<lambda>", ast.GeneratorExp: "<genexpr>"}
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
MODULES = ("argparse", "ast", "contextlib", "dataclasses", "doctest", "enum", "functools", "inspect", "typing")
PACKAGES = ("asyncio", "concurrent", "email", "importlib", "json", "unittest")


def compiled(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from compiled(constant)


def own(text: str) -> dict[str, Closure]:
    """The closures of the functions of a text, by their names."""
    found = closures(ast.parse(text)).items()
    return {getattr(node, "name", type(node).__name__): closure for node, closure in found}


def test_functions_of_the_standard_library_close_over_what_python_says() -> None:
    checked = closed = 0
    files = [LIBRARY / f"{name}.py" for name in MODULES]
    files += [path for name in PACKAGES for path in sorted((LIBRARY / name).rglob("*.py"))]
    for path in files:
        text = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            codes, tree = compile(text, str(path), "exec", dont_inherit=True), ast.parse(text)
        made = defaultdict(list)
        for code in compiled(codes):
            made[code.co_name, code.co_firstlineno].append(code)
        for node, closure in closures(tree).items():
            line = first_line(node) if isinstance(node, FUNCTIONS) else getattr(node, "lineno", 0)
            same = made[getattr(node, "name", UNNAMED.get(type(node), "")), line]
            private = any("__" in name.strip("_") for name in (*closure.closes, *closure.binds))  # classes spell them
            if len(same) == 1 and not private:
                assert closure.closes == same[0].co_freevars, (path, line)
                assert {*same[0].co_varnames, *same[0].co_cellvars} - {ITERATED} <= closure.binds, (path, line)
                checked += 1
                closed += bool(closure.closes)
    assert checked > 3000
    assert closed > 150


def test_what_a_function_is_sure_to_find_is_bound_before_it_is_made() -> None:
    found = own(
        """
def outer(given, dropped):
    early = 1
    with open(given) as file, lock as held:
        pass
    if early:
        perhaps = 2
    def inner():
        return given, dropped, early, file, held, perhaps, late, inner
    @decorated
    def wrapped():
        return wrapped
    late = inner
    del dropped
    return inner
"""
    )
    assert found["inner"].closes == ("dropped", "early", "file", "given", "held", "inner", "late", "perhaps")
    assert found["inner"].sure == {"early", "file", "given", "inner"}
    assert found["wrapped"] == Closure(frozenset(), ("wrapped",), frozenset())


def test_names_of_classes_globals_and_inner_variables_are_not_closed_over() -> None:
    found = own(
        """
seen = 0
def outer(x):
    global seen
    y = [z for z in x]
    class Box:
        x = x
        size = 1
        def run(self, size=x) -> y:
            w: z = super().run(size)
            return [x for x in w], __class__
    def shadowed(x):
        def inside():
            nonlocal y
            y = x
            return seen
        return inside
"""
    )
    assert found["run"].closes == ("__class__",)
    assert found["run"].sure == frozenset()
    assert found["inside"] == Closure(frozenset(), ("x", "y"), frozenset({"x"}))
    assert found["shadowed"].closes == ("y",)
    assert found["outer"].binds == {"x", "y", "z", "Box", "shadowed"}


def test_parameters_that_inner_functions_use_are_known() -> None:
    found = own("def outer(a, b, c):\n    d = 1\n    return lambda: [a for x in c if d]\n")
    assert found["outer"].lends == {"a", "c", "d"}
    assert found["Lambda"].lends == {"a", "d"} & found["Lambda"].binds


def test_expressions_that_are_nested_deeply_are_read() -> None:
    text = "def f(a):\n    return lambda: " + "+".join(["a"] * 900)
    assert own(text)["Lambda"].closes == ("a",)


TEXT = f"""def make(n, m):
    k = 1
    def add(x):
        return n + k + x
    def plain(x):
        return x
    run = lambda y: m + y
    class Box:
        def get(self):
            return n
    return add, plain, run, Box
def count(top):
    step = 1
    while True:
        got = yield top
        top -= step
def main(f):  {START_MARKER}
    f(1)
    return f(2)
"""
BEFORE: list[Segment] = [
    *wire.encode_context(TEXT),
    *(Special.CALL, '{"f": "<function make.<locals>.add>"}', Special.ACTION, "def main(f):\n", Special.FRAME),
    *(Special.LINE, '{"f": ".."}', Special.ACTION, "    f(1)\n", Special.FRAME),
]


@pytest.mark.parametrize(
    ("shown", "line", "may"),
    [
        ('{"x": "1", "k": "1", "n": "2"}', "    def add(x):\n", True),
        ('{"x": "1", "n": "2", "k": "1"}', "    def add(x):\n", False),
        ('{"x": "1", "k": "1"}', "    def add(x):\n", False),
        ('{"x": "1"}', "    def add(x):\n", False),
        ('{"x": "1"}', "    def plain(x):\n", True),
        ('{"x": "1", "k": "1", "n": "2"}', "    def plain(x):\n", False),
        ('{"x": "1", "m": "1"}', "    def add(x):\n", False),
        ('{"y": "1", "m": "5"}', "    run = lambda y: m + y\n", True),
        ('{"y": "1"}', "    run = lambda y: m + y\n", False),
        ('{"self": "<Box object>", "n": "2"}', "        def get(self):\n", True),
        ('{"self": "<Box object>"}', "        def get(self):\n", False),
        ('{"n": "1", "m": "2"}', "def make(n, m):\n", True),
        ('{"n": "1", "m": "2", "k": "1"}', "def make(n, m):\n", False),
        ('{"m": "2", "n": "1"}', "def make(n, m):\n", True),
        ('{"m": "2"}', "def make(n, m):\n", False),
        ('{"top": "3", "step": "1"}', "        got = yield top\n", True),
        ('{"step": "1", "top": "3", "got": "None"}', "        got = yield top\n", True),
        ('{"top": "3", "n": "1"}', "        got = yield top\n", False),
    ],
)
def test_a_call_shows_the_parameters_and_what_the_function_closes_over(shown: str, line: str, may: bool) -> None:
    assert lets(BEFORE, Special.CALL, shown, Special.ACTION, line, Special.FRAME) is may


def test_a_function_whose_parameter_is_used_inside_keeps_its_flow() -> None:
    begun = [*BEFORE, Special.CALL, '{"n": "1", "m": "2"}', Special.ACTION, "def make(n, m):\n", Special.FRAME]
    line = (Special.LINE, '{"n": "..", "m": ".."}', Special.ACTION)
    assert lets(begun, *line, "    k = 1\n", Special.FRAME)
    assert not lets(begun, *line, "    def add(x):\n", Special.FRAME)


def test_what_a_cut_function_closes_over_is_not_known() -> None:
    cut = [*BEFORE[:2], TEXT.replace("    k = 1\n", "    # ...\n"), *BEFORE[3:]]
    frame = (Special.ACTION, "    def plain(x):\n", Special.FRAME)
    assert lets(cut, Special.CALL, '{"x": "1", "m": "2"}', *frame)
    assert not lets(BEFORE, Special.CALL, '{"x": "1", "m": "2"}', *frame)
