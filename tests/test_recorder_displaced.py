"""Other trace functions: they see what they saw without us, and may take over."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from cwm_tracer.model import Ending
from recorded import TRACED, Program, calls, record, steps

pytestmark = pytest.mark.usefixtures("backend")


def _events_seen(program: Program, recorded: bool, tracer: Callable[..., Any]) -> list[Any]:
    """What a trace function that was there before sees of the program's frames."""
    seen: list[Any] = []
    before = sys.gettrace()
    recorder = program.recorder()
    sys.settrace(tracer(seen))
    try:
        if recorded:
            recorder.start()
        with contextlib.suppress(Exception):
            program.run()
        if recorded:
            assert recorder.stop().frames
    finally:
        sys.settrace(before)
    return [event for event in seen if event[1] == program.file]


def _follows_everything(seen: list[Any]) -> Callable[..., Any]:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append((event, frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno, repr(type(arg))))
        return trace

    return trace


def _follows_some_frames(seen: list[Any]) -> Callable[..., Any]:
    def local(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append(("local " + event, frame.f_code.co_filename, frame.f_lineno))
        return None

    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append((event, frame.f_code.co_filename, frame.f_code.co_name))
        return local if len(frame.f_code.co_name) % 2 else None

    return trace


def _changes_its_mind(seen: list[Any]) -> Callable[..., Any]:
    def second(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append(("second " + event, frame.f_code.co_filename, frame.f_lineno))
        if event == "exception":
            frame.f_trace = None
            return None
        return second

    def first(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append(("first " + event, frame.f_code.co_filename, frame.f_lineno))
        return second

    return first


def _wants_opcodes(seen: list[Any]) -> Callable[..., Any]:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        frame.f_trace_opcodes = True
        seen.append((event, frame.f_code.co_filename, frame.f_lasti))
        return trace

    return trace


def _takes_itself_away(seen: list[Any]) -> Callable[..., Any]:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append((event, frame.f_code.co_filename, frame.f_code.co_name))
        if len([event for event in seen if event[1] == Program.file]) > 3:
            sys.settrace(None)
            return None
        return None

    return trace


def _raises(seen: list[Any]) -> Callable[..., Any]:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append((event, frame.f_code.co_filename, frame.f_code.co_name))
        if frame.f_code.co_name == "helper":
            raise LookupError("the tracer's own")
        return trace

    return trace


@pytest.mark.parametrize(
    "tracer",
    [_follows_everything, _follows_some_frames, _changes_its_mind, _wants_opcodes, _takes_itself_away, _raises],
)
def test_a_previous_trace_function_sees_what_it_saw_without_us(tracer: Callable[..., Any]) -> None:
    program = Program(TRACED)
    _events_seen(program, False, tracer)  # 3.12 looks for those that want opcodes only when one is installed
    plain = _events_seen(program, False, tracer)
    assert len(plain) >= 4
    assert _events_seen(program, True, tracer) == plain


def test_a_previous_trace_function_is_put_back() -> None:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        return None

    program = Program("def main():\n    return 1\n")
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        program.record()
        assert sys.gettrace() is trace
        recorder = program.recorder(max_frames=1)
        recorder.start()
        program.run()
        assert sys.gettrace() is trace
        recorder.stop()
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


def test_a_program_that_sets_a_trace_function_keeps_it(backend: str) -> None:
    program = Program("""
        import sys

        seen = []

        def trace(frame, event, arg):
            seen.append(event)
            return trace

        def helper():
            return 1

        def main():
            sys.settrace(trace)
            return helper()
    """)
    before = sys.gettrace()
    recorder = program.recorder()
    recorder.start()
    program.run()
    recording = recorder.stop()
    left = sys.gettrace()
    sys.settrace(before)
    assert left is program.module.trace
    assert program.module.seen[:3] == ["call", "line", "return"]
    if backend == "monitoring":
        assert steps(recording)[-1] == "return return helper() -> 1"
        return
    assert recording.meta.ending is Ending.DISPLACED
    assert recording.note == "another tool took the trace function away; the trace ends there"
    assert steps(recording)[-1] == "line sys.settrace(trace)"


def test_a_gap_that_another_trace_function_may_have_left_is_told(backend: str) -> None:
    recording = record("""
        import sys

        def untraced(function):
            before = sys.gettrace()
            sys.settrace(None); result = function(); sys.settrace(before)
            return result

        def helper():
            return 1

        def main():
            return untraced(helper)
    """)
    assert recording.meta.ending is Ending.RETURNED
    if backend == "monitoring":  # nothing is missing
        assert "def helper():" in calls(recording)
        assert recording.note == ""
    else:
        assert "def helper():" not in calls(recording)
        assert recording.note == ("untraced (program.py:3) handles trace functions: what ran under another is missing")


def test_a_trace_function_set_for_a_while_ends_a_trace_that_needs_it_and_the_previous_one_is_put_back(
    backend: str,
) -> None:
    present = sys.gettrace()
    recording = record("""
        import sys

        def trace(frame, event, arg):
            return None

        def main():
            before = sys.gettrace()
            sys.settrace(trace)
            x = 1
            sys.settrace(before)
            return x
    """)
    assert sys.gettrace() is present
    if backend == "monitoring":
        assert recording.meta.ending is Ending.RETURNED
        assert steps(recording)[-1] == "return return x -> 1"
        return
    assert recording.meta.ending is Ending.DISPLACED
    assert steps(recording)[-1] == "line sys.settrace(trace)"


@pytest.mark.parametrize("library", [False, True], ids=["recorded", "library"])
def test_a_debugger_that_takes_over_ends_the_trace(library: bool) -> None:
    program = Program("""
        import bdb

        class Debugger(bdb.Bdb):
            lines = 0

            def user_line(self, frame):
                self.lines += 1
                helper()
                self.set_continue()

        def helper():
            return 1

        def stop_here():
            debugger = Debugger()
            debugger.set_trace()
            return debugger

        def main():
            x = 1
            debugger = stop_here()
            y = helper()
            return debugger.lines, y
    """)
    if library:
        stop_here = program.module.stop_here
        stop_here.__code__ = stop_here.__code__.replace(co_filename="library.py")
    before = sys.gettrace()
    expected = program.run()
    sys.settrace(before)  # the debugger leaves none, as it does without a recorder
    assert expected[0] > 0
    recorder = program.recorder()
    recorder.start()
    result = program.run()
    recording = recorder.stop()
    sys.settrace(before)
    assert result == expected
    assert recording.meta.ending is Ending.DISPLACED
    assert recording.note.endswith("the trace ends there")
    assert steps(recording)[-1] == ("line debugger = stop_here()" if library else "line debugger.set_trace()")
