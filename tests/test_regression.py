"""Two runs side by side: which tests are compared, and what is concluded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from builders import call, line, returned, rolled_out, trace, verified
from cwm_tracer.compare import Mean, Rate
from cwm_tracer.model import Frame
from pytest_cwm.regression.comparison import Comparison, Group, Verdict, compare
from pytest_cwm.regression.gate import gates_of
from pytest_cwm.regression.measures import Measure, parse_measure
from pytest_cwm.regression.runs import OF_THE_MODEL, Run
from pytest_cwm.regression.view import render
from pytest_cwm.report.document import Report, TestReport

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
MODEL = {"name": "cwm", "weights": "a" * 64, "tokenizer": "b" * 64, "template": 1, "decoding": {"constrained": True}}
LENGTH = 10


def made(
    number: int,
    wrong: int = 0,
    *,
    source: str = "    y = x",
    value: int = 0,
    strict: bool = False,
    missing: bool = False,
    **fields: Any,
) -> TestReport:
    """A test of 10 predicted frames, of which the first `wrong` are predicted wrong."""
    lines = [line(source, x=number, y=value) for _ in range(LENGTH - 1)]
    truth = trace(call("def f(x):", x=number), *lines, returned("    return y", value))
    others: dict[int, Frame | None] = {index + 1: line("    oops", x=number) for index in range(wrong)}
    if missing:
        others[LENGTH] = None
    predicted = verified(truth, others, failure="timed out" if missing else None)
    return TestReport.of(f"tests/test_f.py::test_{number}", "passed", "m:f", truth, predicted, strict=strict, **fields)


def run(
    *tests: TestReport, model: Mapping[str, Any] = MODEL, python: str = "3.11.7", days: float = 0, name: str = "a.json"
) -> Run:
    report = Report.of(
        tests,
        model=model,
        environment={"python": python, "implementation": "cpython"},
        settings={"context_tokens": 1024},
        run={"finished": (NOW - timedelta(days=days)).isoformat(), "commit": "0123456789abcdef" * 2},
    )
    return Run.of(report, name)


def many(count: int, wrong: int = 0) -> list[TestReport]:
    return [made(number, wrong) for number in range(count)]


def verdicts(comparison: Comparison) -> dict[str, Verdict]:
    return {finding.measure.metric: finding.verdict for finding in comparison.findings}


def test_the_same_run_twice_is_not_worse() -> None:
    comparison = compare(run(*many(8, 1)), run(*many(8, 1)))
    assert verdicts(comparison) == {"tf.trace": Verdict.NOT_WORSE, "tf.frame": Verdict.NOT_WORSE}
    assert not comparison.worse


def test_a_drop_beyond_chance_is_worse() -> None:
    comparison = compare(run(*many(8)), run(*many(8, 2)))
    assert verdicts(comparison) == {"tf.trace": Verdict.WORSE, "tf.frame": Verdict.WORSE}
    assert comparison.worse


def test_a_rise_is_not_worse() -> None:
    assert set(verdicts(compare(run(*many(8, 2)), run(*many(8)))).values()) == {Verdict.NOT_WORSE}


def test_a_drop_below_the_floor_is_not_worse_however_certain() -> None:
    before, after = run(*many(300)), run(*many(297), *(made(number, 1) for number in range(297, 300)))
    frames = {"tf.frame": Verdict.NOT_WORSE}
    assert verdicts(compare(before, after, [Measure("tf.frame", 0.01)])) == frames


@pytest.mark.parametrize("flips", [5, 6])
def test_six_tests_that_flip_one_way_are_the_fewest_that_mean_anything(flips: int) -> None:
    after = [made(number, int(number < flips)) for number in range(30)]
    comparison = compare(run(*many(30)), run(*after), [parse_measure("tf.trace")])
    expected = Verdict.WORSE if flips == 6 else Verdict.INSUFFICIENT
    assert verdicts(comparison) == {"tf.trace": expected}
    assert comparison.findings[0].flips == (flips, 0)


def test_with_fewer_tests_nothing_passes() -> None:
    comparison = compare(run(*many(5)), run(*many(5)))
    assert set(verdicts(comparison).values()) == {Verdict.INSUFFICIENT}
    assert {gate.passed for gate in gates_of(comparison)} == {None}
    assert "insufficient data, 5 tests can be compared; 6 are the fewest" in gates_of(comparison)[0].text


def test_no_test_at_all_does_not_pass() -> None:
    (gate,) = gates_of(compare(run(), run()))
    assert gate.passed is None
    assert "insufficient data" in gate.text


def test_a_small_drop_among_few_tests_can_not_be_told_from_none() -> None:
    after = [made(number, 3 * (number == 0)) for number in range(8)]
    comparison = compare(run(*many(8)), run(*after), [parse_measure("tf.frame")])
    assert verdicts(comparison) == {"tf.frame": Verdict.INSUFFICIENT}
    assert "insufficient data to rule out a drop of 1 point" in gates_of(comparison)[0].text


@pytest.mark.parametrize(
    ("after", "group"),
    [
        (made(0, 3), Group.COMPARED),
        (made(0, 3, source="    y = 2 * x"), Group.SOURCE),
        (made(0, 3, value=7), Group.EXECUTION),
        (made(0, 3, missing=True), Group.UNPREDICTED),
        (replace(made(0, 3), digests=None), Group.UNKNOWN),
        (TestReport.of("tests/test_f.py::test_0", "error", "m:f", None), Group.UNPREDICTED),
        (None, Group.REMOVED),
    ],
)
def test_each_test_is_compared_or_listed_apart(after: TestReport | None, group: Group) -> None:
    comparison = compare(run(made(0)), run(*filter(None, [after])))
    assert {each for each, nodeids in comparison.groups.items() if nodeids} == {group}
    assert sum(finding.tests for finding in comparison.findings) == (2 if group is Group.COMPARED else 0)


def test_a_new_test_and_one_that_timed_out_change_nothing() -> None:
    new, timed_out = made(20, LENGTH), made(3, LENGTH, missing=True)
    rest = [made(number) for number in range(8) if number != 3]
    comparison = compare(run(*many(8)), run(*rest, new, timed_out))
    assert set(verdicts(comparison).values()) == {Verdict.NOT_WORSE}
    assert comparison.groups[Group.NEW] == (new.nodeid,)
    assert comparison.groups[Group.UNPREDICTED] == (timed_out.nodeid,)


def test_code_that_only_moved_is_compared() -> None:
    def at(test: TestReport, offset: int) -> TestReport:
        assert test.trace is not None
        frames = tuple(replace(frame, file="m.py", line=offset) for frame in test.trace.frames)
        moved = replace(test.trace, frames=frames)
        return TestReport.of(test.nodeid, "passed", "m:f", moved, verified(moved))

    comparison = compare(run(at(made(0), 3)), run(at(made(0), 40)))
    assert comparison.groups[Group.COMPARED] == ("tests/test_f.py::test_0",)


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"model": {**MODEL, "name": "other"}}, "model differs (other, was cwm)"),
        ({"model": {**MODEL, "weights": "c" * 64}}, "weights differ (cccccccccccc, was aaaaaaaaaaaa)"),
        ({"model": {**MODEL, "tokenizer": "c" * 64}}, "tokenizer differs"),
        ({"model": {**MODEL, "template": 2}}, "prompt template differs (2, was 1)"),
        ({"model": {**MODEL, "decoding": {"constrained": False}}}, "decoding: constrained differs (False, was True)"),
        ({"python": "3.12.1"}, "Python differs (3.12, was 3.11)"),
    ],
)
def test_where_the_set_up_differs_nothing_is_a_regression(changed: dict[str, Any], fact: str) -> None:
    comparison = compare(run(*many(8)), run(*many(8, 9), **changed))
    assert not comparison.worse
    (gate,) = gates_of(comparison)
    assert gate.passed is None
    assert fact in gate.text


def test_another_patch_of_python_and_unknown_weights_are_no_difference() -> None:
    after = run(*many(8), python="3.11.9", model={**MODEL, "weights": None})
    assert compare(run(*many(8)), after).changes == ()


def test_two_models_are_compared_where_that_is_asked_for() -> None:
    after = run(*many(8, 2), model={**MODEL, "name": "other", "decoding": {"constrained": False}})
    comparison = compare(run(*many(8)), after, expected=OF_THE_MODEL)
    assert comparison.worse
    assert {change.fact for change in comparison.expected} == {"model", "decoding: constrained"}


def test_a_strict_test_fails_alone() -> None:
    before, after = [*many(30)], [made(0, 1, strict=True), *(made(number) for number in range(1, 30))]
    comparison = compare(run(*before), run(*after))
    assert comparison.strict_flips == ("tests/test_f.py::test_0",)
    assert comparison.worse
    assert gates_of(comparison)[0].passed is False
    assert gates_of(comparison)[0].nodeid == "tests/test_f.py::test_0"


def test_a_strict_test_that_was_wrong_before_or_whose_truth_changed_does_not() -> None:
    before = run(made(0, 1), made(1))
    after = run(made(0, 2, strict=True), made(1, 1, value=5, strict=True))
    assert compare(before, after).strict_flips == ()


def test_of_surprise_more_is_worse() -> None:
    def surprised(bits: float) -> list[TestReport]:
        return [replace(made(number), metrics={"tf.bits": Mean(bits * 10 + number, 10)}) for number in range(8)]

    measure = [parse_measure("tf.bits=0.2")]
    assert verdicts(compare(run(*surprised(1.0)), run(*surprised(2.0)), measure)) == {"tf.bits": Verdict.WORSE}
    assert verdicts(compare(run(*surprised(2.0)), run(*surprised(1.0)), measure)) == {"tf.bits": Verdict.NOT_WORSE}
    assert verdicts(compare(run(*surprised(1.0)), run(*surprised(1.1)), measure)) == {"tf.bits": Verdict.NOT_WORSE}


def test_infinite_surprise_is_left_out() -> None:
    endless = [replace(made(number), metrics={"tf.bits": Mean(float("inf"), 10)}) for number in range(8)]
    assert verdicts(compare(run(*endless), run(*endless), [parse_measure("tf.bits")])) == {
        "tf.bits": Verdict.INSUFFICIENT
    }


def test_roll_outs_are_compared_by_whole_traces_and_prefixes() -> None:
    def imagined(number: int, right: bool) -> TestReport:
        truth = trace(call("def f(x):", x=number), line("    pass", x=number), returned("    pass"))
        told = rolled_out(*truth.frames) if right else rolled_out(truth.frames[0], returned("    pass"))
        return TestReport.of(f"t.py::test_{number}", "passed", "m:f", truth, None, told)

    before, after = (run(*(imagined(number, right) for number in range(8))) for right in (True, False))
    assert verdicts(compare(before, after)) == {"fr.trace": Verdict.WORSE, "fr.prefix": Verdict.WORSE}


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("tf.frame", Measure("tf.frame", 0.01)),
        ("tf.frame=0.05", Measure("tf.frame", 0.05)),
        (" tf.trace = 5% ", Measure("tf.trace", 0.05)),
        ("tf.bits=0.5", Measure("tf.bits", 0.5)),
        ("tf.frame=0", Measure("tf.frame", 0.0)),
    ],
)
def test_a_measure_is_read(text: str, measure: Measure) -> None:
    assert parse_measure(text) == measure


@pytest.mark.parametrize(
    "text", ["tests/test_x.py", "tf.fram=1", "tf.frame=", "tf.frame=x", "tf.frame=5", "tf.bits=-1"]
)
def test_what_is_no_measure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (metric|effect)"):
        parse_measure(text)


def test_the_age_of_a_run_is_said_in_words() -> None:
    assert [run(days=days).age(NOW) for days in (3, 1, 0.1, 0.01, 0, -2)] == [
        *("3 days old", "1 day old", "2 hours old", "14 minutes old", "new", "from the future"),
    ]


def test_the_view() -> None:
    before = run(*many(40, 1), made(50), days=3, name="main.json")
    after = run(
        *(made(number, 1 + 3 * (number % 3 == 0)) for number in range(36)),
        made(36, source="    y = 3"),
        made(37, value=1),
        made(38, missing=True),
        made(50, 2, strict=True),
        made(60),
        name="this run",
    )
    shown = "\n".join(render(compare(before, after), NOW)) + "\n"
    assert shown == (Path(__file__).parent / "gold" / "compare.txt").read_text(encoding="utf-8")
    assert all(len(text) <= 40 for text in render(compare(before, after), NOW, width=40))


def test_rates_of_the_same_test_may_have_other_counts() -> None:
    before = [replace(made(number), metrics={"format": Rate(10, 10)}) for number in range(8)]
    after = [replace(made(number), metrics={"format": Rate(12, 20)}) for number in range(8)]
    (finding,) = compare(run(*before), run(*after), [parse_measure("format")]).findings
    assert (finding.before, finding.after, finding.verdict) == (1.0, 0.6, Verdict.WORSE)
