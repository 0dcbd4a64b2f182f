"""The plugin as pytest runs it, with predictors that are written out here, so that no model is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sample_suite import CONFTEST, SUITE


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\npythonpath = .\n")
    return pytester


def report_of(pytester: pytest.Pytester, *args: str) -> dict[str, object]:
    """The report of a run, its tests by the name behind the `::`."""
    pytester.runpytest("--cwm-trace", "--cwm-report=out.json", *args)
    document = json.loads((pytester.path / "out.json").read_text())
    return {test["nodeid"].rpartition("::")[2]: test for test in document["tests"]}


def test_without_the_flag_nothing_is_recorded_or_printed(suite: pytest.Pytester) -> None:
    result = suite.runpytest()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.no_fnmatch_line("*cwm*:*verified*")
    result.stdout.no_fnmatch_line("*= cwm =*")


def test_marked_tests_are_recorded_and_keep_their_outcomes(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--cwm-trace")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["cwm *: tests marked cwm_start, verified by *", "*= cwm =*", "*test_add*"])
    result.stdout.no_fnmatch_line("*cwm*test_unmarked*")


@pytest.mark.parametrize("verbosity", ["-q", "-v"])
def test_while_predictions_are_awaited_a_line_of_its_own_says_so(suite: pytest.Pytester, verbosity: str) -> None:
    conftest = suite.path / "conftest.py"
    # Many short naps: a machine that stands still in between lets the other threads go on as well.
    slow = "def verify(self, truth):\n        import time\n        for _ in range(75): time.sleep(0.02)\n"
    assert "def verify(self, truth):\n" in conftest.read_text()
    conftest.write_text(conftest.read_text().replace("def verify(self, truth):\n", slow))
    result = suite.runpytest("--cwm-trace", verbosity, "-k", "test_add")
    result.stdout.fnmatch_lines(["cwm: predicting, 0 of 1 tests done"])


def test_the_divergence_names_the_variable_and_both_values(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--cwm-trace")
    text = result.stdout.str()
    assert "`total` is 6, predicted 7" in text


def test_the_entry_is_the_function_that_the_marker_names(suite: pytest.Pytester) -> None:
    tests = report_of(suite)
    assert tests["test_fails"]["entry"] == "test_suite:add"
    assert tests["test_fails"]["trace"]["frames"][0][0] == "C"


def test_all_tests_are_recorded_on_request(suite: pytest.Pytester) -> None:
    assert set(report_of(suite, "--cwm-all")) == {"test_add", "test_fails", "test_unmarked"}


def test_workers_record_and_the_controller_reports_the_same(suite: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    suite.runpytest("--cwm-trace", "--cwm-report=alone.json")
    result = suite.runpytest("--cwm-trace", "--cwm-report=workers.json", "-n", "2")
    result.assert_outcomes(passed=2, failed=1)
    alone, workers = (json.loads((suite.path / name).read_text()) for name in ("alone.json", "workers.json"))
    alone.pop("run"), workers.pop("run")
    assert alone == workers


@pytest.mark.parametrize("options", ["-x", "--maxfail=1", "--stepwise", "-x -n 1", "--session-timeout=0.001"])
def test_a_run_that_stops_at_a_failure_reports_what_ran(suite: pytest.Pytester, options: str) -> None:
    pytest.importorskip("xdist")
    pytest.importorskip("pytest_timeout")
    suite.makepyfile(test_suite=SUITE + "\n\ndef test_more():\n    pass\n")
    tests = report_of(suite, "--cwm-all", *options.split())
    last = "test_add" if "timeout" in options else "test_fails"
    assert last in tests
    assert "test_more" not in tests
    assert tests[last]["verification"] is not None


def test_the_same_run_gives_the_same_report(suite: pytest.Pytester) -> None:
    for name in ("one.json", "two.json"):
        suite.runpytest("--cwm-trace", f"--cwm-report={name}")
    one, two = ((suite.path / name).read_text().partition('"run"')[0] for name in ("one.json", "two.json"))
    assert one == two


def test_a_bound_that_does_not_hold_fails_the_run_and_no_test(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--cwm-trace", "--cwm-fail-under=tf.frame=0.99", "-k", "test_add")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*tf.frame*is not at least 0.99*"])


def test_a_bound_that_holds_changes_nothing(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--cwm-trace", "--cwm-fail-under=tf.frame=0.5", "-k", "test_add")
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "distributed"])
def test_a_strict_marker_fails_the_run_when_its_test_diverges(pytester: pytest.Pytester, workers: list[str]) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_strict=SUITE.replace("@pytest.mark.cwm_start\n", "@pytest.mark.cwm_start(strict=True)\n"))
    result = pytester.runpytest("--cwm-trace", "-k", "test_add", *workers)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*test_add*strict*divergence*"])


def test_an_unknown_metric_is_a_usage_error_that_lists_the_known_ones(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--cwm-fail-under=tf.fame=0.9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'tf.fame' is no metric*tf.frame*"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("entri='a:b'", "has no argument 'entri'"),
        ("entry='a.b'", "is not of the form"),
        ("'a:b', 'c:d'", "one positional argument"),
        ("max_frames=0", "no positive number"),
        ("strict=1", "neither True nor False"),
        ("fail_under={'tf.fame': 1}", "is no metric"),
        ("fail_under=0.9", "no mapping"),
    ],
)
def test_a_mistake_in_a_marker_is_a_collection_error_that_names_its_line(
    pytester: pytest.Pytester, arguments: str, said: str
) -> None:
    pytester.makepyfile(test_typo=f"import pytest\n\n@pytest.mark.cwm_start({arguments})\ndef test_it():\n    pass\n")
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"test_typo.py:3: @pytest.mark.cwm_start: *{said}*"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--cwm-mode=guess", "'guess' is none of verify, rollout, both, none"),
        ("--cwm-engine=x", "'x' is none of auto, vllm, sglang, fgserve"),
        ("--cwm-max-frames=-1", "'-1' is no positive number"),
        ("--cwm-server=gpu:80", "'gpu:80' is no URL"),
    ],
)
def test_a_bad_option_is_one_line(suite: pytest.Pytester, option: str, said: str) -> None:
    result = suite.runpytest("--cwm-trace", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{said}*"])


def test_ini_keys_stand_in_for_flags(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]\npythonpath = .\ncwm_trace = true\ncwm_mode = none\ncwm_max_frames = 5\n")
    result = suite.runpytest("--strict-config", "--strict-markers", "-k", "test_add", "--cwm-report=out.json")
    result.assert_outcomes(passed=1)
    document = json.loads((suite.path / "out.json").read_text())
    assert document["settings"]["mode"] == "none"
    assert len(document["tests"][0]["trace"]["frames"]) == 5


def test_a_comment_on_a_def_line_names_the_entry_and_a_marker_beats_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_comment="""
        import pytest

        def inner(n):  # << START_OF_TRACE
            return n + 1

        def outer(n):
            return inner(n) * 2

        @pytest.mark.cwm_start
        def test_by_comment():
            assert outer(1) == 4

        @pytest.mark.cwm_start(entry="test_comment:outer")
        def test_by_marker():
            assert outer(1) == 4
        """
    )
    pytester.makeini("[pytest]\npythonpath = .\n")
    tests = report_of(pytester)
    assert tests["test_by_comment"]["entry"] == "test_comment.py:3"
    assert len(tests["test_by_comment"]["trace"]["frames"]) == 3
    assert tests["test_by_marker"]["entry"] == "test_comment:outer"
    assert len(tests["test_by_marker"]["trace"]["frames"]) == 6


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("no_such_module:f", "can't be imported: ModuleNotFoundError"),
        ("test_entries:absent", "has no 'absent'"),
        ("test_entries:CONSTANT", "is no Python function"),
        ("test_entries:unused", "never called"),
    ],
)
def test_an_entry_that_does_not_run_is_reported(pytester: pytest.Pytester, entry: str, said: str) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_entries=f"""
        import pytest

        CONSTANT = 3

        def unused():
            pass

        @pytest.mark.cwm_start(entry="{entry}")
        def test_it():
            pass
        """
    )
    pytester.makeini("[pytest]\npythonpath = .\n")
    result = pytester.runpytest("--cwm-trace")
    result.assert_outcomes(passed=1)
    assert said in " ".join(result.stdout.str().split())


def test_no_marked_test_is_one_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest("--cwm-trace")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["No test was recorded: mark one with @pytest.mark.cwm_start, or * --cwm-all."])


def test_a_predictor_that_can_not_be_had_leaves_outcomes_and_exit_code(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "from pytest_cwm.predictors.base import PredictionError\n"
        "def pytest_cwm_make_predictor(config):\n    raise PredictionError('install the model first')\n"
    )
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\npythonpath = .\n")
    result = pytester.runpytest("--cwm-trace", "-k", "test_add")
    assert result.ret == pytest.ExitCode.OK
    text = " ".join(result.stdout.str().split())
    assert "install the model first" in text
    assert "missing" in text


def test_a_predictor_that_raises_is_a_missing_prediction(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\npythonpath = .\n")
    result = pytester.runpytest("--cwm-trace", "--cwm-mode=rollout", "-k", "test_add")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*NotImplementedError*"])


def test_values_that_fight_back_become_placeholders(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_hostile="""
        import sys
        import pytest

        class Raises:
            def __repr__(self): raise ValueError("no")

        class Loops:
            def __repr__(self):
                while True: pass

        class Exits:
            def __repr__(self): sys.exit(3)

        class Shouts:
            def __repr__(self): return "x" * 10_000_000

        @pytest.mark.cwm_start
        def test_it():
            values = Raises(), Loops(), Exits(), Shouts()
            a, b, c, d = values
            done = True
            assert done
        """
    )
    tests = report_of(pytester)
    assert tests["test_it"]["outcome"] == "passed"
    assert "<Loops object>" in json.dumps(tests["test_it"]["trace"])
    assert len(json.dumps(tests["test_it"])) < 10_000


def test_recording_stops_at_the_frame_budget_and_says_so(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_long="""
        import pytest

        @pytest.mark.cwm_start(max_frames=100)
        def test_it():
            count = 0
            for number in range(1_000_000):
                count += 1
            assert count == 1_000_000
        """
    )
    result = pytester.runpytest("--cwm-trace")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*truncated after 100 frames*"])


def test_the_plugin_can_be_switched_off_and_loaded_by_hand(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.runpytest("-p", "no:cwm").assert_outcomes(passed=2, failed=1)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = suite.runpytest_subprocess("-p", "pytest_cwm.plugin", "--cwm-trace", "--cwm-mode=none")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["cwm *recorded only"])


def test_collecting_only_prints_no_report(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--cwm-trace", "--collect-only")
    result.stdout.no_fnmatch_line("*= cwm =*")


def test_what_pytest_can_run_can_be_recorded(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pytest_asyncio")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_kinds="""
        import asyncio
        import unittest
        import pytest

        pytestmark = pytest.mark.cwm_start

        @pytest.fixture
        def number():
            return 3

        def test_fixture(number):
            assert number == 3

        @pytest.mark.parametrize("n", [1, 2])
        def test_parameters(n):
            assert n

        class TestClass:
            def test_method(self):
                assert True

        class TestCase(unittest.TestCase):
            def test_unittest(self):
                self.assertTrue(True)

        @pytest.mark.asyncio
        async def test_async():
            await asyncio.sleep(0)
            after = 1
            assert after

        @pytest.mark.xfail
        def test_expected():
            assert False

        def test_subtests(subtests):
            for i in range(2):
                with subtests.test(i=i):
                    assert i == i
        """
    )
    tests = report_of(pytester)
    outcomes = {name: test["outcome"] for name, test in tests.items()}
    if not hasattr(pytest, "Subtests"):  # before pytest 9 the fixture does not exist
        outcomes.pop("test_subtests", None)
    else:
        assert outcomes.pop("test_subtests") == "passed"
    assert outcomes == {
        "test_fixture": "passed",
        "test_parameters[1]": "passed",
        "test_parameters[2]": "passed",
        "test_method": "passed",
        "test_unittest": "passed",
        "test_async": "passed",
        "test_expected": "xfailed",
    }
    assert all(test["trace"]["meta"]["ending"] == "returned" for name, test in tests.items() if name != "test_subtests")
    assert any("after = 1" in line[0] for line in tests["test_async"]["trace"]["lines"])


def test_a_rerun_replaces_the_attempt_before_it(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pytest_rerunfailures")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_flaky="""
        import pytest
        attempts = []

        @pytest.mark.cwm_start
        def test_it():
            attempts.append(1)
            assert len(attempts) == 2
        """
    )
    tests = report_of(pytester, "--reruns=2")
    assert tests["test_it"]["outcome"] == "passed"


@pytest.mark.parametrize("branch", [[], ["--cov-branch"]], ids=["lines", "branches"])
def test_coverage_figures_are_those_of_an_unrecorded_run(
    pytester: pytest.Pytester, branch: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pytest_cov")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        shapes="""
        def area(kind, n):
            if kind == "square":
                return n * n
            elif kind == "row":
                return sum(x for x in range(n))
            return 0

        def later(n):
            for i in range(n):
                yield i
        """,
        test_shapes="""
        import pytest
        from shapes import area, later

        @pytest.mark.cwm_start(max_frames=6)
        def test_square():
            assert area("square", 2) == 4
            assert list(later(3)) == [0, 1, 2]

        @pytest.mark.cwm_start
        def test_row():
            assert area("row", 2) == 1

        def test_unmarked():
            assert area("x", 1) == 0
        """,
    )
    # A recorder beside coverage in this process would measure the recorder.
    covered = []
    for name, flags in (("plain", []), ("recorded", ["--cwm-trace"])):
        pytester.runpytest_subprocess("--cov=.", f"--cov-report=json:{name}.json", *branch, *flags)
        files = json.loads(Path(pytester.path / f"{name}.json").read_text())["files"]
        files.pop("conftest.py")  # the oracle in it runs only where something is predicted
        covered.append({file: (data["executed_lines"], data.get("executed_branches")) for file, data in files.items()})
    assert covered[0] == covered[1]
    assert covered[0]["shapes.py"][0]
