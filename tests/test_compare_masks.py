from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import Raw, call, line, returned, trace
from cwm_tracer.compare import DivergenceKind, compare_traces
from cwm_tracer.compare.masks import fits, generalized
from cwm_tracer.compare.values import VARIES, same_value
from cwm_tracer.model import EXPECTATION, Ending, Frame, Meta, Trace

VALUES = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
        | st.sets(st.integers(0, 3), max_size=3)
    ),
    max_leaves=8,
).map(repr)


@given(VALUES, VALUES, VALUES)
def test_what_was_learned_fits_every_value_that_it_was_learned_from(a: str, b: str, c: str) -> None:
    learned = generalized(generalized(a, b, True), c, True)
    assert all(fits(value, learned) for value in (a, b, c))


@given(VALUES, VALUES)
def test_learning_from_the_same_value_learns_nothing(a: str, b: str) -> None:
    assert generalized(a, a, True) == a
    learned = generalized(a, b, True)
    assert generalized(learned, b, True) == learned
    assert generalized(learned, b, False) == learned


@pytest.mark.parametrize(
    ("old", "new", "learned", "kept"),
    [
        ("1", "2", VARIES, "2"),
        ("{'id': 1, 'total': 5}", "{'id': 2, 'total': 5}", "{'id': <varies>, 'total': 5}", "{'id': 2, 'total': 5}"),
        (
            "{'id': <varies>, 'n': 5}",
            "{'id': 2, 'n': 6}",
            "{'id': <varies>, 'n': <varies>}",
            "{'id': <varies>, 'n': 6}",
        ),
        ("Order(id=1, items=[3])", "Order(id=2, items=[3])", "Order(id=<varies>, items=[3])", "Order(id=2, items=[3])"),
        ("(1,)", "(2,)", "(<varies>,)", "(2,)"),
        ("[1, 2]", "[1, 2, 3]", VARIES, "[1, 2, 3]"),
        ("{1, 2}", "{1, 3}", VARIES, "{1, 3}"),
        ("<A 1>", "<A 2>", VARIES, "<A 2>"),
        ("[1, 2", "[1, 3", VARIES, "[1, 3"),
        (VARIES, "3", VARIES, VARIES),
    ],
)
def test_only_the_part_that_varies_is_masked(old: str, new: str, learned: str, kept: str) -> None:
    assert generalized(old, new, True) == learned
    assert generalized(old, new, False) == kept


def test_the_number_of_a_run_in_a_temporary_path_is_no_difference() -> None:
    one, other = (f"PosixPath('/tmp/pytest-of-me/pytest-{number}/test_it0/f.txt')" for number in (4, 17))
    assert fits(one, other)
    assert fits(one, other.replace("pytest-17", "pytest-17/popen-gw1"))
    assert not fits(one, other.replace("f.txt", "g.txt"))
    assert generalized(one, other, True) == other


def test_a_model_can_not_say_that_a_value_varies() -> None:
    assert not same_value("1", VARIES)
    assert not same_value("[1]", "[<varies>]")


NOW = trace(
    call("def f(a):", a=1), line("    b = a", a=1), line("    return b", a=1, b=[1, 2]), returned("    return b")
)


def expected(*frames: Frame, ending: Ending = Ending.RETURNED) -> Trace:
    return dataclasses.replace(NOW, frames=frames, meta=Meta("3.11", ending, EXPECTATION))


def test_a_masked_value_is_any_value_and_the_rest_counts() -> None:
    frames = list(NOW.frames)
    frames[2] = line("    return b", a=Raw(VARIES), b=Raw("[1, <varies>]"))
    assert compare_traces(NOW, expected(*frames)).divergences == ()
    frames[2] = line("    return b", a=Raw(VARIES), b=Raw("[9, <varies>]"))
    (divergence,) = compare_traces(NOW, expected(*frames)).divergences
    assert divergence.sentence == "`b[0]` was 9, is 1"


@pytest.mark.parametrize(
    ("frames", "kind", "sentence"),
    [
        (
            [*NOW.frames[:2], line("    return b", a=1, b=[1, 3]), NOW.frames[3]],
            DivergenceKind.STATE,
            "`b[1]` was 3, is 2",
        ),
        (
            [*NOW.frames[:2], line("    return b", b=[1, 2], c=1), NOW.frames[3]],
            DivergenceKind.STATE,
            "`a` was not bound, is 1 (and 1 more variable differs)",
        ),
        (
            [*NOW.frames[:3], returned("    return b", 7)],
            DivergenceKind.RETURN_VALUE,
            "the return value was 7, is None",
        ),
        ([NOW.frames[0], *NOW.frames[2:]], DivergenceKind.MISSING, "now runs `b = a`"),
        (
            [*NOW.frames[:2], line("    log(b)"), *NOW.frames[2:]],
            DivergenceKind.EXTRA,
            "no longer runs `log(b)`",
        ),
        (
            [*NOW.frames[:2], call("def g():", 1), returned("    pass", None, 1), *NOW.frames[2:]],
            DivergenceKind.EXTRA,
            "no longer calls `def g():` (2 frames)",
        ),
        (
            [*NOW.frames[:2], line("    return a", a=1, b=[1, 2]), returned("    return a", 1)],
            DivergenceKind.CONTROL_FLOW,
            "after `b = a` it ran `return a`, now runs `return b`",
        ),
    ],
)
def test_what_changed_is_said_as_a_change(frames: list[Frame], kind: DivergenceKind, sentence: str) -> None:
    first = compare_traces(NOW, expected(*frames)).divergences[0]
    assert (first.kind, first.sentence) == (kind, sentence)


def test_an_expectation_that_was_cut_short_says_nothing_of_the_rest() -> None:
    short = expected(*NOW.frames[:2], ending=Ending.TRUNCATED)
    assert compare_traces(NOW, short).divergences == ()
