from __future__ import annotations

import difflib
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import call, line, raised, returned
from cwm_tracer.compare.align import Block, align
from cwm_tracer.compare.scopes import align_frames
from cwm_tracer.model import Event, Frame

QUICK = settings(max_examples=40)


@st.composite
def executions(draw: st.DrawFn, name: str = "main", depth: int = 3) -> list[Frame]:
    """The frames of one call, in which functions call others of other names; scopes are numbered afterwards."""
    frames = [call(f"def {name}(x):")]
    for _ in range(draw(st.integers(0, 5))):
        if depth and draw(st.integers(0, 2)) == 0:
            frames += draw(executions(draw(st.sampled_from(["f", "g"])), depth - 1))
        else:
            frames.append(line(f"    {name} = {draw(st.integers(0, 2))}"))
    frames.append(returned(f"    return {name}"))
    return frames


def numbered(frames: list[Frame]) -> list[Frame]:
    """The same frames with their scopes numbered as calls open and returns close them."""
    scopes, opened, result = [-1], 0, []
    for frame in frames:
        if frame.event is Event.CALL:
            scopes.append(opened)
            opened += 1
        result.append(Frame(frame.event, frame.source, frame.locals, frame.argument, scopes[-1]))
        if frame.event is Event.RETURN and len(scopes) > 1:
            scopes.pop()
    return result


def pairs_of(blocks: list[Block]) -> list[tuple[int, int]]:
    return [pair for each in blocks if each.equal for pair in zip(each.truth, each.predicted, strict=True)]


def edits(blocks: list[Block]) -> int:
    return sum(len(each.truth) + len(each.predicted) for each in blocks if not each.equal)


def calls_of(frames: list[Frame]) -> list[range]:
    """Each call's frames, those of its callees included."""
    spans, stack = [], []
    for index, frame in enumerate(frames):
        if frame.event is Event.CALL:
            stack.append(index)
        elif frame.event is Event.RETURN:
            spans.append(range(stack.pop(), index + 1))
    return spans


EXECUTIONS = executions().map(numbered)


@QUICK
@given(EXECUTIONS, EXECUTIONS)
def test_an_alignment_covers_both_traces_in_order_and_pairs_equal_frames(a: list[Frame], b: list[Frame]) -> None:
    blocks = align_frames(a, b)
    assert [index for block in blocks for index in block.truth] == list(range(len(a)))
    assert [index for block in blocks for index in block.predicted] == list(range(len(b)))
    assert all(left.equal != right.equal for left, right in itertools.pairwise(blocks))
    for x, y in pairs_of(blocks):
        assert (a[x].event, a[x].source) == (b[y].event, b[y].source)


@QUICK
@given(EXECUTIONS, EXECUTIONS)
def test_frames_of_one_call_stand_only_against_frames_of_one_call(a: list[Frame], b: list[Frame]) -> None:
    scopes: dict[int, int] = {}
    for x, y in pairs_of(align_frames(a, b)):
        assert scopes.setdefault(a[x].scope, b[y].scope) == b[y].scope
    assert len(set(scopes.values())) == len(scopes)


@QUICK
@given(EXECUTIONS)
def test_identical_traces_align_in_full(frames: list[Frame]) -> None:
    assert align_frames(frames, frames) == [Block(True, range(len(frames)), range(len(frames)))]


@QUICK
@given(EXECUTIONS, st.data())
def test_an_inserted_call_costs_its_frames_and_no_more(frames: list[Frame], data: st.DataObject) -> None:
    inserted = data.draw(executions("g", 2))
    at = data.draw(st.integers(1, len(frames) - 1))
    longer = numbered([*frames[:at], *inserted, *frames[at:]])
    assert edits(align_frames(frames, longer)) == len(inserted)
    assert edits(align_frames(longer, frames)) == len(inserted)


@QUICK
@given(EXECUTIONS, st.data())
def test_a_line_that_differs_costs_that_line(frames: list[Frame], data: st.DataObject) -> None:
    lines = [index for index, frame in enumerate(frames) if frame.event is Event.LINE]
    if not lines:
        return
    at = data.draw(st.sampled_from(lines))
    other = [*frames[:at], line("    another", scope=frames[at].scope), *frames[at + 1 :]]
    assert edits(align_frames(frames, other)) == 2


@QUICK
@given(st.lists(st.integers(0, 3), max_size=30), st.lists(st.integers(0, 3), max_size=30))
def test_within_a_call_it_edits_no_more_than_difflib(a: list[int], b: list[int]) -> None:
    one, other = ([call("def f():"), *[line(f"    x = {number}") for number in side]] for side in (a, b))
    keys = [[frame.source for frame in side] for side in (one, other)]
    opcodes = difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes()
    theirs = sum(i2 - i1 + j2 - j1 for tag, i1, i2, j1, j2 in opcodes if tag != "equal")
    assert edits(align_frames(one, other)) <= theirs


