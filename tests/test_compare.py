from __future__ import annotations

import ast
import itertools
import random
import warnings
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import Raw, call, line, raised, returned, told, trace, verified
from cwm_tracer.compare import DivergenceKind, Rate, compare_traces, compare_verification, plain_data, same_value
from cwm_tracer.compare.align import align
from cwm_tracer.compare.values import NotALiteral
from cwm_tracer.model import Choice, Ending, Frame, Problem, ProblemKind, Trace

# --- values


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [
        ("'a'", '"a"'),
        ("{1, 2}", "{2, 1}"),
        ("frozenset({1, 2})", "frozenset({2, 1})"),
        ("set()", "set()"),
        ("{'a': 1, 'b': {2, 3}}", "{'b': {3, 2}, 'a': 1}"),
        ("[nan, 1.0]", "[nan,1.0]"),
        ("{nan, 1.0}", "{1.0, nan}"),
        ("1e3", "1000.0"),
        ("(1, )", "(1,)"),
        ("(1+2j)", "(1.0+2.0j)"),
        ("<object object>", "<object object>"),
    ],
)
def test_equal_literals_are_the_same_value(truth: str, predicted: str) -> None:
    assert same_value(truth, predicted)


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [
        ("1", "True"),
        ("1", "1.0"),
        ("True", "1.0"),
        ("[1]", "[True]"),
        ("{1}", "{True}"),
        ("{1: 'a'}", "{1.0: 'a'}"),
        ("0.0", "-0.0"),
        ("[0.0]", "[-0.0]"),
        ("'a'", "b'a'"),
        ("[1, 2]", "(1, 2)"),
        ("[1, 2]", "[2, 1]"),
        ("{1}", "frozenset({1})"),
        ("nan", "inf"),
        ("inf", "-inf"),
        ("'1'", "1"),
        ("None", "'None'"),
        ("<A object>", "<B object>"),
        ("'é'", "'e\u0301'"),
    ],
)
def test_different_values_differ(truth: str, predicted: str) -> None:
    assert not same_value(truth, predicted)
    assert not same_value(predicted, truth)


FINITE = st.complex_numbers(allow_infinity=False, allow_nan=False)
LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | FINITE | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.sets(st.text() | st.integers(), max_size=4)
    ),
    max_leaves=12,
)


@given(LITERALS)
def test_a_value_is_the_same_however_its_literal_is_laid_out(value: object) -> None:
    text = repr(value)
    spaced = text.replace("[", "[ ") if "'" not in text and '"' not in text else text
    assert same_value(text, spaced)


@given(LITERALS, LITERALS)
def test_the_same_value_has_the_same_type_and_is_equal(a: object, b: object) -> None:
    if same_value(repr(a), repr(b)) and "nan" not in repr(a):
        assert a == b
        assert type(a) is type(b)


