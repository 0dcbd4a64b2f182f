"""The timeline: moves over predicted frames, kept frames, failures, and the real trace beside them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_tracer.model import Choice, Event, Frame, Problem, ProblemKind, Trace
from pytest_cwm.debugger.asking import INVENTING
from pytest_cwm.debugger.timeline import Stop, Timeline
from pytest_cwm.predictors.base import PredictionError, Sampling
from scripted_predictor import Act, ScriptedPredictor, record, record_strawberry

SUM = """\
def g(x):
    y = x * 2
    return y

def f(a):  # << START_OF_TRACE
    total = g(a) + g(a + 1)
    total += 1
    return total
"""

RAISES = """\
def g(x):
    return 1 // x

def f(a):  # << START_OF_TRACE
    try:
        b = g(a)
    except ZeroDivisionError:
        b = -1
    return b
"""


def sum_trace() -> Trace:
    return record(SUM, lambda names: names["f"](3))


SUM_TRACE = sum_trace()


def timeline_of(trace: Trace, acts: dict[int, list[Act]] | None = None, **options: object) -> Timeline:
    """A timeline whose model plays `trace` after its first frame, which is given."""
    predictor = ScriptedPredictor(trace.frames, acts)
    return Timeline(trace.context, predictor, given=trace.frames[:1], **options)


def garbage(detail: str = "{") -> Choice:
    return Choice(None, (Problem(ProblemKind.INVALID_JSON, 0, detail),))


def asked_for(timeline: Timeline) -> list[int]:
    return timeline._asker._predictor.asked_for


def go_to(timeline: Timeline, event: Event, source: str) -> None:
    while timeline.frame.event is not event or timeline.frame.source.strip() != source:
        assert timeline.step().frames == 1


# Moves.


def test_stepping_shows_every_frame_of_the_trace() -> None:
    trace = sum_trace()
    timeline = timeline_of(trace)
    shown = [timeline.frame]
    while timeline.step().frames:
        shown.append(timeline.frame)
    assert shown == [trace.frames[0], *(replace(frame, file=None, line=None) for frame in trace.frames[1:])]


def test_next_over_two_calls_on_one_line_stays_in_the_function() -> None:
    timeline = timeline_of(sum_trace())
    timeline.next()
    move = timeline.next()
    assert (timeline.frame.source.strip(), timeline.function, move.stop) == ("total += 1", "f", Stop.REACHED)
    assert move.frames == 9  # two calls of four frames each, and the line after them
    assert timeline.locals["total"] == "14"


def test_next_from_a_return_goes_to_the_caller_and_not_into_its_next_call() -> None:
    timeline = timeline_of(sum_trace())
    go_to(timeline, Event.RETURN, "return y")
    timeline.next()
    assert (timeline.function, timeline.frame.source.strip()) == ("f", "total += 1")


def test_next_and_out_never_force_an_event() -> None:
    trace = record(RAISES, lambda names: names["f"](0))
    timeline = timeline_of(trace)
    timeline.next()
    timeline.next()
    timeline.next()
    timeline.out()
    predictor = timeline._asker._predictor
    assert [event for _, event, _ in predictor.asked] == [None] * len(predictor.asked)


def test_a_callee_can_be_predicted_to_raise_under_next() -> None:
    timeline = timeline_of(record(RAISES, lambda names: names["f"](0)))
    go_to(timeline, Event.LINE, "b = g(a)")
    timeline.next()
    assert (timeline.frame.event, timeline.function) == (Event.EXCEPTION, "f")
    assert "ZeroDivisionError" in timeline.frame.argument
    assert timeline.locals == {"a": "0"}


def test_out_stops_where_the_function_returns() -> None:
    timeline = timeline_of(sum_trace())
    go_to(timeline, Event.CALL, "def g(x):")
    assert timeline.out().stop is Stop.REACHED
    assert (timeline.frame.event, timeline.function, timeline.frame.argument) == (Event.RETURN, "g", "6")
    timeline.out()
    assert (timeline.frame.event, timeline.function, timeline.frame.argument) == (Event.RETURN, "f", "15")


@pytest.mark.parametrize("move", ["next", "out"])
def test_a_model_that_never_returns_is_stopped_at_the_bound(move: str) -> None:
    trace = sum_trace()
    call, line = trace.frames[2], trace.frames[3]
    timeline = timeline_of(trace, {index: [call if index == 2 else line] for index in range(2, 100)}, max_frames=20)
    timeline.step()
    made = getattr(timeline, move)()
    assert (made.frames, made.stop, timeline.position) == (20, Stop.BOUND, 21)
    assert timeline.back() == 20
    assert timeline.position == 1


def test_back_undoes_the_whole_last_move() -> None:
    timeline = timeline_of(sum_trace())
    timeline.step()
    timeline.next()
    assert timeline.back() == 9
    assert timeline.position == 1
    assert timeline.back() == 1
    assert timeline.back() == 0
    assert timeline.position == 0


def test_going_back_and_forward_again_shows_the_same_frames_without_asking() -> None:
    trace = sum_trace()
    timeline = timeline_of(trace, stepping=Sampling(0.9))
    timeline.step()
    timeline.next()
    shown, asked = timeline.frames, asked_for(timeline)
    timeline.back()
    timeline.next()
    timeline.back()
    for _ in range(9):
        timeline.step()
    assert timeline.frames == shown
    assert asked_for(timeline) == asked


def test_a_session_of_300_steps_asks_for_each_frame_once() -> None:
    trace = sum_trace()
    line = replace(trace.frames[1], source="    total += 1\n")
    timeline = timeline_of(trace, {index: [line] for index in range(1, 400)})
    for _ in range(300):
        timeline.step()
    for _ in range(150):
        timeline.back()
    for _ in range(150):
        timeline.step()
    assert asked_for(timeline) == list(range(1, 301))


def test_a_prompt_repeats_the_tokens_that_the_model_said() -> None:
    timeline = timeline_of(sum_trace())
    for _ in range(4):
        timeline.step()
    prefix, _, _ = timeline._asker._predictor.asked[-1]
    assert [frame.tokens for frame in prefix] == [None, (1, 2), (2, 3), (3, 4)]


def test_the_end_of_the_trace_does_not_end_the_session() -> None:
    timeline = timeline_of(sum_trace())
    timeline.out()
    assert timeline.ended
    assert timeline.at_end
    last = timeline.position
    assert timeline.step().stop is Stop.ENDED
    assert timeline.position == last
    timeline.back()
    assert not timeline.at_end
    assert timeline.position == 0
    timeline.out()
    assert timeline.frame.argument == "15"


def test_a_trace_that_the_model_ends_early_ends_there() -> None:
    timeline = timeline_of(sum_trace(), {3: [Choice(None, ended=True)]})
    move = timeline.out()
    assert (move.frames, move.stop, timeline.at_end) == (2, Stop.ENDED, True)
    assert timeline.step().frames == 0


def test_nothing_follows_the_return_of_an_entry_that_cannot_be_resumed() -> None:
    timeline = timeline_of(sum_trace())
    timeline.out()
    asked = len(asked_for(timeline))
    timeline.step()
    assert len(asked_for(timeline)) == asked


def test_an_entry_that_is_a_generator_can_be_resumed() -> None:
    source = "def f(n):  # << START_OF_TRACE\n    for i in range(n):\n        yield i\n"
    trace = record(source, lambda names: list(names["f"](2)))
    timeline = timeline_of(trace)
    while timeline.step().frames:
        pass
    assert len(timeline.frames) == len(trace.frames)


# The invented call.


def letters(timeline: Timeline, resets: int) -> list[str]:
    shown = []
    for _ in range(resets):
        timeline.reset()
        shown.append(timeline.locals["c"])
    return shown


def invented(seed: int = 0, acts: dict[int, list[Act]] | None = None) -> Timeline:
    trace = record_strawberry()
    return Timeline(trace.context, ScriptedPredictor(trace.frames, acts), seed=seed)


def test_reset_samples_another_call_of_the_entry() -> None:
    timeline = invented()
    shown = letters(timeline, 12)
    assert set(shown) == {"'a'", "'r'", "'t'", "'s'"}
    assert all(one != other for one, other in pairwise(shown))
    predictor = timeline._asker._predictor
    assert {event for _, event, _ in predictor.asked} == {Event.CALL}
    assert all(sampling.temperature > 0 for _, _, sampling in predictor.asked)


def test_a_model_that_says_the_same_again_is_asked_more_warmly() -> None:
    trace = record_strawberry()
    predictor = ScriptedPredictor(trace.frames, letters="a")
    timeline = Timeline(trace.context, predictor)
    timeline.reset()
    assert [sampling.temperature for _, _, sampling in predictor.asked] == [INVENTING.temperature]
    timeline.reset()
    warmth = [sampling.temperature for _, _, sampling in predictor.asked[1:]]
    assert warmth[0] == INVENTING.temperature
    assert all(one < other for one, other in pairwise(warmth))
    assert len(warmth) > 1
    assert warmth[-1] < 2 * INVENTING.temperature


def test_a_model_that_says_no_call_is_not_asked_more_warmly() -> None:
    timeline = invented(acts={0: [Choice(None)] * 3})
    timeline.reset()
    asked = timeline._asker._predictor.asked
    assert [sampling.temperature for _, _, sampling in asked] == [INVENTING.temperature] * 4


def test_resets_of_one_seed_are_always_the_same() -> None:
    assert letters(invented(5), 6) == letters(invented(5), 6)
    assert letters(invented(5), 6) != letters(invented(6), 6)


def test_what_is_done_between_resets_does_not_change_them() -> None:
    timeline = invented(5)
    shown = []
    for _ in range(6):
        timeline.reset()
        shown.append(timeline.locals["c"])
        timeline.step()
        timeline.next()
    assert shown == letters(invented(5), 6)


def test_a_server_failure_uses_up_no_sample() -> None:
    timeline = invented(5, {0: [PredictionError("no answer")]})
    with pytest.raises(PredictionError):
        timeline.reset()
    assert letters(timeline, 6) == letters(invented(5), 6)


def test_steps_after_an_invented_call_are_greedy() -> None:
    timeline = invented()
    timeline.reset()
    timeline.step()
    assert timeline._asker._predictor.asked[-1][2] == Sampling()


def test_a_call_with_other_parameters_is_passed_over() -> None:
    wrong = record_strawberry().frames[0]
    timeline = invented(0, {0: [replace(wrong, locals={"s": "'x'"}), record_strawberry().frames[3]]})
    timeline.reset()
    assert list(timeline.locals) == ["c"]


def test_a_sample_that_has_gone_astray_gives_way_to_a_short_one() -> None:
    call = record_strawberry().frames[0]
    samples = [replace(call, locals={"c": repr(text)}) for text in ("a", "a" * 90, "b" * 30, "c")]
    timeline = invented(0, {0: samples})
    assert letters(timeline, 2) == ["'a'", "'c'"]
    astray = samples[1:3] * 4
    timeline = invented(0, {0: [samples[0], *astray]})
    assert letters(timeline, 2) == ["'a'", repr("b" * 30)]


def test_a_model_that_never_calls_the_entry_is_an_error_and_changes_nothing() -> None:
    timeline = invented()
    timeline.reset()
    timeline.step()
    frames, position = timeline.frames, timeline.position
    timeline._asker._predictor.acts[0] = [record_strawberry().frames[3]] * 8
    with pytest.raises(PredictionError, match="no call of the entry in 8 samples"):
        timeline.reset()
    assert (timeline.frames, timeline.position) == (frames, position)
    timeline.reset()
    assert timeline.position == 0


def test_a_step_before_the_first_frame_invents_it() -> None:
    timeline = invented()
    assert (timeline.position, timeline.frame, timeline.line, timeline.locals) == (-1, None, None, {})
    timeline.step()
    assert timeline.position == 0


def test_reset_with_a_given_call_goes_back_to_it() -> None:
    timeline = timeline_of(sum_trace())
    timeline.step()
    timeline.next()
    timeline.reset()
    assert timeline.position == 0
    assert timeline.back() == 0
    asked = len(asked_for(timeline))
    timeline.step()
    assert len(asked_for(timeline)) == asked


def test_reset_with_a_given_call_and_sampled_steps_samples_them_again() -> None:
    timeline = timeline_of(sum_trace(), stepping=Sampling(0.9))
    seeds = []
    for _ in range(2):
        timeline.step()
        seeds.append(timeline._asker._predictor.asked[-1][2].seed)
        timeline.reset()
    assert seeds[0] != seeds[1]


# Failures.


@pytest.mark.parametrize("failure", [PredictionError("HTTP 500"), garbage(), Choice(None), KeyboardInterrupt()])
def test_a_failed_prediction_leaves_the_timeline_where_it_was_and_can_be_retried(failure: Act) -> None:
    timeline = timeline_of(sum_trace(), {5: [failure]})
    timeline.step()
    with pytest.raises((PredictionError, KeyboardInterrupt)):
        timeline.next()
    assert timeline.position == 1
    timeline.next()
    assert timeline.frame.source.strip() == "total += 1"
    assert asked_for(timeline).count(4) == 1  # what had been predicted before the failure was kept
    assert timeline.back() == 9


def test_a_refused_text_is_asked_for_again_by_sampling() -> None:
    timeline = timeline_of(sum_trace(), {1: [garbage(), garbage()]})
    for _ in range(2):
        with pytest.raises(PredictionError, match="invalid JSON"):
            timeline.step()
    timeline.step()
    timeline.step()
    greedy, second, third, after = (sampling for _, _, sampling in timeline._asker._predictor.asked)
    assert (greedy, after) == (Sampling(), Sampling())
    assert second.temperature > 0
    assert second.seed != third.seed


def test_a_frame_with_problems_is_not_taken() -> None:
    cut = Choice(sum_trace().frames[1], (Problem(ProblemKind.TRUNCATED_FRAME, 1),))
    timeline = timeline_of(sum_trace(), {1: [cut]})
    with pytest.raises(PredictionError, match="truncated frame"):
        timeline.step()
    assert len(timeline.frames) == 1


# Locals.


def test_a_return_shows_the_locals_that_its_scope_showed_last() -> None:
    timeline = timeline_of(sum_trace())
    timeline.step()
    go_to(timeline, Event.RETURN, "return y")
    assert timeline.locals == {"x": "3", "y": "6"}
    timeline.step()
    go_to(timeline, Event.RETURN, "return y")
    assert timeline.locals == {"x": "4", "y": "8"}


def test_a_return_after_a_return_shows_the_locals_of_the_outer_scope() -> None:
    source = "def g(x):\n    return x\n\ndef f(a):  # << START_OF_TRACE\n    b = a\n    return g(b)\n"
    timeline = timeline_of(record(source, lambda names: names["f"](3)))
    timeline.out()
    assert [frame.event for frame in timeline.frames[-2:]] == [Event.RETURN, Event.RETURN]
    assert timeline.locals == {"a": "3", "b": "3"}


def test_unchanged_after_a_callees_return_means_what_the_scope_showed_last() -> None:
    frame = Frame(Event.LINE, "    total += 1\n", {"a": "..", "total": "14"})
    choice = Choice(frame, (Problem(ProblemKind.UNRESOLVED_VALUE, 10, "nothing before it shows 'a'"),))
    timeline = timeline_of(sum_trace(), {10: [choice]})
    timeline.step()
    timeline.next()
    assert timeline.locals == {"a": "3", "total": "14"}


def test_unchanged_of_a_name_that_was_never_shown_is_refused() -> None:
    frame = Frame(Event.LINE, "    total += 1\n", {"k": ".."})
    choice = Choice(frame, (Problem(ProblemKind.UNRESOLVED_VALUE, 10, "nothing before it shows 'k'"),))
    timeline = timeline_of(sum_trace(), {10: [choice]})
    timeline.step()
    with pytest.raises(PredictionError, match="'k'"):
        timeline.next()


# Beside the real trace.


def test_a_right_prediction_does_not_differ_from_the_real_trace() -> None:
    trace = sum_trace()
    timeline = timeline_of(trace, truth=trace)
    while True:
        assert not timeline.differs
        assert timeline.real.exact
        if not timeline.step().frames:
            break
    assert timeline.parted is None


def test_a_wrong_value_differs() -> None:
    trace = sum_trace()
    wrong = replace(trace.frames[4], locals={"x": "3", "y": "7"})
    timeline = timeline_of(trace, {4: [wrong]}, truth=trace)
    go_to(timeline, Event.LINE, "return y")
    difference = timeline.diff()
    assert timeline.differs
    assert [(each.name, each.predicted, each.real) for each in difference.variables] == [("y", "7", "6")]
    assert not difference.action
    assert timeline.parted == 4


def test_equal_values_written_differently_and_redacted_ones_do_not_differ() -> None:
    trace = sum_trace()
    real = replace(trace.frames[1], locals={"a": "{1, 2}", "password": "<redacted>"})
    predicted = replace(real, locals={"a": "{2, 1}", "password": "'guess'"})
    timeline = timeline_of(
        trace, {1: [predicted]}, truth=replace(trace, frames=(trace.frames[0], real, *trace.frames[2:]))
    )
    timeline.step()
    assert not timeline.differs


def test_after_the_traces_parted_frames_are_found_by_their_place() -> None:
    """A loop predicted one round short: the frames after it still stand beside the real ones."""
    source = "def f(n):  # << START_OF_TRACE\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n"
    truth, shorter = (record(source, lambda names, n=n: names["f"](n)) for n in (3, 2))
    script = (
        truth.frames[0],
        *(replace(each, locals={**each.locals, "n": "3"}) if each.locals else each for each in shorter.frames[1:]),
    )
    timeline = Timeline(truth.context, ScriptedPredictor(script), given=truth.frames[:1], truth=truth)
    go_to(timeline, Event.RETURN, "return s")
    assert timeline.real.frame == truth.frames[-1]
    assert not timeline.real.exact
    assert timeline.diff().argument
    assert timeline.parted == 7


def test_a_call_that_never_happened_has_no_real_frame() -> None:
    trace = sum_trace()
    call = replace(trace.frames[2], locals={"x": "0"})
    timeline = timeline_of(trace, {10: [call]}, truth=trace)
    timeline.out()
    position = timeline.position
    timeline.reset()
    for _ in range(10):
        timeline.step()
    assert position >= timeline.position == 10
    assert timeline.differs  # aligned by index: the first frame that differs
    assert timeline.real.exact
    timeline.step()
    assert timeline.real is None
    assert timeline.differs


def test_the_debugger_starts_at_a_divergence() -> None:
    trace = sum_trace()
    wrong = replace(trace.frames[4], locals={"x": "3", "y": "7"}, file=None, line=None)
    predictor = ScriptedPredictor(trace.frames)
    timeline = Timeline.at_divergence(trace, 4, predictor, Choice(wrong))
    assert (timeline.position, timeline.frame, timeline.differs) == (4, wrong, True)
    assert predictor.asked == []
    timeline.step()
    assert predictor.asked[0][0] == (*trace.frames[:4], wrong)
    timeline.back()
    assert timeline.back() == 1  # the true frames before it can be looked at
    assert not timeline.differs
    timeline.reset()
    assert timeline.position == 4


def test_the_debugger_starts_where_the_model_ended_the_trace_early() -> None:
    trace = sum_trace()
    timeline = Timeline.at_divergence(trace, 4, ScriptedPredictor(trace.frames), Choice(None, ended=True))
    assert (timeline.position, timeline.at_end) == (3, True)


@given(st.lists(st.sampled_from(["step", "next", "out", "back", "reset"]), max_size=40))
def test_whatever_the_moves_every_frame_is_asked_for_once_and_stays_what_it_was(moves: list[str]) -> None:
    timeline = timeline_of(SUM_TRACE)
    for move in moves:
        getattr(timeline, move)()
        assert timeline.frame == timeline.frames[timeline.position]
        assert replace(timeline.frame, file=None, line=None) == replace(
            SUM_TRACE.frames[timeline.position], file=None, line=None
        )
    assert asked_for(timeline) == list(range(1, len(timeline.frames)))
