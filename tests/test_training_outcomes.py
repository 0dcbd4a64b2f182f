"""How conditions come out: which lines have an outcome to learn from, and what judging it costs."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("numpy")
pytest.importorskip("sentencepiece")

import numpy as np
import torch

from cwm_server.tokenizer import SentencePieceTokenizer, load_tokenizer
from cwm_server.training.corpus import Encoder
from cwm_server.training.heads import CHOICE, OutcomeHead, branch_odds, tapped_layers
from cwm_server.training.outcomes import ENTERED, NONE, NOT_TAKEN, PASSED, TAKEN, decisions, outcomes
from cwm_tracer.model import Event, Frame
from cwm_tracer.wire import START, Segment, Special, encode_context, encode_frame


def told(source: str, *frames: tuple[Event, str]) -> list[tuple[str, int]]:
    """The lines that have an outcome, in order, of a trace of `source` with these events and lines."""
    segments = traced(source, *frames)
    asked = sorted(outcomes(decisions(segments)).items())
    return [(str(segments[index]).strip(), outcome) for index, outcome in asked if isinstance(segments[index], str)]


def chosen(source: str, *frames: tuple[Event, str]) -> list[tuple[str, int]]:
    """The lines that are chosen by an outcome, in order."""
    segments = traced(source, *frames)
    asked = sorted(outcomes(decisions(segments)).items())
    return [(str(segments[index + 1]).strip(), to) for index, to in asked if segments[index] is Special.ACTION]


def traced(source: str, *frames: tuple[Event, str]) -> list[Segment]:
    segments: list[Segment] = encode_context(source)
    cursor = START
    for event, line in frames:
        argument = "None" if event in (Event.RETURN, Event.EXCEPTION) else None
        frame = Frame(event, line + "\n", None if event is Event.RETURN else {"n": "1"}, argument)
        segments += encode_frame(frame, cursor)
        cursor = cursor.after(frame)
    return segments


CALL, LINE, RETURN, EXCEPTION = Event.CALL, Event.LINE, Event.RETURN, Event.EXCEPTION
SIGN = """\
def sign(n):  # << START_OF_TRACE
    if n > 3:
        return 3
    elif n:  # some
        while n:
            # one less

            n -= 1
        else:
            n = 5
    else:
        n = 4
    for x in (1,):
        n = x
