"""torch's decoder as training uses it: what CWM's architecture says, packed rows, and saving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch

from cwm_server.architecture import Decoder, ModelConfig, load_model, save_model
from tiny_models import LLAMA3

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
    save_model(random_decoder(config), tmp_path, tokenizer="f00d" * 16)
    ours = load_model(tmp_path)
    assert ours.config.tokenizer_sha256 == "f00d" * 16
    theirs = transformers.CwmForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ids = ids_of(40, rows=2)
    with torch.no_grad():
        expected = theirs(ids).logits
        assert expected.std() > 0.1
        assert close(ours(ids), expected)


@torch.no_grad()
def test_packed_documents_do_not_see_each_other() -> None:
    model = random_decoder()
    first, second = ids_of(8, seed=3), ids_of(11, seed=4)
    documents = torch.tensor([[0] * 8 + [1] * 11])
    positions = torch.cat((torch.arange(8), torch.arange(11)))[None]
    packed = model(torch.cat((first, second), 1), positions, documents)
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


@torch.no_grad()
def test_training_reads_what_inference_reads() -> None:
    model = random_decoder()
    ids = ids_of(40)
    read = model.logits(model.read(ids.tolist(), model.cache(1, 40)))
    assert close(model(ids)[0], torch.from_numpy(read.rows(range(40))))