@given(st.text(max_size=60) | st.text("()[]{}'\"\\,:-+.0129eEjxX nNaintTrueFls", max_size=60))
@example("'\\d'")
@example("1if 1else 2")
@example("[" * 4000)
@example("-" * 19_000 + "1")
@example("1" + "-1" * 9_000)
@example("9" * 5000)
@example("{[]: 1}")
@example("'\ud800'")
@example("\0")
@example("'\\400'")
def test_any_text_can_be_compared_without_a_warning(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same_value(text, text)
        same_value(text, "1")
        same_value("{1, 2}", text)


def test_nothing_is_evaluated_and_nothing_called() -> None:
    for text in ("__import__('os')", "print(1)", "set(print)", "[x for x in y]", "a.b", "f'{x}'", "lambda: 0"):
        with pytest.raises(NotALiteral):
            plain_data(text)


def test_depth_and_length_have_limits() -> None:
    deep = "[" * 51 + "]" * 51
    assert same_value(deep, deep)
    assert not same_value(deep, deep.replace("[[", "[ [", 1))
    assert same_value("[" * 50 + "]" * 50, "[ " * 50 + "]" * 50)
    long = repr(list(range(10_000)))
    assert not same_value(long, long.replace(", ", ","))


@given(LITERALS)
def test_plain_data_is_what_the_repr_spells(value: object) -> None:
    text = repr(value)
    if "nan" not in text and "inf" not in text:
        assert plain_data(text) == ast.literal_eval(text)


# --- teacher-forced

TOTAL = "def total(items):"
LOOP = "    for item in items:"
ADD = "        total += item"
END = "    return total"
LOOP_TRUTH = trace(
    call(TOTAL, items=[3, 4]),
    line("    total = 0", items=[3, 4]),
    line(LOOP, items=[3, 4], total=0),
    line(ADD, items=[3, 4], total=0, item=3),
    line(LOOP, items=[3, 4], total=3, item=3),
    line(ADD, items=[3, 4], total=3, item=4),
    line(LOOP, items=[3, 4], total=7, item=4),
    line(END, items=[3, 4], total=7, item=4),
    returned(END, 7),
)


def test_a_perfect_prediction_has_no_divergence_and_all_rates_at_one() -> None:
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH))
    assert comparison.divergences == ()
    rates = {name: metric.value for name, metric in comparison.metrics.items()}
    assert rates.pop("tf.bits") == 0.5
    assert set(rates.values()) == {1.0}
    assert comparison.metrics["tf.frame"] == Rate(8, 8)
    assert comparison.metrics["tf.state"] == Rate(7, 7)
    assert comparison.metrics["tf.argument"] == Rate(1, 1)


def test_the_given_frame_is_not_scored() -> None:
    wrong_entry = verified(LOOP_TRUTH)
    choices = (Choice(returned("nonsense")), *wrong_entry.choices[1:])
    comparison = compare_verification(LOOP_TRUTH, type(wrong_entry)(choices))
    assert comparison.divergences == ()
    assert comparison.metrics["tf.frame"] == Rate(8, 8)
    assert comparison.missing == 0


def test_a_wrong_line_costs_the_action_and_not_the_event_or_the_state() -> None:
    state: dict[str, Any] = {"items": [3, 4], "total": 3, "item": 3}
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {4: line(END, **state)}))
    assert comparison.metrics["tf.event"] == Rate(8, 8)
    assert comparison.metrics["tf.action"] == Rate(7, 8)
    assert comparison.metrics["tf.state"] == Rate(7, 7)
    assert comparison.metrics["tf.frame"] == Rate(7, 8)
    (divergence,) = comparison.divergences
    assert (divergence.kind, divergence.index) == (DivergenceKind.CONTROL_FLOW, 4)
    assert divergence.sentence == (
        "predicted that the loop ends: `return total`; it ran once more: `for item in items:`"
    )


def test_a_wrong_value_costs_the_state_and_not_the_action() -> None:
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {6: line(LOOP, items=[3, 4], total=6, item=4)}))
    assert comparison.metrics["tf.action"] == Rate(8, 8)
    assert comparison.metrics["tf.state"] == Rate(6, 7)
    assert comparison.metrics["tf.variable"] == Rate(17, 18)
    # total, and the item that appears, total, item, total: five changes, of which one is wrong
    assert comparison.metrics["tf.changed"] == Rate(4, 5)
    (divergence,) = comparison.divergences
    assert divergence.kind is DivergenceKind.STATE
    assert [(each.name, each.truth, each.predicted) for each in divergence.variables] == [("total", "7", "6")]
    assert divergence.sentence == "`total` is 7, predicted 6"


def test_a_missing_prediction_is_counted_and_never_scored() -> None:
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {3: None, 4: None}))
    assert comparison.missing == 2
    assert comparison.divergences == ()
    assert comparison.metrics["tf.frame"] == Rate(6, 6)


