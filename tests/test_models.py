"""Each engine's decoder: the same logits as transformers' and as each other's, however tokens are read into a cache."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("safetensors")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import tiny_models  # noqa: E402
from cwm_server.language_model import Read  # noqa: E402
from cwm_server.model_config import FULL, SLIDING  # noqa: E402
from cwm_server.numpy_attention import Part  # noqa: E402
from cwm_server.rope import rope_frequencies  # noqa: E402
from tiny_models import CONFIG, ENGINES, LLAMA3, VOCABULARY, logits_after  # noqa: E402

engines = pytest.mark.parametrize("engine", ENGINES)
TOKENS = st.lists(st.integers(0, VOCABULARY - 1), max_size=5)
UNTIED = replace(CONFIG, tie_word_embeddings=False, rope_parameters=LLAMA3)


def ids_of(length: int, seed: int = 1) -> list[int]:
    return np.random.default_rng(seed).integers(0, VOCABULARY, length).tolist()


def close(first: np.ndarray, second: np.ndarray) -> bool:
    return bool(np.allclose(first, second, atol=1e-4, rtol=1e-4))


@engines
@pytest.mark.parametrize("config", [CONFIG, UNTIED], ids=["tied", "untied-llama3"])
def test_transformers_computes_the_same_logits_from_the_saved_directory(tmp_path, engine, config):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers", minversion="5.0")
    theirs = transformers.CwmForCausalLM.from_pretrained(tiny_models.save(tmp_path, config), dtype=torch.float32)
    ids = ids_of(40)
    with torch.no_grad():
        expected = theirs(torch.tensor([ids])).logits[0].numpy()
    assert expected.std() > 0.1
    assert close(logits_after(tiny_models.model(engine, config), ids), expected)


@pytest.mark.skipif(len(ENGINES) < 2, reason="torch is not installed")
@settings(max_examples=30)
@given(ids=st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=100), seed=st.integers(0, 5))
def test_the_engines_say_the_same(ids, seed):
    weights = tiny_models.tensors(UNTIED, seed)
    first, second = (logits_after(tiny_models.model(engine, UNTIED, weights), ids) for engine in ENGINES)
    assert close(first, second)


@engines
@pytest.mark.parametrize("steepness", [1, 30])
def test_many_tokens_are_read_as_one_after_the_other_however_steep_attention_is(engine, steepness):
    config = replace(CONFIG, sliding_window=90, max_position_embeddings=1024)
    weights = tiny_models.tensors(config)
    for name in weights:
        if "q_proj" in name:
            weights[name] *= steepness  # scores of hundreds
    model = tiny_models.model(engine, config, weights)
    ids = ids_of(800)
    cache = model.cache(1, 800)
    model.read([ids[:700]], cache)
    one_by_one = [model.logits(model.read([[token]], cache)).rows([0])[0] for token in ids[700:]]
    assert np.isfinite(one_by_one).all()
    assert np.allclose(logits_after(model, ids)[700:], one_by_one, atol=3e-3)


@engines
def test_a_token_beyond_the_window_changes_nothing_in_sliding_layers(engine):
    model = tiny_models.model(engine, replace(CONFIG, layer_types=(SLIDING,), num_hidden_layers=1))
    ids = ids_of(20)
    other = list(ids)
    other[3] = (other[3] + 1) % VOCABULARY
    before, after = logits_after(model, ids), logits_after(model, other)
    changed = [not np.allclose(before[place], after[place], atol=1e-6) for place in range(20)]
    assert changed == [3 <= place < 3 + CONFIG.sliding_window for place in range(20)]


@engines
@pytest.mark.parametrize("chunks", [[25], [1] * 25, [7, 1, 11, 6], [24, 1]])
def test_reading_in_chunks_equals_reading_at_once(engine, chunks):
    model = tiny_models.model(engine)
    ids, parts, start = ids_of(25), [], 0
    cache = model.cache(1, 3)  # which grows
    for count in chunks:
        logits = model.logits(model.read([ids[start : start + count]], cache))
        parts.append(logits.rows(range(count)))
        start += count
    assert close(np.concatenate(parts), logits_after(model, ids))
    assert cache.lengths == [25]


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=40)
@given(data=st.data())
def test_rows_that_branch_off_a_trunk_are_read_as_if_each_stood_alone(engine, data):
    model = tiny_models.model(engine)
    prefix = ids_of(30)
    trunk = model.cache(1, 30)
    model.read([prefix], trunk)
    shared = data.draw(st.lists(st.integers(0, 30), min_size=1, max_size=4))
    rows = [prefix[:length] for length in shared]
    cache = trunk.branches(shared, 2)
    for _ in range(data.draw(st.integers(1, 4))):
        read = [data.draw(TOKENS) for _ in rows]
        if not any(read):
            continue
        rows = [row + more for row, more in zip(rows, read, strict=True)]
        logits = model.logits(model.read(read, cache)).rows(range(sum(map(len, read))))
        place = 0
        for row, more in zip(rows, read, strict=True):
            if more:
                expected = logits_after(model, row)[-len(more) :]
                assert close(logits[place : place + len(more)], expected)
            place += len(more)
        for index, more in enumerate(read):
            forgotten = data.draw(st.integers(0, len(more)))
            cache.forget(index, forgotten)
            rows[index] = rows[index][: len(rows[index]) - forgotten]
        kept = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=4))
        cache, rows = cache.select(kept), [rows[index] for index in kept]
    assert trunk.lengths == [30]


@engines
def test_the_cache_of_one_sequence_can_be_continued_in_a_row_of_others(engine):
    model = tiny_models.model(engine)
    first, second = ids_of(12, seed=3), ids_of(9, seed=4)
    other = model.cache(1, 9)
    model.read([second], other)
    trunk = model.cache(1, 12)
    model.read([first], trunk)
    cache = trunk.branches([12, 0], 10)
    cache.append(1, other, 0, 9)
    logits = model.logits(model.read([[5], [6]], cache)).rows([0, 1])
    assert close(logits[0], logits_after(model, [*first, 5])[-1])
    assert close(logits[1], logits_after(model, [*second, 6])[-1])


@engines
def test_a_copy_leaves_the_old_cache_as_it_was(engine):
    model = tiny_models.model(engine)
    ids = ids_of(10)
    cache = model.cache(1, 11)
    model.read([ids], cache)
    copy = cache.copy(6, 5)
    model.read([ids_of(3, seed=7)], copy)
    assert (cache.lengths, copy.lengths) == ([10], [9])
    again = model.logits(model.read([ids[:1]], cache)).rows([0])
    assert close(again[0], logits_after(model, [*ids, ids[0]])[-1])


CHUNKED = [tiny_models.model("numpy", UNTIED, threads=threads) for threads in (1, 2, 3)]


@pytest.fixture(scope="module")
def restless():
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def cached(cache) -> list[np.ndarray]:
    return [array[0, :, : cache.lengths[0]] for array in (*cache.keys, *cache.values)]


@pytest.mark.usefixtures("restless")
@settings(max_examples=40)
@given(ids=st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=100), data=st.data())
def test_chunks_side_by_side_are_bit_for_bit_those_that_are_read_one_after_the_other(ids, data):
    known, chunk = data.draw(st.integers(0, len(ids) - 1)), data.draw(st.integers(1, 40))
    asked = data.draw(st.integers(0, len(ids) - known))
    found = []
    for model in CHUNKED:
        cache = model.cache(1, data.draw(st.integers(1, 100)))
        if known:
            model.read([ids[:known]], cache)
        hidden = model.read_together([Read([ids[known:]], cache, asked, chunk)])
        assert cache.lengths == [len(ids)]
        assert len(hidden) == len(ids) - known - asked
        rows = model.logits(hidden).rows(range(len(hidden)))
        assert close(rows, logits_after(model, ids)[known + asked :])
        found.append([rows, *cached(cache)])
    cache = CHUNKED[0].cache(1, 100)
    pieces = [ids[:known], *(ids[start : start + chunk] for start in range(known, len(ids), chunk))]
    for piece in pieces:
        if piece:
            CHUNKED[0].read([piece], cache)
    for other in found[1:]:
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(found[0], other, strict=True))
    for mine, theirs in zip(found[0][1:], cached(cache), strict=True):
        assert np.array_equal(mine, theirs) if asked == 0 else close(mine, theirs)


@pytest.mark.parametrize("failing", range(4))
@pytest.mark.parametrize("model", CHUNKED, ids=["one thread", "two", "three"])
def test_a_read_that_fails_leaves_the_cache_as_it_was(model, failing, monkeypatch):
    ids, cache = ids_of(70), model.cache(1, 20)
    model.read([ids[:10]], cache)
    attend = Part.attend

    def broken(part, layer, window, q):
        if layer == 3 and part.places.positions[0] == 10 + 15 * failing:
            raise MemoryError("no room")
        return attend(part, layer, window, q)

    monkeypatch.setattr(Part, "attend", broken)
    with pytest.raises(MemoryError, match="no room"):
        model.read_together([Read([ids[10:]], cache, 0, 15)])
    assert cache.lengths == [10]
    monkeypatch.setattr(Part, "attend", attend)
    logits = model.logits(model.read_together([Read([ids[10:]], cache, 0, 15)]))
    assert close(logits.rows(range(60)), logits_after(model, ids)[10:])


def test_every_fourth_layer_from_the_first_is_global():
    assert CONFIG.layer_types == (FULL, SLIDING, SLIDING, SLIDING, FULL)


def test_llama3_scaling_keeps_short_wavelengths_and_stretches_long_ones():
    plain = rope_frequencies(replace(CONFIG, rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0}))
    scaled = rope_frequencies(replace(CONFIG, rope_parameters=LLAMA3))
    assert scaled[0] == plain[0]
    assert scaled[-1] == pytest.approx(plain[-1] / 16)


@pytest.mark.skipif(len(ENGINES) < 2, reason="torch is not installed")
def test_logits_on_a_device_are_judged_as_those_on_the_host():
    import torch

    from cwm_server.device_logits import DeviceLogits
    from cwm_server.opinions import HostLogits

    values = np.random.default_rng(0).integers(-3, 3, (40, VOCABULARY)).astype(np.float32)  # with many ties
    tokens = ids_of(40)
    host, device = HostLogits(values), DeviceLogits(torch.from_numpy(values))
    assert host.of(tokens) == device.of(tokens)
    assert host.best()[:2] == device.best()[:2]
    assert host.best()[2] == pytest.approx(device.best()[2])
    assert np.array_equal(host.rows([3, 1]), device.rows([3, 1]))


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_the_system_gets_back_what_a_cache_had_between_others():
    script = """
import numpy as np
import tiny_models

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

large = bytearray(16 << 20)
del large  # from now on malloc keeps blocks of less than this
model = tiny_models.model("numpy")
caches = [model.cache(1, 5_000) for _ in range(60)]
for cache in caches:
    for each in (*cache.keys, *cache.values):
        each[...] = 1
taken = sum(cache.nbytes for cache in caches)
before = resident()
del caches[::2], cache, each
print(taken, before - resident())
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    taken, given_back = map(int, ran.stdout.split())
    assert taken > 10 << 20
    assert given_back > 0.4 * taken