@QUICK
@given(EXECUTIONS, st.data())
def test_across_calls_it_edits_no_more_than_difflib_when_that_keeps_to_the_calls(
    frames: list[Frame], data: st.DataObject
) -> None:
    spans = calls_of(frames)[:-1]
    if not spans:
        return
    gone = data.draw(st.sampled_from(spans))
    shorter = numbered([*frames[: gone.start], *frames[gone.stop :]])
    keys = [[(frame.event, frame.source) for frame in side] for side in (frames, shorter)]
    opcodes = difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes()
    theirs = sum(i2 - i1 + j2 - j1 for tag, i1, i2, j1, j2 in opcodes if tag != "equal")
    assert edits(align_frames(frames, shorter)) == len(gone) <= theirs


def test_calls_whose_content_differs_are_told_apart() -> None:
    def g(number: int) -> list[Frame]:
        return [call("def g():"), *[line(f"    g {number} {step}") for step in range(5)], returned("    return 1")]

    a = numbered([call("def main():"), *g(1), *g(2), *g(3), returned("    return 0")])
    b = numbered([call("def main():"), *g(4), *g(1), *g(2)[:3], *g(2)[4:], *g(3), returned("    return 0")])
    assert edits(align_frames(a, b)) == len(g(4)) + 1


def test_a_line_between_two_calls_does_not_keep_them_apart() -> None:
    body = [line(f"    g {step}") for step in range(20)]
    one = [call("def g():"), *body, returned("    return 1")]
    other = [call("def g():"), *body[:10], line("    changed"), *body[11:], returned("    return 1")]
    a = numbered([call("def main():"), line("    x = g()"), *one, returned("    return 0")])
    b = numbered([call("def main():"), *other, line("    x = g()"), returned("    return 0")])
    assert edits(align_frames(a, b)) == 4


def test_of_the_iterations_of_a_loop_the_one_whose_values_are_missing_is_missing() -> None:
    turns = [[line("    for n in ns:", n=n), line("        f(n)", n=n)] for n in range(6)]
    a, b = (
        numbered([call("def main():"), *[frame for turn in side for frame in turn], returned("    return")])
        for side in (turns, [*turns[:2], *turns[3:]])
    )
    gaps = [block for block in align_frames(a, b) if not block.equal]
    assert gaps == [Block(False, range(5, 7), range(5, 5))]


def test_a_renamed_function_costs_its_def_line() -> None:
    body = [*[line(f"    step {step}") for step in range(5)], returned("    return 1")]
    a, b = (
        numbered(
            [call("def main():"), call(f"def {name}():"), *body, returned("    return 1"), returned("    return 0")]
        )
        for name in ("old", "new")
    )
    assert edits(align_frames(a, b)) == 2


def test_a_call_or_a_return_that_a_model_forgets_or_adds_costs_that_frame() -> None:
    whole = numbered(
        [
            call("def main():"),
            call("def g():"),
            line("    in_g = 1"),
            line("    in_g = 2"),
            returned("    return in_g"),
            line("    in_main = 1"),
            line("    in_main = 2"),
            returned("    return in_main"),
        ]
    )
    forgotten = numbered([*whole[:4], *whole[5:]])
    assert edits(align_frames(whole, forgotten, mend=True)) == 1
    uncalled = numbered([whole[0], *whole[2:]])
    assert edits(align_frames(whole, uncalled, mend=True)) == 1
    added = numbered([*whole[:3], whole[4], *whole[3:]])
    assert edits(align_frames(whole, added, mend=True)) == 1


def test_frames_outside_of_any_call_are_aligned_too() -> None:
    frames = [line("    x = 1"), returned("    return 1"), raised("    x", KeyError(1)), call("def f():")]
    assert edits(align_frames(frames, frames[1:])) == 1
    assert align_frames([], []) == []
    assert align_frames(frames, []) == [Block(False, range(4), range(0))]


def test_deep_recursion_is_aligned_without_recursion() -> None:
    depth = 3_000
    frames = [frame for _ in range(depth) for frame in (call("def f(n):"), line("    return f(n - 1)"))]
    frames += [returned("    return f(n - 1)") for _ in range(depth)]
    whole = numbered(frames)
    shorter = numbered([*frames[2:], *frames[:0]][:-1])
    assert edits(align_frames(whole, shorter)) == 3


@QUICK
@given(st.lists(st.integers(0, 2), max_size=200), st.lists(st.integers(0, 2), max_size=200))
def test_blocks_of_long_sequences_are_equal_pairwise(a: list[int], b: list[int]) -> None:
    for block in align(a, b):
        if block.equal:
            assert [a[x] for x in block.truth] == [b[y] for y in block.predicted]
