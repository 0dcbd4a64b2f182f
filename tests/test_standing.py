"""What a window tells of the activations that are open before it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cwm_tracer.model import Event, Frame
from pytest_cwm.predictors.standing import NOTHING, Open, Standing, within

EVENTS = st.sampled_from([Event.CALL, Event.CALL, Event.LINE, Event.LINE, Event.EXCEPTION, Event.RETURN])


def frames(*events: Event) -> list[Frame]:
    return [Frame(event, f"line {number}\n", {}) for number, event in enumerate(events)]


def told(opened: Open) -> list[str]:
    return [frame.source.removeprefix("line ").strip() for frame in opened.frames]


def test_of_each_open_activation_its_call_and_what_it_did_last_are_told() -> None:
    call, line, exception, back = Event.CALL, Event.LINE, Event.EXCEPTION, Event.RETURN
    trace = frames(call, line, line, call, line, exception, call, back, call)
    assert [told(Standing(trace).at(index)) for index in range(len(trace) + 1)] == [
        [],
        ["0"],
        ["0", "1"],
        ["0", "2"],
        ["0", "2", "3"],
        ["0", "2", "3", "4"],
        ["0", "2", "3", "4", "5"],
        ["0", "2", "3", "4", "5", "6"],
        ["0", "2", "3", "4", "5"],
        ["0", "2", "3", "4", "5", "8"],
    ]


def test_an_exception_is_over_once_another_line_has_run() -> None:
    trace = frames(Event.CALL, Event.LINE, Event.EXCEPTION, Event.LINE)
    assert told(Standing(trace).at(4)) == ["0", "3"]


def test_where_all_are_suspended_the_last_return_is_told() -> None:
    trace = frames(Event.CALL, Event.LINE, Event.RETURN)
    assert told(Standing(trace).at(3)) == ["2"]
    assert Standing(trace).at(0) == NOTHING


def test_of_a_deep_stack_the_innermost_are_told_and_the_others_counted() -> None:
    opened = Standing(frames(*[Event.CALL] * 1000)).at(1000)
    assert opened.depth + len(opened.frames) == 1000
    assert told(opened)[-1] == "999"
    assert len(opened.frames) < 100


@given(st.lists(EVENTS, max_size=60), st.data())
def test_read_on_it_tells_the_same_as_read_anew(events: list[Event], data: st.DataObject) -> None:
    trace = frames(*events)
    places = sorted(data.draw(st.lists(st.integers(0, len(trace)), max_size=6)))
    standing = Standing(trace)
    assert [standing.at(place) for place in places] == [Standing(trace).at(place) for place in places]


@given(st.lists(EVENTS, max_size=60), st.integers(0, 400), st.data())
def test_what_is_told_stays_within_a_limit_and_loses_the_outermost_first(
    events: list[Event], limit: int, data: st.DataObject
) -> None:
    opened = Standing(frames(*events)).at(len(events))
    lengths = data.draw(st.lists(st.integers(1, 60), min_size=len(opened.frames), max_size=len(opened.frames)))
    shown = within(opened, lengths, limit)
    count = len(shown.frames)
    assert shown.frames == opened.frames[len(opened.frames) - count :]
    assert sum(lengths[len(lengths) - count :]) <= limit
    lost = opened.frames[: len(opened.frames) - count]
    assert shown.depth == opened.depth + sum(frame.event is Event.CALL for frame in lost)
    assert not shown.frames or shown.frames[0].event is Event.CALL or shown == opened
