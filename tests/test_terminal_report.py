from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builders import call, line, placed, raised, returned, rolled_out, trace, verified
from cwm_tracer.compare import Difference, Rate
from cwm_tracer.model import Choice, Ending, Frame, Problem, ProblemKind, Trace
from pytest_cwm.report import paint
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.gate import Demand, GateResult, evaluate, parse_bound
from pytest_cwm.report.nested import nested_differences
from pytest_cwm.report.terminal import percent, render
from pytest_cwm.report.text import Screen, cells
from report_strategies import made_tests

GOLD = Path(__file__).parent / "gold"

CART = """class Cart:
    def __init__(self, items):
        self.items = list(items)

    def total(self, discount=0):  # << START_OF_TRACE
        total = 0
        for item in self.items:
            total += item["price"] * item["count"]
        if total > 100:
            total -= discount
        return total

    def index(self):
        found = {}
        for entry in self.items:
            key = entry["name"][:1].upper()
            found.setdefault(key, []).append(entry["name"])
        return found


def price(items, name):
    return {item["name"]: item["price"] for item in items}[name]
"""
ITEMS: list[dict[str, Any]] = [
    {"name": "pear", "price": 3, "count": 9},
    {"name": "plum", "price": 5, "count": 2},
    {"name": "fig", "price": 9, "count": 10},
]


def _total() -> Trace:
    state: dict[str, Any] = {"discount": 10}
    frames = [call("    def total(self, discount=0):  # << START_OF_TRACE", **state)]

    def step(source: str) -> None:
        frames.append(line(source, **state))

    step("        total = 0")
    state["total"] = total = 0
    for item in ITEMS:
        step("        for item in self.items:")
        state["item"] = item
        step('            total += item["price"] * item["count"]')
        state["total"] = total = total + item["price"] * item["count"]
    step("        for item in self.items:")
    step("        if total > 100:")
    step("            total -= discount")
    state["total"] = total - 10
    step("        return total")
    return placed(CART, [*frames, returned("        return total", total - 10)], "shop/cart.py")


def _index() -> Trace:
    found: dict[str, list[str]] = {}
    state: dict[str, Any] = {}
    frames = [call("    def index(self):")]

    def step(source: str) -> None:
        frames.append(line(source, **state))

    step("        found = {}")
    for item in ITEMS[:2]:
        state["found"] = found
        step("        for entry in self.items:")
        state["entry"] = item["name"]
        step('            key = entry["name"][:1].upper()')
        state["key"] = key = item["name"][:1].upper()
        step('            found.setdefault(key, []).append(entry["name"])')
        found.setdefault(key, []).append(item["name"])
    step("        for entry in self.items:")
    step("        return found")
    return placed(CART, [*frames, returned("        return found", found)], "shop/cart.py")


def _price() -> Trace:
    source = '    return {item["name"]: item["price"] for item in items}[name]'
    error = KeyError("kiwi")
    frames = [
        call("def price(items, name):", items=ITEMS, name="kiwi"),
        line(source, items=ITEMS, name="kiwi"),
        raised(source, error),
        returned(source),
    ]
    return placed(CART, frames, "shop/cart.py")


def _changed(frame: Frame, **values: object) -> Frame:
    state = {**(frame.locals or {}), **{name: repr(value) for name, value in values.items()}}
    return Frame(frame.event, frame.source, state, frame.argument, frame.scope)


