"""Lines of source: where a predicted frame stands, though a model names only the line's text."""

from __future__ import annotations

from dataclasses import replace

from cwm_tracer.model import Context, Event, Frame
from pytest_cwm.debugger.source_map import SourceMap, Walk
from pytest_cwm.debugger.timeline import Timeline
from scripted_predictor import ScriptedPredictor, record

DUPLICATES = """\
class A:
    def run(self, n):
        total = 0
        for i in range(n):
            total += i
        return total

class B:
    def run(self, n):
        total = 0
        for i in range(n):
            total += i
        for i in range(n):
            total += i
        return total

def pick(flag, n):
    if flag:
        n += 1
        m = n
    else:
        n -= 1
        n += 1
        m = n
    n += 1
    return m

def numbers(n):
    i = 0
    while True:
        if i == n:
            return
        yield i
        i += 1

def more(n):
    i = 0
    while True:
        if i == n:
            return
        yield i
        i += 1

def careful(x):
    try:
        y = 1 // x
        z = 0
    except ZeroDivisionError:
        z = 0
    finally:
        y = 2
        z = 0
    try:
        y = 1 // x
        z = 0
    except ValueError:
        z = 0
    except ZeroDivisionError:
        z = 0
    return [
        y,
        z,
    ]

def deep(n):
    if n == 0:
        return 0
    def inner(k):
        return deep(k)
    return inner(n - 1)

def other(n):
    def inner(k):
        return deep(k)
    return inner(n)

def kind(x):
    match x:
        case 0:
            n = 1
            m = 1
        case 1:
            n = 1
            m = 1
        case _:
            m = 1
    return m

@staticmethod
def nothing(x):
    with open(__import__("os").devnull) as file:
        y = x
    y = x
    while y:
        y -= 1
        if y == 2:
            continue
        if y == 1:
            break
    else:
        y -= 1
    y -= 1
    return sorted([x, y], key=lambda v: -v)

def f(n):  # << START_OF_TRACE
    a = A()
    b = B()
    x = a.run(n) + b.run(n)
    x = [v for v in (1, 2)]
    x = pick(True, n) + pick(False, n)
    x = [v for v in (1, 2)]
    x = list(numbers(n)) + list(more(n))
    x = careful(0), careful(1)
    x = deep(2), other(1)
    x = [kind(k) for k in range(3)]
    x = nothing.__func__(5)
    x = b.run(1)
    return x
"""


def test_duplicate_lines_map_to_where_they_really_ran() -> None:
    """The recorder's line numbers are the truth; the frames' text is all that the map is shown."""
    trace = record(DUPLICATES, lambda names: names["f"](3))
    assert len(trace.frames) > 150
    source, walk = SourceMap(trace.context), Walk()
    for index, frame in enumerate(trace.frames):
        walk, spot = source.follow(walk, replace(frame, file=None, line=None))
        assert (index, frame.event, spot.line) == (index, frame.event, frame.line), frame
    assert walk.scopes == ()


def test_duplicate_methods_are_told_apart_by_their_receiver() -> None:
    trace = record(DUPLICATES, lambda names: names["f"](1))
    timeline = Timeline(trace.context, ScriptedPredictor(trace.frames), given=trace.frames[:1])
    found = []
    while timeline.step().frames:
        if timeline.frame.source == "    def run(self, n):\n":
            found.append((timeline.function, timeline.line))
    assert found == [("run", 2), ("run", 9), ("run", 9)]


def lines_of(text: str, *frames: Frame) -> list[int | None]:
    source, walk, lines = SourceMap(Context(text)), Walk(), []
    for frame in frames:
        walk, spot = source.follow(walk, frame)
        lines.append(spot.line)
    return lines


def test_the_start_marker_is_stripped_as_a_suffix_and_not_as_a_set_of_characters() -> None:
    text = "def f():  # << START_OF_TRACE\n    x = CAT\n    x =\n"
    assert lines_of(
        text,
        Frame(Event.CALL, "def f():\n", {}),
        Frame(Event.LINE, "    x = CAT\n", {}),
        Frame(Event.LINE, "    x =\n", {}),
    ) == [1, 2, 3]
    assert lines_of(text, Frame(Event.CALL, "def f():  # << START_OF_TRACE\n", {})) == [1]


def test_a_form_feed_or_another_exotic_line_break_splits_no_line() -> None:
    text = "def g():\n    pass\n\x0c\ndef f():  # << START_OF_TRACE\n    s = '\x0b\x1c\x85\u2028'\n    return s\n"
    assert lines_of(
        text,
        Frame(Event.CALL, "def f():\n", {}),
        Frame(Event.LINE, "    s = '\x0b\x1c\x85\u2028'\n", {}),
        Frame(Event.LINE, "    return s\n", {}),
    ) == [4, 5, 6]


def test_a_line_that_is_not_in_the_source_has_no_number() -> None:
    text = "def f(a):  # << START_OF_TRACE\n    b = a\n    return b\n"
    call = Frame(Event.CALL, "def f(a):\n", {"a": "1"})
    lie, line = Frame(Event.LINE, "    b = a + 1\n", {"a": "1"}), Frame(Event.LINE, "    return b\n", {"a": "1"})
    assert lines_of(text, call, lie, line) == [1, None, 3]


def test_a_call_of_a_function_that_is_not_in_the_source_has_a_name_but_no_line() -> None:
    source, frame = SourceMap(Context("def f():\n    pass\n")), Frame(Event.CALL, "    def helper(self):\n", {})
    _, spot = source.follow(Walk(), frame)
    assert (spot.line, spot.function) == (None, "helper")


def test_a_context_that_is_no_python_is_mapped_by_indentation() -> None:
    text = "def g(x):\n    return x\n\n    def h(x):\n        return x\n...(\ndef f(x):\n    return x\n"
    assert lines_of(
        text,
        Frame(Event.CALL, "def f(x):\n", {"x": "1"}),
        Frame(Event.LINE, "    return x\n", {"x": "1"}),
        Frame(Event.CALL, "def g(x):\n", {"x": "1"}),
        Frame(Event.LINE, "    return x\n", {"x": "1"}),
    ) == [7, 8, 1, 2]


def test_a_return_without_a_call_is_shown_and_breaks_nothing() -> None:
    text = "def f():\n    return 1\n"
    assert lines_of(text, Frame(Event.RETURN, "    return 1\n", argument="1"), Frame(Event.LINE, "def f():\n", {})) == [
        2,
        1,
    ]