def test_choices_that_stop_early_are_missing() -> None:
    short = type(verified(LOOP_TRUTH))(verified(LOOP_TRUTH).choices[:4], failure="server went away")
    comparison = compare_verification(LOOP_TRUTH, short)
    assert comparison.missing == 5
    assert comparison.metrics["tf.frame"] == Rate(3, 3)
    assert len(comparison.pairs) == 9


def test_no_prediction_at_all_gives_no_values() -> None:
    comparison = compare_verification(LOOP_TRUTH, type(verified(LOOP_TRUTH))((None,) * 9, failure="no server"))
    assert {metric.value for metric in comparison.metrics.values()} == {None}
    assert comparison.missing == 8


def test_an_entry_that_was_never_called_compares_to_nothing() -> None:
    empty = trace(ending=Ending.NEVER_CALLED)
    comparison = compare_verification(empty, verified(empty))
    assert (comparison.pairs, comparison.divergences, comparison.missing) == ((), (), 0)
    assert compare_traces(empty, empty).metrics["fr.trace"].value is None


def test_text_that_makes_no_frame_is_a_format_divergence_and_wrong_in_every_part() -> None:
    problem = Problem(ProblemKind.UNKNOWN_EVENT, 3, "blah")
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {3: Choice(None, (problem,))}))
    for name in ("tf.event", "tf.action", "tf.frame", "format"):
        assert comparison.metrics[name] == Rate(7, 8), name
    assert comparison.metrics["tf.state"] == Rate(6, 7)
    (divergence,) = comparison.divergences
    assert divergence.kind is DivergenceKind.FORMAT
    assert divergence.problems == (problem,)
    assert "unknown event: blah" in divergence.sentence


def test_a_frame_that_is_right_but_malformed_diverges() -> None:
    choice = Choice(told(LOOP_TRUTH.frames[3]), (Problem(ProblemKind.INVALID_JSON, 3),))
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {3: choice}))
    assert comparison.metrics["tf.action"] == Rate(8, 8)
    assert comparison.metrics["tf.frame"] == Rate(7, 8)
    assert [each.kind for each in comparison.divergences] == [DivergenceKind.FORMAT]


def test_a_predicted_end_of_the_trace_is_well_formed_and_missing() -> None:
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {3: Choice(None, ended=True)}))
    assert comparison.metrics["format"] == Rate(8, 8)
    (divergence,) = comparison.divergences
    assert divergence.kind is DivergenceKind.MISSING
    assert divergence.sentence == "predicted that the trace ends, it ran `total += item`"


def test_the_start_marker_and_space_at_the_end_do_not_count() -> None:
    truth = trace(call("def f(): "), call("def g():", scope=1), returned("    return 1  "))
    said = call("def g():  # << START_OF_TRACE", scope=1)
    comparison = compare_verification(truth, verified(truth, {1: said, 2: returned("    return 1")}))
    assert comparison.divergences == ()


def test_indentation_counts() -> None:
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {8: returned(END.strip(), 7)}))
    assert comparison.metrics["tf.action"] == Rate(7, 8)


def test_redacted_values_are_counted_and_not_scored() -> None:
    secret, nested = Raw("<redacted>"), Raw("{'a': <redacted>}")
    truth = trace(
        call("def f(token):", token=secret),
        line("    x = 1", token=secret, d=nested),
        line("    return x", token=secret, d=nested, x=1),
        returned("    return x", secret),
    )
    guesses = {
        1: line("    x = 1", token="guess", d={}),
        2: line("    return x", x=2),
        3: returned("    return x", "guess"),
    }
    comparison = compare_verification(truth, verified(truth, guesses))
    assert comparison.redacted == 5
    assert comparison.metrics["tf.variable"] == Rate(0, 1)
    assert comparison.metrics["tf.state"] == Rate(1, 2)
    assert comparison.metrics["tf.argument"] == Rate(0, 0)
    assert [each.index for each in comparison.divergences] == [2]
    assert [each.name for each in comparison.divergences[0].variables] == ["x"]