def _report() -> Report:
    total, index, price = _total(), _index(), _price()
    at = total.frames
    loop_ends = Frame(at[9].event, at[9].source, at[7].locals)
    of_total = verified(
        total, {7: loop_ends, 10: _changed(at[10], total=117), 12: returned("        return total", 107)}
    )
    at = index.frames
    wrong = {"P": ["pear", "plum", "fig"]}
    of_index = verified(index, {9: _changed(at[9], found=wrong, key="p"), 10: returned("        return found", wrong)})
    imagined = rolled_out(*at[:5], *at[8:])
    at = price.frames
    no_json = Choice(None, (Problem(ProblemKind.INVALID_JSON, 1, '{"items": "[{\x1b[31m'),))
    of_price = verified(
        price,
        {1: no_json, 2: returned(at[2].source.rstrip()), 3: None},
        failure="the server at http://127.0.0.1:8000 closed the connection",
        windows=2,
    )
    cart, price_of = "tests/test_cart.py", "tests/test_price.py"
    tests = [
        TestReport.of(f"{cart}::test_total_with_a_discount", "failed", "shop.cart:Cart.total", total, of_total),
        TestReport.of(f"{cart}::TestIndex::test_index[p]", "passed", "shop.cart:Cart.index", index, of_index, imagined),
        TestReport.of(f"{price_of}::test_unknown_item", "passed", "shop.cart:price", price, of_price),
        TestReport.of(f"{price_of}::test_price", "passed", "shop.cart:price", price, verified(price)),
        TestReport.of(f"{price_of}::test_never", "passed", "shop.cart:gone", trace(ending=Ending.NEVER_CALLED)),
    ]
    report = Report.of(tests, notes=["recorded on Python 3.12, where list comprehensions make no frames of their own"])
    bounds = [parse_bound("tf.frame=0.7"), parse_bound("tf.event=100%")]
    demands = {"tests/test_price.py::test_never": Demand(strict=True)}
    return Report.of(tests, notes=report.notes, gates=evaluate(report.totals, bounds, report.tests, demands))


