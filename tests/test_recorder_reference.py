"""The recorder against golden traces, and against a slow recorder that is obviously right."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import golden
from cwm_tracer import wire
from cwm_tracer.model import Context, Ending, Event, Frame, Trace
from cwm_tracer.recorder import Recording
from strategies import programs

FILE = "program.py"
Step = tuple[str, int, Any]


def _without_addresses(text: str) -> str:
    return re.sub(" at 0x[0-9a-f]+", "", text)


def _repr(value: object) -> str:
    try:
        return _without_addresses(repr(value))
    except Exception:
        return f"<{type(value).__qualname__} object>"


def _definition_lines(source: str) -> dict[int, int]:
    """The `def` or `class` line of each decorated definition by its first decorator's."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            found[decorators[0].lineno] = node.lineno  # type: ignore[attr-defined]
    return found


def _naive(source: str, limit: int) -> list[Step]:
    """Run the `main` of a program and take the repr of everything at every event of its file, module bodies aside."""
    definitions = _definition_lines(source)
    steps: list[Step] = []
    end = 0  # after the entry has returned for good, dropped generators may still be closed

    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        nonlocal end
        if frame.f_code.co_filename != FILE or len(steps) >= limit:
            return None
        line = definitions.get(frame.f_lineno, frame.f_lineno) if event == "call" else frame.f_lineno
        if event in ("call", "line"):
            steps.append((event, line, {name: _repr(value) for name, value in frame.f_locals.items()}))
        elif event == "return":
            steps.append((event, line, _repr(arg)))
            end = len(steps) if frame.f_code is module.main.__code__ else end
        elif event == "exception":
            shown = ", ".join(map(_repr, arg[:2]))
            steps.append((event, line, f"({shown}, <traceback object>)"))
        return trace

    module = sys.modules["program"] = types.ModuleType("program")
    exec(compile(source, FILE, "exec"), module.__dict__)
    before = sys.gettrace()
    if inspect.iscoroutinefunction(module.main):
        asyncio.run(asyncio.sleep(0))
    sys.settrace(trace)
    try:
        result = module.main()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    except Exception:
        pass
    finally:
        sys.settrace(before)
    return steps[:end] if len(steps) < limit else steps


def _steps(recording: Recording) -> list[Step]:
    return [
        (frame.event.value, frame.line or 0, frame.argument if frame.locals is None else dict(frame.locals))
        for frame in recording.frames
    ]


def _in_order(steps: list[Step]) -> list[Any]:
    return [list(state.items()) if isinstance(state, dict) else state for _, _, state in steps]


def _assert_equal_to_naive(source: str) -> None:
    limit = 2_000
    expected = _naive(source, limit)
    recorded = _steps(golden.record(source, FILE, max_frames=limit))
    assert recorded == expected[: len(recorded)]
    assert len(recorded) == len(expected)
    if sys.version_info < (3, 13):  # where the interpreter itself shows names in the order of their binding
        assert _in_order(recorded) == _in_order(expected)


@pytest.mark.parametrize("program", golden.PROGRAMS, ids=lambda path: path.stem)
def test_a_program_has_its_golden_trace(program: Path) -> None:
    expected = golden.golden_of(program).read_text(encoding="utf-8")
    assert golden.text_of(program) == expected


@pytest.mark.parametrize("program", golden.PROGRAMS, ids=lambda path: path.stem)
def test_a_golden_trace_is_read_and_written_again_unchanged(program: Path) -> None:
    segments = wire.from_text(golden.golden_of(program).read_text(encoding="utf-8"))
    segments = [segment for segment in segments if segment != "\n"]
    decoded = wire.decode(segments)
    assert decoded.problems == ()
    assert decoded.ended
    assert wire.encode(Trace(decoded.frames, Context(""))) == segments


def test_no_golden_trace_is_left_without_its_program() -> None:
    stems = {program.stem for program in golden.PROGRAMS}
    assert {path.stem.partition("-")[0] for path in golden.FOLDER.glob("*.txt")} == stems


# `values.py` is about what a repr doesn't show.
@pytest.mark.parametrize(
    "program", [path for path in golden.PROGRAMS if path.stem != "values"], ids=lambda path: path.stem
)
def test_a_golden_program_is_recorded_as_the_naive_recorder_sees_it(program: Path) -> None:
    _assert_equal_to_naive(program.read_text(encoding="utf-8"))


@given(programs())
@settings(max_examples=150, deadline=None)
@example(
    "def main():\n    try:\n        x = [1 // 0 for _ in 'ab']\n"
    "    except ZeroDivisionError as error:\n        del error\n"
)
def test_any_program_is_recorded_as_the_naive_recorder_sees_it(source: str) -> None:
    _assert_equal_to_naive(source)


@given(programs(), st.integers(0, 40))
@settings(max_examples=50, deadline=None)
def test_a_bounded_recording_is_the_beginning_of_the_whole_one(source: str, limit: int) -> None:
    whole = golden.record(source, max_frames=2_000)
    part = golden.record(source, max_frames=limit)
    assert part.frames == whole.frames[:limit]
    assert (part.meta.ending is Ending.TRUNCATED) == (len(whole.frames) > limit)


@given(programs())
@settings(max_examples=75, deadline=None)
def test_scopes_number_the_calls_and_nest(source: str) -> None:
    recording = golden.record(source, max_frames=2_000)
    opened: list[int] = []
    calls = 0
    for frame in recording.frames:
        if frame.event is Event.CALL:
            opened.append(calls)
            calls += 1
        assert opened, "a frame outside of every scope"
        assert frame.scope == opened[-1]
        if frame.event is Event.RETURN:
            opened.pop()
    assert recording.meta.ending is not Ending.RETURNED or not opened


@given(programs())
@settings(max_examples=75, deadline=None)
def test_what_is_recorded_survives_the_wire(source: str) -> None:
    recording = golden.record(source, max_frames=500)
    segments = wire.encode(Trace(recording.frames, Context(""), recording.meta))
    decoded = wire.decode(segments)
    assert decoded.problems == ()
    assert list(_told(recording.frames)) == list(decoded.frames)


def _told(frames: tuple[Frame, ...]) -> Iterator[Frame]:
    return (Frame(frame.event, frame.source, frame.locals, frame.argument, frame.scope) for frame in frames)
