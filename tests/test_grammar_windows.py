"""Prompts that show a part: a trace from the middle on, or the source of some functions. What is known stays ruled."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("sentencepiece")

import recorder_corpus
from cwm_server.grammar import Constraint, NotATraceError, Options
from cwm_tracer import wire
from cwm_tracer.model import Event, Frame
from cwm_tracer.recorder import Recording
from cwm_tracer.wire import START_MARKER, Segment, Special
from guided import GRAMMARS, context_of, lets, options_at, ruled_out, told
from recorded import record

CALLING = """
def main():
    kept = 3
    found = helper(1)
    if found:
        found += 1
    return found

def helper(n):
    return n
"""


def possible(recording: Recording, first: int, index: int, frame: Frame, options: Options | None = None) -> bool:
    """Whether a frame can stand where a recording has the one with this index, in a prompt from `first` on."""
    context = wire.encode_context(context_of(recording).text)
    before = [*context, *told(recording, first, index)]
    cursor = wire.START
    for each in recording.frames[:index]:
        cursor = cursor.after(each)
    cursor = cursor if index > first else cursor.forgetting()
    return lets(before, *wire.encode_frame(frame, cursor), options=options or options_at(recording, first))


def find(recording: Recording, event: Event, source: str) -> list[int]:
    return [i for i, f in enumerate(recording.frames) if f.event is event and f.source.strip() == source]


def test_behind_a_callee_the_caller_goes_on_though_its_frames_were_left_out() -> None:
    recording = record(CALLING)
    (inside,), (after,) = find(recording, Event.RETURN, "return n"), find(recording, Event.LINE, "if found:")
    truth = recording.frames[after]
    assert possible(recording, inside, after, truth)
    elsewhere = replace(truth, source="    return found\n")
    lost = replace(truth, locals={"found": "1"})
    changed = replace(truth, locals={**(truth.locals or {}), "kept": "4"})
    other = replace(truth, locals={**(truth.locals or {}), "found": "2"})
    assert not any(possible(recording, inside, after, frame) for frame in (elsewhere, lost, changed, other))
    untold = Options(depth=2)
    assert all(possible(recording, inside, after, frame, untold) for frame in (elsewhere, lost, changed, other))


def test_how_often_a_loop_has_run_is_not_known_where_it_was_left_out() -> None:
    recording = record(
        """
        def main():
            for item in [1, 2, 3]:
                helper(item)
            return item

        def helper(n):
            pass
        """
    )
    (last,) = find(recording, Event.LINE, "return item")
    *_, begins = find(recording, Event.CALL, "def helper(n):")
    truth = recording.frames[last]
    again = replace(truth, source="        helper(item)\n", locals={"item": "2"})
    assert possible(recording, begins, last, truth)
    assert possible(recording, begins, last, again)  # it may be the second turn
    assert possible(recording, 0, last, truth)
    assert not possible(recording, 0, last, again)


def test_a_generator_goes_on_behind_its_yield() -> None:
    recording = record(
        """
        def main():
            return list(count(1))

        def count(n):
            first = n
            yield first
            last = first
            return last
        """
    )
    (index,) = find(recording, Event.LINE, "last = first")
    truth = recording.frames[index]
    assert possible(recording, 0, index, truth)
    assert not possible(recording, 0, index, replace(truth, source="    return last\n"))
    assert not possible(recording, 0, index, replace(truth, source="    first = n\n"))
    assert not possible(recording, 0, index, replace(truth, locals={"n": "1"}))


def test_functions_that_are_shown_are_under_the_rules_though_others_were_left_out() -> None:
    recording = record(
        """
        def hidden(n):
            n += 1
            return n

        def main():
            found = hidden(1)
            if found:
                found += 1
            return found
        """
    )
    shown = (
        "def main():  "
        + START_MARKER
        + "\n    found = hidden(1)\n    if found:\n        found += 1\n    return found\n"
    )
    segments = [*wire.encode_context(shown), *told(recording, 0, 2)]
    incomplete = Options(complete=False)
    hidden: list[Segment] = [Special.CALL, '{"n": "1"}', Special.ACTION, "def hidden(n):\n", Special.FRAME]
    inside: list[Segment] = [Special.LINE, '{"n": ".."}', Special.ACTION, "    n += 1\n", Special.FRAME]
    left: list[Segment] = [Special.RETURN, Special.ACTION, "    return n\n", Special.ARGUMENT, '"2"', Special.FRAME]
    assert lets(segments, *hidden, *inside, *left, options=incomplete)
    behind = [*segments, *hidden, *inside, *left]
    assert lets(behind, Special.LINE, '{"found": "2"}', Special.ACTION, "    if found:\n", options=incomplete)
    assert not lets(behind, Special.LINE, '{"found": "2"}', Special.ACTION, "    return found\n", options=incomplete)
    assert not lets(behind, Special.LINE, '{"n": "2"}', options=incomplete)


def test_a_function_that_only_looks_like_a_shown_one_is_not_taken_for_it() -> None:
    shown = f"def run(n):\n    n += 1\n    return n\n\n\ndef main():  {START_MARKER}\n    return run(1)\n"
    main: list[Segment] = [Special.CALL, "{}", Special.ACTION, "def main():\n", Special.FRAME]
    main += [Special.LINE, "{}", Special.ACTION, "    return run(1)\n", Special.FRAME]
    called: list[Segment] = [Special.CALL, '{"n": "1"}', Special.ACTION, "def run(n):\n", Special.FRAME]
    other: list[Segment] = [Special.LINE, '{"n": ".."}', Special.ACTION, "    other = n\n", Special.FRAME]
    same: list[Segment] = [Special.LINE, '{"n": ".."}', Special.ACTION, "    n += 1\n", Special.FRAME]
    further: list[Segment] = [Special.LINE, '{"n": "..", "other": "1"}', Special.ACTION, "    return other\n"]
    before = [*wire.encode_context(shown), *main, *called]
    incomplete = Options(complete=False)
    assert lets(before, *other, *further, options=incomplete)
    assert not lets([*before, *same], *further, options=incomplete)
    assert not lets(before, *other)


@pytest.mark.parametrize("before", [(-1,), (1 << 40,), (10**30,)])
def test_tokens_that_there_are_not_are_refused(before: tuple[int, ...]) -> None:
    recording = record(CALLING)
    ids = GRAMMARS.tokenizer.encode(wire.encode_context(context_of(recording).text))
    with pytest.raises(NotATraceError, match="before"):
        Constraint(GRAMMARS, Options(before=before)).guide(ids)


def test_a_return_tells_that_the_trace_has_begun() -> None:
    recording = record(CALLING)
    returned: list[Segment] = [Special.RETURN, Special.ACTION, "x\n", Special.ARGUMENT, '"1"', Special.FRAME]
    alone = Options(before=tuple(GRAMMARS.tokenizer.encode(returned)))
    context = wire.encode_context(context_of(recording).text)
    assert not lets(context, Special.END)
    assert lets(context, Special.END, options=alone)


def test_a_line_of_nobody_is_passed_over() -> None:
    recording = record(CALLING)
    ids = tuple(
        GRAMMARS.tokenizer.encode([Special.LINE, '{"a": "1"}', Special.ACTION, "    kept = 3\n", Special.FRAME])
    )
    assert possible(recording, 0, 1, recording.frames[1], Options(before=ids))


@pytest.mark.parametrize("name", sorted(recorder_corpus.PROGRAMS))
def test_what_really_happens_is_never_ruled_out_from_the_middle_on(name: str) -> None:
    recording = record(recorder_corpus.PROGRAMS[name])
    if len(context_of(recording).text) > 10_000:
        pytest.skip("the source takes long to read")
    count = len(recording.frames)
    for first in sorted({1, count // 3, 2 * count // 3} & set(range(1, count))):
        assert ruled_out(recording, first) == []


@pytest.mark.parametrize("name", sorted(recorder_corpus.PROGRAMS))
def test_what_really_happens_is_never_ruled_out_by_a_part_of_the_source(name: str) -> None:
    recording = record(recorder_corpus.PROGRAMS[name])
    whole = len(context_of(recording).text) // 3
    if whole > 3_300:
        pytest.skip("the source takes long to read")
    assert ruled_out(recording, budget=whole // 3) == []
    assert ruled_out(recording, len(recording.frames) // 2, 2 * whole // 3) == []
