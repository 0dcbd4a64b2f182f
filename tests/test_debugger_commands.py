"""The debugger's command line: what it prints for each command, on pipes and in a terminal."""

from __future__ import annotations

import io
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from cwm_tracer.model import Choice, Event, Frame, Problem, ProblemKind, Trace
from pytest_cwm.debugger.commands import run_debugger
from pytest_cwm.debugger.timeline import Timeline
from pytest_cwm.predictors.base import PredictionError
from scripted_predictor import ScriptedPredictor, record, record_strawberry

SUM = """\
def g(x):
    y = x * 2
    return y

def f(a):  # << START_OF_TRACE
    total = g(a)
    total += 1
    return total
"""


def session(timeline: Timeline, *commands: str, encoding: str = "utf-8") -> str:
    """All that a session prints, the prompts included, when these lines are piped in."""
    raw = io.BytesIO()
    stdout = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    run_debugger(timeline, io.StringIO("".join(f"{each}\n" for each in commands)), stdout)
    return raw.getvalue().decode(encoding)


def answers(timeline: Timeline, *commands: str) -> list[str]:
    """What each command printed, the start first."""
    return [each.rstrip("\n") for each in session(timeline, *commands, "quit").split("(cwm) ")[:-1]]


def strawberry(**options: object) -> Timeline:
    trace = record_strawberry()
    return Timeline(trace.context, ScriptedPredictor(trace.frames), **options)


def sum_trace() -> Trace:
    return record(SUM, lambda names: names["f"](3))


def beside_truth(**acts: Frame | Choice | BaseException) -> Timeline:
    """`f(3)` predicted beside its real trace; `at_4=frame` replaces the prediction of frame 4."""
    trace = sum_trace()
    predictor = ScriptedPredictor(trace.frames, {int(name[3:]): [act] for name, act in acts.items()})
    return Timeline(trace.context, predictor, given=trace.frames[:1], truth=trace)


def wrong_y() -> Frame:
    return replace(sum_trace().frames[4], locals={"x": "3", "y": "7"}, file=None, line=None)


def test_the_strawberry_example_runs_as_its_readme_shows() -> None:
    printed = answers(strawberry(), "print", "reset", "print", "reset", "print", "reset", "print")
    assert all("-> def f(c):\n" in f"{each}\n" for each in printed[::2])
    letters = [re.fullmatch(r"c = '(\w)'", each)[1] for each in printed[1::2]]
    assert len(letters) == 4
    assert all(one != other for one, other in pairwise(letters))


def test_a_session_from_the_call_to_the_end_and_back() -> None:
    assert session(strawberry(), "s", "n", "s", "n", "n", "out", "print", "step", "p num", "o", "s", "b", "b", "q") == (
        "> strawberry.py(18)f()  call, depth 1\n-> def f(c):\n"
        '(cwm) > strawberry.py(19)f()  line, depth 1\n-> word = "strawberry"\n'
        "(cwm) > strawberry.py(20)f()  line, depth 1\n-> num = count_letters(word, c)\n"
        "(cwm) > strawberry.py(1)count_letters()  call, depth 2\n-> def count_letters(s, letter):\n"
        "(cwm) > strawberry.py(2)count_letters()  line, depth 2\n-> n = 0\n"
        "(cwm) > strawberry.py(3)count_letters()  line, depth 2\n-> for c in s:\n"
        "(cwm) > strawberry.py(5)count_letters()  return, depth 2\n-> return n\n   returned 3\n"
        "(cwm) s = 'strawberry'\nletter = 'r'\nn = 3\nc = 'y'\n"
        "(cwm) > strawberry.py(21)f()  line, depth 1\n-> ans = format_answer(word, c, num)\n"
        "(cwm) num = 3\n"
        "(cwm) > strawberry.py(22)f()  return, depth 1\n-> return ans\n"
        "   returned 'Found 0003 occurrences of the letter r in strawberry'\n"
        "-- the predicted trace ends here --\n"
        "(cwm) > strawberry.py(22)f()  return, depth 1\n-> return ans\n"
        "   returned 'Found 0003 occurrences of the letter r in strawberry'\n"
        "-- the predicted trace ends here --\n"
        "(cwm) > strawberry.py(21)f()  line, depth 1\n-> ans = format_answer(word, c, num)\n"
        "(cwm) > strawberry.py(5)count_letters()  return, depth 2\n-> return n\n   returned 3\n"
        "(cwm) "
    )


