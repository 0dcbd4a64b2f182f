"""What is recorded of a program: calls, lines, returns and their scopes."""

from __future__ import annotations

import pytest

from cwm_tracer.model import Ending, Event, Frame
from recorded import PYTHON, calls, record, states, steps

pytestmark = pytest.mark.usefixtures("backend")


def test_a_function_is_recorded_from_its_call_to_its_return() -> None:
    recording = record("""
        def main(x=1):
            y = x + 1
            return y
    """)
    first, *_, last = recording.frames
    assert steps(recording) == ["call def main(x=1):", "line y = x + 1", "line return y", "return return y -> 2"]
    assert first == Frame(Event.CALL, "def main(x=1):\n", {"x": "1"}, None, 0, "program.py", 1)
    assert last == Frame(Event.RETURN, "    return y\n", None, "2", 0, "program.py", 3)
    assert recording.entry == ("program.py", 1)
    assert recording.note == ""
    assert recording.meta.ending is Ending.RETURNED
    assert recording.meta.python == f"{PYTHON[0]}.{PYTHON[1]}"
    assert recording.meta.producer == "recorder"


def test_scopes_are_numbered_in_the_order_of_the_calls() -> None:
    recording = record("""
        def f():
            return 1

        def main():
            f()
            return f()
    """)
    assert [frame.scope for frame in recording.frames] == [0, 0, 1, 1, 1, 0, 2, 2, 2, 0]


def test_recursion_opens_a_scope_for_each_call() -> None:
    recording = record("""
        def main(n=2):
            if n:
                n = main(n - 1)
            return n
    """)
    assert [frame.scope for frame in recording.frames if frame.event is Event.CALL] == [0, 1, 2]
    assert [frame.scope for frame in recording.frames if frame.event is Event.RETURN] == [2, 1, 0]
    assert steps(recording, Event.RETURN) == ["return return n -> 0"] * 3


def test_a_class_body_inside_a_function_is_a_scope() -> None:
    recording = record("""
        def main():
            class Point:
                x = 1
                y = x + 1
            return Point.y
    """)
    assert calls(recording) == ["def main():", "class Point:"]
    (state,) = states(recording, "y = x + 1")
    assert state["x"] == "1"
    assert state["__qualname__"] == "'main.<locals>.Point'"


def test_a_lambda_is_a_scope() -> None:
    recording = record("""
        def main():
            return (lambda x: x + 1)(2)
    """)
    assert len(calls(recording)) == 2
    assert recording.frames[2].locals == {"x": "2"}


@pytest.mark.skipif(PYTHON >= (3, 12), reason="comprehensions are inlined from 3.12 on")
def test_a_comprehension_is_a_scope_up_to_3_11() -> None:
    recording = record("""
        def main():
            return [x for x in list("ab")]
    """)
    assert [frame.locals for frame in recording.frames if frame.scope == 1 and frame.locals is not None] == [
        {".0": "<list_iterator object>"},
        {".0": "<list_iterator object>"},
        {".0": "<list_iterator object>", "x": "'a'"},
        {".0": "<list_iterator object>", "x": "'b'"},
    ]


def test_the_call_of_a_decorated_function_stands_on_its_def_line() -> None:
    recording = record("""
        import functools

        def same(function):
            return function

        @same
        @functools.lru_cache(
            maxsize=None
        )
        # a comment
        def cached(x):
            return x

        @same
        def main():
            return cached(1)
    """)
    assert calls(recording) == ["def main():", "def cached(x):"]
    assert recording.entry == ("program.py", 15)
    assert [frame.line for frame in recording.frames if frame.event is Event.CALL] == [15, 11]


def test_a_statement_of_several_lines_is_recorded_line_by_line() -> None:
    recording = record("""
        def main():
            x = [
                len("a"),
                len("b"),
            ]
            return x
    """)
    assert steps(recording)[1:4] == ['line len("a"),', 'line len("b"),', "line x = ["]
