"""Generators and coroutines: what is a call, what is a return, and when the entry has ended."""

from __future__ import annotations

import pytest

from cwm_tracer.model import Ending, Event
from recorded import Program, calls, record, states, steps

pytestmark = pytest.mark.usefixtures("backend")


def test_each_generator_has_its_own_binding_order() -> None:
    # A generator that was dropped leaves its address to the next one.
    recording = record("""
        def steps(flag):
            if flag:
                b = 1
            a = 2
            b = 3
            yield a

        def main():
            for flag in [True, False] * 5:
                next(steps(flag))
    """)
    orders = [list(state) for state in states(recording, "yield a")]
    assert orders == [["flag", "b", "a"], ["flag", "a", "b"]] * 5


def test_resuming_a_generator_is_a_call_with_its_state() -> None:
    recording = record("""
        def count():
            n = 0
            while True:
                yield n
                n += 1

        def main():
            counter = count()
            next(counter)
            return next(counter)
    """)
    resumed = [frame for frame in recording.frames if frame.event is Event.CALL][-1]
    assert resumed.source == "        yield n\n"
    assert resumed.locals == {"n": "0"}
    assert resumed.scope == 2
    assert steps(recording, Event.RETURN)[:2] == ["return yield n -> 0", "return yield n -> 1"]


def test_a_value_sent_to_a_generator_is_seen() -> None:
    recording = record("""
        def echo():
            x = yield
            return x

        def main():
            g = echo()
            g.send(None)
            try:
                g.send(5)
            except StopIteration as stop:
                return stop.value
    """)
    assert states(recording, "return x") == [{"x": "5"}]
    assert steps(recording)[-1] == "return return stop.value -> 5"


def test_an_exception_thrown_into_a_generator_leaves_it() -> None:
    recording = record("""
        def wait():
            yield 1

        def main():
            g = wait()
            next(g)
            try:
                g.throw(KeyError("k"))
            except KeyError:
                return "caught"
    """)
    assert steps(recording)[-1] == "return return \"caught\" -> 'caught'"
    thrown = "yield 1 -> (<class 'KeyError'>, KeyError('k'), <traceback object>)"
    assert f"exception {thrown}" in steps(recording)


def test_a_generator_that_is_the_entry_is_recorded_to_its_end() -> None:
    # On 3.12 and later the end of the inlined comprehension's iterator is an exception on the line of a yield.
    program = Program("""
        class Ends:
            def __iter__(self):
                return self

            def __next__(self):
                raise StopIteration

        def gen():
            yield [1 for _ in Ends()]
            yield 2

        def main():
            return list(gen())
    """)
    recording = program.record("gen")
    assert recording.meta.ending is Ending.RETURNED
    assert "return yield 2 -> 2" in steps(recording)
    assert steps(recording)[-1] == "return yield 2 -> None"


def test_a_generator_expression_is_a_scope() -> None:
    recording = record("""
        def main():
            return sum(x for x in (1, 2))
    """)
    assert len(calls(recording)) == 4  # it is resumed twice


def test_a_coroutine_goes_on_after_its_awaits() -> None:
    recording = record("""
        import asyncio

        async def work(n):
            await asyncio.sleep(0)
            return n

        async def main():
            first = await asyncio.gather(work(1), work(2))
            second = await work(3)
            async with asyncio.Lock() as lock:
                last = first + [second]
            return last
    """)
    assert steps(recording)[-1] == "return return last -> [1, 2, 3]"
    assert recording.meta.ending is Ending.RETURNED
    assert [frame.locals["n"] for frame in recording.frames if frame.source.strip() == "return n" and frame.locals] == [
        "1",
        "2",
        "3",
    ]


def test_two_awaits_on_a_line_do_not_end_the_entry() -> None:
    # The first raises StopIteration into the line that the second suspends on.
    recording = record("""
        class Once:
            def __await__(self):
                return iter([])

        class Twice:
            def __await__(self):
                yield

        async def main():
            both = (await Once(), await Twice())
            return both
    """)
    assert steps(recording)[-1] == "return return both -> (None, None)"


def test_an_entry_still_running_at_the_end_is_open() -> None:
    program = Program("""
        def main():
            yield 1
    """)
    recorder = program.recorder()
    recorder.start()
    generator = program.module.main()
    next(generator)
    recording = recorder.stop()
    assert recording.meta.ending is Ending.OPEN
    assert steps(recording)[-1] == "return yield 1 -> 1"
    generator.close()