@pytest.mark.parametrize(
    "names",
    [("s", "step"), ("n", "next"), ("o", "out", "r", "return"), ("p", "print"), ("l", "list"), ("h", "help", "?")],
)
def test_abbreviations_do_what_the_command_does(names: tuple[str, ...]) -> None:
    assert len({answers(strawberry(), name)[1] for name in names}) == 1


@pytest.mark.parametrize("name", ["q", "quit", "exit", "EOF"])
def test_these_commands_leave(name: str) -> None:
    assert session(strawberry(), name, "step").count("(cwm) ") == 1


def test_the_end_of_input_leaves() -> None:
    assert session(strawberry()).endswith("(cwm) \n")


def test_an_empty_line_repeats_the_last_command() -> None:
    assert answers(strawberry(), "step", "") == answers(strawberry(), "step", "step")


def test_back_at_the_start_says_so() -> None:
    assert answers(strawberry(), "b")[1] == "*** nothing to undo"


def test_an_unknown_command_is_one_line() -> None:
    assert answers(strawberry(), "__import__('os')", "x\x1b[2J")[1:] == [
        "*** no command `__import__('os')`; help lists them",
        "*** no command `x\\x1b[2J`; help lists them",
    ]


def test_help_names_every_command_and_its_abbreviations() -> None:
    everything = answers(strawberry(), "help")[1]
    for name in ("step", "next", "out", "back", "print", "reset", "list", "diff", "help", "quit"):
        assert re.search(rf"^{name} ", everything, re.MULTILINE)
    assert (
        answers(strawberry(), "help n")[1] == "next   (n)             go to the next frame of this function, over calls"
    )
    assert answers(strawberry(), "help me")[1] == "*** no command `me`"


def test_print_of_an_unknown_name_says_so() -> None:
    assert answers(strawberry(), "print zebra")[1] == "*** no local `zebra` here"


def test_a_long_value_is_cut_in_the_table_and_whole_by_name() -> None:
    timeline = beside_truth(at_1=Frame(Event.LINE, "    total = g(a)\n", {"a": "'" + "x" * 400 + "'"}))
    table, whole = answers(timeline, "s", "p", "p a")[2:]
    assert "(+202 characters)" in table
    assert whole.startswith("a = '" + "x" * 400 + "'")


def test_list_marks_the_predicted_line() -> None:
    assert answers(strawberry(), "s", "n", "l")[3] == (
        "     strawberry.py\n"
        "  15        ]\n"
        '  16        return " ".join(parts)\n'
        "  17\n"
        "  18    def f(c):\n"
        '  19        word = "strawberry"\n'
        "  20 ->     num = count_letters(word, c)\n"
        "  21        ans = format_answer(word, c, num)\n"
        "  22        return ans"
    )


def test_list_marks_the_real_line_too_where_it_is_another() -> None:
    wrong = Frame(Event.LINE, "    return total\n", {"a": "3", "total": "6"})
    printed = answers(beside_truth(at_6=wrong), "s", "n", "l")
    assert printed[2] == (
        "> program.py(8)f()  line, depth 1\n-> return total\n!= really: line program.py(7) `total += 1`"
    )
    assert printed[3] == (
        "     program.py\n"
        "   3        return y\n"
        "   4\n"
        "   5    def f(a):\n"
        "   6        total = g(a)\n"
        "   7  *     total += 1\n"
        "   8 ->     return total\n"
        "     (-> predicted, * real)"
    )


