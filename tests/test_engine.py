"""The engine against the plainest thing that gives the same answer: reading everything again for each token."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("safetensors")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import tiny_models  # noqa: E402
from cwm_server.batching import read  # noqa: E402
from cwm_server.engine import Engine, EngineError  # noqa: E402
from cwm_server.prefix_cache import Entry, PrefixCache, common_prefix  # noqa: E402
from cwm_server.sampling import Fork, Sampler, Sampling  # noqa: E402
from tiny_models import ENGINES, VOCABULARY  # noqa: E402

TOKENS = st.integers(0, VOCABULARY - 1)
PROMPTS = st.lists(TOKENS, min_size=1, max_size=40)
MODELS = {engine: tiny_models.model(engine) for engine in ENGINES}
MODEL = MODELS["numpy"]
tiny_model = functools.partial(tiny_models.model, "torch")
# Two that no text has: were they let come, one would be exactly as good as a way that they lead.
JUDGES = {f"{e}-judging": tiny_models.model(e, replace(tiny_models.CONFIG, branch_token_ids=(5, 10))) for e in ENGINES}
both = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
judging = pytest.mark.parametrize("model", [*MODELS.values(), *JUDGES.values()], ids=[*MODELS, *JUDGES])


@functools.lru_cache(maxsize=100_000)
def _logits_after(model, ids):
    return tiny_models.logits_after(model, list(ids))


def logits_after(ids: list[int], model=MODEL):
    """What comes after each of `ids`, by reading all of them at once."""
    return _logits_after(model, tuple(ids))


def recomputed(prompt: list[int], max_tokens: int, stop: frozenset[int], model=MODEL) -> tuple[list[int], str]:
    ids = list(prompt)
    for _ in range(max_tokens):
        ids.append(int(logits_after(ids, model)[-1].argmax()))
        if ids[-1] in stop:
            return ids[len(prompt) :], "stop"
    return ids[len(prompt) :], "length"


@both
@settings(max_examples=60)
@given(
    st.lists(PROMPTS, min_size=1, max_size=5), st.integers(1, 12), st.frozensets(TOKENS, max_size=3), st.integers(1, 9)
)
def test_a_batch_gives_what_each_prompt_gives_alone_and_what_recomputing_gives(model, prompts, max_tokens, stop, chunk):
    prompts += [prompts[0][: len(prompts[0]) // 2 + 1], [*prompts[0], 3]]  # prefixes of each other, as in a trace
    together = Engine(model, chunk=chunk).generate(prompts, max_tokens=max_tokens, stop=stop)
    engine = Engine(model, chunk=chunk)
    for prompt, answer in zip(prompts, together, strict=True):
        assert (answer.ids, answer.reason) == recomputed(prompt, max_tokens, stop, model)
        alone = engine.generate([prompt], max_tokens=max_tokens, stop=stop)[0]
        assert (alone.ids, alone.reason) == (answer.ids, answer.reason)
        assert alone.logprobs == pytest.approx(answer.logprobs, abs=1e-4)


@both
@settings(max_examples=30)
@given(st.lists(PROMPTS, min_size=2, max_size=6), st.integers(1, 8))
def test_rows_that_do_not_fit_together_are_decoded_in_turns(model, prompts, max_tokens):
    small = Engine(model, cache_bytes=1, batch_bytes=1).generate(prompts, max_tokens=max_tokens)
    expected = [recomputed(prompt, max_tokens, frozenset(), model)[0] for prompt in prompts]
    assert [answer.ids for answer in small] == expected


@both
def test_a_long_generation_outgrows_its_first_cache(model):
    prompts = [[1, 2, 3], [4, 5]]
    answers = Engine(model).generate(prompts, max_tokens=100)
    assert [answer.ids for answer in answers] == [recomputed(prompt, 100, frozenset(), model)[0] for prompt in prompts]


@both
@settings(max_examples=60)
@given(st.lists(TOKENS, min_size=2, max_size=60), st.data())
def test_scores_are_those_of_one_full_forward_pass(model, ids, data):
    engine = Engine(model, chunk=data.draw(st.integers(1, 70)))
    if data.draw(st.booleans()):
        engine.generate([ids[: data.draw(st.integers(1, len(ids)))]], max_tokens=3)  # something to reuse
    start = data.draw(st.integers(1, len(ids)))
    scores = engine.score(ids, start, top=3)
    expected = logits_after(ids, model)
    assert len(scores.ranks) == len(ids) - start
    for offset, position in enumerate(range(start, len(ids))):
        row = expected[position - 1]
        normal = float(np.log(np.exp(row.astype(np.float64)).sum()))
        assert scores.logprobs[offset] == pytest.approx(float(row[ids[position]]) - normal, abs=1e-4)
        assert scores.greedy[offset] == int(row.argmax())
        order = sorted(range(VOCABULARY), key=lambda token: (-float(row[token]), token))
        assert scores.ranks[offset] == 1 + order.index(ids[position])
        assert [token for token, _ in scores.top[offset]] == order[:3]


THREADED = [tiny_models.model("numpy", threads=threads) for threads in (1, 2, 4)]


@settings(max_examples=30)
@given(st.lists(TOKENS, min_size=2, max_size=110), st.data())
def test_no_answer_depends_on_the_number_of_threads(ids, data):
    start, chunk = data.draw(st.integers(1, len(ids))), data.draw(st.integers(1, 30))
    engines = [Engine(model, chunk=chunk) for model in THREADED]
    scores = [engine.score(ids, start, top=2) for engine in engines]
    assert scores[1:] == scores[:1] * 2  # to the last bit
    answers = [engine.generate([ids, ids[: len(ids) // 2 + 1]], max_tokens=9) for engine in engines]
    assert answers[1:] == answers[:1] * 2


@pytest.mark.parametrize("engine", ENGINES)
def test_among_equal_logits_the_lowest_id_is_greedy_and_ranks_first(engine):
    weights = tiny_models.tensors()
    weights["model.embed_tokens.weight"][:] = 0  # tied: every logit is 0
    engine = Engine(tiny_models.model(engine, weights=weights))
    scores = engine.score([5, 0, 1, 22])
    assert (scores.ranks, scores.greedy) == ([1, 2, 23], [0, 0, 0])
    assert engine.generate([[5], [6, 7]], max_tokens=2)[1].ids == [0, 0]


@both
def test_a_prompt_that_repeats_the_answer_reads_only_what_is_new(model, monkeypatch):
    engine = Engine(model)
    read: list[int] = []
    read_by = model.read_together

    def counting(reads):
        read.append(max(len(row) for each in reads for row in each.tokens))
        return read_by(reads)

    monkeypatch.setattr(model, "read_together", counting)
    prompt = list(range(20))
    answer = engine.generate([prompt], max_tokens=5)[0].ids
    assert sum(read) == 24  # the last token chosen is not read
    read.clear()
    engine.generate([prompt + answer], max_tokens=1)
    assert sum(read) == 1
    read.clear()
    engine.score(prompt + answer)
    engine.generate([(prompt + answer)[:end] for end in (8, 12, 20)], max_tokens=1)
    assert read == [24, 1]  # one prefill, then one step for all three rows


@both
@settings(max_examples=30)
@given(PROMPTS, st.integers(0, 2**31), st.floats(0.1, 3), st.floats(0.05, 1))
def test_a_seed_gives_the_same_tokens_alone_in_a_batch_and_again(model, prompt, seed, temperature, top_p):
    sampling = Sampling(temperature, top_p, seed)
    alone = Engine(model).generate([prompt], max_tokens=6, sampling=sampling)[0].ids
    batch = Engine(model).generate([[1, 2], prompt, [3]], max_tokens=6, sampling=sampling)
    assert batch[1].ids == alone


@both
def test_seeds_differ_and_a_nucleus_of_one_token_is_greedy(model):
    prompt = [1, 2, 3]
    engine = Engine(model)
    answers = {
        tuple(engine.generate([prompt], max_tokens=8, sampling=Sampling(1.5, 1.0, seed))[0].ids) for seed in range(8)
    }
    assert len(answers) > 4
    narrow = engine.generate([prompt], max_tokens=8, sampling=Sampling(1.5, 1e-9, 1))[0].ids
    assert narrow == engine.generate([prompt], max_tokens=8)[0].ids


def test_sampling_follows_the_probabilities_within_the_nucleus():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    counts = [0] * 4
    sampler = Sampler(Sampling(1.0, 0.8, seed=7))
    for _ in range(4000):
        counts[sampler.draw(logits)] += 1
    assert counts[2:] == [0, 0]
    assert counts[0] / 4000 == pytest.approx(0.625, abs=0.04)


@both
def test_a_cancelled_request_stops_and_leaves_a_cache_that_is_right(model):
    engine = Engine(model, chunk=4)
    prompt = list(range(20))
    steps = engine.scoring(prompt)
    want = next(steps)
    for _ in range(2):
        want = steps.send(read(model, [want], [want.count])[0])
    steps.close()
    assert engine.generate([prompt], max_tokens=4)[0].ids == recomputed(prompt, 4, frozenset(), model)[0]


@both
@pytest.mark.parametrize(
    ("prompt", "max_tokens", "message"),
    [
        ([], 1, "no tokens"),
        ([1, VOCABULARY], 1, "token id 23 is not in the vocabulary of 23"),
        ([1] * 120, 9, "128 tokens, 129 were requested .120 in the prompt, 9 to generate"),
    ],
)
def test_a_request_beyond_the_model_is_refused_with_the_numbers(model, prompt, max_tokens, message):
    with pytest.raises(EngineError, match=message):
        Engine(model).generate([[1], prompt], max_tokens=max_tokens)


@both
def test_the_prefix_cache_forgets_the_least_recently_used(model):
    def entry(*ids: int) -> Entry:
        return Entry(list(ids), model.cache(1, 8))

    first, second, third = entry(1, 2, 3), entry(1, 9), entry(4)
    prefixes = PrefixCache(2 * first.size)
    prefixes.put(first)
    prefixes.put(second)
    assert prefixes.longest([1, 2, 5]) == (first, 2)
    prefixes.put(third)
    assert len(prefixes) == 2
    assert prefixes.longest([1, 9]) == (first, 1)
    assert prefixes.longest([7]) == (None, 0)


@given(st.lists(st.integers(0, 1)), st.lists(st.integers(0, 1)))
def test_the_common_prefix_is_found(first, second):
    expected = 0
    while expected < min(len(first), len(second)) and first[expected] == second[expected]:
        expected += 1
    assert common_prefix(first, second) == expected


@both
@settings(max_examples=40)
@given(prompt=PROMPTS, data=st.data())
def test_a_draft_changes_no_answer(model, prompt, data):
    plain = Engine(model, guessing=False).generate([prompt], max_tokens=40)[0]
    draft = list(plain.ids)
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(draft)))
        draft[place : place + data.draw(st.integers(0, 3))] = data.draw(st.lists(TOKENS, max_size=3))
    guessed = Engine(model).generate([prompt], max_tokens=40, draft=draft)[0]
    assert guessed.ids == plain.ids
    assert guessed.logprobs == pytest.approx(plain.logprobs, abs=1e-4)


@both
def test_a_right_draft_saves_calls_of_the_model(model, monkeypatch):
    prompt, calls = [3, 1, 4], []
    answer = Engine(model).generate([prompt], max_tokens=60)[0].ids
    read = model.read_together
    monkeypatch.setattr(model, "read_together", lambda reads: calls.append(1) or read(reads))
    assert Engine(model).generate([prompt], max_tokens=60, draft=answer)[0].ids == answer
    assert len(calls) < 15


@both
def test_a_sampled_answer_is_the_same_with_a_draft(model):
    sampling = Sampling(1.0, 0.9, 7)
    plain = Engine(model, guessing=False).generate([[1, 2, 3]], max_tokens=30, sampling=sampling)[0].ids
    assert Engine(model).generate([[1, 2, 3]], max_tokens=30, sampling=sampling, draft=plain)[0].ids == plain


class Banning:
    """Never lets the same token come twice in a row, nor a few others (`JUDGES`). Behind some tokens two ways part."""

    def __init__(self, ids):
        self.last = ids[-1]

    def permits(self, token):
        return token != self.last and token % 5 != 0

    def mask(self):
        return bytes(self.permits(token) for token in range(VOCABULARY))

    def fork(self):
        return Fork(frozenset((self.last // 3 + 1, 7)), frozenset((8, 9))) if self.last % 3 == 0 else None

    def foreseen(self, limit):
        return [(self.last * 3 + 1) % VOCABULARY][:limit]  # as often wrong as right

    def advance(self, token):
        permitted = self.permits(token)
        self.last = token
        return permitted


class Ban:
    guide = staticmethod(Banning)


def led(model, ids):
    """The logits after all of `ids`, by which the ways of a fork are as far apart as two of them are."""
    logits, fork, judges = logits_after(ids, model)[-1].copy(), Banning(ids).fork(), model.config.branch_token_ids
    if fork is not None and judges is not None:
        apart = logits[judges[1]] - logits[judges[0]]
        logits[sorted(fork.taken)] += apart + max(logits[sorted(fork.passed)]) - max(logits[sorted(fork.taken)])
    return logits


@judging
@settings(max_examples=30)
@given(prompts=st.lists(PROMPTS, min_size=1, max_size=3))
def test_a_constraint_leaves_the_best_of_what_it_allows(model, prompts):
    answers = Engine(model).generate(prompts, max_tokens=12, constraint=Ban())
    for prompt, answer in zip(prompts, answers, strict=True):
        ids = list(prompt)
        for token in answer.ids:
            allowed = np.array([Banning(ids).permits(other) for other in range(VOCABULARY)])
            assert int(np.where(allowed, led(model, ids), -np.inf).argmax()) == token
            ids.append(token)


@judging
@settings(max_examples=30)
@given(ids=st.lists(TOKENS, min_size=2, max_size=40))
def test_scores_under_a_constraint_rank_the_true_token_among_what_it_allows(model, ids):
    plain = Engine(model).score(ids)
    scores = Engine(model, chunk=7).score(ids, guide=Banning(ids[:1]))
    assert scores.logprobs == pytest.approx(plain.logprobs, abs=1e-4)
    assert scores.outside == [place for place in range(1, len(ids)) if not Banning(ids[:place]).permits(ids[place])]
    for place in range(1, len(ids)):
        logits = led(model, ids[:place])
        others = [token for token in range(VOCABULARY) if Banning(ids[:place]).permits(token) and token != ids[place]]
        ahead = [float(logits[token]) - float(logits[ids[place]]) for token in others]
        # What is added to both ways of a fork leaves them as good as equal where it was rounded in another order.
        assert 1 + sum(a > 1e-4 for a in ahead) <= scores.ranks[place - 1] <= 1 + sum(a > -1e-4 for a in ahead)


@both
def test_a_batch_of_which_one_row_is_left_goes_on_as_alone(model):
    prompts = [[1, 2, 3, 4], [1, 2], [5, 6, 7, 8, 9, 10]]
    alone = [Engine(model, guessing=False).generate([prompt], max_tokens=60)[0].ids for prompt in prompts]
    stop = {alone[0][1], alone[1][2]} - set(alone[2])
    expected = [recomputed(prompt, 60, frozenset(stop), model)[0] for prompt in prompts]
    assert [answer.ids for answer in Engine(model).generate(prompts, max_tokens=60, stop=stop)] == expected
