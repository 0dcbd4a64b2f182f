from __future__ import annotations

import pytest

from builders import call, line, returned, trace, verified
from cwm_tracer.compare import Mean, Rate
from pytest_cwm.report.document import TestReport
from pytest_cwm.report.gate import Bound, Demand, checked_bound, evaluate, parse_bound

TRUTH = trace(
    call("def f(x):", x=1), line("    y = x", x=1), line("    return y", x=1, y=1), returned("    return y", 1)
)
PERFECT = TestReport.of("t.py::test_perfect", "passed", "m:f", TRUTH, verified(TRUTH))
WRONG = TestReport.of("t.py::test_wrong", "passed", "m:f", TRUTH, verified(TRUTH, {3: returned("    return y", 2)}))
MISSING = TestReport.of("t.py::test_missing", "passed", "m:f", TRUTH, verified(TRUTH, {2: None}, failure="no server"))
UNASKED = TestReport.of("t.py::test_unasked", "passed", "m:f", TRUTH)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("tf.frame=0.8", Bound("tf.frame", 0.8)),
        (" tf.frame = 80% ", Bound("tf.frame", 0.8)),
        ("fr.trace=1", Bound("fr.trace", 1.0)),
        ("tf.bits=2.5", Bound("tf.bits", 2.5)),
        ("format=.99", Bound("format", 0.99)),
    ],
)
def test_a_bound_is_read(text: str, bound: Bound) -> None:
    assert parse_bound(text) == bound


@pytest.mark.parametrize("text", ["tf.fram=0.8", "=0.8", "tf.frame", "tf.frame=", "tf.frame=high", "tf.frame=80"])
def test_a_wrong_bound_is_refused_with_what_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match=r"tf\.frame"):
        parse_bound(text)


@pytest.mark.parametrize(
    ("metric", "value"), [("tf.frame", float("nan")), ("tf.frame", -0.1), ("tf.bits", float("inf"))]
)
def test_a_bound_out_of_range_is_refused(metric: str, value: float) -> None:
    with pytest.raises(ValueError, match="can't be"):
        checked_bound(metric, value)


def test_an_unknown_metric_is_told_the_valid_ids() -> None:
    with pytest.raises(ValueError, match=r"'tf\.fram' is no metric; there are tf\.event, tf\.action,.* fr\.trace"):
        parse_bound("tf.fram=1")


def test_a_rate_at_its_bound_passes_and_below_it_fails() -> None:
    totals = {"tf.frame": Rate(4, 5)}
    (at, below) = evaluate(totals, [Bound("tf.frame", 0.8), Bound("tf.frame", 0.81)])
    assert (at.passed, at.text) == (True, "tf.frame 0.8000 (4 of 5) is at least 0.8")
    assert (below.passed, below.text) == (False, "tf.frame 0.8000 (4 of 5) is not at least 0.81")
    assert (at.nodeid, below.nodeid) == (None, None)


def test_of_surprise_less_is_better() -> None:
    totals = {"tf.bits": Mean(6.0, 3)}
    assert [result.passed for result in evaluate(totals, [Bound("tf.bits", 2.0), Bound("tf.bits", 1.9)])] == [
        True,
        False,
    ]


@pytest.mark.parametrize("totals", [{}, {"tf.frame": Rate()}])
def test_no_data_fails_and_says_so(totals: dict[str, Rate]) -> None:
    (result,) = evaluate(totals, [Bound("tf.frame", 0.0)])
    assert not result.passed
    assert "no data" in result.text


def test_a_test_is_judged_by_its_own_demand_only() -> None:
    demands = {WRONG.nodeid: Demand({"tf.argument": 0.5, "tf.action": 1.0}), "t.py::gone": Demand(strict=True)}
    results = evaluate({}, [], [PERFECT, WRONG], demands)
    assert [(result.nodeid, result.passed) for result in results] == [(WRONG.nodeid, False), (WRONG.nodeid, True)]


@pytest.mark.parametrize(
    ("test", "passed", "says"),
    [
        (PERFECT, True, "nothing diverged"),
        (WRONG, False, "1 divergence, the first at step 3: predicted that it returns 2, it returned 1"),
        (MISSING, False, "no data: 1 prediction is missing"),
        (UNASKED, False, "no data: nothing was predicted"),
    ],
)
def test_strict_means_that_everything_was_predicted_and_nothing_diverged(
    test: TestReport, passed: bool, says: str
) -> None:
    (result,) = evaluate({}, [], [test], {test.nodeid: Demand(strict=True)})
    assert result.passed is passed
    assert says in result.text
