"""Calls share one engine by turns: nobody starves, a short call does not wait for a long one, and no answer changes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from cwm_server.serving.turns import Turns

pytest.importorskip("torch")

from cwm_server.engine import CancelledError, Engine
from test_engine import MODEL, VOCABULARY


class Clock:
    """Goes on only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Worker(threading.Thread):
    """A call that works in steps of some seconds each, and notes its name in `order` at every step."""

    def __init__(self, turns: Turns, clock: Clock, name: str, steps: int, order: list[str], seconds: float) -> None:
        super().__init__(name=name, daemon=True)
        self.turn = turns.turn(name)
        self._work = (clock, steps, order, seconds)

    def run(self) -> None:
        clock, steps, order, seconds = self._work
        self.turn.enter()
        for _ in range(steps):
            order.append(self.name)
            clock.now += seconds
            self.turn.offer()
        self.turn.leave()


def waiting(turns: Turns, count: int) -> None:
    """Wait until so many calls wait for their turns."""
    while len(turns._waiting) < count:
        time.sleep(0.001)


@pytest.fixture
def held():
    """Turns of which somebody has the first, until `release` is called."""
    clock = Clock()
    turns = Turns(slice_=1.0, clock=clock)
    first = turns.turn("holder")
    first.enter()
    return turns, clock, first.leave


def run(held: tuple[Turns, Clock, Callable[[], None]], *calls: tuple[str, int, float]) -> list[str]:
    turns, clock, release = held
    order: list[str] = []
    workers = []
    for count, (name, steps, seconds) in enumerate(calls, 1):
        workers.append(Worker(turns, clock, name, steps, order, seconds))
        workers[-1].start()
        waiting(turns, count)
    release()
    for worker in workers:
        worker.join(20)
        assert not worker.is_alive()
    return order


def test_short_calls_are_answered_in_the_order_they_came(held):
    assert run(held, ("a", 3, 0.1), ("b", 3, 0.1), ("c", 1, 0.1)) == list("aaabbbc")


def test_long_calls_share_the_time_by_slices(held):
    order = run(held, ("a", 40, 0.1), ("b", 40, 0.1))
    assert order != sorted(order)
    for place in range(0, 40, 20):
        assert abs(order[: place + 20].count("a") - order[: place + 20].count("b")) <= 20


def test_one_client_with_many_calls_gets_no_more_than_another_with_one(held):
    turns, clock, release = held
    order: list[str] = []
    workers = [Worker(turns, clock, name, 40, order, 0.25) for name in ("many", "many", "many", "one")]
    for count, worker in enumerate(workers, 1):
        worker.start()
        waiting(turns, count)
    release()
    for worker in workers:
        worker.join(20)
    end = max(place for place, name in enumerate(order) if name == "one")
    assert order[:end].count("many") <= order[:end].count("one") + 10


def test_who_comes_while_a_long_call_runs_is_next(held):
    turns, clock, release = held
    release()
    long = turns.turn("long")
    long.enter()
    clock.now += 50.0
    order: list[str] = []
    short = Worker(turns, clock, "short", 3, order, 0.1)
    short.start()
    waiting(turns, 1)
    long.offer()  # one step, and the short call has its turn
    assert order == ["short"] * 3
    long.leave()
    short.join(20)


@pytest.mark.parametrize("same", [True, False], ids=["of one client", "each of a new client"])
def test_a_stream_of_short_calls_starves_no_long_one(held, same):
    """Two streams, so that one of them always waits when the other has ended; new clients are put a slice ahead."""
    turns, clock, release = held
    order: list[str] = []
    over = threading.Event()

    def stream(name: str) -> None:
        for number in range(60):
            turn = turns.turn(name if same else f"{name} {number}")
            turn.enter()
            order.append("short")
            clock.now += 0.5
            turn.leave()
        over.set()

    def go_on() -> None:
        turn = turns.turn("long")
        turn.enter()
        while not over.is_set():
            order.append("long")
            clock.now += 0.5
            turn.offer()
        turn.leave()

    threads = [threading.Thread(target=stream, args=(name,), daemon=True) for name in ("one", "two")]
    threads.append(threading.Thread(target=go_on, daemon=True))
    for count, thread in enumerate(threads, 1):
        thread.start()
        waiting(turns, count)
    release()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    before = order[: 1 + max(place for place, name in enumerate(order[:90]) if name == "short")]
    assert before.count("long") >= before.count("short") / 4


def test_a_failing_call_gives_its_turn_back(held):
    turns, _, release = held
    release()
    turn = turns.turn("a")
    turn.enter()
    turn.leave()
    turn.leave()
    other = turns.turn("b")
    other.enter()
    other.leave()


@pytest.mark.parametrize("seed", range(6))
def test_answers_of_interleaved_calls_are_those_of_lone_ones(seed):
    """Every call gives way after each step of the model, to calls that begin with the same tokens."""
    chance = random.Random(seed)
    stem = [chance.randrange(VOCABULARY) for _ in range(40)]

    def prompt() -> list[int]:
        rest = [chance.randrange(VOCABULARY) for _ in range(chance.randrange(1, 20))]
        return stem[: chance.randrange(1, 41)] + rest

    calls: list[Callable[[Engine, Callable[[], bool]], object]] = []
    for _ in range(8):
        kind = chance.choice(("score", "one", "batch"))
        some = [prompt() for _ in range(3 if kind == "batch" else 1)]
        if kind == "score":
            calls.append(lambda engine, ask, ids=some[0]: engine.score(ids, 1, cancelled=ask).ranks)
        else:
            calls.append(lambda engine, ask, some=some: told(engine.generate(some, max_tokens=15, cancelled=ask)))
    expected = [call(Engine(MODEL, chunk=4), lambda: False) for call in calls]
    engine, turns = Engine(MODEL, chunk=4), Turns(slice_=0.0)
    given: list[object] = [None] * len(calls)
    switches = 0

    def work(index: int) -> None:
        turn = turns.turn(index)

        def ask() -> bool:
            nonlocal switches
            before = turn.number
            turn.offer()
            switches += turn.number != before
            return False

        turn.enter()
        try:
            given[index] = calls[index](engine, ask)
        finally:
            turn.leave()

    first = turns.turn("holder")
    first.enter()
    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(calls))]
    for count, thread in enumerate(threads, 1):
        thread.start()
        waiting(turns, count)
    first.leave()
    for thread in threads:
        thread.join(60)
    assert given == expected
    assert switches > 20


def told(answers: list) -> list[list[int]]:
    return [answer.ids for answer in answers]


def test_a_call_that_is_given_up_leaves_the_cache_usable():
    engine = Engine(MODEL, chunk=4)
    asked = 0

    def ask() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2]
    with pytest.raises(CancelledError):
        engine.generate([ids], max_tokens=20, cancelled=ask)
    again = engine.generate([ids], max_tokens=20)
    assert told(again) == told(Engine(MODEL).generate([ids], max_tokens=20))
    asked_tokens, found = engine.cache_use
    assert 0 < found < asked_tokens


def test_a_call_uses_what_another_one_that_is_not_finished_has_read():
    engine = Engine(MODEL, chunk=4)
    ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2]
    looked, found = [], []

    def ask() -> bool:
        if not looked and engine._prefixes.longest(ids[:8])[1] == 8:
            looked.append(True)
            before = engine.cache_use[1]
            engine.score(ids[:12], 9)
            found.append(engine.cache_use[1] - before)
        return False

    engine.score(ids, cancelled=ask)
    assert found == [8]
