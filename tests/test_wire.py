"""The wire format: traces survive it, and whatever a model says is read with its faults named."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import call, line, raised, returned, trace
from cwm_tracer import wire
from cwm_tracer.model import Ending, Event, Frame, Meta, ProblemKind, Trace
from cwm_tracer.wire import START, START_MARKER, Decoded, Segment, Special
from strategies import STREAMS, TEXT, mutations, traces

OPEN = Meta("3.11", Ending.OPEN)
GOOD = trace(
    call("def f(x):", x=1),
    line("    y = g(x)", x=1),
    call("def g(a):", 1, a=1),
    line("    return 1 // a", 1, a=1),
    returned("    return 1 // a", 1, 1),
    line("    return y", x=1, y=1),
    returned("    return y", 1),
)


def _kinds(decoded: Decoded) -> list[ProblemKind]:
    return [problem.kind for problem in decoded.problems]


def _read(text: str) -> Decoded:
    return wire.decode(wire.from_text(text))


def _is_whole(decoded: Decoded) -> bool:
    """Whether every frame has what a frame must have, read or not."""
    for frame in decoded.frames:
        stateful = frame.event in (Event.CALL, Event.LINE)
        texts = [frame.source, *(frame.locals or {}), *(frame.locals or {}).values(), frame.argument or ""]
        if (frame.locals is None) == stateful or (frame.argument is None) != stateful:
            return False
        if not all(isinstance(text, str) for text in texts):
            return False
    return True


# -- what goes out comes back


@given(traces())
def test_decoding_gives_back_what_was_encoded(original: Trace) -> None:
    segments = wire.encode(original)
    decoded = wire.decode(segments)
    assert decoded.problems == ()
    assert decoded.frames == tuple(original.frames)
    assert [list(frame.locals or {}) for frame in decoded.frames] == [
        list(frame.locals or {}) for frame in original.frames
    ]
    assert decoded.ended == (original.meta.ending is Ending.RETURNED)
    assert decoded.cursor == wire.advance(original.frames)


@given(traces())
def test_encoding_gives_back_the_canonical_text_that_was_decoded(original: Trace) -> None:
    segments = wire.encode(original)
    decoded = wire.decode(segments)
    again = Trace(decoded.frames, original.context, original.meta)
    assert wire.encode(again) == segments


@given(traces(), st.data())
def test_a_trace_can_be_read_in_parts(original: Trace, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(original.frames)))
    cuts = [len(wire.encode(Trace(original.frames[:end], original.context, OPEN))) for end in (at, None)]
    segments = wire.encode(Trace(original.frames, original.context, OPEN))
    assert cuts[1] == len(segments)
    head = wire.decode(segments[: cuts[0]])
    rest = wire.decode(segments[cuts[0] :], head.cursor)
    assert rest.problems == ()
    assert head.frames + rest.frames == tuple(original.frames)


@given(traces(), st.data())
def test_after_forgetting_every_value_is_written_again(original: Trace, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(original.frames)))
    cursor = wire.advance(original.frames[:at])
    for frame in original.frames[at : at + 1]:
        segments = wire.encode_frame(frame, cursor.forgetting())
        assert wire.decode(segments, cursor.forgetting()).frames == (frame,)
        if frame.locals is not None:
            assert segments[1] == json.dumps(frame.locals)


@given(STREAMS)
def test_text_gives_back_the_segments_it_was_written_from(stream: list[Segment]) -> None:
    joined: list[Segment] = []
    for segment in stream:
        if isinstance(segment, str):  # a special spelled in text can't be told from a real one
            segment = segment.replace("|", "")
            if joined and isinstance(joined[-1], str):
                joined[-1] += segment
                continue
        if segment:
            joined.append(segment)
    assert wire.from_text(wire.to_text(joined)) == joined


def test_a_special_in_a_source_or_a_value_stays_text() -> None:
    literal = "<|frame_sep|><|end_of_text|>"
    original = trace(call(f"def f(x):  # {literal}", x=literal), returned(f"    return '{literal}'", literal))
    segments = wire.encode(original)
    assert segments.count(Special.FRAME) == 2
    assert wire.decode(segments).frames == tuple(original.frames)


def test_the_context_stands_between_its_own_special_and_a_frame_separator() -> None:
    assert wire.encode_context("def f(): ...\n") == [
        Special.BEGIN,
        Special.CONTEXT,
        "def f(): ...\n",
        Special.FRAME,
    ]


def test_a_frame_looks_like_the_published_format() -> None:
    frames = call("def f(s):", s="é"), raised("    s.x", KeyError(1)), returned("    s.x")
    assert wire.to_text(wire.encode(trace(*frames))) == (
        '<|call_sep|>{"s": "\'\\u00e9\'"}<|action_sep|>def f(s):\n<|frame_sep|>'
        "<|exception_sep|><|action_sep|>    s.x\n"
        "<|arg_sep|>\"(<class 'KeyError'>, KeyError(1), <traceback object>)\"<|frame_sep|>"
        '<|return_sep|><|action_sep|>    s.x\n<|arg_sep|>"None"<|frame_sep|>'
        "<|end_of_text|>"
    )


def test_a_source_line_gets_the_newline_it_lacks() -> None:
    assert wire.encode_frame(Frame(Event.LINE, "x = 1", {}))[3] == "x = 1\n"


def test_code_without_source_stays_without() -> None:
    frame = Frame(Event.LINE, "", {})
    decoded = wire.decode(wire.encode_frame(frame))
    assert decoded.problems == ()
    assert decoded.frames == (frame,)


@pytest.mark.parametrize("ending", [Ending.TRUNCATED, Ending.OPEN, Ending.DISPLACED])
def test_only_a_trace_whose_entry_returned_has_an_end(ending: Ending) -> None:
    assert Special.END in wire.encode(GOOD)
    assert Special.END not in wire.encode(Trace(GOOD.frames, GOOD.context, Meta("3.11", ending)))


# -- the rules that the format's description leaves out


def _shown(*frames: Frame) -> list[Any]:
    """Of each call or line frame its locals as they are written; None for the others."""
    shown: list[Any] = []
    cursor = START
    for frame in frames:
        segments = wire.encode_frame(frame, cursor)
        shown.append(json.loads(str(segments[1])) if frame.locals is not None else None)
        cursor = cursor.after(frame)
    return shown


def test_the_first_line_after_a_call_is_all_unchanged() -> None:
    assert _shown(call("def f(x, y):", x=1, y=2), line("    pass", x=1, y=2))[1] == {"x": "..", "y": ".."}


def test_a_line_shows_what_changed_and_what_is_new() -> None:
    frames = [line("    x = 2", x=1, y=1), line("    pass", x=2, y=1, z=1)]
    assert _shown(call("def f(x, y):", x=1, y=1), *frames)[2] == {"x": "2", "y": "..", "z": "1"}


def test_a_deleted_variable_is_not_shown() -> None:
    assert _shown(call("def f(x, y):", x=1, y=1), line("    pass", y=1))[1] == {"y": ".."}


def test_a_call_shows_every_value_even_those_that_its_caller_has_under_the_same_name() -> None:
    shown = _shown(call("def f(x):", x=1), line("    g(x)", x=1), call("def g(x):", 1, x=1))
    assert shown[2] == {"x": "1"}


def test_a_caller_shows_every_value_after_its_callee_returned() -> None:
    shown = _shown(
        call("def f(x):", x=1),
        line("    g()", x=1),
        call("def g():", 1),
        returned("    pass", None, 1),
        line("    pass", x=1),
        line("    pass", x=1),
    )
    assert shown[4:] == [{"x": "1"}, {"x": ".."}]


def test_a_resumed_generator_shows_every_value() -> None:
    shown = _shown(
        call("def f():", g="<generator object g>"),
        call("def g(n):", 1, n=1),
        returned("    yield n", 1, 1),
        call("    yield n", 2, n=1),
        line("    n += 1", 2, n=1),
    )
    assert shown[3:] == [{"n": "1"}, {"n": ".."}]


def test_values_stay_unchanged_after_an_exception() -> None:
    shown = _shown(
        call("def f(x):", x=1), line("    x.y", x=1), raised("    x.y", AttributeError("y")), line("    pass", x=1)
    )
    assert shown[3] == {"x": ".."}


def test_a_caller_shows_every_value_after_its_callee_raised() -> None:
    shown = _shown(
        call("def f(x):", x=1),
        line("    g()", x=1),
        call("def g():", 1),
        raised("    1 / 0", ZeroDivisionError("division by zero"), 1),
        returned("    1 / 0", None, 1),
        raised("    g()", ZeroDivisionError("division by zero")),
        line("    pass", x=1),
    )
    assert shown[6] == {"x": "1"}


@pytest.mark.parametrize(
    ("source", "stripped"),
    [
        (f"def f():  {START_MARKER}\n", "def f():\n"),
        (f"def f():{START_MARKER}\n", "def f():\n"),
        (f"def f():\t {START_MARKER}  \t\n", "def f():\n"),
        (f"def f():  {START_MARKER}", "def f():"),
        (f"def f():  {START_MARKER}\r\n", "def f():\r\n"),
        (f"  {START_MARKER}\n", "\n"),
        ("x = CAT\n", "x = CAT\n"),
        ("x = START_OF_TRACE\n", "x = START_OF_TRACE\n"),
        ("x = 1  # <<\n", "x = 1  # <<\n"),
        ("x = 1  \n", "x = 1  \n"),
        (f"def f():  {START_MARKER} here\n", f"def f():  {START_MARKER} here\n"),
        (f"x = '{START_MARKER}'\n", f"x = '{START_MARKER}'\n"),
        ("", ""),
    ],
)
def test_the_start_marker_is_stripped_only_as_a_suffix(source: str, stripped: str) -> None:
    assert wire.strip_marker(source) == stripped


# -- faults


@given(STREAMS)
@settings(max_examples=200)
def test_arbitrary_segments_are_read_without_raising(stream: list[Segment]) -> None:
    decoded = wire.decode(stream)
    assert _is_whole(decoded)
    assert all(0 <= problem.frame <= len(decoded.frames) for problem in decoded.problems)


@given(st.lists(TEXT, max_size=6).map("".join))
def test_arbitrary_text_is_read_without_raising(text: str) -> None:
    assert _is_whole(_read(text))


@given(traces().map(wire.encode).flatmap(mutations))
@settings(max_examples=200)
def test_damaged_traces_are_read_without_raising(segments: list[Segment]) -> None:
    decoded = wire.decode(segments)
    assert _is_whole(decoded)
    assert len(decoded.frames) <= sum(isinstance(segment, Special) for segment in segments)


@given(traces().map(wire.encode).flatmap(mutations))
def test_what_is_read_without_a_problem_can_be_written_and_read_again(segments: list[Segment]) -> None:
    decoded = wire.decode(segments)
    if decoded.problems:
        return
    again = wire.decode(wire.encode(Trace(decoded.frames, GOOD.context, OPEN)))
    assert again.problems == ()
    assert [(frame.event, frame.source.rstrip("\n"), frame.locals, frame.argument) for frame in again.frames] == [
        (frame.event, frame.source.rstrip("\n"), frame.locals, frame.argument) for frame in decoded.frames
    ]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ('<|line_sep|>{"x"', [ProblemKind.TRUNCATED_FRAME]),
        ("<|line_sep|>{}<|action_sep|>x = 1\n", [ProblemKind.TRUNCATED_FRAME]),
        ("<|return_sep|><|action_sep|>return\n<|arg_sep|>", [ProblemKind.TRUNCATED_FRAME]),
        ("<|line_sep|>{}<|action_sep|>x\n<|end_of_text|>", [ProblemKind.TRUNCATED_FRAME]),
        ("<|line_sep|>{x}<|action_sep|>x\n<|frame_sep|>", [ProblemKind.INVALID_JSON]),
        ("<|line_sep|><|action_sep|>x\n<|frame_sep|>", [ProblemKind.INVALID_JSON]),
        ("<|line_sep|>[]<|action_sep|>x\n<|frame_sep|>", [ProblemKind.INVALID_JSON]),
        ('<|line_sep|>{"x": 1}<|action_sep|>x\n<|frame_sep|>', [ProblemKind.INVALID_JSON]),
        ('<|line_sep|>{"x": NaN}<|action_sep|>x\n<|frame_sep|>', [ProblemKind.INVALID_JSON]),
        ('<|line_sep|>{"x": "1", "x": "2"}<|action_sep|>x\n<|frame_sep|>', [ProblemKind.INVALID_JSON]),
        ('<|line_sep|>{"x": "\n"}<|action_sep|>x\n<|frame_sep|>', [ProblemKind.INVALID_JSON]),
        ("<|return_sep|><|action_sep|>x\n<|arg_sep|>None<|frame_sep|>", [ProblemKind.INVALID_JSON]),
        ("<|return_sep|><|action_sep|>x\n<|arg_sep|>1<|frame_sep|>", [ProblemKind.INVALID_JSON]),
        ('<|line_sep|>{"x": ".."}<|action_sep|>x\n<|frame_sep|>', [ProblemKind.UNRESOLVED_VALUE]),
        ('<|call_sep|>{"x": ".."}<|action_sep|>x\n<|frame_sep|>', [ProblemKind.UNRESOLVED_VALUE]),
        ("<|frame_sep|>", [ProblemKind.UNKNOWN_EVENT]),
        ("hello<|frame_sep|>", [ProblemKind.UNKNOWN_EVENT]),
        ("<|action_sep|>x\n<|frame_sep|>", [ProblemKind.UNKNOWN_EVENT]),
        ("<|begin_of_text|><|frame_sep|>", [ProblemKind.UNKNOWN_EVENT]),
        ("hello", [ProblemKind.TRUNCATED_FRAME, ProblemKind.UNKNOWN_EVENT]),
        ("<|line_sep|>{}<|frame_sep|>", [ProblemKind.MALFORMED_FRAME]),
        ('<|line_sep|>{}<|action_sep|>x\n<|arg_sep|>"1"<|frame_sep|>', [ProblemKind.MALFORMED_FRAME]),
        ("<|return_sep|><|action_sep|>x\n<|frame_sep|>", [ProblemKind.MALFORMED_FRAME]),
        ('<|return_sep|>{}<|action_sep|>x\n<|arg_sep|>"1"<|frame_sep|>', [ProblemKind.MALFORMED_FRAME]),
        ('<|return_sep|><|arg_sep|>"1"<|action_sep|>x\n<|frame_sep|>', [ProblemKind.MALFORMED_FRAME]),
        ("<|line_sep|>{}<|action_sep|>x\n<|action_sep|>y\n<|frame_sep|>", [ProblemKind.MALFORMED_FRAME]),
        ("<|line_sep|>{}<|line_sep|><|action_sep|>x\n<|frame_sep|>", [ProblemKind.MALFORMED_FRAME]),
        ("<|end_of_text|>more", [ProblemKind.TEXT_AFTER_END]),
        ("<|end_of_text|><|end_of_text|>", [ProblemKind.TEXT_AFTER_END]),
        ("<|end_of_text|>", []),
        ("", []),
    ],
)
def test_every_fault_has_a_name(text: str, kinds: list[ProblemKind]) -> None:
    assert _kinds(_read(text)) == kinds


def test_a_problem_says_which_frame_it_is_in_and_shows_what_was_said() -> None:
    good = "<|line_sep|>{}<|action_sep|>x\n<|frame_sep|>"
    bad = "<|line_sep|>{oops}<|action_sep|>x\n<|frame_sep|>"
    (problem,) = wire.decode(wire.from_text(good + bad), first=5).problems
    assert problem.frame == 6
    assert str(problem) == "invalid JSON: {oops}"


def test_what_a_problem_shows_is_short() -> None:
    (problem,) = _read(f"<|line_sep|>{{{'x' * 10_000}<|action_sep|>x\n<|frame_sep|>").problems
    assert len(str(problem)) < 120


def test_a_damaged_frame_is_kept_with_what_could_be_read() -> None:
    (frame,) = _read('<|line_sep|>{"x": 1, "y": "2"}<|action_sep|>    x = 1\n').frames
    assert frame == Frame(Event.LINE, "    x = 1\n", {"x": "1", "y": "2"})


def test_frames_after_a_damaged_one_are_read_on() -> None:
    text = wire.to_text(wire.encode(GOOD)).replace('{"a": ".."}', '{"a": ')
    decoded = _read(text)
    assert _kinds(decoded) == [ProblemKind.INVALID_JSON]
    assert [frame.event for frame in decoded.frames] == [frame.event for frame in GOOD.frames]
    assert decoded.frames[-1] == GOOD.frames[-1]
    assert decoded.ended


def test_an_unknown_event_costs_one_frame() -> None:
    decoded = _read("<|action_sep|>x\n<|frame_sep|><|line_sep|>{}<|action_sep|>y\n<|frame_sep|>")
    assert [frame.source for frame in decoded.frames] == ["y\n"]


def test_text_after_the_end_is_ignored_and_named_once() -> None:
    decoded = wire.decode([*wire.encode(GOOD), "", "more", *wire.encode(GOOD)])
    assert decoded.frames == tuple(GOOD.frames)
    assert decoded.ended
    assert [str(problem) for problem in decoded.problems] == ["text after the end: more"]


def test_the_last_of_two_values_counts() -> None:
    decoded = _read('<|line_sep|>{"x": "1", "x": "2"}<|action_sep|>x\n<|frame_sep|>')
    assert decoded.frames[0].locals == {"x": "2"}
    assert str(decoded.problems[0]) == "invalid JSON: 'x' stands there twice"


def test_more_returns_than_calls_are_read() -> None:
    decoded = wire.decode(wire.encode(trace(*[returned("x")] * 3, ending=Ending.OPEN)))
    assert decoded.problems == ()
    assert len(decoded.frames) == 3
    assert decoded.cursor.depth == 0


def test_the_locals_of_an_unreadable_frame_are_not_those_of_the_frame_before() -> None:
    decoded = _read(
        '<|call_sep|>{"x": "1"}<|action_sep|>f\n<|frame_sep|>'
        "<|line_sep|>{<|action_sep|>g\n<|frame_sep|>"
        '<|line_sep|>{"x": ".."}<|action_sep|>h\n<|frame_sep|>'
    )
    assert _kinds(decoded) == [ProblemKind.INVALID_JSON, ProblemKind.UNRESOLVED_VALUE]
    assert decoded.frames[2].locals == {"x": ".."}


# -- size


@pytest.mark.parametrize(
    "text",
    [
        '<|line_sep|>{"x": ' + "[" * 100_000 + "<|action_sep|>x\n<|frame_sep|>",
        '<|line_sep|>{"x": ' + "[" * 100_000 + "]" * 100_000 + "}<|action_sep|>x\n<|frame_sep|>",
        '<|line_sep|>{"x": ' + '{"x":' * 900 + "1" + "}" * 900 + "}<|action_sep|>x\n<|frame_sep|>",
        '<|line_sep|>{"x": ' + "9" * 100_000 + "}<|action_sep|>x\n<|frame_sep|>",
        "<|return_sep|><|action_sep|>x\n<|arg_sep|>" + "[" * 100_000 + "<|frame_sep|>",
        "<|return_sep|><|action_sep|>x\n<|arg_sep|>" + "9" * 100_000 + "<|frame_sep|>",
        '<|line_sep|>{"x": 1e999999}<|action_sep|>x\n<|frame_sep|>',
    ],
    ids=["open", "nested", "object", "integer", "argument", "argument-integer", "float"],
)
def test_extreme_json_is_a_problem_and_no_crash(text: str) -> None:
    assert set(_kinds(_read(text))) == {ProblemKind.INVALID_JSON}


@pytest.mark.parametrize(
    "make",
    [
        lambda n: ["x" * n],
        lambda n: [Special.LINE, "{", *["x"] * n, Special.ACTION, *["y"] * n, Special.FRAME],
        lambda n: [Special.LINE, json.dumps({"x": "y" * n}), Special.ACTION, " " * n + "\n", Special.FRAME],
        lambda n: [Special.LINE, *[Special.ARGUMENT] * n, Special.FRAME],
        lambda n: [Special.FRAME] * n,
        lambda n: [Special.END] * n,
        lambda n: [Special.LINE, "{}", Special.ACTION, "x\n", Special.FRAME] * (n // 20),
        lambda n: wire.from_text("<|" * (n // 2)),
    ],
    ids=["text", "pieces", "frame", "separators", "empty", "ends", "frames", "almost"],
)
def test_the_time_to_read_is_linear_in_the_length(make: Callable[[int], list[Segment]]) -> None:
    small, large = make(20_000), make(400_000)

    def best(segments: list[Segment]) -> float:
        times = []
        for _ in range(3):
            started = time.process_time()
            wire.decode(segments)
            times.append(time.process_time() - started)
        return min(times)

    assert best(large) < 20 * 4 * max(best(small), 0.001)


def test_stripping_the_marker_takes_linear_time() -> None:
    started = time.process_time()
    assert wire.strip_marker(" " * 1_000_000 + "x\n").endswith("x\n")
    assert time.process_time() - started < 5


def test_a_frame_of_a_megabyte_survives() -> None:
    frame = Frame(Event.LINE, "x" * 1_000_000 + "\n", {"x": "\ud800é" * 200_000})
    assert wire.decode(wire.encode_frame(frame)).frames == (frame,)
