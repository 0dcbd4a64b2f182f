"""What a trace does not say: which values follow from the shown locals, and where training asks for them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("numpy")
pytest.importorskip("sentencepiece")

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from cwm_server.tokenizer import SentencePieceTokenizer, load_tokenizer
from cwm_server.training.batches import gather
from cwm_server.training.corpus import Encoder, join, load_packed, save_packed
from cwm_server.training.heads import ValueHead, questions_of
from cwm_server.training.parts import (
    FIRST,
    HELD,
    IGNORED,
    LATER,
    LEFT,
    NAMED,
    OWNED,
    PIECES,
    PLACED,
    SECOND,
    STEPS,
    THIRD,
    kind_of,
    parts,
    placed,
)
from cwm_tracer.model import Event, Frame
from cwm_tracer.wire import START, Segment, Special, encode_frame


def told(line: str, **shown: str) -> dict[str, str]:
    """What each part of a line stands for, by its text up to where it ends; where several do, of most steps."""
    found = sorted(parts(line, shown), key=lambda part: part.kind)
    return {line.encode()[: part.end].decode().strip(): part.value for part in found}


def test_names_stand_for_their_values_and_expressions_for_what_comes_of_them() -> None:
    assert told("    if x % 2 == 0 and y > 9:\n", x="4", y="5") == {
        "if x": "4",
        "if x % 2": "0",
        "if x % 2 == 0": "True",
        "if x % 2 == 0 and y": "5",
        "if x % 2 == 0 and y > 9": "False",
    }


@pytest.mark.parametrize(
    ("line", "shown", "value"),
    [
        ("total += xs[-1]", {"total": "1", "xs": "[4, 5]"}, "6"),
        ("elif s[1:3].upper() != t:", {"s": "'abcd'", "t": "'BC'"}, "False"),
        ("while not done or missing:", {"done": "False"}, "True"),
        ("return len(d) + d.get('k', 3)", {"d": "{'k': 1}"}, "2"),
        ("y = (a, b)[flag] if maybe() else 2 ** n", {"n": "5"}, "32"),
        ("return [x * 2 for x in it]", {".0": "<list_iterator object>", "x": "'ab'"}, None),
        ("key = lambda p: p[1]", {"p": "(1, 'b')"}, "'b'"),
    ],
)
def test_the_widest_expression_at_the_end_of_a_line_is_worked_out(
    line: str, shown: dict[str, str], value: str | None
) -> None:
    text = line.rstrip(":")
    last = {part.kind: part.value for part in parts(line, shown) if part.kind != NAMED and part.end == len(text)}
    assert next((last[kind] for kind in reversed(STEPS) if kind in last), None) == value


def test_what_an_augmented_assignment_stores_in_is_read_before() -> None:
    found = parts("total += x", {"total": "12", "x": "4"})
    assert [(part.end, part.value) for part in found if part.kind == NAMED] == [(10, "4"), (5, "12")]


def test_expressions_are_asked_by_the_steps_that_they_take() -> None:
    found = parts("if x % 2 == 0 and -1 < y:", {"x": "4", "y": "5"})
    assert [(part.end, part.value) for part in found if part.kind == FIRST] == [(8, "0"), (24, "True")]
    assert [(part.end, part.value) for part in found if part.kind == SECOND] == [(13, "True")]
    assert [(part.end, part.value) for part in found if part.kind == THIRD] == [(24, "True")]


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("a + b", FIRST),
        ("max(a, b)", FIRST),
        ("abs(a)", FIRST),
        ("a + b > 3", SECOND),
        ("xs[a]", SECOND),
        ("xs[a:-1]", SECOND),
        ("len(xs)", SECOND),
        ("xs.count(a)", SECOND),
        ("a in xs", SECOND),
        ("a + xs[b]", THIRD),
        ("xs[a] + b", LATER),
        ("len(xs) - 1", LATER),
        ("xs[a] == xs[b]", LATER),
        ("xs[a + 1]", THIRD),
        ("xs[a + 1] > xs[a]", LATER),
    ],
)
def test_what_looks_inside_a_value_takes_a_step_more(expression: str, kind: int) -> None:
    assert kind_of(ast.parse(expression, mode="eval").body) == kind
    found = parts(expression, {"xs": "[4, 2, 3]", "a": "1", "b": "2"})
    assert kind in {part.kind for part in found if part.end == len(expression)}


@pytest.mark.timeout(20)
def test_a_long_sum_takes_no_longer_for_every_term_that_it_begins_with() -> None:
    line = " + ".join(["xs[a]"] * 30)
    found = parts(line, {"xs": "[4]", "a": "0"})
    assert [part.value for part in found if part.end == len(line) and part.kind == LATER] == ["120"]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("xs[i]", {"xs[i]": {FIRST: "1", SECOND: "5"}}),
        (
            "xs[i - 1] + 2",
            {
                "xs[i - 1": {FIRST: "0", LATER: "0"},
                "xs[i - 1]": {SECOND: "0", THIRD: "4"},
                "xs[i - 1] + 2": {LATER: "6"},
            },
        ),
        (
            "xs[i] > xs[i - 1]",
            {
                "xs[i]": {FIRST: "1", SECOND: "5"},
                "xs[i] > xs[i - 1": {FIRST: "0", LATER: "0"},
                "xs[i] > xs[i - 1]": {SECOND: "0", THIRD: "4", LEFT: "5", LATER: "True"},
            },
        ),
        ("s['k']", {"s['k']": {FIRST: "'k'", SECOND: "3"}}),
        ("xs[i:]", {"xs[i:]": {SECOND: "[5]"}}),
        ("xs[i] % 3", {"xs[i]": {FIRST: "1", SECOND: "5"}, "xs[i] % 3": {LEFT: "5", LATER: "2"}}),
        ("i == xs[i]", {"i == xs[i]": {FIRST: "1", SECOND: "5", THIRD: "False"}}),
        ("max(xs[i], i)", {"max(xs[i]": {FIRST: "1", SECOND: "5"}, "max(xs[i], i)": {LEFT: "5", LATER: "5"}}),
        ("xs[i] += i", {"xs[i]": {FIRST: "1", SECOND: "5"}, "xs[i] += i": {LEFT: "5", LATER: "6"}}),
        ("i *= 3", {"i *= 3": {FIRST: "3", LATER: "3"}}),
        ("i + 2 > 3", {"i + 2": {FIRST: "3", LATER: "3"}, "i + 2 > 3": {SECOND: "False"}}),
        ("s['k'] * s", {"s['k']": {FIRST: "'k'", SECOND: "3"}}),
        ("self.i += i", {}),
        ("xs[2]", {}),
    ],
)
def test_what_an_expression_needs_is_asked_where_it_is_worked_out_a_step_before(
    line: str, asked: dict[str, dict[int, str]]
) -> None:
    found: dict[str, dict[int, str]] = {}
    for part in parts(line, {"xs": "[4, 5]", "i": "1", "s": "{'k': 3}"}):
        if part.kind != NAMED:
            found.setdefault(line[: part.end], {})[part.kind] = part.value
    assert found == asked


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("[7, 22, a]", {"[7": "0", "[7, 2": "1", "[7, 22": "1", "[7, 22, a": "2", "[7, 22, a]": "3"}),
        ("[(1, 2, 3)]", {"[(": "0", "[(1": "0", "[(1,": "0", "[(1, ": "0", "[(1, 2, 3)]": "1"}),
        ("(7,)", {"(7": "0", "(7,)": "1"}),
        ("()", {"()": "0"}),
        ("'héb'", {}),
        ("'heb'", {"'h": "0", "'he": "1", "'heb": "2", "'heb'": "3"}),
        ("'a\\\\n'", {}),
        ("{'k': 12, 3: 4}", {"{'k': 1": "'k'", "{'k': 12": "'k'", "{'k': 12, 3: 4": "3", "{'k': 12, 3: 4}": "2"}),
        ("{(1, 2): 5, **{}}", {"{(1, 2): 5": "(1, 2)", "{(1, 2): 5, **{}}": "1"}),
        ("{3, 4}", {}),
        ("37", {}),
        ("[1, ...", {}),
        ("..", {}),
    ],
)
def test_elements_are_asked_for_where_and_in_what_they_are_found(value: str, asked: dict[str, str]) -> None:
    opening = '{"n": "1", "xs": "'
    found = placed(opening + value + '"}', ["n", "xs"])
    for kind, wanted in ((PLACED, asked), (OWNED, dict.fromkeys(asked, "xs"))):
        own = [part for part in found if part.kind == kind]
        assert {value.encode()[: part.end - len(opening)].decode(): part.value for part in own} == wanted


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("for i in range(n):\n", "4"),
        ("    for i, in range(2, len(xs) + 1):  # all\n", "3"),
        ("for i in range(n, 0, -2):\n", "1"),
        ("for i in range(n, n):\n", "None"),
        ("for i in range(m):\n", None),
        ("for i in range(n / 2):\n", None),
        ("for i in enumerate(xs):\n", None),
    ],
)
def test_the_range_of_a_loop_stands_for_its_last_element(line: str, last: str | None) -> None:
    found = told(line, n="5", xs="['a', 'b', 'c']", i="0")
    assert found.get(line[: line.index(":")].strip()) == last


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("x = range(n)", {"n": "5"}),
        ("for i in range(n):", {"n": "5", "range": "<function range>"}),
        ("x = a / b", {"a": "1", "b": "0"}),
        ("x = 10 ** n", {"n": "1000000000"}),
        ("x = '%999999d' % n", {"n": "1"}),
        ("x = 'ab' * n", {"n": "10000000"}),
        ("x = a + b", {"a": "1", "b": "'s'"}),
        ("x = open(name)", {"name": "'/etc/passwd'"}),
        ("x = obj.value + 1", {"obj": "<Thing object>"}),
        ("x = len(d)", {"d": "[1]", "len": "<function len>"}),
    ],
)
def test_what_raises_grows_or_reaches_out_is_not_worked_out(line: str, shown: dict[str, str]) -> None:
    assert not [part for part in parts(line, shown) if part.kind != NAMED]


def test_a_comprehensions_own_names_stand_for_nothing_in_the_frame_around_it() -> None:
    line = "return [x * 2 for x in xs if x > n]"
    assert told(line, x="9", xs="[1]", n="3") == {"return [x * 2 for x in xs": "[1]"}
    inner = told(line, **{".0": "<list_iterator object>", "x": "2", "n": "3"})
    assert inner["return [x * 2"] == "4"
    assert inner["return [x * 2 for x in xs if x > n"] == "False"


@pytest.mark.parametrize("line", ["else:\n", "def f(x):\n", "try:\n", "x = (1,\n", "", "    \n", "@wraps(x)\n", "\0"])
def test_a_line_that_is_no_statement_has_no_parts(line: str) -> None:
    assert parts(line, {"x": "1", "wraps": "2"}) == []


@given(st.text(max_size=40), st.dictionaries(st.sampled_from("abx"), st.text(max_size=10)))
def test_no_line_and_no_locals_raise(line: str, shown: dict[str, str]) -> None:
    for part in parts(line, shown):
        assert 0 < part.end <= len(line.encode("utf-8", "surrogatepass"))


@pytest.fixture(scope="module")
def tokenizer() -> SentencePieceTokenizer:
    loaded = load_tokenizer()
    assert isinstance(loaded, SentencePieceTokenizer)
    return loaded


def document(*lines: tuple[str, dict[str, str]]) -> list[Segment]:
    segments: list[Segment] = [Special.BEGIN, Special.CONTEXT, "def f(n):\n", Special.FRAME]
    cursor = START
    for number, (source, shown) in enumerate(lines):
        frame = Frame(Event.LINE if number else Event.CALL, source, shown, None)
        segments += encode_frame(frame, cursor)
        cursor = cursor.after(frame)
    return segments


def test_questions_stand_at_the_token_that_ends_a_part_and_survive_disk_and_batches(
    tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    encoder = Encoder(tokenizer)
    first = document(("def f(n):\n", {"n": "37"}), ("    if n > 40:\n", {"n": "37"}))
    second = document(("def f(s):\n", {"s": "'ab'"}), ("    return s + 'c'\n", {"s": "'ab'"}))
    save_packed(encoder.pack([second], 2048), tmp_path / "a.npz")
    packed = join([encoder.pack([first], 2048), load_packed(tmp_path / "a.npz")])
    batch = gather(packed, np.arange(2))
    read = {}
    for kind, (places, pieces) in enumerate(questions_of(batch.parts)):
        assert len(places) % 64 == 0
        for place, answer in zip(places.tolist(), pieces.tolist(), strict=True):
            if answer[0] != IGNORED:
                row, column = divmod(place, batch.ids.shape[1])
                text = tokenizer.decode(batch.ids[row, : column + 1].tolist())[-1]
                assert isinstance(text, str)
                value = "".join(tokenizer.bytes_of(index).decode() for index in answer if index != IGNORED)
                read[kind, text.strip()] = value
    assert read == {
        (HELD, '{"n": ".."}'): '37"',
        (NAMED, "if n"): '37"',
        (FIRST, "if n > 40"): 'False"',
        (PLACED, '{"s": "\'a'): '0"',
        (PLACED, '{"s": "\'ab'): '1"',
        (PLACED, '{"s": "\'ab\'"}'): '2"',
        (OWNED, '{"s": "\'a'): 's"',
        (OWNED, '{"s": "\'ab'): 's"',
        (OWNED, '{"s": "\'ab\'"}'): 's"',
        (HELD, '{"s": ".."}'): "'ab",
        (NAMED, "return s"): "'ab",
        (FIRST, "return s + 'c'"): "'ab",
    }


def test_a_right_answer_costs_less_and_a_question_that_fills_up_costs_nothing() -> None:
    head = ValueHead(8)
    states, embedding = torch.eye(8)[None], torch.eye(8)
    places = torch.tensor([3, 5, 0])
    pieces = torch.full((3, PIECES), IGNORED)
    pieces[0, 0] = 3
    pieces[1, :2] = torch.tensor([5, 1])
    unsure = head(states, embedding, places, pieces)
    assert unsure.tolist() == pytest.approx([2.0794, 2.0794, 0.0], abs=1e-4)
    with torch.no_grad():
        head.places[0].copy_(torch.eye(8))
    sure = head(states, embedding, places, pieces)
    assert (sure[:2] < unsure[:2]).all()
    assert sure[2] == 0