def test_a_wrong_value_is_marked_in_one_line_and_shown_by_print_and_diff() -> None:
    printed = answers(beside_truth(at_4=wrong_y()), *"ssss", "print", "print y", "diff")
    assert printed[4].splitlines()[-1] == "!= really: y = 6 (predicted 7)"
    assert printed[5] == "x = 3\ny = 7  != really 6"
    assert printed[6] == "y = 7  != really 6"
    assert printed[7] == "  y = 6 (predicted 7)"


def test_what_follows_a_wrong_value_says_how_it_was_aligned() -> None:
    wrong = replace(sum_trace().frames[5], argument="7", file=None, line=None)
    printed = answers(beside_truth(at_4=wrong_y(), at_5=wrong), *"sssss", "diff")
    assert printed[5].splitlines()[-1] == "!= really: returned 6 (aligned by place: the traces parted at frame 4)"
    assert printed[6].splitlines() == [
        "aligned by place, a best effort: the traces parted at frame 4",
        "predicted: return program.py(3) `return y`, returned 7",
        "really:    return program.py(3) `return y`, returned 6",
        "  y = 6 (predicted 7)",
    ]


def test_a_predicted_exception_that_never_happened_is_shown_beside_what_did() -> None:
    raised = Frame(
        Event.EXCEPTION, "    y = x * 2\n", argument="(<class 'TypeError'>, TypeError(), <traceback object>)"
    )
    printed = answers(beside_truth(at_4=raised), *"ssss")
    assert printed[4].splitlines() == [
        "> program.py(2)g()  exception, depth 2",
        "-> y = x * 2",
        "   raised TypeError()",
        "!= really: line program.py(3) `return y`",
    ]


def test_a_trace_that_is_predicted_to_end_early_says_that_it_really_goes_on() -> None:
    printed = answers(beside_truth(at_3=Choice(None, ended=True)), *"sss")
    assert printed[3].splitlines()[-1] == "-- the predicted trace ends here -- really it goes on"


def test_diff_without_a_recorded_trace_and_without_a_difference_says_so() -> None:
    assert answers(strawberry(), "diff")[1] == "no recorded trace beside this one"
    assert answers(beside_truth(), "diff")[1] == "no difference here"


def test_a_line_that_is_not_in_the_source_is_shown_as_such() -> None:
    printed = answers(beside_truth(at_1=Frame(Event.LINE, "    b = imagined()\n", {"a": "3"})), "s", "l")
    assert printed[1].splitlines()[:2] == ["> <not in the source>f()  line, depth 1", "-> b = imagined()"]
    assert printed[2].splitlines()[0] == "-> b = imagined()  (no line of the source)"
    assert "   6  *     total = g(a)" in printed[2].splitlines()


# Failures.


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (PredictionError("http://gpu:8000: HTTP 500\ntwo lines"), "*** http://gpu:8000: HTTP 500 two lines"),
        (
            Choice(None, (Problem(ProblemKind.UNKNOWN_EVENT, 1, "\x1b[31m"),)),
            "*** the model's text for frame 1 is no frame (unknown event: \\x1b[31m); try again to sample another",
        ),
        (KeyboardInterrupt(), "*** interrupted; the position is unchanged"),
    ],
)
def test_a_failure_is_one_line_and_the_session_goes_on(failure: Choice | BaseException, said: str) -> None:
    printed = answers(beside_truth(at_1=failure), "s", "s")
    assert printed[1] == said
    assert printed[2].splitlines()[-1] == "-> total = g(a)"


def test_a_session_whose_first_frame_fails_can_be_started_again() -> None:
    trace = record_strawberry()
    timeline = Timeline(trace.context, ScriptedPredictor(trace.frames, {0: [PredictionError("no server")]}))
    printed = answers(timeline, "l", "p", "diff", "b", "reset")
    assert printed[0] == "*** no server"
    assert printed[1] == "no frame yet: reset asks the model for the entry's call"
    assert printed[5].endswith("-> def f(c):")


