"""What the code itself rules out: lines that can't come next, and values that can't have changed."""

from __future__ import annotations

import json
import textwrap

import pytest

pytest.importorskip("sentencepiece")

import recorder_corpus
from cwm_tracer import wire
from cwm_tracer.model import Ending
from cwm_tracer.wire import START_MARKER, Segment, Special
from guided import context_of, lets, ruled_out
from recorded import record

CALL: list[Segment] = [Special.CALL, "{}", Special.ACTION, "def main():\n", Special.FRAME]


def after(body: str, *frames: list[Segment], call: list[Segment] = CALL) -> list[Segment]:
    return [
        *wire.encode_context(f"def main():  {START_MARKER}\n{indented(body)}"),
        *call,
        *(s for f in frames for s in f),
    ]


def indented(body: str) -> str:
    return textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"


def line(source: str, **values: str) -> list[Segment]:
    return [Special.LINE, json.dumps(values), Special.ACTION, f"    {source}\n", Special.FRAME]


def following(body: str, source: str, *candidates: str) -> list[str]:
    """Which of some lines can come after a line of a body without variables."""
    before = after(body, line(source))
    return [candidate for candidate in candidates if lets(before, *line(candidate))]


BRANCH = """
if check():
    first()
elif check2():
    second()
else:
    third()
last()
"""
LOOP = """
for _ in empty():
    if check():
        continue
    if check2():
        break
    body()
else:
    rest()
last()
"""
TRY = """
try:
    risky()
    safe()
except KeyError:
    handle()
except ValueError:
    handle2()
else:
    rest()
finally:
    tidy()
last()
"""


@pytest.mark.parametrize(
    ("body", "source", "possible", "impossible"),
    [
        (
            BRANCH,
            "if check():",
            ["    first()", "elif check2():"],
            ["    second()", "    third()", "last()", "if check():"],
        ),
        (BRANCH, "elif check2():", ["    second()", "    third()"], ["    first()", "last()"]),
        (BRANCH, "    first()", ["last()"], ["elif check2():", "    second()", "    third()"]),
        (LOOP, "        continue", ["for _ in empty():"], ["    if check2():", "    rest()", "last()"]),
        (LOOP, "        break", ["last()"], ["    rest()", "for _ in empty():", "    body()"]),
        (LOOP, "    body()", ["for _ in empty():"], ["last()", "    rest()"]),
        (LOOP, "for _ in empty():", ["    if check():", "    rest()"], ["last()", "    body()"]),
        (TRY, "    risky()", ["    safe()"], ["    handle()", "    rest()", "last()", "except KeyError:"]),
        (TRY, "    safe()", ["    rest()"], ["    tidy()", "except KeyError:"]),
        (TRY, "except KeyError:", ["    handle()", "except ValueError:", "    tidy()"], ["    rest()", "    safe()"]),
        (TRY, "    handle2()", ["    tidy()"], ["last()", "    rest()"]),
        (TRY, "    tidy()", ["last()"], ["    rest()"]),
        ("while True:\n    body()\nlast()", "    body()", ["    body()", "while True:"], ["last()"]),
        ("first(\n    1,\n)\nlast()", "first(", ["    1,", ")", "last()"], []),
        ("return 1\nlast()", "return 1", [], ["last()", "return 1"]),
        ("raise KeyError\nlast()", "raise KeyError", [], ["last()"]),
        ("with manager():\n    body()\nlast()", "    body()", ["with manager():"], []),
        ("same()\nother()\nsame()\nlast()", "other()", ["same()"], ["last()", "other()"]),
        ("assert one()\nassert two()\nlast()", "assert one()", ["assert two()"], ["last()"]),
        ("assert (1, 'always')\nassert two()\nlast()", "first()", [], []),
        ("first()\nassert (1, 'always')\nlast()", "first()", ["assert (1, 'always')", "last()"], []),
    ],
)
def test_a_line_comes_after_those_that_lead_to_it(
    body: str, source: str, possible: list[str], impossible: list[str]
) -> None:
    assert following(body, source, *possible, *impossible) == possible


