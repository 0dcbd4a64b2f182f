"""Whom a line can call, and whom it has to: by the names that stand in it."""

from __future__ import annotations

import pytest

pytest.importorskip("sentencepiece")

from cwm_tracer import wire
from cwm_tracer.model import Ending
from cwm_tracer.wire import START_MARKER, Segment, Special
from guided import context_of, lets, ruled_out
from recorded import record

NEWLINE = "\n"
HELPER = "def helper(y):\n    return y\n"
USED = f"{HELPER}START = helper(0)\n"
BOX = f"class Box:\n    def run(self):\n        pass\n{USED}"
METHOD: list[Segment] = [Special.CALL, '{"self": "<Box object>"}', Special.ACTION, "    def run(self):\n"]
CALLED: list[Segment] = [Special.CALL, '{"y": "1"}', Special.ACTION, "def helper(y):\n", Special.FRAME]


def after(line: str, text: str = HELPER) -> list[Segment]:
    """A trace that stands on a line of `main`, below other definitions."""
    return [
        *wire.encode_context(f"{text}def main(x):  {START_MARKER}\n    {line}\n    return 0\n"),
        *(Special.CALL, '{"x": "1"}', Special.ACTION, "def main(x):\n", Special.FRAME),
        *(Special.LINE, '{"x": ".."}', Special.ACTION, f"    {line.split(NEWLINE)[0]}\n", Special.FRAME),
    ]


def goes_on(before: list[Segment]) -> bool:
    """Whether the next line may come at once."""
    return lets(before, Special.LINE)


@pytest.mark.parametrize("line", ["y = x + 1", "y = [x][0]", "y = len(str(x))", "assert x, [x]"])
def test_a_line_that_names_no_function_calls_none(line: str) -> None:
    assert not lets(after(line, USED), Special.CALL)
    assert goes_on(after(line, USED))


@pytest.mark.parametrize("line", ["y = helper(x)", "y = x and helper(x)", "y = [helper(z) for z in x]"])
def test_a_line_may_call_what_it_names(line: str) -> None:
    assert lets(after(line), *CALLED)


@pytest.mark.parametrize("line", ["y = other(x)", "y = x.run()", "y = x.value", "y = x()()"])
def test_code_that_is_not_shown_calls_what_it_may_have_been_given(line: str) -> None:
    before = after(line, BOX)
    assert lets(before, *METHOD)
    assert not lets(before, *CALLED)


@pytest.mark.parametrize("line", ["y = other(x)", "y = x.run()", "y = getattr(x, 'a')"])
def test_where_functions_are_found_by_name_anything_may_be_called(line: str) -> None:
    assert lets(after(line, f"{USED}RUN = getattr(tools, NAME)\n"), *CALLED)


def test_a_function_that_no_line_calls_may_run_at_any_time() -> None:
    assert lets(after("y = x + 1"), *CALLED)


@pytest.mark.parametrize(
    "text",
    [
        f"@decorated\n{HELPER}",
        f"{HELPER}handlers = [helper]\n",
        f"{HELPER}import tools\ntools.helper = 1\n",
        f'{HELPER}NAMES = ["shop.tools:helper"]\n',
        f"{HELPER}def run(helper):\n    pass\n",
        "class Helper:\n    def helper(y):\n        return y\n",
        "def helper(y):\n    yield y\n",
        f"{HELPER}# ...\n",
        f"{HELPER}def free():\n    return eval('1')\n",
    ],
)
def test_a_function_that_was_handed_on_may_be_called_anywhere(text: str) -> None:
    definition = next(line for line in text.split("\n") if "def helper(y)" in line)
    call: list[Segment] = [Special.CALL, '{"y": "1"}', Special.ACTION, f"{definition}\n", Special.FRAME]
    assert lets(after("z = x + 1", text), *call)
    assert goes_on(after("z = helper(x)", text))


@pytest.mark.parametrize(
    "line",
    [
        "y = helper(x)",
        "y = x + helper(helper(x))[0]",
        "y = (helper(x), 1)",
        "return helper(x) or x",
        "assert helper(x) == x",
        "if helper(x) and x:\n        pass",
        "y = f'{helper(x)!r:>5}'",
        "y = {**{}, x: [helper(x)]}",
    ],
)
def test_a_call_that_is_due_comes_before_anything_but_an_exception(line: str) -> None:
    before = after(line)
    assert not lets(before, Special.LINE)
    assert not lets(before, Special.RETURN)
    assert lets(before, *CALLED)
    assert lets(before, Special.EXCEPTION)
    returned: list[Segment] = [
        *(*CALLED, Special.LINE, '{"y": ".."}', Special.ACTION, "    return y\n", Special.FRAME),
        *(Special.RETURN, Special.ACTION, "    return y\n", Special.ARGUMENT, '"1"', Special.FRAME),
    ]
    assert lets([*before, *returned], Special.RETURN if line.startswith("return") else Special.LINE)


