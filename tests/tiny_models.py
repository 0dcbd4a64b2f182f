"""Models of random weights in CWM's architecture, for each engine that is installed, and a directory that holds one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cwm_server.checkpoint import tensor_shapes
from cwm_server.model_config import ModelConfig
from cwm_server.numpy_model import NumpyDecoder, load_numpy

try:
    import torch

    torch.set_num_threads(1)  # OpenMP's threads stall each other for seconds on a busy machine
except ImportError:
    torch = None  # type: ignore[assignment]

VOCABULARY = 23
CONFIG = ModelConfig(
    vocab_size=VOCABULARY,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=5,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    sliding_window=6,
    max_position_embeddings=128,
)
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 1_000_000.0,
    "factor": 16.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
ENGINES = ["numpy", *(["torch"] if torch is not None else [])]


def tensors(config: ModelConfig = CONFIG, seed: int = 0, scale: float = 0.4) -> dict[str, np.ndarray]:
    """Random weights; the gains of norms are near 1."""
    rng = np.random.default_rng(seed)
    return {
        name: (rng.standard_normal(shape) * (0.1 if len(shape) == 1 else scale) + (len(shape) == 1)).astype(np.float32)
        for name, shape in tensor_shapes(config).items()
    }


def model(
    engine: str, config: ModelConfig = CONFIG, weights: dict[str, np.ndarray] | None = None, threads: int = 1
) -> Any:
    """A model for an engine, by default with the weights that `tensors` gives; `threads` are of numpy's."""
    weights = tensors(config) if weights is None else weights
    if engine == "numpy":
        return NumpyDecoder(config, weights, threads)
    from cwm_server.architecture import Decoder

    made = Decoder(config)
    made.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    return made.eval()


def load(engine: str, directory: Path) -> Any:
    """A model from a directory, by an engine's own loader."""
    if engine == "numpy":
        return load_numpy(directory)
    from cwm_server.architecture import load_model

    return load_model(directory)


def save(path: Path, config: ModelConfig, weights: dict[str, np.ndarray] | None = None) -> Path:
    """A model directory, in fp32."""
    from safetensors.numpy import save_file

    path.mkdir(parents=True, exist_ok=True)
    save_file(tensors(config) if weights is None else weights, path / "model.safetensors")
    (path / "config.json").write_text(config.to_json())
    return path


def logits_after(model: Any, ids: list[int]) -> np.ndarray:
    """What a model says after each of `ids`, (T, V), read at once into an empty cache."""
    logits = model.logits(model.read([ids], model.cache(1, len(ids))))
    return logits.rows(range(len(ids)))


def tokenized(path: Path, context_length: int = 512) -> Path:
    """A model directory with a tokenizer."""
    from cwm_tracer.wire import Special
    from tiny_tokenizer import tiny_tokenizer, tokenizer_bytes

    tokenizer = tiny_tokenizer()
    config = replace(
        CONFIG,
        vocab_size=tokenizer.vocabulary_size,
        hidden_size=32,
        intermediate_size=48,
        sliding_window=16,
        max_position_embeddings=context_length,
        bos_token_id=tokenizer.special(Special.BEGIN),
        eos_token_id=tokenizer.special(Special.END),
    )
    save(path, config, tensors(config, seed=3))
    (path / "tokenizer.model").write_bytes(tokenizer_bytes())
    return path
