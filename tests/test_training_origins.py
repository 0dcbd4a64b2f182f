"""What is asked while a new value is written: where its next element comes from."""

from __future__ import annotations

import ast

import pytest

pytest.importorskip("numpy")

from hypothesis import given
from hypothesis import strategies as st

from cwm_server.training.origins import END, origins
from cwm_server.training.parts import ORIGIN, parts_of
from cwm_tracer.model import Event, Frame
from cwm_tracer.wire import START, Segment, Special, encode_frame

SHOWN = {"xs": "[4, 6, 5]", "ys": "[1]", "s": "'bab'", "words": "['bb', 'a']", "n": "1"}


def answers(expression: str, value: str, **shown: str) -> dict[str, str]:
    """What is asked of a value that an expression has made, by the text up to there."""
    found = origins(ast.parse(expression, mode="eval").body, shown or SHOWN, value.encode())
    return {value[:place]: answer for place, answer in found}


def test_the_next_element_is_asked_for_behind_the_one_before_and_where_it_begins() -> None:
    assert answers("xs[::-1]", "[5, 6, 4]") == {
        "[": "2",
        "[5": "1",
        "[5, ": "1",
        "[5, 6": "0",
        "[5, 6, ": "0",
        "[5, 6, 4": END,
    }
    assert answers("list(s)", "['b', 'a', 'b']") == {
        "[": "0",
        "['": "0",
        "['b'": "1",
        "['b', ": "1",
        "['b', '": "1",
        "['b', 'a'": "2",
        "['b', 'a', ": "2",
        "['b', 'a', '": "2",
        "['b', 'a', 'b'": END,
    }
    assert answers("s.upper()", "'BAB'") == {"'": "0", "'B": "1", "'BA": "2", "'BAB": END}


@pytest.mark.parametrize(
    ("expression", "places"),
    [
        ("xs[:-1]", "01"),
        ("xs[n:] + ys", "120"),
        ("sorted(xs)", "021"),
        ("sorted(xs, reverse=True)", "120"),
        ("sorted(words, key=len)", "10"),
        ("list(reversed(xs))", "210"),
        ("tuple(xs)", "012"),
        ("''.join(sorted(s))", "102"),
        ("list(set(xs))", "021"),
        ("list(zip(xs, s))", "012"),
        ("list(enumerate(ys))", "0"),
        ("xs[3:]", ""),
    ],
)
def test_each_way_to_make_a_value_has_its_own_order(expression: str, places: str) -> None:
    value = repr(eval(expression, {name: ast.literal_eval(text) for name, text in SHOWN.items()}))
    found = [answer for answer in answers(expression, value).values() if answer != END]
    assert "".join(dict.fromkeys(found)) == places
    assert list(answers(expression, value).values())[-1] == END


def test_the_parts_of_a_display_are_asked_for_on_their_own() -> None:
    found = answers("(len(xs), [xs[:0], xs[1:]])", "(3, [[], [6, 5]])")
    assert found == {
        "(3, [[": END,
        "(3, [[], [": "1",
        "(3, [[], [6": "2",
        "(3, [[], [6, ": "2",
        "(3, [[], [6, 5": END,
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("xs[::-1]", "[4, 6, 5]"),  # another one
        ("sorted(xs, key=abs)", "[4, 5, 6]"),
        ("list(map(abs, xs))", "[4, 6, 5]"),
        ("set(words)", "{'bb', 'a'}"),
        ("other[1:]", "[1]"),
        ("xs", "<list object>"),
        ("[n, n]", "[1, 1]"),
        ("s[n:]", "'\\\\n'"),
    ],
)
def test_what_is_not_clear_is_not_asked(expression: str, value: str) -> None:
    assert answers(expression, value) == {}


@given(
    st.lists(st.integers(0, 9), max_size=6), *[st.none() | st.integers(-4, 4)] * 2, st.sampled_from([None, 1, 2, -1])
)
def test_who_follows_the_answers_writes_the_value(
    xs: list[int], first: int | None, last: int | None, step: int | None
) -> None:
    ends = ":".join("" if each is None else str(each) for each in (first, last, step))
    value = repr(xs[slice(first, last, step)])
    found = answers(f"xs[{ends}]", value, xs=repr(xs))
    begun = [answer for place, answer in found.items() if place.endswith(("[", " ")) and answer != END]
    assert repr([xs[int(place)] for place in begun]) == value


def document(*frames: Frame) -> list[Segment]:
    segments: list[Segment] = [Special.BEGIN, Special.CONTEXT, "def f(xs):\n", Special.FRAME]
    cursor = START
    for frame in frames:
        segments += encode_frame(frame, cursor)
        cursor = cursor.after(frame)
    return segments


def asked(*frames: Frame) -> list[str]:
    """What is asked of where elements come from, in the order of a document."""
    found = parts_of(document(*frames))
    return [part.value for index in sorted(found) for part in found[index] if part.kind == ORIGIN]


HEAD, TURN, BACK = "def f(xs):\n", "    ys = xs[::-1]\n", "    return xs[::-1]\n"
LOOP = "    ys = [x * 2 for x in xs]\n"


def line(source: str, event: Event = Event.LINE, **shown: str) -> Frame:
    return Frame(event, source, shown, None)


def back(source: str, value: str) -> Frame:
    return Frame(Event.RETURN, source, None, value)


def test_a_document_asks_for_what_a_line_has_bound_or_returned() -> None:
    begun = (line(HEAD, Event.CALL, xs="[1, 2]"), line(TURN, xs="[1, 2]"))
    assert asked(*begun, line(BACK, xs="[1, 2]", ys="[2, 1]")) == ["1", "0", "0", END]
    returning = (*begun[:1], line(BACK, xs="[1, 2]"))
    assert asked(*returning, back(BACK, "[2, 1]")) == ["1", "0", "0", END]
    assert asked(*begun, line(HEAD, Event.CALL, xs="[2, 1]"), line(TURN, xs="[2, 1]")) == []  # it has called something


def test_a_comprehension_hands_over_what_it_makes_of_each_element() -> None:
    begun = (
        line(HEAD, Event.CALL, xs="[1, 2]"),
        line(LOOP, xs="[1, 2]"),
        line(LOOP, Event.CALL, **{".0": "<list_iterator object>"}),
    )
    turns = [line(LOOP, **{".0": "<list_iterator object>", "x": x}) for x in "12"]
    assert asked(*begun, *turns, back(LOOP, "[2, 4]")) == ["0", "1", "1", END]
    some = [line(each.source.replace("xs]", "xs if x]"), each.event, **each.locals or {}) for each in (*begun, *turns)]
    assert asked(*some, back(some[-1].source, "[2, 4]")) == []


@pytest.mark.parametrize(
    ("ran", "then", "text"),
    [
        (TURN, line(BACK, xs="['a', 'b']", ys="['b', 'a']"), '{"xs": "..", "ys": "[\'b\', \'a\']"}'),
        (BACK, back(BACK, "['b', 'a']"), "\"['b', 'a']\""),
    ],
)
def test_places_are_those_in_the_text_of_all_locals_or_of_what_is_returned(ran: str, then: Frame, text: str) -> None:
    segments = document(line(HEAD, Event.CALL, xs="['a', 'b']"), line(ran, xs="['a', 'b']"), then)
    asked = [part for part in parts_of(segments)[segments.index(text)] if part.kind == ORIGIN]
    first = text.index("[") + 1
    places = {first: "1", first + 1: "1", first + 3: "0", first + 5: "0", first + 6: "0", first + 8: END}
    assert {part.end: part.value for part in asked} == places
