"""The program can't tell that it is recorded."""

from __future__ import annotations

import gc
import signal
import sys
from typing import Any

import pytest

from cwm_tracer.model import Ending, Event
from cwm_tracer.recorder import Entry
from recorded import PYTHON, TRACED, Program, calls, recorder_of, steps, untraced

pytestmark = pytest.mark.usefixtures("backend")


def test_a_keyboard_interrupt_passes_through() -> None:
    program = Program("""
        def main():
            raise KeyboardInterrupt
    """)
    recorder = program.recorder()
    recorder.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            program.run()
    finally:
        recording = recorder.stop()
    assert steps(recording, Event.EXCEPTION)[0].startswith("exception raise KeyboardInterrupt -> ")
    assert recording.meta.ending is Ending.RETURNED


@untraced
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, TimeoutError, pytest.fail.Exception])
def test_an_interrupt_at_any_moment_reaches_the_program(kind: type[BaseException]) -> None:
    def interrupt(*_: object) -> None:
        raise kind("interrupted")

    program = Program("""
        import time

        class Slow:
            def __repr__(self):
                return str(sum(range(500)))

        def main():
            x = [Slow() for _ in range(5)]
            given_up = time.monotonic() + 60
            while time.monotonic() < given_up:
                y = x
    """)

    def run_for(delay: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, delay)  # which may be over before the program has begun
        program.run()

    handler = signal.signal(signal.SIGALRM, interrupt)
    before = sys.gettrace()
    gc.disable()  # what is raised in somebody's callback of the collector (Hypothesis has one) reaches nobody
    try:
        for delay in (0.001, 0.003, 0.007, 0.011, 0.02):
            recorder = program.recorder(max_frames=10**9)
            recorder.start()
            with pytest.raises(kind, match="interrupted"):
                run_for(delay)
            recorder.stop()
            assert sys.gettrace() is before
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        gc.enable()


def test_what_a_program_prints_and_returns_is_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    program = Program(TRACED + "    \n    def noisy():\n        print(main())\n        return main()\n")
    expected = program.module.noisy()
    printed = capsys.readouterr()
    recorder = program.recorder("noisy")
    recorder.start()
    result = program.module.noisy()
    recorder.stop()
    assert result == expected
    assert capsys.readouterr() == printed


def test_a_fault_of_the_recorder_is_a_note_and_not_the_programs() -> None:
    program = Program("def main():\n    x = 1\n    return x\n")

    def broken(name: str) -> bool:
        raise LookupError("oops")

    code = compile("def main():\n    return helper()\ndef helper():\n    return 1\n", "other.py", "exec")
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    recorder = recorder_of(Entry(namespace["main"].__code__), broken)
    recorder.start()
    assert namespace["main"]() == 1
    recording = recorder.stop()
    assert recording.meta.ending is Ending.DISPLACED
    assert recording.note == "recording stopped by an internal error: LookupError: oops"
    assert program.record().meta.ending is Ending.RETURNED


@pytest.mark.parametrize(
    "body",
    [
        "for name, value in locals().items():\n            given = value",
        "for name in vars():\n            given = name",
        "held = locals()\n        given = 1\n        held.pop('n')\n        given = 2\n        return sorted(held)",
        # The name has a number that takes two bytes.
        f"n == 1 or ({' or '.join(map('v{}'.format, range(300)))})\n        for x in vars():\n            given = x",
    ],
)
def test_a_function_that_keeps_its_own_locals_is_not_disturbed(body: str, backend: str) -> None:
    program = Program(f"""
    def keeps(n):
        given = name = value = None
        {body}
        return given

    def main():
        x = keeps(1)
        return x
    """)
    expected = program.run()
    recorder = program.recorder()
    recorder.start()
    result = program.run()
    recording = recorder.stop()
    assert result == expected
    assert steps(recording)[-1] == f"return return x -> {expected!r}"
    if backend == "settrace" and PYTHON < (3, 13):
        assert recording.note == "keeps (program.py:1) is not recorded: a trace function would change its locals()"
        assert calls(recording) == ["def main():"]
    else:
        assert calls(recording) == ["def main():", "def keeps(n):"]


def test_an_entry_that_keeps_its_own_locals_is_not_recorded_where_that_would_disturb_it(backend: str) -> None:
    program = Program("""
        def main():
            a = b = None
            for a, b in locals().items():
                pass
            return a, b
    """)
    expected = program.run()
    recorder = program.recorder()
    recorder.start()
    assert program.run() == expected
    recording = recorder.stop()
    disturbed = backend == "settrace" and PYTHON < (3, 13)
    assert recording.meta.ending is (Ending.DISPLACED if disturbed else Ending.RETURNED)
    assert bool(recording.note) is disturbed