def test_a_deleted_variable_that_is_still_predicted_is_a_difference() -> None:
    truth = trace(call("def f(x):", x=1), line("    del x", x=1), line("    y = 2"))
    comparison = compare_verification(truth, verified(truth, {2: line("    y = 2", x=1)}))
    assert comparison.divergences[0].sentence == "`x` is not bound, predicted 1"
    assert comparison.metrics["tf.changed"] == Rate(0, 1)
    assert compare_verification(truth, verified(truth)).metrics["tf.changed"] == Rate(1, 1)


def test_no_frame_misses_a_deletion_too() -> None:
    truth = trace(call("def f(x):", x=1), line("    del x", x=1), line("    y = 2"))
    problem = Problem(ProblemKind.UNKNOWN_EVENT, 2)
    comparison = compare_verification(truth, verified(truth, {2: Choice(None, (problem,))}))
    assert comparison.metrics["tf.variable"] == Rate(1, 2)
    assert comparison.metrics["tf.changed"] == Rate(0, 1)


def test_a_wrong_event_on_the_right_line_costs_the_action_too() -> None:
    comparison = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {7: returned(END, 7)}))
    assert comparison.metrics["tf.event"] == Rate(7, 8)
    assert comparison.metrics["tf.action"] == Rate(7, 8)
    assert comparison.metrics["tf.state"] == Rate(6, 7)


def test_a_variable_that_is_not_predicted_is_a_difference() -> None:
    truth = trace(call("def f(x):", x=1), line("    y = 2", x=1))
    comparison = compare_verification(truth, verified(truth, {1: line("    y = 2")}))
    assert comparison.divergences[0].sentence == "`x` is 1, predicted that it is not bound"


def test_what_changed_is_judged_within_the_scope() -> None:
    truth = trace(
        call("def f(x):", x=1),
        line("    y = g(2)", x=1),
        call("def g(x):", scope=1, x=2),
        line("    return x", scope=1, x=2),
        returned("    return x", 2, scope=1),
        line("    return y", x=1, y=2),
    )
    comparison = compare_verification(truth, verified(truth, {5: line("    return y", x=2, y=2)}))
    # g's x on its call, and y; the caller's x did not change
    assert comparison.metrics["tf.changed"] == Rate(2, 2)
    assert comparison.metrics["tf.variable"] == Rate(4, 5)


@pytest.mark.parametrize(
    ("predicted", "kind", "sentence"),
    [
        (
            raised("    y = g(x)", KeyError("a")),
            DivergenceKind.EXCEPTION,
            "predicted the exception KeyError('a') in `y = g(x)`, it ran `return y`",
        ),
        (
            call("def g(x):", scope=1, x=1),
            DivergenceKind.CALL,
            "predicted a call of `def g(x):`, it ran `return y`",
        ),
        (
            returned("    y = g(x)", 3),
            DivergenceKind.CONTROL_FLOW,
            "predicted a return of 3 from `y = g(x)`, it ran `return y`",
        ),
    ],
)
def test_a_wrong_event_is_named(predicted: Frame, kind: DivergenceKind, sentence: str) -> None:
    truth = trace(call("def f(x):", x=1), line("    y = g(x)", x=1), line("    return y", x=1, y=2))
    (divergence,) = compare_verification(truth, verified(truth, {2: predicted})).divergences
    assert divergence.kind is kind
    assert divergence.sentence == sentence


def test_wrong_arguments_of_a_call_return_value_and_exception_are_named() -> None:
    error = raised("    raise KeyError(x)", KeyError("b"))
    truth = trace(call("def f():"), call("def g(n):", scope=1, n=3), returned("    return 'y'", "y", scope=1), error)
    guesses = {
        1: call("def g(n):", scope=1, n=4),
        2: returned("    return 'y'", "x", scope=1),
        3: raised("    raise KeyError(x)", KeyError("a")),
    }
    divergences = compare_verification(truth, verified(truth, guesses)).divergences
    assert [(each.kind, each.sentence) for each in divergences] == [
        (DivergenceKind.CALL, "`n` is 3, predicted 4"),
        (DivergenceKind.RETURN_VALUE, "predicted that it returns 'x', it returned 'y'"),
        (DivergenceKind.EXCEPTION, "predicted the exception KeyError('a'), it was KeyError('b')"),
    ]


