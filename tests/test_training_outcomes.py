"""How conditions come out: which lines have an outcome to learn from, and what judging it costs."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("numpy")
pytest.importorskip("sentencepiece")

import torch

from cwm_server.training.heads import OutcomeHead, tapped_layers
from cwm_server.training.outcomes import NONE, NOT_TAKEN, TAKEN, outcomes
from cwm_tracer.model import Event, Frame
from cwm_tracer.wire import START, Segment, encode_frame


def told(*frames: tuple[Event, str]) -> list[tuple[str, int]]:
    """The lines that have an outcome, in order, of a trace with these events and lines."""
    segments: list[Segment] = []
    cursor = START
    for event, source in frames:
        argument = "None" if event in (Event.RETURN, Event.EXCEPTION) else None
        frame = Frame(event, source, None if event is Event.RETURN else {"n": "1"}, argument)
        segments += encode_frame(frame, cursor)
        cursor = cursor.after(frame)
    return [(str(segments[index]).strip(), outcome) for index, outcome in sorted(outcomes(segments).items())]


CALL, LINE, RETURN, EXCEPTION = Event.CALL, Event.LINE, Event.RETURN, Event.EXCEPTION


def test_a_block_that_runs_is_taken_and_one_that_is_passed_over_is_not() -> None:
    assert told(
        (CALL, "def f(n):\n"),
        (LINE, "    if n > 3:\n"),
        (LINE, "    elif n:  # some\n"),
        (LINE, "        while n:\n"),
        (LINE, "        n = 2\n"),
        (LINE, "    for x in (1,):\n"),
        (RETURN, "    for x in (1,):\n"),
    ) == [("if n > 3:", NOT_TAKEN), ("elif n:  # some", TAKEN), ("while n:", NOT_TAKEN), ("for x in (1,):", NOT_TAKEN)]


@pytest.mark.parametrize(
    "line",
    [
        "    if n: return 1\n",
        "    x = {'if': 1}\n",
        "    iffy(n)\n",
        "    if (n and\n",
        "    else:\n",
        "    x if n else y\n",
    ],
)
def test_a_line_without_a_block_below_it_has_no_outcome(line: str) -> None:
    assert told((CALL, "def f(n):\n"), (LINE, line), (LINE, "        n = 2\n")) == []


def test_nothing_is_said_where_a_call_or_an_exception_comes_first() -> None:
    assert told((LINE, "    if g(n):\n"), (CALL, "def g(n):\n"), (LINE, "    return n\n")) == []
    assert told((LINE, "    if 1 / n:\n"), (EXCEPTION, "    if 1 / n:\n"), (LINE, "    except E:\n")) == []


def test_only_the_ends_of_conditions_count_and_a_right_judgement_costs_less() -> None:
    head = OutcomeHead(4)
    states = torch.eye(4)[None]
    asked = torch.tensor([[NONE, TAKEN, NOT_TAKEN, NONE]])
    unsure = head(states, asked)
    assert unsure.tolist() == [pytest.approx([0, 0.6931, 0.6931, 0], abs=1e-4)]
    with torch.no_grad():
        head.weight.copy_(torch.tensor([9.0, 1.0, -1.0, 9.0]))
    assert (head(states, asked)[0, 1:3] < unsure[0, 1:3]).all()
    assert head.takes(states)[0, 1:3].tolist() == [True, False]


def test_each_head_leaves_layers_that_can_use_its_answer() -> None:
    assert [tapped_layers(count) for count in (1, 2, 4, 8, 16)] == [
        (1, 1, 1, 1, 1, 1, 1, 1),
        (1, 1, 1, 1, 1, 1, 1, 1),
        (1, 1, 2, 2, 3, 3, 3, 3),
        (3, 3, 4, 5, 6, 6, 7, 7),
        (7, 7, 8, 10, 11, 12, 14, 14),
    ]