def test_the_bound_of_a_move_is_said() -> None:
    timeline = beside_truth()
    timeline.max_frames = 3
    assert (
        answers(timeline, "out")[1].splitlines()[-1] == "*** stopped after 3 frames, the most that one command predicts"
    )


# Untrusted text.


def test_no_control_character_of_a_model_reaches_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202e\ud800\r\n"
    frame = Frame(Event.LINE, f"    {evil}\n", {f"n{evil}": evil, "a": "3"})
    back = Frame(Event.RETURN, f"{evil}", argument=evil)
    printed = session(beside_truth(at_1=frame, at_2=back), "s", "p", f"p n{evil}", "diff", "l", "s", "diff", "l")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", printed)
    assert "\\x1b]0;owned\\x07" in printed


def test_a_terminal_that_cannot_show_a_character_gets_an_escape() -> None:
    frame = Frame(Event.LINE, "    total = g(a)\n", {"a": "'é'"})
    assert "a = '\\xe9'" in session(beside_truth(at_1=frame), "s", "p", encoding="ascii")


# A real terminal.

PROGRAM = """\
import sys, time
sys.path[:0] = {paths!r}
from scripted_predictor import ScriptedPredictor, record_strawberry
from pytest_cwm.debugger.commands import run_debugger
from pytest_cwm.debugger.timeline import Timeline

class Slow(ScriptedPredictor):
    def next_frame(self, context, prefix, **options):
        if len(prefix) == 3:
            print("asked", flush=True)
            time.sleep(60)
        return super().next_frame(context, prefix, **options)

trace = record_strawberry()
run_debugger(Timeline(trace.context, Slow(trace.frames)))
print("left")
"""


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, program: str) -> None:
        import pty

        self._fd, inner = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # may be ignored where we run
            env={**os.environ, "TERM": "dumb"},
        )
        os.close(inner)
        self._seen = ""

    def send(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def expect(self, text: str, interrupting: bool = False, seconds: float = 60) -> str:
        """What is printed up to and with `text`, pressing Ctrl-C until it comes if asked to.

        Once is not enough: readline misses a signal that arrives between printing its prompt and waiting for input.
        """
        until = time.monotonic() + seconds
        interrupt = time.monotonic() if interrupting else until
        while text not in self._seen:
            assert time.monotonic() < until, f"no {text!r} in {self._seen!r}"
            if time.monotonic() >= interrupt:
                os.killpg(self._process.pid, signal.SIGINT)
                interrupt += 0.5
            ready, _, _ = select.select([self._fd], [], [], 0.1)
            if ready:
                self._seen += os.read(self._fd, 65536).decode().replace("\r\n", "\n")
        before, _, self._seen = self._seen.partition(text)
        return before + text

    def close(self) -> int:
        os.close(self._fd)
        try:
            return self._process.wait(60)
        finally:
            self._process.kill()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    pytest.importorskip("pty")
    paths = [str(Path(__file__).parent), *(path for path in sys.path if path)]
    opened = Terminal(PROGRAM.format(paths=paths))
    yield opened
    opened.close()


def test_a_session_in_a_terminal(terminal: Terminal) -> None:
    assert "-> def f(c):" in terminal.expect("(cwm) ")
    terminal.send("step\n")
    assert '-> word = "strawberry"' in terminal.expect("(cwm) ")
    terminal.send("\n")
    assert "-> num = count_letters(word, c)" in terminal.expect("(cwm) ")
    terminal.send("next\n")
    terminal.expect("asked")
    terminal.expect("*** interrupted; the position is unchanged", interrupting=True)
    terminal.expect("(cwm) ")
    terminal.send("print word\n")
    assert "word = 'strawberry'" in terminal.expect("(cwm) ")
    terminal.expect("interrupted; quit leaves", interrupting=True)
    terminal.expect("(cwm) ")
    terminal.send("\x04")
    terminal.expect("left")
