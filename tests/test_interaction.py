"""`--cwm-pdb` in a real terminal: where it stops, what it shows, and that the run goes on afterwards."""

from __future__ import annotations

import pytest

from sample_suite import CONFTEST, SUITE

pytest.importorskip("pexpect", reason="pexpect drives the terminal")


@pytest.fixture
def terminal(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=SUITE.replace("add([1, 2, 3]) == 6", "add([1, 2, 3]) == 5"))
    pytester.makeini("[pytest]\npythonpath = .\n")
    monkeypatch.setenv("TERM", "dumb")
    return pytester


def test_a_failing_test_stops_where_prediction_and_reality_part(terminal: pytest.Pytester) -> None:
    child = terminal.spawn_pytest("--cwm-pdb -k test_add", expect_timeout=60)
    child.expect("cwm: test_suite.py::test_add")
    child.expect("`total` is 6, predicted 7")
    child.expect(r"\(cwm\) ")
    child.sendline("print total")
    child.expect("7")
    child.expect(r"\(cwm\) ")
    child.sendline("back")
    child.expect(r"\(cwm\) ")
    child.sendline("quit")
    child.expect("1 failed")
    child.wait()


def test_a_failure_that_was_predicted_is_said_to_be(terminal: pytest.Pytester) -> None:
    result = terminal.runpytest("--cwm-pdb", "-k", "test_fails")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*predicted this execution, failure included*"])


def test_a_passing_test_stops_nowhere(terminal: pytest.Pytester) -> None:
    result = terminal.runpytest("--cwm-pdb", "-k", "test_unmarked")
    result.assert_outcomes(passed=1)


def test_a_prediction_that_can_not_be_had_is_said_and_the_run_goes_on(terminal: pytest.Pytester) -> None:
    terminal.makeconftest(
        "import pytest\n"
        "from pytest_cwm.predictors.base import PredictionError\n"
        "@pytest.hookimpl(optionalhook=True)\n"
        "def pytest_cwm_make_predictor(config):\n    raise PredictionError('install the model first')\n"
    )
    result = terminal.runpytest("--cwm-pdb")
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["*no prediction: install the model first"])


def test_workers_have_no_terminal_to_debug_in(terminal: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    result = terminal.runpytest("--cwm-pdb", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --cwm-pdb needs a terminal of its own: run without -n"])