@pytest.mark.parametrize(
    ("name", "width", "verbosity", "encoding"),
    [
        ("terminal.txt", 80, 0, "utf-8"),
        ("terminal-verbose.txt", 120, 2, "utf-8"),
        ("terminal-quiet-ascii.txt", 80, -1, "ascii"),
        ("terminal-ascii.txt", 80, 0, "ascii"),
    ],
)
def test_the_report_reads_as_it_should(name: str, width: int, verbosity: int, encoding: str) -> None:
    lines = render(_report(), width=width, verbosity=verbosity, encoding=encoding)
    text = "\n".join(lines) + "\n"
    path = GOLD / name
    if os.environ.get("UPDATE_GOLD"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_a_report_that_was_read_renders_the_same() -> None:
    report = _report()
    assert list(render(Report.from_json(report.to_json()), verbosity=1)) == list(render(report, verbosity=1))


def test_colours_change_nothing_but_the_colours() -> None:
    plain = list(render(_report(), width=100))
    coloured = list(render(_report(), width=100, paint=paint.ansi))
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == plain
    assert "\x1b[32mran" in "\n".join(coloured)
    assert "\x1b[31mpredicted" in "\n".join(coloured)


HOSTILE_STATE: dict[str, Any] = {"x": "\u200b", "\x1b[5m": "\x00"}
HOSTILE = TestReport.of(
    "t.py::test[\x1b]0;title\x07]\u202e",
    "failed",
    "m:f",
    trace(call("def f():"), line("    x\t= '\x9b31m'", x="\x1b[2J\n\r\ud800漢字" * 30)),
    verified(
        trace(call("def f():"), line("    x\t= '\x9b31m'", x="\x1b[2J\n\r\ud800漢字" * 30)),
        {1: line("    x\t= '\x9b31m'", **HOSTILE_STATE)},
        failure="\x1b[31m",
    ),
    notes=["\x1b]8;;http://example.org\x07"],
)


WIDTHS = st.integers(30, 130)
ENCODINGS = st.sampled_from(["utf-8", "ascii"])


@settings(max_examples=60)
@given(st.lists(made_tests(), max_size=3), WIDTHS, st.integers(-1, 2), ENCODINGS)
@example([HOSTILE], 40, 1, "utf-8")
@example([HOSTILE], 80, 0, "ascii")
@example([HOSTILE], 80, 0, "cp1252")
def test_no_line_is_too_wide_or_acts_on_the_terminal(
    tests: list[TestReport], width: int, verbosity: int, encoding: str
) -> None:
    for shown in render(Report.of(tests), width=width, verbosity=verbosity, encoding=encoding):
        assert cells(shown) <= max(40, width)
        assert shown.isprintable()
        assert shown == shown.rstrip()
        shown.encode(encoding)


def test_the_worst_tests_come_first_and_the_unscored_last() -> None:
    lines = list(render(_report(), width=120))
    order = [re.match(r"\S+?::(\w+)", shown).group(1) for shown in lines[1:6]]  # type: ignore[union-attr]
    assert order == ["test_unknown_item", "test_total_with_a_discount", "TestIndex", "test_price", "test_never"]


def test_of_many_tests_the_worst_are_shown_and_all_with_v() -> None:
    truth = trace(call("def f():"), *[line("    pass", n=number) for number in range(30)])

    def made(bad: int) -> TestReport:
        others = {number: line("x") for number in range(1, bad)}
        return TestReport.of(f"t.py::test_{bad:02}", "passed", "m:f", truth, verified(truth, others))

    tests = [made(bad) for bad in range(1, 31)]
    default = list(render(Report.of(tests)))
    assert sum(shown.startswith("t.py::test_") and "%" in shown for shown in default) == 20
    assert "and 10 more, 9 of them with a divergence (-v shows all)" in default
    assert "and 9 more, all of them with a divergence (-v shows all)" in list(render(Report.of(tests[1:])))
    assert "and 1 more, none of them with a divergence (-v shows all)" in list(render(Report.of(tests[:21])))
    assert sum("teacher-forced" in shown for shown in default) == 3
    assert f"{sum(range(30)) - 3} more divergences (-v shows the first of each test, -vv all)" in default
    verbose = list(render(Report.of(tests), verbosity=1))
    assert sum("teacher-forced" in shown for shown in verbose) == 29
    assert [shown for shown in verbose if "-v" in shown] == [f"{sum(range(30)) - 29} more divergences (-vv shows all)"]
    everything = list(render(Report.of(tests), verbosity=2))
    assert sum("teacher-forced" in shown for shown in everything) == sum(range(30))
    assert not any("-v" in shown for shown in everything)


def test_of_many_gates_of_tests_the_first_are_shown_and_those_that_failed_before_others() -> None:
    gates = [
        *(GateResult(number % 2 == 0, f"gate {number}.", f"t{number:02}") for number in range(40)),
        GateResult(True, "own"),
    ]
    report = replace(_report(), gates=tuple(gates))
    lines = [*render(report, verbosity=-2)]
    assert lines[:3] == ["gates", "  ✓ own", "  ✗ t01: gate 1."]
    assert lines[-1] == "  and 30 more of tests, 10 of them not held (-v shows all)"
    assert sum("gate" in line for line in render(report, verbosity=1)) >= 41


def test_quiet_shows_figures_and_very_quiet_only_the_gates() -> None:
    quiet = list(render(_report(), verbosity=-1))
    assert any(shown.startswith("tf.frame") for shown in quiet)
    assert not any("test_total_with_a_discount" in shown for shown in quiet)
    assert next(iter(render(_report(), verbosity=-2))) == "gates"


def test_a_percentage_is_rounded_down() -> None:
    shown = [percent(Rate(correct, 1000)) for correct in (0, 1, 10, 999, 1000)]
    assert shown == ["0%", "<1%", "1%", "99%", "100%"]
    assert percent(Rate(29, 100)) == "29%"
    assert percent(Rate()) is None
    assert percent(None) is None


def test_an_empty_report_renders_nothing() -> None:
    assert list(render(Report.of([]))) == []


def test_a_long_value_is_cut_where_it_begins_to_differ() -> None:
    truth = trace(call("def f():"), line("    return x", x="a" * 300 + "RIGHT" + "b" * 300))
    guess = line("    return x", x="a" * 300 + "WRONG" + "b" * 300)
    text = "\n".join(render(Report.of([TestReport.of("t", "passed", "m:f", truth, verified(truth, {1: guess}))])))
    assert text.count("RIGHT") >= 3
    assert text.count("WRONG") >= 3


def test_lines_of_several_files_carry_their_file() -> None:
    first = placed("def f():\n    return g()\n", [call("def f():"), line("    return g()")], "a/one.py")
    second = placed("def g():\n    return 1\n", [call("def g():", scope=1), line("    return 1", scope=1)], "b/two.py")
    truth = Trace((*first.frames, *second.frames), first.context)
    test = TestReport.of("t", "passed", "m:f", truth, verified(truth, {3: line("    return 2", scope=1)}))
    text = "\n".join(render(Report.of([test])))
    assert "one.py:2" in text
    assert "two.py:2" in text


def test_a_predicted_line_that_occurs_twice_gets_no_number() -> None:
    module = "def f(x):\n    if x:\n        y = 1\n    else:\n        y = 1\n    return y\n"
    truth = placed(module, [call("def f(x):", x=1), line("    return y", x=1)])
    test = TestReport.of("t", "passed", "m:f", truth, verified(truth, {1: line("        y = 1", x=1)}))
    (row,) = [shown for shown in render(Report.of([test])) if shown.startswith("  predicted  ")]
    assert row.split() == ["predicted", "?", "y", "=", "1"]


def _nested(truth: object, predicted: object) -> list[tuple[str, str | None, str | None]]:
    difference = Difference("v", repr(truth), repr(predicted))
    return [(each.name, each.truth, each.predicted) for each in nested_differences(difference)]


def test_nested_differences_have_paths() -> None:
    assert _nested({"items": [1, 2, 3]}, {"items": [1, 2, 4]}) == [("v['items'][2]", "3", "4")]
    assert _nested({"a": 1}, {"a": 1, "__b": 2}) == [("v['__b']", None, "2")]
    assert _nested({(1, 2): [3]}, {(1, 2): [4]}) == [("v[(1, 2)][0]", "3", "4")]
    assert _nested([1, 2, 3], [0, 1, 2, 3]) == [("v[0]", None, "0")]
    assert _nested({1, 2}, {2, 3}) == [("v (an item)", None, "3"), ("v (an item)", "1", None)]


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [
        (1, 2),
        ([1], (1,)),
        ([0.0], [-0.0]),
        ([1], [True]),
        ({"\ud800"}, {"x"}),
        (list(range(3000)), list(range(1, 3000))),
        (list(range(20)), list(range(1, 40, 2))),
    ],
)
def test_what_has_no_short_path_is_shown_whole(truth: object, predicted: object) -> None:
    assert _nested(truth, predicted) == [("v", repr(truth), repr(predicted))]


def test_a_wide_character_takes_two_cells() -> None:
    screen = Screen(80, paint.plain)
    assert cells("漢字") == 4
    assert screen.cut("漢字漢字", 6) == "漢字…"
    assert screen.cut_start("漢字漢字", 6) == "…漢字"
    assert cells("e\u0301") == 1


def test_no_color_wins_over_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert paint.paint_for(Terminal()) is paint.ansi
    assert paint.paint_for(io.StringIO()) is paint.plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint.paint_for(Terminal()) is paint.plain


def test_the_styles_are_those_of_pytests_terminal_writer() -> None:
    from _pytest._io import TerminalWriter

    writer = TerminalWriter(io.StringIO())
    writer.hasmarkup = True
    painted = paint.paint_with(writer.markup)
    assert painted("x", "truth") == "\x1b[32mx\x1b[0m"
    for style in paint.MARKUP:
        assert "x" in painted("x", style)


def test_deepdiff_is_imported_only_when_nested_values_are_shown() -> None:
    program = (
        "import sys, pytest_cwm.report.terminal, pytest_cwm.report.storage\n"
        "assert not {'deepdiff', 'torch', 'requests'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
