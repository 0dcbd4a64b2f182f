"""`--cwm-cassette` as pytest runs it: recorded once, replayed without asking anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stand_in import CONFTEST, suite_of


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=suite_of(3))
    pytester.makeini("[pytest]\npythonpath = .\n")
    return pytester


_RECORDED: dict[str, bytes] = {}


def recorded(suite: pytest.Pytester) -> pytest.Pytester:
    """With the cassettes of a run; they are recorded once, and good in any folder."""
    if not _RECORDED:
        assert suite.runpytest("--cwm-cassette=record", "--cwm-report=recorded.json").ret == pytest.ExitCode.OK
        assert asked() == 3
        paths = [*Path(".cwm").rglob("*.json"), Path("recorded.json")]
        _RECORDED.update({str(path): path.read_bytes() for path in paths})
        Path("asked.txt").unlink()
    for name, data in _RECORDED.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(data)
    return suite


def asked() -> int:
    path = Path("asked.txt")
    return len(path.read_text().splitlines()) if path.exists() else 0


def cassettes() -> list[str]:
    return sorted(path.name for path in Path(".cwm").rglob("*.json"))


def document(name: str) -> dict[str, Any]:
    return json.loads(Path(name).read_text())


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "distributed"])
def test_a_replay_asks_nobody_and_reports_the_same(suite: pytest.Pytester, workers: list[str]) -> None:
    result = recorded(suite).runpytest("--cwm-cassette=replay", "--cwm-report=replayed.json", *workers)
    assert result.ret == pytest.ExitCode.OK
    assert asked() == 0
    result.stdout.fnmatch_lines(["cassettes (replay): 3 replayed"])
    before, after = document("recorded.json"), document("replayed.json")
    assert before.pop("run")["cassettes"] == {"mode": "record", "recorded": 3}
    assert after.pop("run")["cassettes"] == {"mode": "replay", "replayed": 3}
    assert {name: before[name] for name in before if before[name] != after.get(name)} == {}
    assert before == after


def test_a_miss_asks_nobody_says_what_differs_and_keeps_outcomes(suite: pytest.Pytester) -> None:
    recorded(suite)
    suite.makepyfile(test_suite=suite_of(4).replace("total = 0", "total = 1 - 1"))
    result = suite.runpytest("--cwm-cassette=replay")
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.OK
    assert asked() == 0
    text = " ".join(result.stdout.str().split())
    assert "not in the cassettes: the source that runs is not what was recorded; record it with --cwm-cass" in text
    assert "not in the cassettes: nothing is recorded for this test" in text
    assert "cassettes (replay): 4 missing" in text


def test_recording_again_asks_for_what_is_missing_only(suite: pytest.Pytester) -> None:
    recorded(suite)
    suite.makepyfile(test_suite=suite_of(5))
    result = suite.runpytest("--cwm-cassette=record")
    assert asked() == 2
    result.stdout.fnmatch_lines(["cassettes (record): 3 replayed, 2 recorded"])


def test_rewriting_asks_for_everything(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path("wrong").touch()
    result = suite.runpytest("--cwm-cassette=rewrite")
    assert asked() == 3
    result.stdout.fnmatch_lines(["cassettes (rewrite): 3 recorded"])
    replayed = suite.runpytest("--cwm-cassette=replay")
    assert "predicted 99" in replayed.stdout.str()


def test_a_complete_run_drops_the_cassettes_of_tests_that_are_gone(suite: pytest.Pytester) -> None:
    recorded(suite)
    suite.makepyfile(test_suite=suite_of(2))
    assert len(cassettes()) == 3
    for narrow in (["-k", "1"], ["test_suite.py"], ["--deselect", "test_suite.py::test_add_1"]):
        suite.runpytest("--cwm-cassette=record", *narrow)
        assert len(cassettes()) == 3
    result = suite.runpytest("--cwm-cassette=record")
    result.stdout.fnmatch_lines(["cassettes (record): 2 replayed, 1 dropped"])
    assert len(cassettes()) == 2


def test_a_replay_drops_nothing(suite: pytest.Pytester) -> None:
    recorded(suite)
    suite.makepyfile(test_suite=suite_of(1))
    suite.runpytest("--cwm-cassette=replay")
    assert len(cassettes()) == 3


def test_tests_that_a_plugin_removes_are_not_gone(suite: pytest.Pytester) -> None:
    recorded(suite)
    suite.makepyfile(shard="def pytest_collection_modifyitems(items):\n    del items[1:]\n")
    suite.runpytest("-p", "shard", "--cwm-cassette=record", "-n", "1")
    assert len(cassettes()) == 3


def test_a_damaged_cassette_fails_the_run_and_is_named(suite: pytest.Pytester) -> None:
    recorded(suite)
    path = next(Path(".cwm").rglob("test_add_1.json"))
    path.write_text("{")
    for mode in ("replay", "record", "rewrite"):
        result = suite.runpytest(f"--cwm-cassette={mode}")
        result.assert_outcomes(passed=3)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert path.name in "".join(result.stdout.str().split())
        assert path.read_text() == "{"


def test_what_could_not_be_predicted_is_not_recorded(suite: pytest.Pytester) -> None:
    Path("down").touch()
    result = suite.runpytest("--cwm-cassette=record")
    assert result.ret == pytest.ExitCode.OK
    assert "the server is down" in result.stdout.str()
    assert cassettes() == []


def test_a_predictor_without_an_identity_can_not_be_recorded(suite: pytest.Pytester) -> None:
    suite.makeconftest(CONFTEST.replace("def identify", "def who").replace("identity = property(identify)", ""))
    result = suite.runpytest("--cwm-cassette=record")
    assert "stand-in does not say which model it is" in " ".join(result.stdout.str().split())


def test_a_place_that_can_not_be_written_costs_no_prediction_and_fails_the_run(suite: pytest.Pytester) -> None:
    Path("file").touch()
    result = suite.runpytest("--cwm-cassette=record", "--cwm-cassette-dir=file", "--cwm-report=out.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "can't be written" in " ".join(result.stdout.str().split())
    assert document("out.json")["totals"]["tf.frame"]["total"] > 0


def test_an_ini_file_may_choose_and_the_command_line_decides(suite: pytest.Pytester) -> None:
    recorded(suite)
    Path(".cwm/cassettes").rename("kept")
    suite.makeini("[pytest]\npythonpath = .\ncwm_trace = true\ncwm_cassette = replay\ncwm_cassette_dir = kept\n")
    assert "3 replayed" in suite.runpytest().stdout.str()
    result = suite.runpytest("--cwm-cassette=off")
    assert asked() == 3
    assert "cassettes" not in result.stdout.str().partition("= cwm =")[2]


def test_an_unknown_mode_is_a_usage_error(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--cwm-cassette=once")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --cwm-cassette: 'once' is none of off, replay, record, rewrite"])


def test_a_replay_imports_no_model_and_no_tokenizer(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(suite)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # what other plugins import is theirs
    suite.makepyfile(
        seen="""
        import sys

        def pytest_unconfigure():
            heavy = {"torch", "sentencepiece", "tokenizers", "requests"} & set(sys.modules)
            print("heavy:", sorted(heavy))
        """
    )
    result = suite.runpytest_subprocess("-p", "pytest_cwm.plugin", "-p", "seen", "--cwm-cassette=replay")
    result.stdout.fnmatch_lines(["*3 replayed*", "*heavy: []"])