"""
RUN = (
    (CALL, "def sign(n):"),
    (LINE, "    if n > 3:"),
    (LINE, "    elif n:  # some"),
    (LINE, "        while n:"),
    (LINE, "            n -= 1"),
    (LINE, "    for x in (1,):"),
    (RETURN, "    for x in (1,):"),
)


def test_a_block_that_runs_is_taken_and_one_that_is_passed_over_is_not() -> None:
    assert told(SIGN, *RUN) == [
        ("if n > 3:", NOT_TAKEN),
        ("elif n:  # some", TAKEN),
        ("while n:", TAKEN),
        ("for x in (1,):", NOT_TAKEN),
    ]


def test_a_block_behind_else_is_not_taken_though_it_is_indented_and_its_else_is_no_frame() -> None:
    assert told(
        SIGN,
        (LINE, "    elif n:  # some"),
        (LINE, "        n = 4"),
        (LINE, "        while n:"),
        (LINE, "            n = 5"),
    ) == [("elif n:  # some", NOT_TAKEN), ("while n:", NOT_TAKEN)]


def test_nothing_is_said_where_both_blocks_begin_alike_or_the_condition_is_not_shown() -> None:
    alike = "def f(n):\n    if n:\n        n = g(n)\n        n += 1\n    else:\n        n = g(n)\n"
    assert told(alike, (LINE, "    if n:"), (LINE, "        n = g(n)")) == []
    assert told(alike, (LINE, "    if n:"), (RETURN, "    if n:")) == [("if n:", NOT_TAKEN)]
    assert told("def f(n): ...", (LINE, "    if n:"), (LINE, "        n = g(n)")) == []


def test_a_condition_that_stands_there_twice_is_told_by_the_lines_of_either() -> None:
    twice = "def f(n):\n    if n:\n        a()\n    else:\n        b()\n    if n:\n        c()\n"
    for line, outcome in (("a()", TAKEN), ("b()", NOT_TAKEN), ("c()", TAKEN)):
        assert told(twice, (LINE, "    if n:"), (LINE, f"        {line}")) == [("if n:", outcome)]
    mixed = "def f(n):\n    if n:\n        a()\n    else:\n        b()\n    if n:\n        b()\n"
    assert told(mixed, (LINE, "    if n:"), (LINE, "        b()")) == []


@pytest.mark.parametrize("line", ["if n: return 1", "x = {'if': 1}", "iffy(n)", "if (n and", "else:", "x if n else y"])
def test_a_line_without_a_block_below_it_has_no_outcome(line: str) -> None:
    source = f"def f(n):\n    {line}\n        n = 2\n"
    assert told(source, (CALL, "def f(n):"), (LINE, f"    {line}"), (LINE, "        n = 2")) == []


def test_nothing_is_said_where_a_call_or_an_exception_comes_first() -> None:
    calls = "def f(n):\n    if g(n):\n        return n\n"
    assert told(calls, (LINE, "    if g(n):"), (CALL, "def g(n):"), (LINE, "    return n")) == []
    fails = "try:\n    if 1 / n:\n        n = 2\nexcept E:\n    n = 3\n"
    assert told(fails, (LINE, "    if 1 / n:"), (EXCEPTION, "    if 1 / n:"), (LINE, "except E:")) == []


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


def test_an_outcome_is_asked_again_where_it_chooses_the_next_line() -> None:
    assert chosen(SIGN, *RUN) == [
        ("elif n:  # some", PASSED),
        ("while n:", ENTERED),
        ("n -= 1", ENTERED),
        ("for x in (1,):", PASSED),
    ]
    assert chosen(SIGN, (LINE, "    if n > 3:"), (CALL, "def other():"), (LINE, "        return 3")) == []


def test_an_outcome_is_asked_again_where_it_chooses_the_next_event() -> None:
    segments = traced(SIGN, *RUN)
    asked = sorted(outcomes(decisions(segments)).items())
    found = [(segments[index + 1], outcome) for index, outcome in asked if segments[index] is Special.FRAME]
    assert found == [(Special.LINE, PASSED), (Special.LINE, ENTERED), (Special.LINE, ENTERED), (Special.RETURN, PASSED)]


def test_the_logits_of_two_tokens_answer_and_all_others_are_let_be() -> None:
    logits = torch.zeros(1, 4, 5, requires_grad=True)
    outcomes_there = torch.tensor([[NONE, PASSED, ENTERED, TAKEN]])
    losses = CHOICE.losses(branch_odds(logits, (3, 1)), outcomes_there)
    assert losses.tolist() == [pytest.approx([0, 0.6931, 0.6931, 0], abs=1e-4)]
    losses.sum().backward()
    assert logits.grad is not None
    assert logits.grad[0].tolist() == [[0.0] * 5, [0, 0.5, 0, -0.5, 0], [0, -0.5, 0, 0.5, 0], [0.0] * 5]


def test_the_rivals_of_a_line_are_those_that_would_have_run_instead() -> None:
    behind_else = [(LINE, "    elif n:  # some"), (LINE, "        n = 4")]
    found = [sorted(decision.rivals) for decision in decisions(traced(SIGN, *behind_else, *RUN[3:5]))]
    assert found == [["        while n:"], ["            n = 5"]]


def test_the_choice_is_asked_up_to_the_token_at_which_the_next_line_parts_from_its_rival() -> None:
    tokenizer = load_tokenizer()
    assert isinstance(tokenizer, SentencePieceTokenizer)
    source = "def f(n):\n    if n:\n        total = n + 1\n    else:\n        total = n - 1\n    return total\n"
    document = traced(source, (CALL, "def f(n):"), (LINE, "    if n:"), (LINE, "        total = n + 1"))
    packed = Encoder(tokenizer).pack([document], 2048)
    asked = [tokenizer.decode([int(packed.tokens[place])])[0] for place in np.flatnonzero(packed.outcomes == ENTERED)]
    assert asked[:2] == [Special.FRAME, Special.ACTION]
    assert "".join(str(piece) for piece in asked[2:]).strip() == "total = n"


def test_a_head_judges_only_what_is_its_own_to_judge() -> None:
    head = OutcomeHead(4, CHOICE)
    asked = torch.tensor([[NOT_TAKEN, TAKEN, PASSED, ENTERED, NONE]])
    assert head.question.is_asked(asked).tolist() == [[False, False, True, True, False]]
    with torch.no_grad():
        head.bias.fill_(3.0)
    losses = head(torch.zeros(1, 5, 4), asked)[0]
    assert [bool(loss > 0) for loss in losses] == [False, False, True, True, False]
    assert losses[2] > losses[3]


def test_each_head_leaves_layers_that_can_use_its_answer() -> None:
    assert [tapped_layers(count) for count in (1, 2, 4, 8, 14, 16)] == [
        (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
        (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
        (1, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3),
        (2, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 7),
        (5, 5, 6, 7, 8, 9, 10, 10, 11, 10, 11, 12),
        (6, 6, 7, 8, 9, 10, 11, 11, 12, 11, 12, 13),
    ]
