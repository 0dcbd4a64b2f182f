"""Divergences in the words that a person would use; `tests/gold/sentences.txt` is there to be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders import call, line, raised, returned, told, trace, verified
from cwm_tracer.compare import Divergence, DivergenceKind, compare_traces, compare_verification
from cwm_tracer.compare.origin import Origin
from cwm_tracer.model import Choice, Frame, Problem, ProblemKind, Trace

GOLD = Path(__file__).parent / "gold" / "sentences.txt"

LOOP = "    for item in items:"
ADD = "        total += price(item)"
DOUBLE = "    return 2 * item"


def _priced(item: int, scope: int) -> list[Frame]:
    return [
        call("def price(item):", scope, item=item),
        line(DOUBLE, scope, item=item),
        returned(DOUBLE, 2 * item, scope),
    ]


def _total(items: list[int], *, start: int = 0) -> list[Frame]:
    state: dict[str, Any] = {"items": items}
    frames = [call("def total(items):", **state), line("    total = 0", **state)]
    state["total"] = start
    for number, item in enumerate(items):
        frames.append(line(LOOP, **state))
        state["item"] = item
        frames += [line(ADD, **state), *_priced(item, number + 1)]
        state["total"] += 2 * item
    frames += [line(LOOP, **state), line("    if total > 10:", **state), line("        total -= 1", **state)]
    state["total"] -= 1
    return [*frames, line("    return total", **state), returned("    return total", state["total"])]


TRUTH = trace(*_total([3, 4, 5]))
FRAMES = TRUTH.frames


def _free(*frames: Frame) -> tuple[Divergence, ...]:
    return compare_traces(TRUTH, Trace(tuple(map(told, frames)), TRUTH.context)).divergences


def _forced(index: int, choice: Choice | Frame) -> tuple[Divergence, ...]:
    return compare_verification(TRUTH, verified(TRUTH, {index: choice})).divergences


def _with(frame: Frame, **values: object) -> Frame:
    state = {**(frame.locals or {}), **{name: repr(value) for name, value in values.items()}}
    return Frame(frame.event, frame.source, state, frame.argument, frame.scope)


def _cases() -> Iterator[tuple[str, tuple[Divergence, ...]]]:
    state = {"items": [3, 4, 5], "total": 14, "item": 4}
    problem = Problem(ProblemKind.INVALID_JSON, 3, '{"a": ')
    yield "a value", _forced(7, _with(FRAMES[7], total=7))
    yield "a part of a value", _forced(7, _with(FRAMES[7], items=[3, 4, 6]))
    yield "two values", _forced(7, _with(FRAMES[7], total=7, item=4))
    yield "an argument of a call", _forced(4, call("def price(item):", 1, item=4))
    yield "a return value", _forced(6, returned(DOUBLE, 7, 1))
    yield "the loop ends", _forced(13, line("    if total > 10:", **state))
    yield "another branch", _forced(19, line("    return total", **state))
    yield "a call that is not made", _forced(4, line(LOOP, **state))
    yield "a call that is made instead", _forced(5, call("def double(item):", 2, item=3))
    yield "an exception", _forced(5, raised("def price(item):", TypeError("no"), 1))
    yield "the end of the trace", _forced(5, Choice(None, ended=True))
    yield "no frame", _forced(5, Choice(None, (problem,)))
    yield "one iteration short, at the end", _free(*FRAMES[:13], *FRAMES[18:])
    yield "one iteration short, in the middle", _free(*FRAMES[:7], *FRAMES[12:])
    yield "two iterations short", _free(*FRAMES[:7], *FRAMES[17:])
    yield "one iteration too many", _free(*FRAMES[:17], *FRAMES[12:17], *FRAMES[17:])
    yield "a call left out", _free(*FRAMES[:4], *FRAMES[7:])
    yield "a call too many", _free(*FRAMES[:4], call("def log(item):", 9), returned("    pass", None, 9), *FRAMES[4:])
    yield "a line left out", _free(FRAMES[0], *FRAMES[2:])
    yield "a line too many", _free(*FRAMES[:2], line("    print(items)", items=[3, 4, 5]), *FRAMES[2:])
    yield "the rest left out", _free(*FRAMES[:-5])
    yield "a value that stays wrong", _free(*_total([3, 4, 5], start=1))


def test_sentences_read_as_a_person_would_say_them() -> None:
    lines = []
    for name, divergences in _cases():
        lines.append(f"{name}:")
        lines += [f"    {each.index:3}  {each.kind.value}: {each.sentence}" for each in divergences]
    text = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_GOLD"):
        GOLD.write_text(text, encoding="utf-8")
    assert text == GOLD.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "divergences"), list(_cases()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_divergence_has_a_sentence_and_a_place(name: str, divergences: tuple[Divergence, ...]) -> None:
    assert divergences
    for each in divergences:
        assert each.sentence
        assert 0 < len(each.sentence) < 250
        assert each.truth is None or FRAMES[each.index] is each.truth
        assert (each.truth is None) == (each.kind is DivergenceKind.EXTRA)


def test_a_wrong_value_names_where_it_went_wrong_first() -> None:
    first, *others = _free(*_total([3, 4, 5], start=1))
    assert first.earlier == ()
    states = [each for each in others if each.kind is DivergenceKind.STATE]
    assert states
    assert {each.earlier for each in states} == {(Origin("total", first.index),)}
    assert others[-1].kind is DivergenceKind.RETURN_VALUE
    assert others[-1].earlier == (Origin("total", first.index),)


def test_a_variable_that_is_right_again_has_no_origin() -> None:
    frames = list(FRAMES)
    frames[3] = _with(frames[3], item=9)
    frames[12] = _with(frames[12], item=9)
    wrong = _free(*frames)
    assert [(each.index, each.earlier) for each in wrong] == [(3, ()), (12, ())]


def test_teacher_forced_an_earlier_mistake_in_the_same_variable_is_named_and_not_blamed() -> None:
    others = {7: _with(FRAMES[7], total=7), 12: _with(FRAMES[12], total=13)}
    first, second = compare_verification(TRUTH, verified(TRUTH, others)).divergences
    assert (first.earlier, second.earlier) == ((), (Origin("total", 7),))
    assert second.sentence == "`total` is 14, predicted 13"


def test_the_level_and_the_path_of_a_difference_are_known() -> None:
    ((one,),) = (each.variables for each in _forced(7, _with(FRAMES[7], items=[3, 4, 6])))
    assert one.level is not None
    assert one.inner is not None
    assert (one.level.value, one.inner.path) == ("same type", "[2]")
    gone = Frame(FRAMES[7].event, FRAMES[7].source, {"items": "[3, 4, 5]", "item": "3"})
    ((two,),) = (each.variables for each in _forced(7, gone))
    assert (two.level, two.inner) == (None, None)