@pytest.mark.parametrize(
    "line",
    [
        "y = x and helper(x)",
        "y = helper(x) if x else 0",
        "y = x < x < helper(x)",
        "y = lambda: helper(x)",
        "y = [helper(z) for z in x]",
        "for y in helper(x): pass",
        "assert x, helper(x)",
    ],
)
def test_a_call_that_may_be_left_out_is_not_due(line: str) -> None:
    assert goes_on(after(line))


def test_a_call_is_not_due_where_the_name_may_be_somebody_elses() -> None:
    either = (
        f"try:\n    from tools import helper\nexcept ImportError:\n    {HELPER.replace(NEWLINE, NEWLINE + '    ')}\n"
    )
    assert goes_on(after("y = helper(x)", either))


def test_a_name_that_is_imported_means_the_function_that_is_shown() -> None:
    before = after("y = helper(x)", f"from tools import helper\n{HELPER}")
    assert lets(before, *CALLED)
    assert not goes_on(before)


@pytest.mark.parametrize(
    "line",
    [
        "y = helper(x)",
        "assert helper([1, (x, 2)]) == x.value",
        "x = set(helper({1: x, 'a': {2}}))",
        "y = helper(helper(lambda z: z))",
        "return not helper(x)[0].value + x",
        "x += helper(x)",
        "helper(x).run(x.value)",
        "if helper(x) or x.value:\n        pass",
        "y = x if helper(x) else x",
        "y = [helper(y=x), x.value]",
    ],
)
def test_what_a_line_calls_before_anything_else_runs_comes_first(line: str) -> None:
    before = after(line, BOX)
    assert lets(before, Special.CALL, '{"y"')
    assert not lets(before, Special.CALL, '{"self"')
    assert lets(before, Special.EXCEPTION)


@pytest.mark.parametrize(
    "line",
    [
        "y = x.value + helper(x)",
        "y = x + x + helper(x)",
        "y = helper(x.value)",
        "y = helper(*x)",
        "y = helper(**x)",
        "y = helper({x: 1})",
        "y = helper({x})",
        "y = helper(len(x))",
        "y = helper(-x)",
        "y = x == x and helper(x)",
        "y = helper([z for z in x])",
        "y = helper(f'{x}')",
        "x.value += helper(x)",
        "x[0] += helper(x)",
        "y = 1; y = helper(x)",
        "for y in helper(x): pass",
    ],
)
def test_other_code_may_run_before_a_call(line: str) -> None:
    before = after(line, BOX)
    assert lets(before, *METHOD)
    assert lets(before, Special.CALL, '{"y"')


def test_an_expression_of_many_parts_is_read_to_its_first() -> None:
    assert not lets(after("y = helper(x)" + " + x" * 900, BOX), *METHOD)


def test_behind_the_first_call_of_a_line_others_may_come() -> None:
    returned: list[Segment] = [
        *(*CALLED, Special.LINE, '{"y": ".."}', Special.ACTION, "    return y\n", Special.FRAME),
        *(Special.RETURN, Special.ACTION, "    return y\n", Special.ARGUMENT, '"1"', Special.FRAME),
    ]
    assert lets([*after("y = helper(x) + x.value", BOX), *returned], *METHOD)


@pytest.mark.parametrize("line", ["y = other(x)", "y = Box(x)", "y = x.run()"])
def test_the_body_of_a_class_runs_where_the_class_is_made_and_nowhere_else(line: str) -> None:
    body: list[Segment] = [Special.CALL, "{}", Special.ACTION]
    assert not lets(after(line, "class Box:\n    pass\n"), *body, "class Box:\n")
    assert lets(after("class Case(x.Base):\n        pass"), *body, "    class Case(x.Base):\n")


def test_the_body_of_a_plain_class_runs_at_once_and_in_its_order() -> None:
    before = after("class Case:\n        kind = 1\n        def run(self):\n            pass", BOX)
    assert not goes_on(before)
    assert not lets(before, *METHOD)
    assert not lets(before, Special.CALL, "{}", Special.ACTION, "class Box:\n")
    head = "    class Case:\n"
    before += [Special.CALL, "{}", Special.ACTION, head, Special.FRAME]
    before += [Special.LINE, "{}", Special.ACTION, head, Special.FRAME]
    made = '{"__module__": "\'shop\'", "__qualname__": "\'main.<locals>.Case\'"'
    assert lets(before, Special.LINE, made + "}", Special.ACTION, "        kind = 1\n")
    assert not lets(before, Special.LINE, made + "}", Special.ACTION, "        def run(self):\n")
    before += [Special.LINE, made + "}", Special.ACTION, "        kind = 1\n", Special.FRAME]
    made = '{"__module__": "..", "__qualname__": "..", "kind": '
    assert lets(before, Special.LINE, made + '"1"}', Special.ACTION, "        def run(self):\n")
    assert not lets(before, Special.LINE, made + '"2')


@pytest.mark.parametrize("head", ["class Case(x.Base):", "class Case(metaclass=x):", "@x.made\n    class Case:"])
def test_other_code_may_run_before_the_body_of_a_class(head: str) -> None:
    assert goes_on(after(f"{head}\n        kind = 1", BOX))
    assert lets(after(f"{head}\n        kind = 1", BOX), Special.CALL, '{"self"')