def test_of_two_equal_lines_it_is_the_one_that_was_reached() -> None:
    body = "same()\nother()\nsame()\nlast()"
    assert following(body, "same()", "other()", "last()") == ["other()"]
    before = after(body, line("same()"), line("other()"), line("same()"))
    assert lets(before, *line("last()"))
    assert not lets(before, *line("other()"))


def test_an_exception_leads_to_a_handler_or_out() -> None:
    raised: list[Segment] = [
        Special.EXCEPTION,
        Special.ACTION,
        "        risky()\n",
        Special.ARGUMENT,
        '"()"',
        Special.FRAME,
    ]
    before = after(TRY, line("    risky()"), raised)
    assert lets(before, *line("except KeyError:"))
    assert lets(before, Special.RETURN)
    assert not lets(before, *line("    safe()"))


def test_a_return_stands_where_the_function_can_be_left() -> None:
    back = [Special.RETURN, Special.ACTION]
    assert lets(after("check()\nlast()", line("last()")), *back, "    last()\n")
    assert not lets(after("check()\nlast()", line("last()")), *back, "    check()\n")
    assert not lets(after("check()\nlast()", line("check()")), *back)


def test_variables_stay_in_their_order() -> None:
    before = after("a = 1\nb = 2\nlast()\nlast()", line("a = 1"), line("b = 2", a="1"), line("last()", a="..", b="2"))
    assert lets(before, *line("last()", a="..", b=".."))
    assert not lets(before, Special.LINE, '{"b"')
    assert not lets(before, Special.LINE, '{"a": ".."}')
    assert not lets(before, Special.LINE, "{}")


def test_a_new_variable_is_one_that_the_line_binds() -> None:
    before = after("a = 1\nb = 2", line("a = 1"))
    assert lets(before, *line("b = 2", a="1"))
    assert not lets(before, *line("b = 2"))
    assert not lets(before, Special.LINE, '{"b"')
    assert not lets(before, Special.LINE, '{"a": "1", "b"')


def test_a_loop_may_bind_its_variable_or_not() -> None:
    before = after("for n in items:\n    body()\nlast()", line("for n in items:"))
    assert lets(before, *line("    body()", n="1"))
    assert lets(before, *line("last()"))


@pytest.mark.parametrize(
    ("value", "lasts"),
    [
        *((value, True) for value in ("3", "-2.5", "'a'", "None", "()", "(1,)", "(1, -2.5e-07, True)", "<function f>")),
        *((value, False) for value in ("[1]", "{'a': 1}", "Point(x=1)", "([1],)")),
        (f"({'1' * 60}, {'2' * 60}, [])", False),  # told at once, in however many ways its digits can be grouped
    ],
)
def test_what_cannot_change_does_not_while_no_line_binds_it_anew(value: str, lasts: bool) -> None:
    frames = [line("a = make()"), line("change(a)", a=value)]
    for changed in ("3", "[1, 2]"):
        assert lets(after("a = make()\nchange(a)\nlast()", *frames), *line("last()", a=changed)) is not lasts
    assert lets(after("a = make()\na = make()\nlast()", frames[0], line("a = make()", a=value)), *line("last()", a="4"))


def test_a_function_that_may_get_another_name_does_not_last() -> None:
    frames = [line("f = make()"), line("f.__qualname__ = 'g'", f="<function f>")]
    assert lets(after("f = make()\nf.__qualname__ = 'g'\nlast()", *frames), *line("last()", f="<function g>"))


def test_a_function_that_gets_the_name_of_another_does_not_last() -> None:
    source = "f = make()\nfunctools.update_wrapper(f, g)\nlast()"
    frames = [line("f = make()"), line("functools.update_wrapper(f, g)", f="<function f>")]
    assert lets(after(source, *frames), *line("last()", f="<function g>"))


