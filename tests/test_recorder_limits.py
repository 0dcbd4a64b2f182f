"""The budget and the stack: where a recording stops, the program goes on."""

from __future__ import annotations

import sys
import time

import pytest

from cwm_tracer.model import Ending
from recorded import Program, untraced

pytestmark = pytest.mark.usefixtures("backend")


def test_the_budget_stops_the_recording_and_the_program_goes_on() -> None:
    program = Program("""
        import sys

        def main():
            for n in range(1000):
                pass
            return n, sys.gettrace(), sys._getframe().f_trace
    """)
    before = sys.gettrace()
    recorder = program.recorder(max_frames=20)
    recorder.start()
    try:
        n, trace, local = program.module.main()
    finally:
        recording = recorder.stop()
    assert n == 999
    assert trace is before
    assert local is None or before is not None
    assert len(recording.frames) == 20
    assert recording.meta.ending is Ending.TRUNCATED
    assert recording.note == "recording stopped at 20 frames"


@pytest.mark.parametrize("marked", [False, True])
@untraced
def test_beyond_the_budget_the_program_runs_at_its_own_speed(marked: bool) -> None:
    program = Program("""
        def main():
            total = 0
            for n in range(200_000):
                total += n
                if n % 2:
                    total -= 1
            return total

        def chosen():  # << START_OF_TRACE
            pass
    """)

    def seconds(recorded: bool) -> float:
        recorder = program.recorder(max_frames=50, marked=marked)
        if recorded:
            recorder.start()
        started = time.process_time()  # not slowed down by what else the machine does
        program.module.main()
        taken = time.process_time() - started
        if recorded:
            assert recorder.stop().meta.ending is Ending.TRUNCATED
        return taken

    plain = min(seconds(False) for _ in range(5))
    recorded = min(seconds(True) for _ in range(5))
    # Where a marked function may still be called, the interpreter goes on asking at each line whether to trace it.
    assert recorded < plain * (8 if marked else 2)


def test_a_literal_of_thousands_of_lines_is_recorded_line_by_line() -> None:
    lines = "".join(f"        'key {n}': len('{n}'),\n" for n in range(2_500))
    program = Program(f"def main():\n    table = {{\n{lines}    }}\n    return len(table)\n")
    frames = program.record(max_frames=20_000).frames
    assert frames[-1].argument == "2500"
    assert {frame.line for frame in frames} >= {*range(3, 2_503)}


@untraced
@pytest.mark.parametrize("library", [False, True], ids=["recorded", "library"])
@pytest.mark.parametrize("step", ["down(n)", "max(map(down, [n]))", "list(map(down, [n]))"])
def test_a_program_that_uses_up_the_stack_gets_its_error_at_the_same_depth(step: str, library: bool) -> None:
    program = Program(f"""
        deepest = 0

        def down(n):
            global deepest
            deepest = n = n + 1
            return {step}

        def main():
            try:
                down(0)
            except RecursionError:
                caught = True
            return caught
    """)
    if library:
        down = program.module.down
        down.__code__ = down.__code__.replace(co_filename="library.py")
    program.module.main()
    deepest = program.module.deepest
    recorder = program.recorder()
    recorder.start()
    program.module.main()
    recording = recorder.stop()
    # Recursion through C code may leave the recorder no level on which to notice that the stack is nearly full.
    assert deepest - program.module.deepest <= (3 if "map" in step else 0)
    assert recording.meta.ending in (Ending.DISPLACED, Ending.RETURNED)
    if recording.meta.ending is Ending.DISPLACED:
        assert recording.note in (
            "recording stopped where the program had used up the stack",
            "the trace function was dropped, by the program or for want of stack; the trace ends there",
        )