def test_a_comprehension_is_called_where_it_stands() -> None:
    text = "def other(y):\n    return [y for _ in range(y)]\n"
    call: list[Segment] = [
        *(Special.CALL, '{".0": "<range_iterator object>", "y": "1"}', Special.ACTION),
        "    return [y for _ in range(y)]\n",
    ]
    assert not lets(after("z = other(x)", text), *call)
    inside: list[Segment] = [
        *(Special.CALL, '{"y": "1"}', Special.ACTION, "def other(y):\n", Special.FRAME),
        *(Special.LINE, '{"y": ".."}', Special.ACTION, "    return [y for _ in range(y)]\n", Special.FRAME),
    ]
    assert lets([*after("z = other(x)", text), *inside], *call)


def test_a_comprehension_stays_on_its_lines_and_shows_its_names() -> None:
    inside: list[Segment] = [*after("z = [y for y in x]", ""), Special.CALL, '{".0": "<list_iterator object>"}']
    inside += [Special.ACTION, "    z = [y for y in x]\n", Special.FRAME]
    frame: list[Segment] = [Special.ACTION, "    z = [y for y in x]\n", Special.FRAME]
    assert lets(inside, Special.LINE, '{".0": ".."}', *frame)
    assert not lets(inside, Special.LINE, '{"x')
    assert not lets(inside, Special.LINE, '{".0": "..", "z')
    inside += [Special.LINE, '{".0": ".."}', *frame]
    assert lets(inside, Special.LINE, '{".0": "..", "y": "1"}', *frame)
    assert not lets(inside, Special.LINE, '{".0": ".."}', Special.ACTION, "    return 0\n")
    assert lets(inside, Special.RETURN, Special.ACTION, "    z = [y for y in x]\n", Special.ARGUMENT)


def test_a_lambda_keeps_its_parameters() -> None:
    inside: list[Segment] = [*after("z = sorted(x, key=lambda y: -y)", ""), Special.CALL, '{"y": "1"}']
    inside += [Special.ACTION, "    z = sorted(x, key=lambda y: -y)\n", Special.FRAME, Special.LINE]
    assert lets(inside, '{"y": ".."}', Special.ACTION, "    z = sorted(x, key=lambda y: -y)\n")
    assert not lets(inside, "{}")
    assert not lets(inside, '{"x')


PROGRAMS = {
    "a call behind finally": """
    def helper(y):
        return y

    def inner():
        try:
            return helper(1)
        finally:
            done = 1

    def main():
        return inner() + helper(2)
    """,
    "a call inside with": """
    from contextlib import contextmanager, suppress

    def helper(y):
        return 1 / y

    @contextmanager
    def managed():
        helper(1)
        yield
        helper(2)

    def main():
        with managed():
            a = helper(3)
        with suppress(ZeroDivisionError):
            return helper(0)
        return a
    """,
    "calls by whatever was handed a function": """
    from collections import defaultdict
    from functools import partial

    def helper(y=0):
        return y

    class Box:
        value = property(helper)
        __lt__ = __add__ = lambda a, b: 5

    def main():
        made = defaultdict(helper)
        first = made[1]
        box = Box()
        both = box + box
        less = box < box
        value = type(box.value)
        more = partial(helper, 2)()
        each = list(map(helper, [1, 2]))
        for one in map(helper, [3]):
            last = one
        return first
    """,
    "classes that are made in functions": """
    def kept(made):
        return made

    def main():
        for number in range(2):
            @kept
            @kept
            class Box(
                list,
            ):
                size = number

                class Lid:
                    held = [each for each in range(2)]

        class Case(Box): size = kept(3)
        return Case
    """,
    "calls with arguments that fail": """
    def helper(y):
        return y

    def main():
        try:
            a = helper()
        except TypeError:
            a = helper(1 if True else helper(2))
        while helper(a) < 3:
            a = helper(a) + 1
        if a and not helper(a):
            return 1
        elif helper(a) == 3: return helper(4)
        return 2
    """,
    "comprehensions in every place": """
    def helper(y):
        return [y for y in range(y)]

    def main():
        nested = [[b for b in helper(a)] for a in (1, 2)]
        text = f'{[c for c in "ab"]} and {sum(d for d in helper(2))}'
        long = [
            e
            for e in helper(
                2
            )
        ]
        def inner(default=[f for f in (1,)]):
            return {g: h for g, h in [default + default]}
        walrus = [last := n for n in helper(3)]
        later = (o + p for o in helper(2) for p in [q for q in (o, lambda r: o + r)] if p is o)
        for s in later:
            t = sorted([3, 1], key=lambda u: (lambda v: v * s)(u) + sum(w for w in (u,)))
        late = lambda: made()
        made = lambda x=1, *y, **z: [x, y, z, (lambda: x)()]
        late()
        for i in [j for j in helper(1)]:
            with_ = {k for k in helper(3) if [m for m in (k,)]}
        return inner() or nested
    """,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_what_really_happens_is_never_ruled_out(name: str) -> None:
    recording = record(PROGRAMS[name])
    assert recording.meta.ending is Ending.RETURNED
    assert context_of(recording).complete
    assert ruled_out(recording) == []
