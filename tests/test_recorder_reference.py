"""The recorder against golden traces, and against a slow recorder that is obviously right."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import golden
import recorded
import recorder_corpus
from cwm_tracer import wire
from cwm_tracer.model import Context, Ending, Event, Frame, Trace
from cwm_tracer.recorder import Backend, Recording
from naive_recorder import Step, naive_steps
from recorded import BACKENDS, Program
from strategies import programs

LIMIT = 2_000
EXAMPLE = (
    "def main():\n    try:\n        x = [1 // 0 for _ in 'ab']\n"
    "    except ZeroDivisionError as error:\n        del error\n"
)


def _steps(recording: Recording) -> list[Step]:
    return [
        (
            frame.event.value,
            frame.line or 0,
            frame.scope,
            frame.argument if frame.locals is None else dict(frame.locals),
        )
        for frame in recording.frames
    ]


def _in_order(steps: list[Step]) -> list[Any]:
    return [list(state.items()) if isinstance(state, dict) else state for *_, state in steps]


def assert_equal_to_naive(source: str) -> None:
    expected = naive_steps(Program(source), LIMIT)
    recorded = _steps(Program(source).record(max_frames=LIMIT))
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
@pytest.mark.usefixtures("backend")
def test_a_golden_program_is_recorded_as_the_naive_recorder_sees_it(program: Path) -> None:
    assert_equal_to_naive(program.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", recorder_corpus.PROGRAMS)
def test_a_program_of_the_corpus_is_recorded_as_the_naive_recorder_sees_it(name: str, backend: str) -> None:
    if backend == "monitoring" and name in recorder_corpus.DISTURBED:
        pytest.skip("the naive recorder disturbs it, as any trace function does")
    assert_equal_to_naive(recorder_corpus.PROGRAMS[name])


# Not with the fixture: one set of examples is for all backends.
@given(programs(), st.sampled_from(BACKENDS))
@settings(max_examples=150)
@example(EXAMPLE, BACKENDS[0])
@example(EXAMPLE, BACKENDS[-1])
def test_any_program_is_recorded_as_the_naive_recorder_sees_it(source: str, backend: Backend) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded, "backend", backend)
        assert_equal_to_naive(source)


@given(programs(), st.integers(0, 40))
@settings(max_examples=50)
def test_a_bounded_recording_is_the_beginning_of_the_whole_one(source: str, limit: int) -> None:
    whole = golden.record(source, max_frames=2_000)
    part = golden.record(source, max_frames=limit)
    assert part.frames == whole.frames[:limit]
    assert (part.meta.ending is Ending.TRUNCATED) == (len(whole.frames) > limit)


@given(programs())
@settings(max_examples=75)
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
@settings(max_examples=75)
def test_what_is_recorded_survives_the_wire(source: str) -> None:
    recording = golden.record(source, max_frames=500)
    segments = wire.encode(Trace(recording.frames, Context(""), recording.meta))
    decoded = wire.decode(segments)
    assert decoded.problems == ()
    assert list(_told(recording.frames)) == list(decoded.frames)


def _told(frames: tuple[Frame, ...]) -> Iterator[Frame]:
    return (Frame(frame.event, frame.source, frame.locals, frame.argument, frame.scope) for frame in frames)