def test_loops_and_branches_are_named() -> None:
    again: dict[str, Any] = {"items": [3, 4], "total": 3, "item": 4}
    out = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {5: line(END, **again)})).divergences[0]
    assert out.sentence == (
        "predicted that the loop `for item in items:` ends: `return total`; it ran once more: `total += item`"
    )
    skipped = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {3: line(END, **again)})).divergences[0]
    assert skipped.sentence == (
        "predicted that the loop `for item in items:` is skipped: `return total`; it ran: `total += item`"
    )
    on = compare_verification(LOOP_TRUTH, verified(LOOP_TRUTH, {7: line(ADD, **again)})).divergences[0]
    assert on.sentence == (
        "predicted that the loop `for item in items:` runs once more: `total += item`; it ended: `return total`"
    )
    truth = trace(call("def f(x):", x=1), line("    if x > 3:", x=1), line("    return 'small'", x=1))
    branch = compare_verification(truth, verified(truth, {2: line("        x = 3", x=1)})).divergences[0]
    assert branch.sentence == "predicted that `if x > 3:` is true: `x = 3`; it was false: `return 'small'`"


def test_long_values_are_cut_in_sentences_only() -> None:
    truth = trace(call("def f():"), line("    return x", x="a" * 500))
    (divergence,) = compare_verification(truth, verified(truth, {1: line("    return x", x="b" * 500)})).divergences
    assert len(divergence.sentence) < 150
    assert divergence.variables[0].truth == repr("a" * 500)


# --- free-running


def _says(truth: Trace, *frames: Frame) -> Trace:
    return Trace(tuple(map(told, frames)), truth.context)


def test_an_inserted_frame_costs_one_frame() -> None:
    frames = list(LOOP_TRUTH.frames)
    extra = line("    print(total)", items=[3, 4], total=0)
    comparison = compare_traces(LOOP_TRUTH, _says(LOOP_TRUTH, *frames[:2], extra, *frames[2:]))
    (divergence,) = comparison.divergences
    assert divergence.kind is DivergenceKind.EXTRA
    assert (divergence.index, divergence.predicted_index, divergence.count) == (2, 2, 1)
    assert divergence.truth is None
    assert divergence.sentence == "predicted `print(total)`, which did not happen"
    assert len(comparison.pairs) == 9
    assert comparison.metrics["fr.prefix"] == Rate(1, 8)
    assert comparison.metrics["fr.return"] == Rate(1, 1)
    assert comparison.metrics["fr.trace"] == Rate(0, 1)


def test_a_loop_that_is_one_iteration_short_costs_that_iteration() -> None:
    frames = list(LOOP_TRUTH.frames)
    comparison = compare_traces(LOOP_TRUTH, _says(LOOP_TRUTH, *frames[:5], *frames[7:]))
    (divergence,) = comparison.divergences
    assert divergence.kind is DivergenceKind.MISSING
    assert (divergence.index, divergence.count, divergence.predicted) == (5, 2, None)
    assert divergence.sentence == "predicted that the loop `for item in items:` ends; it ran once more (2 frames)"
    assert len(comparison.pairs) == 7


def test_values_are_compared_in_aligned_pairs_only() -> None:
    frames = list(LOOP_TRUTH.frames)
    frames[7] = line(END, items=[3, 4], total=8, item=4)
    frames[8] = returned(END, 8)
    comparison = compare_traces(LOOP_TRUTH, _says(LOOP_TRUTH, *frames))
    assert [each.kind for each in comparison.divergences] == [DivergenceKind.STATE, DivergenceKind.RETURN_VALUE]
    assert comparison.metrics["fr.prefix"] == Rate(6, 8)
    assert comparison.metrics["fr.return"] == Rate(0, 1)


