"""The decoder computes what CWM's architecture says, with and without a cache, and refuses what is not its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch

from cwm_server.architecture import (
    FULL,
    SLIDING,
    CheckpointError,
    Decoder,
    KVCache,
    ModelConfig,
    load_model,
    rope_frequencies,
    save_model,
)

CONFIG = ModelConfig(
    vocab_size=97,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=5,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    sliding_window=6,
    max_position_embeddings=64,
)
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 1_000_000.0,
    "factor": 16.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


def random_decoder(config: ModelConfig = CONFIG, seed: int = 0) -> Decoder:
    torch.manual_seed(seed)
    model = Decoder(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2 + (parameter.ndim == 1))
    return model.eval()


def ids_of(length: int, seed: int = 1, rows: int = 1) -> torch.Tensor:
    return torch.randint(0, CONFIG.vocab_size, (rows, length), generator=torch.Generator().manual_seed(seed))


def close(first: torch.Tensor, second: torch.Tensor) -> bool:
    return torch.allclose(first, second, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("rope", [{"rope_type": "default", "rope_theta": 10_000.0}, LLAMA3], ids=["plain", "llama3"])
def test_transformers_computes_the_same_logits_from_the_saved_directory(tmp_path: Path, tied: bool, rope: dict) -> None:
    transformers = pytest.importorskip("transformers", minversion="5.0")
    config = replace(CONFIG, tie_word_embeddings=tied, rope_parameters=rope)
    save_model(random_decoder(config), tmp_path)
    ours = load_model(tmp_path)
    theirs = transformers.CwmForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ids = ids_of(40, rows=2)
    with torch.no_grad():
        expected = theirs(ids).logits
        assert expected.std() > 0.1
        assert close(ours(ids), expected)


def test_every_fourth_layer_from_the_first_is_global() -> None:
    assert CONFIG.layer_types == (FULL, SLIDING, SLIDING, SLIDING, FULL)


def test_llama3_scaling_keeps_short_wavelengths_and_stretches_long_ones() -> None:
    plain = rope_frequencies(replace(CONFIG, rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0}))
    scaled = rope_frequencies(replace(CONFIG, rope_parameters=LLAMA3))
    assert scaled[0] == plain[0]
    assert torch.allclose(scaled[-1], plain[-1] / 16)


@torch.no_grad()
def test_a_token_beyond_the_window_changes_nothing_in_sliding_layers() -> None:
    model = random_decoder(replace(CONFIG, layer_types=(SLIDING,), num_hidden_layers=1))
    ids = ids_of(20)
    other = ids.clone()
    other[0, 3] = (other[0, 3] + 1) % CONFIG.vocab_size
    before, after = model(ids), model(other)
    changed = [not torch.equal(before[0, index], after[0, index]) for index in range(20)]
    assert changed == [3 <= index < 3 + CONFIG.sliding_window for index in range(20)]


@torch.no_grad()
@pytest.mark.parametrize("chunks", [[25], [1] * 25, [7, 1, 11, 6], [24, 1]])
def test_reading_in_chunks_equals_reading_at_once(chunks: list[int]) -> None:
    model = random_decoder()
    ids = ids_of(25)
    cache = KVCache.allocate(CONFIG, 1, 32)
    parts, start = [], 0
    for count in chunks:
        parts.append(model(ids[:, start : start + count], cache=cache))
        start += count
    assert close(torch.cat(parts, 1), model(ids))
    assert cache.length == 25


@torch.no_grad()
def test_rows_of_different_lengths_continue_one_prefix_exactly() -> None:
    model = random_decoder()
    prefix = ids_of(22)
    cache = KVCache.allocate(CONFIG, 1, 22)
    model(prefix, cache=cache)
    lengths = [22, 3, 14]
    rows = cache.select([0, 0, 0], lengths, extra=9)
    continued = ids_of(9, seed=5, rows=3)
    for step in range(9):
        positions = torch.tensor([[length + step] for length in lengths])
        logits = model(continued[:, step : step + 1], positions, rows)
    for row, length in enumerate(lengths):
        alone = model(torch.cat((prefix[:, :length], continued[row : row + 1]), 1))
        assert close(logits[row, -1], alone[0, -1])


@torch.no_grad()
def test_rows_of_different_sequences_share_a_padded_cache() -> None:
    model = random_decoder()
    first, second = ids_of(17, seed=3), ids_of(9, seed=4)
    ids = torch.zeros((2, 17), dtype=torch.long)
    positions = torch.full((2, 17), -1)
    ids[0], positions[0] = first[0], torch.arange(17)
    ids[1, 8:], positions[1, 8:] = second[0], torch.arange(9)
    logits = model(ids, positions, KVCache.allocate(CONFIG, 2, 17))
    assert close(logits[0], model(first)[0])
    assert close(logits[1, 8:], model(second)[0])
    assert torch.isfinite(logits).all()


@torch.no_grad()
def test_a_truncated_cache_forgets_what_came_after() -> None:
    model = random_decoder()
    ids = ids_of(12)
    cache = KVCache.allocate(CONFIG, 1, 20)
    model(ids, cache=cache)
    cache.truncate(5)
    other = ids_of(6, seed=9)
    assert close(model(other, cache=cache)[0], model(torch.cat((ids[:, :5], other), 1))[0, 5:])


@torch.no_grad()
def test_selecting_rows_leaves_the_old_cache_as_it_was() -> None:
    model = random_decoder()
    ids = ids_of(10)
    cache = KVCache.allocate(CONFIG, 1, 11)
    model(ids, cache=cache)
    copy = cache.select([0, 0], extra=1)
    model(ids_of(1, seed=7, rows=2), cache=copy)
    assert (cache.length, copy.length, copy.rows) == (10, 11, 2)
    assert close(model(ids[:, :1], cache=cache)[0, 0], model(torch.cat((ids, ids[:, :1]), 1))[0, 10])


def test_a_full_cache_says_so() -> None:
    with pytest.raises(ValueError, match="holds 4 tokens a row, 5 are needed"):
        random_decoder()(ids_of(5), cache=KVCache.allocate(CONFIG, 1, 4))


@torch.no_grad()
def test_packed_documents_do_not_see_each_other() -> None:
    model = random_decoder()
    first, second = ids_of(8, seed=3), ids_of(11, seed=4)
    documents = torch.tensor([[0] * 8 + [1] * 11])
    positions = torch.cat((torch.arange(8), torch.arange(11)))[None]
    packed = model(torch.cat((first, second), 1), positions, documents=documents)
    assert close(packed[:, :8], model(first))
    assert close(packed[:, 8:], model(second))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("shard_size", [None, 5_000])
def test_a_saved_model_is_loaded_as_it_was(tmp_path: Path, tied: bool, shard_size: int | None) -> None:
    model = random_decoder(replace(CONFIG, tie_word_embeddings=tied, eos_token_id=(1, 2)))
    save_model(model, tmp_path, shard_size)
    loaded = load_model(tmp_path)
    assert loaded.config == model.config
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (shard_size is not None)
    for name, tensor in model.named_parameters():
        assert torch.equal(loaded.get_parameter(name), tensor.bfloat16().float())
    with torch.no_grad():
        ids = ids_of(9)
        assert torch.allclose(loaded(ids), model(ids), atol=0.3)


def test_a_smaller_save_leaves_no_older_weights_behind(tmp_path: Path) -> None:
    save_model(random_decoder(seed=1), tmp_path, 5_000)
    save_model(random_decoder(seed=2), tmp_path)
    assert [path.name for path in tmp_path.glob("model*")] == ["model.safetensors"]


def rewrite(directory: Path, change: object) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(directory / "model.safetensors")
    change(tensors)  # type: ignore[operator]
    save_file(tensors, directory / "model.safetensors")


NAME = "model.layers.2.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop(NAME), f"tensors are missing, the first is {NAME}"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), "tensor extra does not belong"),
        (lambda tensors: tensors.update({NAME: torch.zeros(3, 4)}), rf"{NAME} has shape \(3, 4\).*asks for \(48, 32\)"),
    ],
    ids=["missing", "extra", "shape"],
)
def test_wrong_tensors_are_refused_by_name(tmp_path: Path, change: object, message: str) -> None:
    save_model(random_decoder(), tmp_path)
    rewrite(tmp_path, change)
    with pytest.raises(CheckpointError, match=message):
        load_model(tmp_path)


def test_a_truncated_or_pickled_file_is_refused(tmp_path: Path) -> None:
    save_model(random_decoder(), tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        load_model(tmp_path)
    path.unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="only safetensors are loaded"):
        load_model(tmp_path)


def test_an_index_can_not_point_outside_its_directory(tmp_path: Path) -> None:
    save_model(random_decoder(), tmp_path, 5_000)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"x": "../model.safetensors"}}))
    with pytest.raises(CheckpointError, match="not a file of its own directory"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "llama"}, "not of model_type 'cwm'"),
        ({"hidden_size": None}, "incomplete.*hidden_size"),
        ({"layer_types": ["full_attention"]}, "layer_types names 1 layers"),
        ({"layer_types": ["full_attention"] * 4 + ["odd"]}, "unknown layer_types"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "unknown rope_type 'yarn'"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"num_key_value_heads": 3}, "not a multiple"),
    ],
)
def test_a_config_of_another_kind_is_refused(values: dict, message: str) -> None:
    text = json.dumps({**json.loads(CONFIG.to_json()), **values})
    with pytest.raises(CheckpointError, match=message):
        ModelConfig.from_json(text)


def test_a_config_survives_its_json() -> None:
    config = replace(CONFIG, rope_parameters=LLAMA3, eos_token_id=(5, 6), layer_types=(SLIDING, FULL) * 2 + (FULL,))
    assert ModelConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_config_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="config is not"):
        ModelConfig.from_json(text)
