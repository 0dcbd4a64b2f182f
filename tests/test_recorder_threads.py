"""Other threads and processes."""

from __future__ import annotations

import os
import sys
import threading
import types
from typing import Any

import pytest

from cwm_tracer.model import Ending
from recorded import Program, calls, record, states, steps

pytestmark = pytest.mark.usefixtures("backend")


def test_a_thread_started_by_the_entry_is_neither_recorded_nor_disturbed() -> None:
    recording = record("""
        import sys
        import threading

        def work(results):
            results.append(2)

        def main():
            results = [1]
            thread = threading.Thread(target=work, args=(results,))
            thread.start()
            thread.join()
            return results
    """)
    assert calls(recording) == ["def main():"]
    assert recording.frames[-1].argument == "[1, 2]"


def test_a_generator_that_other_threads_resume_is_recorded_where_the_test_runs_it() -> None:
    recording = record("""
        import _thread
        import time

        def count():
            for number in range(6):
                yield number

        def take(generator, results):
            results.append(next(generator))

        def elsewhere(function, *arguments):
            done = []
            _thread.start_new_thread(lambda: (function(*arguments), done.append(1)), ())
            while not done:
                time.sleep(0.001)

        def main():
            results = []
            generator = count()
            take(generator, results)
            elsewhere(next, generator)
            elsewhere(take, generator, results)
            _thread.start_new_thread(generator.__next__, ())
            time.sleep(0.05)
            take(generator, results)
            return results
    """)
    assert recording.frames[-1].argument == "[0, 2, 4]"
    assert calls(recording).count("def take(generator, results):") == 2
    assert [state.get("number") for state in states(recording, "yield number")] == ["0", "4"]


WORKERS = """
    import threading
    from concurrent.futures import ThreadPoolExecutor

    def work(n):
        total = 0
        for i in range(n):
            total += i
        return total

    def main():
        results = []
        threads = [threading.Thread(target=lambda n=n: results.append(work(n))) for n in (1, 2)]
        for thread in threads:
            thread.start()
            thread.join()
        with ThreadPoolExecutor(1) as pool:
            results += pool.map(work, [3, 4])
        return results
"""


def test_every_thread_has_recordings_of_its_own_if_asked_for() -> None:
    recording = record(WORKERS, threads="all")
    assert recording.thread == ""
    assert "def work(n):" not in calls(recording)
    assert recording.frames[-1].argument == "[0, 1, 3, 6]"
    assert [other.thread for other in recording.others] == ["thread 1", "thread 2", "thread 3", "thread 3, call 2"]
    assert [other.meta.ending for other in recording.others] == [Ending.RETURNED] * 4
    assert [other.frames[-1].argument for other in recording.others] == ["None", "None", "3", "6"]
    assert [other.entry for other in recording.others][2:] == [("program.py", 4)] * 2
    assert [state["total"] for state in states(recording.others[2], "for i in range(n):")] == ["0", "0", "1", "3"]
    assert [frame.scope for frame in recording.others[0].frames][:4] == [0, 0, 1, 1]


def test_a_thread_that_outlives_the_entry_is_cut_off() -> None:
    program = Program("""
        import threading

        go, gone = threading.Event(), threading.Event()

        def work():
            gone.set()
            go.wait(60)
            return "late"

        def main():
            thread = threading.Thread(target=work)
            thread.start()
            gone.wait(60)
            return thread
    """)
    recorder = program.recorder(threads="all")
    recorder.start()
    try:
        thread = program.run()
    finally:
        recording = recorder.stop()
        program.module.go.set()
    thread.join(60)
    (other,) = recording.others
    assert other.meta.ending is Ending.OPEN
    assert other.note == "the thread was still running when the trace of the test ended"
    assert steps(other)[-1] == "line go.wait(60)"


def test_all_threads_share_the_budget_of_the_test() -> None:
    recording = record(WORKERS, threads="all", max_frames=12)
    assert sum(len(other.frames) for other in recording.others) <= 12


def test_threads_that_run_at_once_do_not_mix() -> None:
    program = Program("""
        import threading

        def work(n, barrier, results):
            barrier.wait(60)
            mine = []
            for i in range(200):
                mine.append((n, i))
            results[n] = mine == [(n, i) for i in range(200)]

        def main():
            barrier, results = threading.Barrier(4), {}
            threads = [threading.Thread(target=work, args=(n, barrier, results)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            return sorted(results.items())
    """)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        recording = program.record(threads="all", max_frames=100_000)
    finally:
        sys.setswitchinterval(interval)
    assert recording.frames[-1].argument == "[(0, True), (1, True), (2, True), (3, True)]"
    assert len(recording.others) == 4
    for other in recording.others:
        assert other.meta.ending is Ending.RETURNED
        numbers = {frame.locals["n"] for frame in other.frames if frame.locals and "n" in frame.locals}
        assert len(numbers) == 1


def test_trace_functions_for_new_threads_see_what_they_saw_and_are_put_back(backend: str) -> None:
    def seen_by(recorded: bool) -> list[Any]:
        seen: list[Any] = []

        def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
            if frame.f_code.co_filename == Program.file:
                seen.append((event, frame.f_lineno))
            return trace

        program = Program(WORKERS)
        before = threading.gettrace()
        threading.settrace(trace)
        try:
            if recorded:
                assert program.record(threads="all").others
            else:
                program.run()
            assert threading.gettrace() is trace
        finally:
            threading.settrace(before)  # type: ignore[arg-type]
        return seen

    assert seen_by(True) == seen_by(False) != []


def test_a_child_process_is_not_recorded_and_the_parent_goes_on() -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    recording = record("""
        import os

        class Thing:
            def __repr__(self):
                return "Thing()"

        def main():
            thing = Thing()
            pid = os.fork()
            if pid == 0:
                os._exit(7)
            status = os.waitpid(pid, 0)[1]
            return os.waitstatus_to_exitcode(status)
    """)
    assert steps(recording)[-1].endswith("-> 7")
