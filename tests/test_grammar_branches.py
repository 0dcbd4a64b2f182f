"""Which way a condition leads that is only a value: a variable, or an element at a place that is shown."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

pytest.importorskip("sentencepiece")

from cwm_server.grammar import Constraint
from cwm_tracer import wire
from cwm_tracer.model import Event
from cwm_tracer.recorder import Recording
from guided import GRAMMARS, context_of, options_at, ruled_out, told
from recorded import record
from test_grammar_turns import possible
from tiny_tokenizer import tiny_tokenizer


def ways(recording: Recording, condition: str, *lines: str) -> list[tuple[str, list[str]]]:
    """Behind each LINE of a condition: the line that came, and which of some lines could have."""
    frames, found = recording.frames, []
    spelled = {frame.source.strip(): frame.source for frame in frames if frame.event is Event.LINE}
    for index, (frame, after) in enumerate(itertools.pairwise(frames)):
        if frame.event is after.event is Event.LINE and frame.source.strip() == condition:
            assert possible(recording, index + 1, after)
            could = [each for each in lines if possible(recording, index + 1, replace(after, source=spelled[each]))]
            found.append((after.source.strip(), could))
    return found


def only(*lines: str) -> list[tuple[str, list[str]]]:
    return [(line, [line]) for line in lines]


def branching(condition: str, values: Sequence[str]) -> Recording:
    return record(
        f"""
        def f(x, items):
            if {condition}:
                y = 1
            else:
                y = 2
            return y

        def main():
            for x in [{", ".join(values)}]:
                f(x, [0, x])
        """
    )


@pytest.mark.parametrize("condition", ["x", "items[1]", "items[-1]"])
def test_a_condition_that_is_a_value_leads_where_the_value_says(condition: str) -> None:
    recording = branching(condition, ["[]", "[0]", "0", "7", "''", "'a'", "None", "True", "{}", "0.0"])
    yes, no = "y = 1", "y = 2"
    assert ways(recording, f"if {condition}:", yes, no) == only(no, yes, no, yes, no, yes, no, yes, no, no)
    assert ruled_out(recording) == []


def test_a_loop_runs_for_as_long_as_a_value_is_true_and_then_goes_on_behind_it() -> None:
    recording = record(
        """
        def main():
            items = [1, 2]
            while items:
                last = items.pop()
            return last
        """
    )
    ran = ways(recording, "while items:", "last = items.pop()", "return last")
    assert ran == only("last = items.pop()", "last = items.pop()", "return last")


def test_each_condition_of_a_chain_is_read() -> None:
    recording = record(
        """
        def f(a, b):
            if a:
                y = 1
            elif b:
                y = 2
            return 3

        def main():
            return f(1, 0) + f(0, 1) + f(0, 0)
        """
    )
    lines = ("y = 1", "elif b:", "y = 2", "return 3")
    assert ways(recording, "if a:", *lines) == only("y = 1", "elif b:", "elif b:")
    assert ways(recording, "elif b:", *lines) == only("y = 2", "return 3")
    assert ruled_out(recording) == []


@pytest.mark.parametrize(
    "condition", ["not x", "x == 1", "len(items) == x + 1", "x and items", "x in items[:1]", "bool(x)"]
)
def test_a_condition_that_has_to_be_worked_out_is_left_to_the_model(condition: str) -> None:
    recording = branching(condition, ["0", "1"])
    assert {len(could) for _, could in ways(recording, f"if {condition}:", "y = 1", "y = 2")} == {2}


@pytest.mark.parametrize(
    "values", [("frozenset()", "object()"), ("range(0)", "range(3)"), ("type(None)", "bytearray()")]
)
def test_a_value_whose_truth_its_text_does_not_tell_is_left_to_the_model(values: tuple[str, str]) -> None:
    recording = branching("x", values)
    assert [len(could) for _, could in ways(recording, "if x:", "y = 1", "y = 2")] == [2, 2]


def test_a_text_with_classes_that_may_look_like_lists_tells_nothing() -> None:
    recording = record(
        """
        class Odd(list):
            def __bool__(self):
                return True

        def f(x):
            if x:
                y = 1
            else:
                y = 2
            return y

        def main():
            return f(Odd()) + f([])
        """
    )
    assert {len(could) for _, could in ways(recording, "if x:", "y = 1", "y = 2")} == {2}


def test_a_hidden_value_tells_nothing() -> None:
    recording = record(
        """
        def f(password):
            if password:
                y = 1
            else:
                y = 2
            return y

        def main():
            return f("") + f("secret")
        """
    )
    assert {len(could) for _, could in ways(recording, "if password:", "y = 1", "y = 2")} == {2}


def test_nothing_that_happens_around_such_conditions_is_ruled_out() -> None:
    recording = record(
        """
        def silent(x, items):
            for each in items:
                if each: pass
                if x:
                    continue
                elif each:
                    pass
                else:
                    "nothing"
            while x:
                x = None
            else:
                y = 1
            while items: items.pop()
            if items: return 1
            if x:
                pass

        def inside(x, y):
            try:
                if x:
                    raise KeyError(x)
                if y:
                    return y
            except KeyError:
                if y:
                    return 1
            finally:
                if x:
                    z = 2
            with open(__file__):
                if y:
                    return 4
                while x:
                    x = 0
                    if y:
                        break
                    continue
            if x: y = 1; z = 2
            elif y: z = 3

        def forever(x):
            while True:
                if x:
                    if x: break
                else:
                    x = 1
            while 1:
                if x: return

        def generator(x):
            if x:
                yield 1
            while x:
                yield 2
                x -= 1

        def main():
            for x in (0, 1):
                silent(x, [0, x])
                for y in (0, 1):
                    inside(x, y)
                forever(x)
                list(generator(x))
            global flag
            flag = 1
            if flag:
                return
        """
    )
    assert ruled_out(recording) == []


def forks(recording: Recording) -> list[tuple[str, list[str], list[str]]]:
    """Where two ways part: the last line so far, and what those tokens say with which each goes on, the passed first.

    Every token of a recording is read; at each fork it takes one of the two.
    """
    tokenizer = tiny_tokenizer()
    ids = tokenizer.encode([*wire.encode_context(context_of(recording).text), *told(recording, 0, 10_000)])
    start = ids.index(tokenizer.special(wire.Special.FRAME)) + 1
    guide = Constraint(GRAMMARS, options_at(recording, 0)).guide(ids[:start])
    found = []
    for place in range(start, len(ids)):
        fork = guide.fork()
        if fork is not None:
            assert ids[place] in fork.passed | fork.taken
            before = wire.to_text(tokenizer.decode(ids[start:place])).split("<|action_sep|>")
            line = before[-1] if "<|frame_sep|>" in before[-1] else before[-2]
            said = [sorted(wire.to_text(tokenizer.decode([token])) for token in way) for way in fork]
            found.append((line.split("\n")[0].strip(), *said))
        assert guide.advance(ids[place])
    return found


def test_two_ways_part_at_the_first_token_that_tells_them_apart() -> None:
    recording = record(
        """
        def main():
            total = 3
            for x in range(total):
                total += 5
            if total == 4:
                total = 1
            else:
                total = 2
            while total > 1:
                total -= 1
        """
    )
    condition, first, last = forks(recording)
    assert condition == ("if total == 4:", ["2"], ["1"])
    assert first == last == ("while total > 1:", ["<|return_sep|>"], ["<|line_sep|>"])


def test_nothing_parts_where_the_way_is_known_or_something_else_runs_first() -> None:
    recording = record(
        """
        def g(n):
            return n

        def main():
            total = 3
            if g(total) > 1:
                total = 4
            if total:
                total = 5
            for x in [total, 2]:
                last = 6
            if total > 2 or total < 1: total = 7
            return total
        """
    )
    assert forks(recording) == []
