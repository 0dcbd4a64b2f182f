"""Calls share the model: one call of it reads for all, nobody starves or waits for a long prompt, no answer changes."""

from __future__ import annotations

import random

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("safetensors")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import tiny_models  # noqa: E402
from cwm_server.batching import BUDGET, Batch, Call, CancelledError, Want, alone  # noqa: E402
from cwm_server.engine import Engine  # noqa: E402
from cwm_server.language_model import Read  # noqa: E402
from tiny_models import ENGINES, VOCABULARY  # noqa: E402

MODELS = {engine: tiny_models.model(engine) for engine in ENGINES}
both = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
TOKENS = st.lists(st.integers(0, VOCABULARY - 1), max_size=12)


@both
@settings(max_examples=40)
@given(begun=st.lists(TOKENS.filter(len), min_size=1, max_size=4), data=st.data())
def test_what_is_read_together_is_as_if_read_alone(model, begun, data):
    caches, texts = [], []  # of some caches the rows, each with the tokens in it
    for ids in begun:
        cache = model.cache(1, 4)
        model.read([ids], cache)
        caches.append(cache)
        texts.append([ids])
    trunk = data.draw(st.integers(0, len(begun) - 1))
    shared = data.draw(st.lists(st.integers(0, len(begun[trunk])), min_size=1, max_size=3))
    caches.append(caches[trunk].branches(shared, 4))
    texts.append([begun[trunk][:length] for length in shared])
    for _ in range(2):
        tokens = [[data.draw(TOKENS) for _ in rows] for rows in texts]
        chosen = [place for place, rows in enumerate(tokens) if any(rows)]
        if not chosen:
            continue
        counts = [sum(map(len, tokens[place])) for place in chosen]
        asked = [data.draw(st.integers(0, count)) for count in counts]
        hidden = model.read_together(
            [Read(tokens[place], caches[place], first) for place, first in zip(chosen, asked, strict=True)]
        )
        texts = [[old + new for old, new in zip(*rows, strict=True)] for rows in zip(texts, tokens, strict=True)]
        expected = []
        for place, first in zip(chosen, asked, strict=True):
            pairs = zip(texts[place], tokens[place], strict=True)
            said = [tiny_models.logits_after(model, text)[len(text) - len(new) :] for text, new in pairs if new]
            expected.append(np.concatenate(said)[first:])
        assert len(hidden) == sum(counts) - sum(asked)
        if not len(hidden):
            continue
        logits = model.logits(hidden)
        assert logits.rows(range(len(hidden))) == pytest.approx(np.concatenate(expected), abs=2e-4)
        assert logits.part(1, len(hidden)).best()[0] == logits.best()[0][1:]


class Counted:
    """A model that notes how many tokens were read by each call of it."""

    def __init__(self, model):
        self._model = model
        self.read_counts: list[int] = []

    def __getattr__(self, name):
        return getattr(self._model, name)

    def read_together(self, reads):
        self.read_counts.append(sum(len(row) for read in reads for row in read.tokens))
        return self._model.read_together(reads)


def finish(batch: Batch, limit: int = 2000) -> None:
    for _ in range(limit):
        if not batch.calls:
            return
        for call in batch.advance():
            if call.error is not None:
                raise call.error
    raise AssertionError("it does not end")


@both
@pytest.mark.parametrize("seed", range(5))
def test_answers_of_calls_that_share_the_model_are_those_of_lone_ones(model, seed):
    chance = random.Random(seed)
    stem = [chance.randrange(VOCABULARY) for _ in range(40)]

    def prompt() -> list[int]:
        rest = [chance.randrange(VOCABULARY) for _ in range(chance.randrange(1, 20))]
        return stem[: chance.randrange(1, 41)] + rest

    asked = []
    for _ in range(8):
        kind = chance.choice(("score", "one", "batch"))
        some = [prompt() for _ in range(3 if kind == "batch" else 1)]
        if kind == "score":
            asked.append(lambda engine, ids=some[0]: engine.scoring(ids, 1))
        else:
            asked.append(lambda engine, some=some: engine.generating(some, max_tokens=15))
    expected = [alone(model, each(Engine(model, chunk=4))) for each in asked]
    counted = Counted(model)
    engine, batch = Engine(model, chunk=8), Batch(counted, budget=10)
    calls = [Call(each(engine), client) for client, each in enumerate(asked)]
    for call in calls:
        batch.add(call)
        for ended in batch.advance():
            assert ended.error is None
    finish(batch)
    assert [told(call.answer) for call in calls] == [told(answer) for answer in expected]
    assert max(counted.read_counts) > 10  # several were read for at once


def told(answer):
    return answer.ranks if hasattr(answer, "ranks") else [each.ids for each in answer]


@both
def test_calls_that_decode_at_the_same_time_take_no_more_calls_of_the_model_than_one(model):
    prompts = [[1, 2, 3], [4, 5], [6, 7, 8], [9]]
    counted = Counted(model)
    engine, batch = Engine(model, guessing=False), Batch(counted)
    for client, prompt in enumerate(prompts):
        batch.add(Call(engine.generating([prompt], max_tokens=30), client))
    finish(batch)
    assert len(counted.read_counts) == 30


