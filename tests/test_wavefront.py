"""Chains of steps side by side: none overtakes the one before it, what fails surfaces, nothing is left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_server.wavefront import Chain, Wavefront

FRONTS = {threads: Wavefront(threads) for threads in (1, 2, 3, 5)}


def chain(number: int, steps: int, log: list[tuple[int, int]], pause: Callable[[int, int], None]) -> Chain[str]:
    for step in range(steps):
        pause(number, step)
        log.append((number, step))
        yield
        assert all((before, step) in log for before in range(number))
    return f"chain {number}"


def within(seconds: float, call: Callable[[], object]) -> object:
    """What a call returns or raises; it must end."""
    outcome: list[object] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, "it hangs"
    return outcome[0]


@pytest.mark.parametrize("threads", FRONTS)
@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 7), steps=st.integers(0, 6), slow=st.integers(0, 6), seed=st.integers(0, 9))
def test_a_step_comes_after_that_of_every_chain_before(threads, count, steps, slow, seed):
    log: list[tuple[int, int]] = []

    def pause(number: int, step: int) -> None:
        if number == slow or (number + step) % 7 == seed:
            time.sleep(0.0005)

    answers = within(20, lambda: FRONTS[threads].run([chain(number, steps, log, pause) for number in range(count)]))
    assert answers == [f"chain {number}" for number in range(count)]
    assert sorted(log) == [(number, step) for number in range(count) for step in range(steps)]


def test_chains_run_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)

    def waiting() -> Chain[int]:
        yield
        meeting.wait()
        return threading.get_ident()

    assert len(set(FRONTS[3].run([waiting() for _ in range(3)]))) == 3
    with pytest.raises(threading.BrokenBarrierError):
        FRONTS[1].run([impatient(meeting)])


def impatient(meeting: threading.Barrier) -> Chain[None]:
    yield
    meeting.wait(0.01)


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("threads", FRONTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_a_chain_raises_is_raised_when_none_runs_any_more(threads, error, data):
    count, steps = data.draw(st.integers(1, 6)), 4
    failing, place = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, steps - 1))
    running = set()

    def watched(number: int) -> Iterator[None]:
        running.add(number)
        try:
            for step in range(steps):
                if (number, step) == (failing, place):
                    raise error(f"chain {number}")
                time.sleep(0.0002)
                yield
        finally:
            running.discard(number)

    outcome = within(20, lambda: FRONTS[threads].run([watched(number) for number in range(count)]))
    assert isinstance(outcome, error)
    assert str(outcome) == f"chain {failing}"
    assert not running
    assert within(20, lambda: FRONTS[threads].run([chain(0, 2, [], lambda *_: None)])) == ["chain 0"]


def test_runs_of_several_threads_do_not_wait_for_each_others_helpers():
    front, log = Wavefront(2), list[tuple[int, int]]()
    first_runs, go_on = threading.Event(), threading.Event()

    def held() -> Chain[str]:
        yield
        first_runs.set()
        go_on.wait(20)
        return "held"

    # One helper is all there is, and the first run has it.
    first = threading.Thread(target=lambda: log.append((len(front.run([held(), held()])), 0)), daemon=True)
    first.start()
    assert first_runs.wait(10)
    assert within(10, lambda: front.run([chain(number, 3, [], lambda *_: None) for number in range(3)]))
    go_on.set()
    first.join(10)
    assert log == [(2, 0)]
