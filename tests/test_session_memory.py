"""What a run keeps of its recordings: nothing that nobody needs, and the rest on disk."""

from __future__ import annotations

import threading
import tracemalloc
from typing import Any

import pytest

from cwm_tracer.model import Context, Ending, Event, Frame, Meta, Trace, Verification
from pytest_cwm import spool
from pytest_cwm.options import Settings
from pytest_cwm.recording import Recorded
from pytest_cwm.session import PredictionSession


def _recorded(number: int, frames: int = 500) -> Recorded:
    body = [Frame(Event.LINE, f"line {n}\n", {"n": str(n * number + 10**9)}, None, 0, "t.py", n) for n in range(frames)]
    return Recorded("t.py:1", Trace(tuple(body), Context("def f():\n"), Meta("3.11", Ending.RETURNED)))


class _Gate:
    """A predictor that waits until it may go on."""

    name = "gate"

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.asked: list[Trace] = []

    def verify(self, truth: Trace) -> Verification:
        self.opened.wait(20)
        self.asked.append(truth)
        return Verification((None,) * len(truth.frames))

    def close(self) -> None:
        pass


def _grown(session: PredictionSession, tests: range) -> int:
    tracemalloc.start()
    try:
        for number in tests:
            session.add(f"t.py::test_{number}", "passed", _recorded(number))
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_recordings_that_wait_for_a_predictor_wait_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY", 0)
    gate: Any = _Gate()
    session = PredictionSession(Settings(), lambda: gate)
    first, later = _grown(session, range(8)), _grown(session, range(8, 28))
    assert later < first / 2  # eight, of which five wait as they are, against twenty
    gate.opened.set()
    session.wait(20)
    assert gate.asked == [_recorded(number).trace for number in range(28)]
    session.close()


def test_recordings_that_nobody_predicts_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY", 0)
    session = PredictionSession(Settings(mode="none"), lambda: pytest.fail("nothing is to be predicted"))
    session.add("t.py::test_it", "passed", _recorded(1))
    assert session.pending() == 0
    assert _grown(session, range(2, 20)) < 2 * _grown(session, range(20, 22)) + 100_000
    assert session.report({}).tests.named("t.py::test_it").trace == _recorded(1).trace
    session.close()


def test_a_test_keeps_nothing_of_its_recording(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import gc

        def pytest_sessionfinish(session):
            from cwm_tracer.model import Frame
            from cwm_tracer.recorder.frames import RecordedFrames
            gc.collect()
            kept = [each for each in gc.get_objects() if type(each) in (Frame, RecordedFrames)]
            print("kept too much" if len(kept) > 5 else "kept the last test at most", len(kept))
        """
    )
    pytester.makepyfile(
        "import pytest\n\n@pytest.mark.parametrize('n', range(5))\ndef test_it(n):\n    m = n\n    assert m < 4\n"
    )
    result = pytester.runpytest_subprocess("--cwm-all", "--cwm-mode=none", "-s")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*kept the last test at most*"])