def test_a_step_is_answered_while_a_long_prompt_is_read():
    model = Counted(tiny_models.model("numpy"))
    engine, batch = Engine(model, chunk=60, guessing=False), Batch(model, budget=6)
    long = Call(engine.scoring([place % VOCABULARY for place in range(120)]), "long")
    batch.add(long)
    assert batch.advance() == []
    read = model.read_counts[-1]
    step = Call(engine.generating([[5, 6, 7]], max_tokens=9), "step")
    batch.add(step)
    while not step.answer:
        batch.advance()
    assert not long.ended
    assert 9 <= len(model.read_counts[1:]) <= 12
    assert max(model.read_counts[1:]) <= 2 * 6
    assert sum(model.read_counts) - read > 9 * 4  # the long one went on meanwhile
    finish(batch)
    assert len(long.answer.ranks) == 119


def test_a_lone_long_prompt_is_read_in_larger_pieces():
    model = Counted(tiny_models.model("numpy"))
    batch = Batch(model, budget=6)
    batch.add(Call(Engine(model, chunk=60).scoring([1] * 120), "long"))
    finish(batch)
    assert max(model.read_counts) == 24
    assert BUDGET * 4 == 256


def test_a_lone_long_prompt_keeps_all_threads_busy():
    model = Counted(tiny_models.model("numpy", threads=3))
    batch = Batch(model, budget=6)
    engine = Engine(model, chunk=24)
    batch.add(Call(engine.scoring([1] * 120), "long"))
    batch.advance()
    assert model.read_counts == [3 * 24]
    batch.add(Call(engine.generating([[5, 6, 7]], max_tokens=9), "step"))
    batch.advance()
    assert model.read_counts[1] <= 2 * 6  # no more than before, where somebody waits
    finish(batch)


def reading(model, tokens: int, order: list[str], name: str, at_once: int = 1):
    """A call that reads so many tokens, some at once, and notes its name at every step."""
    for _ in range(0, tokens, at_once):
        yield Want([[1] * at_once], model.cache(1, at_once), at_once)
        order.append(name)


def test_clients_get_equal_shares_however_many_calls_they_have():
    model, order = tiny_models.model("numpy"), []
    batch = Batch(model, budget=8)
    for name in ("many", "many", "many", "one"):
        batch.add(Call(reading(model, 400, order, name, 8), name))
    finish(batch)
    end = max(place for place, name in enumerate(order) if name == "one")
    assert order[:end].count("many") <= order[:end].count("one") + 2


def test_a_stream_of_newcomers_starves_no_long_call():
    model, order = tiny_models.model("numpy"), []
    batch = Batch(model, budget=8)
    batch.add(Call(reading(model, 10_000, order, "long", 8), "long"))
    for number in range(300):
        while sum(call.client != "long" for call in batch.calls) < 2:
            batch.add(Call(reading(model, 24, order, "short", 8), number))
        batch.advance()
    assert order.count("long") >= order.count("short") / 4


def test_who_comes_back_after_a_while_has_not_saved_up():
    model, order = tiny_models.model("numpy"), []
    batch = Batch(model, budget=8)
    batch.add(Call(reading(model, 8, order, "back", 8), "back"))
    batch.add(Call(reading(model, 80_000, order, "long", 8), "long"))
    for _ in range(500):
        batch.advance()
    order.clear()
    batch.add(Call(reading(model, 80_000, order, "back", 8), "back"))
    for _ in range(200):
        batch.advance()
    assert order.count("long") > 50


@both
def test_calls_that_begin_alike_read_what_they_share_once(model):
    counted = Counted(model)
    stem = [place % VOCABULARY for place in range(100)]
    engine, batch = Engine(counted), Batch(counted, budget=24)
    for client in range(4):
        batch.add(Call(engine.generating([[*stem, client]], max_tokens=1), client))
    finish(batch)
    assert sum(counted.read_counts) < 200  # four times 101 if each read its own


def test_a_call_that_is_given_up_leaves_the_cache_usable():
    model = tiny_models.model("numpy")
    engine, batch = Engine(model, chunk=4), Batch(model)
    ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2]
    asked = []
    call = Call(engine.generating([ids], max_tokens=20), "", lambda: len(asked) > 3 or asked.append(1))
    batch.add(call)
    while not call.error:
        batch.advance()
    assert isinstance(call.error, CancelledError)
    assert batch.calls == []
    again = engine.generate([ids], max_tokens=20)
    assert told(again) == told(Engine(model).generate([ids], max_tokens=20))
    looked_for, found = engine.cache_use
    assert 0 < found < looked_for


def test_what_fails_in_the_model_ends_those_that_were_read_for_and_no_others():
    class Failing(Counted):
        failures = 0

        def read_together(self, reads):
            if self.failures:
                self.failures -= 1
                raise MemoryError
            return super().read_together(reads)

    model = Failing(tiny_models.model("numpy"))
    engine, batch = Engine(model, guessing=False), Batch(model)
    first = Call(engine.generating([[1, 2, 3]], max_tokens=9), "first")
    batch.add(first)
    batch.advance()
    model.failures = 1
    assert batch.advance() == [first]
    assert isinstance(first.error, MemoryError)
    second = Call(engine.generating([[1, 2, 3]], max_tokens=9), "second")
    batch.add(second)
    finish(batch)
    assert told(second.answer) == told(Engine(model).generate([[1, 2, 3]], max_tokens=9))
