"""`--cwm-threads=all`: what other threads do during a test is in the report, beside what the test does."""

from __future__ import annotations

import json

import pytest

SUITE = """
import threading
import pytest

def work(results):
    results.append(1)

@pytest.mark.cwm_start
def test_it():
    results = []
    thread = threading.Thread(target=work, args=(results,))
    thread.start()
    thread.join()
    assert results == [1]
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "distributed"])
def test_each_thread_is_a_trace_of_the_report(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(test_suite=SUITE)
    flags = ("--cwm-mode=none", "--cwm-report=out.json", *workers)
    pytester.runpytest(*flags, "--cwm-threads=all").assert_outcomes(passed=1)
    tests = json.loads((pytester.path / "out.json").read_text())["tests"]
    assert [test["nodeid"] for test in tests] == ["test_suite.py::test_it", "test_suite.py::test_it [thread 1]"]
    assert [test["entry"] for test in tests] == ["test_suite.py:8", "test_suite.py:4"]
    pytester.runpytest(*flags)
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    assert test["nodeid"] == "test_suite.py::test_it"


def test_a_choice_of_threads_that_there_is_not_is_refused(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--cwm-trace", "--cwm-threads=some")
    result.stderr.fnmatch_lines(["*--cwm-threads: 'some' is none of test, all"])
