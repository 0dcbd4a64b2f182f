"""`--cwm-baseline` and `--cwm-fail-if-worse` as pytest runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stand_in import CONFTEST, suite_of


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=suite_of(8))
    pytester.makeini("[pytest]\npythonpath = .\n")
    return pytester


_REPORT: list[bytes] = []


def recorded(suite: pytest.Pytester) -> pytest.Pytester:
    """With a report of a run in which the model was right; it is made once, and good in any folder."""
    if not _REPORT:
        assert suite.runpytest("--cwm-report=main.json").ret == pytest.ExitCode.OK
        _REPORT.append(Path("main.json").read_bytes())
    Path("main.json").write_bytes(_REPORT[0])
    return suite


AGAINST = ("--cwm-baseline=main.json", "--cwm-fail-if-worse")


def test_an_unchanged_run_passes_and_says_what_it_was_compared_with(suite: pytest.Pytester) -> None:
    result = recorded(suite).runpytest(*AGAINST)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*against the baseline*", "baseline*main.json*new*commit*", "compared  8 of 8 tests"])


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "distributed"])
def test_worse_predictions_fail_the_run_and_no_test(suite: pytest.Pytester, workers: list[str]) -> None:
    recorded(suite)
    Path("wrong").touch()
    result = suite.runpytest(*AGAINST, *workers)
    result.assert_outcomes(passed=8)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*tests*: worse by more than 1 point*", "*8 tests became worse*"])


def test_summary_hooks_see_a_failed_gate(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path("wrong").touch()
    suite.makepyfile(watching="def pytest_terminal_summary(exitstatus):\n    print('status seen', int(exitstatus))\n")
    result = suite.runpytest("-p", "watching", *AGAINST)
    result.stdout.fnmatch_lines(["*status seen 1*"])


def test_without_the_flag_a_baseline_is_only_shown(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path("wrong").touch()
    result = suite.runpytest("--cwm-baseline=main.json")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["tf.frame*worse"])


def test_the_effect_that_counts_can_be_chosen(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path("wrong").touch()
    assert suite.runpytest("--cwm-baseline=main.json", "--cwm-fail-if-worse=tf.action=0.05").ret == pytest.ExitCode.OK
    result = suite.runpytest("--cwm-baseline=main.json", "--cwm-fail-if-worse=tf.state=0.05")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_too_little_data_neither_fails_nor_passes(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path("wrong").touch()
    result = suite.runpytest(*AGAINST, "-k", "1 or 2 or 3")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["*? tf.frame: insufficient data, 3 tests can be compared*", "*5 only in the baseline*"]
    )


def test_a_changed_test_is_no_regression(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path("wrong").touch()
    suite.makepyfile(test_suite=suite_of(8).replace("total = 0", "total = 0 + 0"))
    result = suite.runpytest(*AGAINST)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*8 source changed*"])


def test_another_model_is_no_regression(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path("wrong").touch()
    Path("weights.txt").write_text("b" * 64)
    result = suite.runpytest(*AGAINST)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["not compared: weights differ (bbbbbbbbbbbb, was aaaaaaaaaaaa)"])


def test_a_server_that_is_down_is_no_regression(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path("down").touch()
    result = suite.runpytest(*AGAINST)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*insufficient data*", "*8 without a prediction*"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no report *main.json: write one with --cwm-report*"),
        ("{}", "*main.json: this is no report of pytest-cwm*"),
        ('{"schema": "pytest-cwm-report",\n"version": 99,\n"tests": [\n]}\n', "*written by a newer pytest-cwm*"),
        ('{"schema": "pytest-cwm-report",\n"version": 1,\n"settings": {', "*truncated*"),
    ],
    ids=["missing", "foreign", "newer", "truncated"],
)
@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "distributed"])
def test_a_baseline_that_can_not_be_read_is_one_line_before_anything_runs(
    suite: pytest.Pytester, content: str | None, said: str, workers: list[str]
) -> None:
    if content is not None:
        Path("main.json").write_text(content)
    result = suite.runpytest(*AGAINST, *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR == 4
    result.stderr.fnmatch_lines([f"ERROR: --cwm-baseline: {said}"])
    assert not Path("asked.txt").exists()
    assert len([line for line in result.errlines if line]) == 1


@pytest.mark.parametrize("joined", [False, True])
def test_a_baseline_elsewhere_that_moves_rootdir_is_one_line(
    suite: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory, joined: bool
) -> None:
    recorded(suite)
    path = tmp_path_factory.mktemp("elsewhere") / "main.json"
    path.write_bytes(Path("main.json").read_bytes())
    flag = [f"--cwm-baseline={path}"] if joined else ["--cwm-baseline", str(path)]
    result = suite.runpytest("--cwm-fail-if-worse=default", *flag)
    if joined:
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["compared  8 of 8 tests"])
    else:
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*for rootdir, not {suite.path}: write --cwm-baseline={path}"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--cwm-fail-if-worse"], "worse than what? Name a report with --cwm-baseline PATH"),
        (["--cwm-baseline=main.json", "--cwm-fail-if-worse=tf.fame"], "'tf.fame' is no metric"),
        (["--cwm-baseline=main.json", "--cwm-fail-if-worse", "test_suite.py"], "for the usual ones write `default`"),
    ],
)
def test_wrong_usage_is_one_line(suite: pytest.Pytester, flags: list[str], said: str) -> None:
    result = suite.runpytest(*flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --cwm-fail-if-worse: *{said}*"])