def test_a_perfect_roll_out_is_right_in_everything() -> None:
    comparison = compare_traces(LOOP_TRUTH, _says(LOOP_TRUTH, *LOOP_TRUTH.frames))
    assert comparison.divergences == ()
    assert {metric.value for metric in comparison.metrics.values()} == {1.0}
    assert comparison.metrics["fr.prefix"] == Rate(8, 8)
    assert comparison.metrics["fr.trace"] == Rate(1, 1)


def test_frames_beyond_a_truncated_truth_are_not_judged() -> None:
    cut = trace(*LOOP_TRUTH.frames[:5], ending=Ending.TRUNCATED)
    comparison = compare_traces(cut, _says(cut, *LOOP_TRUTH.frames))
    assert comparison.divergences == ()
    assert comparison.metrics["fr.return"].value is None
    assert comparison.metrics["fr.trace"] == Rate(1, 1)


def test_a_roll_out_that_stops_early_misses_the_rest() -> None:
    comparison = compare_traces(LOOP_TRUTH, _says(LOOP_TRUTH, *LOOP_TRUTH.frames[:4]))
    (divergence,) = comparison.divergences
    assert (divergence.kind, divergence.index, divergence.count) == (DivergenceKind.MISSING, 4, 5)
    assert comparison.metrics["fr.return"] == Rate(0, 1)


def test_an_exception_that_leaves_the_entry_is_not_a_return_of_none() -> None:
    unwound = trace(call("def f():"), line("    g()"), raised("    g()", KeyError("a")), returned("    g()"))
    other = _says(unwound, unwound.frames[0], unwound.frames[1], unwound.frames[3])
    assert compare_traces(unwound, _says(unwound, *unwound.frames)).metrics["fr.return"] == Rate(1, 1)
    assert compare_traces(unwound, other).metrics["fr.return"] == Rate(0, 1)


def test_problems_of_a_roll_out_are_a_format_divergence() -> None:
    problems = (Problem(ProblemKind.INVALID_JSON, 3, "{"), Problem(ProblemKind.TEXT_AFTER_END, 9))
    comparison = compare_traces(LOOP_TRUTH, _says(LOOP_TRUTH, *LOOP_TRUTH.frames), problems)
    (divergence,) = comparison.divergences
    assert (divergence.kind, divergence.index, divergence.problems) == (DivergenceKind.FORMAT, 3, problems)
    assert comparison.metrics["format"] == Rate(7, 9)
    assert comparison.metrics["fr.trace"] == Rate(0, 1)


ITEMS = st.lists(st.integers(0, 3), max_size=30)


@given(ITEMS, ITEMS)
def test_an_alignment_covers_both_sides_and_is_shortest(a: list[int], b: list[int]) -> None:
    blocks = align(a, b)
    assert [index for block in blocks for index in block.truth] == list(range(len(a)))
    assert [index for block in blocks for index in block.predicted] == list(range(len(b)))
    assert all(left.equal != right.equal for left, right in itertools.pairwise(blocks))
    equal = [block for block in blocks if block.equal]
    for block in equal:
        assert [a[i] for i in block.truth] == [b[i] for i in block.predicted]
    assert sum(len(block.truth) for block in equal) == _longest_common_subsequence(a, b)


def _longest_common_subsequence(a: list[int], b: list[int]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def test_long_traces_that_have_little_in_common_are_compared() -> None:
    rng = random.Random(0)
    sources = [f"    x = {number}" for number in range(6)]
    frames = [[line(rng.choice(sources), x=n) for n in range(3_000)] for _ in range(2)]
    comparison = compare_traces(trace(*frames[0]), trace(*frames[1]))
    assert comparison.metrics["fr.trace"] == Rate(0, 1)
    # By chance far more than a sixth of the frames can be aligned; a search that gave up would align hardly any.
    assert len(comparison.pairs) > 1_500
