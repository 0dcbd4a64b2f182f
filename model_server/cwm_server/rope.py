"""Rotary position embeddings: by what angles queries and keys are turned."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cwm_server.model_config import ModelConfig


def rope_frequencies(config: ModelConfig) -> NDArray[np.float32]:
    """Inverse frequencies (D/2,); "llama3" stretches the long wavelengths (Llama 3.1, arXiv 2407.21783)."""
    rope = config.rope_parameters
    steps = np.arange(0, config.head_dim, 2, dtype=np.float32) / np.float32(config.head_dim)
    theta = np.float32(rope.get("rope_theta", 10_000.0))
    frequencies: NDArray[np.float32] = np.float32(1.0) / theta**steps
    if rope.get("rope_type", "default") != "llama3":
        return frequencies
    factor, low, high = float(rope["factor"]), float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    turns = float(rope["original_max_position_embeddings"]) * frequencies / (2 * math.pi)
    smooth = np.clip((turns - low) / (high - low), 0.0, 1.0)
    stretched: NDArray[np.float32] = (frequencies * (smooth + (1.0 - smooth) / factor)).astype(np.float32)
    return stretched
