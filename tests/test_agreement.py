"""Choices of which only those unlike the true frame are held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import call, line, returned, trace
from cwm_tracer.agreement import Choices
from cwm_tracer.compare import compare_verification, score_frame
from cwm_tracer.model import Choice, Problem, ProblemKind, Verification

TRUTH = trace(
    call("def f(x):", x=1),
    line("    y = x", x=1),
    line("    y += 1", x=1, y=1),
    line("    del x", y=2, x=1),
    returned("    return y", 2),
)
FRAMES = TRUTH.frames
WRONG = Choice(line("    y = 2 * x", x=2), bits=1.5)
KINDS: list[Any] = [
    lambda index: Choice(FRAMES[index], bits=0.5),
    lambda index: Choice(FRAMES[index]),
    lambda index: Choice(replace(FRAMES[index], file="other.py"), bits=0.25),
    lambda index: Choice(FRAMES[index], (Problem(ProblemKind.MALFORMED_FRAME, 0),), 2.0),
    lambda index: Choice(None, bits=3.0, ended=True),
    lambda index: WRONG,
    lambda index: None,
]
KIND = st.sampled_from(KINDS)
STATE = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2"]))


def made(kinds: list[Any]) -> tuple[Choice | None, ...]:
    return (None, *(kind(index) for index, kind in enumerate(kinds[: len(FRAMES) - 1], 1)))


@given(st.lists(KIND, max_size=len(FRAMES) - 1))
def test_choices_are_what_they_were_made_of(kinds: list[Any]) -> None:
    given_ = made(kinds)
    choices = Choices.of(given_, FRAMES)
    assert (tuple(choices), len(choices), choices[1:3], choices[::-1]) == (
        given_,
        len(given_),
        given_[1:3],
        given_[::-1],
    )
    assert choices == given_
    assert given_ == choices
    assert Choices.of(choices, FRAMES) is choices


def test_choices_differ_where_one_does() -> None:
    choices = Choices.of(made([KINDS[0]] * 4), FRAMES)
    assert choices != made([KINDS[0]] * 3 + [KINDS[5]])
    assert choices != made([KINDS[0]] * 3)
    assert [*Choices.of(made([KINDS[0], KINDS[5], KINDS[2]]), FRAMES).others] == [0, 2, 3]
    with pytest.raises(IndexError):
        choices[5]


@given(st.lists(KIND, max_size=len(FRAMES) - 1))
def test_a_frame_that_agrees_counts_as_much_as_one_that_is_compared(kinds: list[Any]) -> None:
    """The same choices with frames that are equal and not the same are compared value by value."""
    choices = made(kinds)
    copies = tuple(
        choice if choice is None or choice.frame is None else replace(choice, frame=replace(choice.frame))
        for choice in choices
    )
    quick, slow = (compare_verification(TRUTH, Verification(each), withheld=False) for each in (choices, copies))
    assert quick == slow
    assert quick.pairs == slow.pairs
    assert slow == compare_verification(TRUTH, Verification(Choices.of(copies, FRAMES)), withheld=True)


@given(STATE, st.none() | STATE)
def test_the_variables_of_a_frame_that_agrees_count_as_if_each_were_compared(
    state: dict[str, str], before: dict[str, str] | None
) -> None:
    """New, changed, unchanged and deleted ones."""
    frame = line("    pass", **state)
    assert score_frame(frame, frame, before) == score_frame(frame, replace(frame), before)
