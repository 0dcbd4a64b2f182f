"""The two backends side by side: the same frames, but for differences that are explained here."""

from __future__ import annotations

import dataclasses
import sys

import pytest
from hypothesis import given, settings

import golden
import recorded
import recorder_corpus
from cwm_tracer.model import Frame
from cwm_tracer.recorder import Recording
from recorded import BACKENDS, Program, record
from strategies import programs

if len(BACKENDS) < 2:
    pytest.skip("sys.monitoring is there from 3.12 on", allow_module_level=True)


def both(source: str) -> list[Recording]:
    """The recordings of a program by `sys.settrace` and by `sys.monitoring`."""
    recordings = []
    for backend in BACKENDS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recorded, "backend", backend)
            recordings.append(record(source, max_frames=2_000))
    return recordings


def _assert_same(source: str) -> None:
    one, other = both(source)
    assert list(one.frames) == list(other.frames)
    assert [_order(frame) for frame in one.frames] == [_order(frame) for frame in other.frames]
    assert dataclasses.replace(one, frames=(), sources=other.sources) == dataclasses.replace(other, frames=())


def _order(frame: Frame) -> list[str] | None:
    return None if frame.locals is None else list(frame.locals)


@pytest.mark.parametrize("name", [name for name in recorder_corpus.PROGRAMS if name not in recorder_corpus.DISTURBED])
def test_both_record_the_same_of_a_program_of_the_corpus(name: str) -> None:
    _assert_same(recorder_corpus.PROGRAMS[name])


@pytest.mark.parametrize("program", golden.PROGRAMS, ids=lambda path: path.stem)
def test_both_record_the_same_of_a_golden_program(program: golden.Path) -> None:
    _assert_same(program.read_text(encoding="utf-8"))


@given(programs())
@settings(max_examples=75)
def test_both_record_the_same_of_any_program(source: str) -> None:
    _assert_same(source)


# The differences that remain.


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="from 3.13 on neither changes anything")
def test_what_a_trace_function_keeps_alive_dies_on_time_under_monitoring() -> None:
    source = """
        class Thing:
            def __init__(self, log):
                self.log = log

            def __del__(self):
                self.log.append("dead")

        def main():
            log = []
            thing = Thing(log)
            thing = None; alive = not log
            return alive
    """
    assert [recording.frames[-1].argument for recording in both(source)] == ["True", "False"]
    program = Program(source)
    assert program.run() is False


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="from 3.13 on nothing has to be avoided")
@pytest.mark.parametrize("unbinds", ["del number", "[number for number in range(2)]"])
def test_what_dies_on_time_does_so_at_every_call(unbinds: str) -> None:
    source = f"""
        class Thing:
            def __init__(self, log):
                self.log = log

            def __del__(self):
                self.log.append("dead")

        def is_late():
            log = []
            thing = late = None
            number = 1
            {unbinds}
            thing = Thing(log)
            thing = None; late = not log
            return late

        def main():
            return is_late(), is_late(), is_late()
    """
    assert both(source)[1].frames[-1].argument == "(False, False, False)"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="from 3.13 on nothing has to be avoided")
def test_a_loop_over_locals_runs_at_every_call_under_monitoring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "backend", BACKENDS[1])
    recording = record("""
        def names():
            found = 0
            number = 1
            del number
            for name, value in locals().items():
                found += 1
            return found

        def main():
            return names() == names() == names()
    """)
    assert recording.frames[-1].argument == "True"
