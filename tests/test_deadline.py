"""The bound on a call's time: it holds, and leaves nothing behind."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable

import pytest

from cwm_tracer.deadline import Deadline, DeadlineExceeded

SECONDS = 0.05


def _loops(_: object) -> None:
    while True:
        pass


def _sleeps(_: object) -> None:
    while True:
        time.sleep(0.001)


def _swallows(_: object) -> None:
    while True:
        try:
            for _ in iter(int, 1):
                pass
        except BaseException:  # noqa: PERF203
            pass


def _swallows_in_its_handler(_: object) -> None:
    while True:
        try:
            for _ in iter(int, 1):
                pass
        except BaseException:  # noqa: PERF203
            try:
                for _ in iter(int, 1):
                    pass
            except BaseException:
                continue


def _never_leaves_its_finally(_: object) -> None:
    while True:
        try:
            for _ in iter(int, 1):
                pass
        finally:
            continue


def _swallows_deep_down(_: object) -> None:
    def inner() -> None:
        while True:
            try:
                while True:
                    sum(range(50))
            except BaseException:  # noqa: PERF203
                pass

    while True:
        try:  # noqa: SIM105
            inner()
        except BaseException:  # noqa: PERF203
            pass


STUBBORN = [
    _loops,
    _sleeps,
    _swallows,
    _swallows_in_its_handler,
    _never_leaves_its_finally,
    pytest.param(
        _swallows_deep_down,
        marks=pytest.mark.skipif(
            sys.version_info[:2] == (3, 12), reason="3.12 takes an exception at a jump back for one in the block before"
        ),
    ),
]


def test_a_quick_call_returns_its_value() -> None:
    assert Deadline(SECONDS).call(len, "abc") == 3


def test_an_exception_of_the_call_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        Deadline(SECONDS).call(lambda x: 1 // x, 0)


@pytest.mark.parametrize("function", STUBBORN)
def test_a_call_that_takes_too_long_is_interrupted(function: Callable[[object], None]) -> None:
    deadline = Deadline(SECONDS)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        deadline.call(function, None)
    assert SECONDS <= time.monotonic() - started < 60
    assert deadline.call(len, "abc") == 3


def test_a_call_in_another_thread_is_interrupted() -> None:
    outcome: list[str] = []

    def work() -> None:
        try:
            Deadline(SECONDS).call(_loops, None)
        except DeadlineExceeded:
            outcome.append("interrupted")
        for _ in range(1000):
            pass
        outcome.append("and nothing more")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert outcome == ["interrupted", "and nothing more"]


def test_the_interruption_is_no_exception_that_much_code_catches() -> None:
    assert not issubclass(DeadlineExceeded, Exception)


def test_a_call_cleans_up_before_it_is_interrupted_again() -> None:
    cleaned: list[int] = []

    def careful(_: object) -> None:
        try:
            _loops(None)
        finally:
            for _ in range(1000):
                pass
            cleaned.append(1)

    for _ in range(20):  # on a busy machine the time can be over before the call has begun
        with pytest.raises(DeadlineExceeded):
            Deadline(SECONDS).call(careful, None)
        if cleaned:
            break
    assert cleaned == [1]


untraced = pytest.mark.skipif(
    sys.gettrace() is not None, reason="the deadline is for trace functions: in one, nobody else traces its code"
)


@untraced
@pytest.mark.parametrize("seconds", [0.0, 1e-6, 1e-4, 1e-3])
def test_no_interruption_reaches_the_code_after_the_call(seconds: float) -> None:
    deadline = Deadline(seconds)
    end = time.monotonic() + 0.5
    interrupted = returned = 0
    while time.monotonic() < end or interrupted + returned <= 10:
        try:
            deadline.call(_spins, 20)
            returned += 1
        except DeadlineExceeded:
            interrupted += 1
        _spins(20)  # an exception that is left over is raised here


@untraced
@pytest.mark.parametrize("seconds", [1e-4, 1e-3])
def test_no_interruption_reaches_other_threads_code_after_the_call(seconds: float) -> None:
    faults: list[BaseException] = []

    def work() -> None:
        try:
            test_no_interruption_reaches_the_code_after_the_call(seconds)
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert faults == []


def _spins(times: int) -> None:
    for _ in range(times):
        sum(range(20))


def test_a_call_that_swallows_the_interruption_and_returns_has_returned() -> None:
    def persuaded(_: object) -> str:
        with contextlib.suppress(BaseException):
            _loops(None)
        return "done"

    assert Deadline(SECONDS).call(persuaded, None) == "done"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
def test_a_keyboard_interrupt_leaves_no_deadline_behind() -> None:
    deadline = Deadline(SECONDS)

    def run_for(delay: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, delay)
        try:
            deadline.call(_loops, None)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    handler = signal.signal(signal.SIGALRM, lambda *_: signal.default_int_handler(signal.SIGINT, None))
    try:
        for delay in (0.001, 0.005, 0.02):
            for _ in range(100):  # on a busy machine the deadline may be there first
                with pytest.raises((KeyboardInterrupt, DeadlineExceeded)) as raised:
                    run_for(delay)
                if raised.type is KeyboardInterrupt:
                    break
            assert raised.type is KeyboardInterrupt
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    _wait(lambda: False, 3 * SECONDS)


def _wait(until: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        for _ in range(1000):
            pass


def test_the_watchdog_is_no_thread_of_the_users_and_ends_when_it_is_not_needed() -> None:
    before = _thread._count()
    deadline = Deadline(0.01)
    deadline.call(len, "")
    assert threading.active_count() == len(threading.enumerate())
    assert not any("atch" in thread.name for thread in threading.enumerate())
    _wait(lambda: _thread._count() <= before, 60)
    assert _thread._count() <= before
    assert deadline.call(len, "ab") == 2


def test_replacing_the_clock_does_not_stop_the_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(DeadlineExceeded):
        Deadline(SECONDS).call(_loops, None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_does_not_warn_of_the_watchdog_and_the_child_has_one_of_its_own() -> None:
    # In a process of its own, which has no other threads.
    script = """
        import os, warnings
        from cwm_tracer.deadline import Deadline, DeadlineExceeded

        def loops(_):
            while True:
                pass

        warnings.simplefilter("error")
        deadline = Deadline(0.05)
        for _ in range(5):
            deadline.call(len, "")
            pid = os.fork()
            if pid == 0:
                try:
                    deadline.call(loops, None)
                except DeadlineExceeded:
                    os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        try:
            deadline.call(loops, None)
        except DeadlineExceeded:
            print("interrupted")
    """
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout == "interrupted\n"


def test_a_process_with_a_watchdog_ends_without_a_word() -> None:
    path = os.pathsep.join(sys.path)
    script = "from cwm_tracer.deadline import Deadline; Deadline(0.01).call(len, '')"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_thread_to_be_had_a_call_goes_without_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    deadline = Deadline(0.01)
    assert deadline.call(lambda x: time.sleep(0.05) or x, 1) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert deadline.call(len, "a") == 1
