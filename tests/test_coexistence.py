"""Plugins that many suites use do in a recorded run what they do in any other."""

from __future__ import annotations

import json
import re
import signal
from typing import Any

import pytest

from pytest_cwm import alarm
from pytest_cwm.examples import FAILING, FIRST


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a test file with some plugins and no others, recorded; the result and, by test, what the report says."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text: str, *plugins: str, options: tuple[str, ...] = ()) -> tuple[pytest.RunResult, dict[str, Any]]:
        pytester.makepyfile(test_suite=text)
        loaded = [part for name in ("pytest_cwm.plugin", *plugins) for part in ("-p", name)]
        recording = ["--cwm-all", "--cwm-mode=none", "--cwm-report=out.json", "-p", "no:cacheprovider"]
        result = pytester.runpytest_subprocess(*loaded, *recording, *options)
        report = pytester.path / "out.json"
        tests = json.loads(report.read_text())["tests"] if report.exists() else []
        return result, {test["nodeid"].split("::")[1]: test for test in tests}

    return run


def values(test: dict[str, Any], name: str) -> list[str]:
    """What a variable was in the frames of a trace where it changed."""
    states = [frame[2] for frame in test["trace"]["frames"] if frame[0] in "CL"]
    return [state[name] for state in states if state.get(name, "..") != ".."]


PROPERTIES = """
import time
from hypothesis import HealthCheck, Phase, assume, example, given, settings, strategies as st

settings.register_profile("here", database=None, derandomize=True, suppress_health_check=list(HealthCheck))
settings.load_profile("here")
seen = []

def twice(n):
    return n + n

@given(st.integers())
def test_passes(n):
    seen.append(n)
    first = seen[0]
    assert twice(n) == 2 * n

@given(st.integers())
def test_fails(n):
    assert twice(n) < 100

@given(st.integers())
@example(7)
@example(8)
@settings(phases=[Phase.explicit])
def test_listed(n):
    assert n != 8

@given(st.integers(0, 20))
def test_assumes(n):
    assume(n > 5)
    m = twice(n)

class Slow:
    def __repr__(self):
        time.sleep(0.05)
        return "Slow()"

# Showing these takes longer than the deadline of the only example.
@given(st.none())
@settings(max_examples=1, deadline=200)
def test_is_slow_to_record(n):
    a = Slow()
    b = Slow()
    c = Slow()
    d = Slow()
    e = Slow()
    f = Slow()
    g = Slow()
"""


def test_of_a_property_the_failing_example_is_recorded_else_the_first(run: Any) -> None:
    pytest.importorskip("hypothesis")
    result, tests = run(PROPERTIES, "_hypothesis_pytestplugin")
    result.assert_outcomes(passed=3, failed=2)
    for said in ("n=50,", FAILING, FIRST):
        result.stdout.fnmatch_lines([f"*{said}*"])
    assert values(tests["test_passes"], "n")[0] == values(tests["test_passes"], "first")[0]
    assert values(tests["test_fails"], "n")[0] == "50"
    assert values(tests["test_listed"], "n") == ["8"]
    assert int(values(tests["test_assumes"], "n")[0]) > 5
    assert values(tests["test_is_slow_to_record"], "f")
    assert {name: FAILING in test["notes"] for name, test in tests.items()} == {
        "test_passes": False,
        "test_fails": True,
        "test_listed": True,
        "test_assumes": False,
        "test_is_slow_to_record": False,
    }
    assert all(test["trace"]["meta"]["ending"] == "returned" for test in tests.values())


def test_what_hypothesis_finds_in_a_recorded_run_it_explains_and_finds_in_any_other(run: Any) -> None:
    """It traces a test to explain its failure; the plain run generates nothing, but has what the recorded one saved."""
    pytest.importorskip("hypothesis")
    text = """
    from hypothesis import Phase, given, settings, strategies as st
    from hypothesis.database import DirectoryBasedExampleDatabase

    @settings(print_blob=True, database=DirectoryBasedExampleDatabase("saved"), phases=set(Phase) - set([%s]))
    @given(st.integers(), st.text())
    def test_fails(n, text):
        m = n
        if m > 10:
            assert text != text
    """
    said = []
    for left_out, options in (("", ()), ("Phase.generate", ("-p", "no:cwm-active"))):
        result, _ = run(text % left_out, "_hypothesis_pytestplugin", options=options)
        result.assert_outcomes(failed=1)
        said.append(result.stdout.str())
    assert "or any other generated value" in said[0]
    assert "These lines were always and only run by failing test cases" in said[0]
    (recorded, plain) = (re.findall(r"@reproduce_failure\(.*\)", text) for text in said)
    assert recorded == plain != []


LOOPS = """
import pytest

def loop():
    n = 0
    while True:
        n += 1

def test_loops():
    loop()

@pytest.mark.timeout(0)
def test_after():
    assert True
"""


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs an alarm")
def test_an_alarm_ends_a_recorded_test_that_hangs(run: Any) -> None:
    pytest.importorskip("pytest_timeout")
    result, tests = run(LOOPS, "pytest_timeout", options=("--timeout=1", "--timeout-method=signal"))
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*Failed: Timeout*"])
    assert set(tests) == {"test_loops", "test_after"}


def test_a_timer_thread_ends_a_recorded_run_that_hangs(run: Any) -> None:
    pytest.importorskip("pytest_timeout")
    result, _ = run(LOOPS, "pytest_timeout", options=("--timeout=1", "--timeout-method=thread"))
    assert result.ret == 1
    assert "Timeout" in result.stdout.str() + result.stderr.str()
    assert "in loop" in result.stdout.str() + result.stderr.str()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a clock to hold")
def test_work_after_a_test_is_not_on_its_clock() -> None:
    before = signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        with alarm.held():
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)


def test_coroutines_are_recorded_on_whichever_loop_they_run(run: Any) -> None:
    pytest.importorskip("anyio")
    text = """
    import anyio
    import pytest

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    async def later(found, n):
        await anyio.sleep(0)
        found.append(n)

    @pytest.mark.anyio
    async def test_tasks():
        found = []
        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(later, found, n)
        total = sum(found)
        assert total == 3
    """
    result, tests = run(text, "anyio.pytest_plugin")
    result.assert_outcomes(passed=1)
    assert tests["test_tasks"]["trace"]["meta"]["ending"] == "returned"
    assert values(tests["test_tasks"], "total") == ["3"]


def test_each_attempt_is_recorded_anew(run: Any) -> None:
    pytest.importorskip("pytest_rerunfailures")
    text = """
    attempts = []

    def test_it():
        attempts.append(1)
        attempt = len(attempts)
        assert attempt == 2
    """
    result, tests = run(text, "pytest_rerunfailures", options=("--reruns=2",))
    result.assert_outcomes(passed=1)
    assert tests["test_it"]["outcome"] == "passed"
    assert values(tests["test_it"], "attempt") == ["2"]


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest has them from 9 on")
def test_subtests_are_part_of_their_tests_trace(run: Any) -> None:
    text = """
    def test_them(subtests):
        for i in range(3):
            with subtests.test(i=i):
                assert i != 1
        after = i
        assert after == 2
    """
    result, tests = run(text)
    plain, _ = run(text, options=("-p", "no:cwm-active"))
    assert result.parseoutcomes() == plain.parseoutcomes()
    assert values(tests["test_them"], "i") == ["0", "1", "2"]
    assert values(tests["test_them"], "after") == ["2"]