def test_an_object_that_looks_like_a_number_may_change() -> None:
    source = "self = make()\nchange(self)\nlast()"
    assert lets(after(source, line("self = make()"), line("change(self)", self="()")), *line("last()", self="(a=1)"))


def test_asserts_of_a_test_come_one_after_the_other() -> None:
    body = "assert one()\nassert two()\nassert three()"
    assert lets(after(body), *line("assert one()"))
    assert not lets(after(body), *line("assert two()"))
    assert not lets(after(body, line("assert one()")), *line("assert three()"))
    assert not lets(after(body, line("assert one()")), Special.RETURN)


def test_lines_of_a_decorated_function_come_in_their_order() -> None:
    text = f"@decorated\ndef main():  {START_MARKER}\n    first()\n    second()\n"
    call: list[Segment] = [Special.CALL, "{}", Special.ACTION, "@decorated\n", Special.FRAME]
    before = [*wire.encode_context(text), *call]
    assert lets(before, *line("first()"))
    assert not lets(before, *line("second()"))


def test_the_head_may_be_shown_before_a_text_that_stands_nowhere() -> None:
    head: list[Segment] = [Special.LINE, "{}", Special.ACTION, "def main():\n", Special.FRAME]
    assert lets(after("return '<%s>' % (name,)"), *head, *line("return '<%s>' % (name,)"))
    assert not lets(after("return name"), *head)


def test_a_line_without_calls_changes_nothing_but_what_it_binds() -> None:
    frames = [line("a = []"), line("b = a", a="[]"), line("last()", a="..", b="[]")]
    before = after("a = []\nb = a\nlast()\nlast()", *frames[:2])
    assert lets(before, *frames[2])
    assert not lets(before, Special.LINE, '{"a": "[')
    assert lets(after("a = []\nb = a\nlast()\nlast()", *frames), *line("last()", a="[1]", b="[1]"))


def test_values_are_said_in_full_after_a_callee_returned_and_those_that_last_are_the_same() -> None:
    source = "a = 12\nb = []\n(lambda: b)()\nlast()"
    frames = [line("a = 12"), line("b = []", a="12"), line("(lambda: b)()", a="..", b="[]")]
    call: list[Segment] = [Special.CALL, '{"b": "[]"}', Special.ACTION, "    (lambda: b)()\n", Special.FRAME]
    back: list[Segment] = [
        Special.RETURN,
        Special.ACTION,
        "    (lambda: b)()\n",
        Special.ARGUMENT,
        '"[]"',
        Special.FRAME,
    ]
    before = after(source, *frames, call, back)
    assert lets(before, *line("last()", a="12", b="[1]"))
    assert not lets(before, Special.LINE, '{"a": ".')
    assert not lets(before, Special.LINE, '{"a": "13')


def test_a_nested_function_that_says_nonlocal_may_bind_anew() -> None:
    source = """
    a = 1
    def inner():
        nonlocal a
        a = 2
    inner()
    last()
    """
    names = {"inner": "<function main.<locals>.inner>"}
    frames = [
        line("a = 1"), line("def inner():", a="1"), line("inner()", a="..", **names),
        [Special.CALL, '{"a": "1"}', Special.ACTION, "    def inner():\n", Special.FRAME],
        line("    a = 2", a=".."),
        [Special.RETURN, Special.ACTION, "        a = 2\n", Special.ARGUMENT, '"None"', Special.FRAME],
    ]  # fmt: skip
    assert lets(after(source, *frames), *line("last()", a="2", **names))


@pytest.mark.parametrize("name", sorted(recorder_corpus.PROGRAMS))
def test_what_really_happens_is_never_ruled_out(name: str) -> None:
    recording = record(recorder_corpus.PROGRAMS[name])
    if recording.meta.ending is not Ending.RETURNED or not context_of(recording).complete:
        pytest.skip("recorded in part")
    assert ruled_out(recording) == []
