"""The decoder of Meta's Code World Model: grouped-query attention with RoPE, mostly within a sliding window.

Field and tensor names are those of the `cwm` model type of Hugging Face transformers (>= 5.0), so that a saved
directory is served unchanged by this module, by transformers and by vLLM. Shapes in comments: B rows, T tokens of this
call, S slots of the cache, H heads, K key-value heads, D head size, C hidden size, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cwm_server.kv_cache import KVCache
from cwm_server.model_config import CONFIG_FILE, FULL, SLIDING, WEIGHTS_FILE, CheckpointError, ModelConfig

__all__ = [
    "CONFIG_FILE",
    "FULL",
    "SLIDING",
    "WEIGHTS_FILE",
    "CheckpointError",
    "Decoder",
    "KVCache",
    "ModelConfig",
    "load_model",
    "rope_frequencies",
    "save_model",
]


def rope_frequencies(config: ModelConfig) -> Tensor:
    """Inverse frequencies (D/2,) in fp32; "llama3" stretches the long wavelengths (Llama 3.1, arXiv 2407.21783)."""
    rope = config.rope_parameters
    steps = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    frequencies = 1.0 / (float(rope.get("rope_theta", 10_000.0)) ** steps)
    if rope.get("rope_type", "default") != "llama3":
        return frequencies
    factor, low, high = float(rope["factor"]), float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    original = float(rope["original_max_position_embeddings"])
    turns = original * frequencies / (2 * math.pi)
    smooth = ((turns - low) / (high - low)).clamp(0.0, 1.0)
    return frequencies * (smooth + (1.0 - smooth) / factor)


class RMSNorm(nn.Module):
    """Root-mean-square normalisation in fp32, then a gain per channel."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        normal = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * normal.to(x.dtype)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)  # (B, H, T, D/2) each
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


CausalAttention = Callable[[Tensor, Tensor, Tensor, int], Tensor]


class Attention(nn.Module):
    """Grouped-query attention."""

    # Causal attention of q (B, H, T, D) over k, v (B, K, T, D) within a window, where training replaces it.
    causal: CausalAttention | None = None

    def __init__(self, config: ModelConfig, kind: str) -> None:
        super().__init__()
        self.window = config.sliding_window if kind == SLIDING else None
        self.heads, self.groups, self.size = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, self.heads * self.size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, self.groups * self.size, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, self.groups * self.size, bias=False)
        self.o_proj = nn.Linear(self.heads * self.size, config.hidden_size, bias=False)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, store: tuple[Tensor, Tensor, int] | None
    ) -> Tensor:
        """x (B, T, C); mask (B, 1, T, S), True where a key is seen, None for plain causal attention.

        Of a cache the last S slots are looked at; without a mask, those that a lone token sees.
        """
        rows, count, _ = x.shape
        q = self.q_proj(x).view(rows, count, self.heads, self.size).transpose(1, 2)  # (B, H, T, D)
        k = self.k_proj(x).view(rows, count, self.groups, self.size).transpose(1, 2)  # (B, K, T, D)
        v = self.v_proj(x).view(rows, count, self.groups, self.size).transpose(1, 2)
        q, k = _rotate(q, *rope).to(v.dtype), _rotate(k, *rope).to(v.dtype)
        if store is not None:
            keys, values, start = store
            keys[:, :, start : start + count] = k
            values[:, :, start : start + count] = v
            end = start + count
            near = end if self.window is None else min(end, self.window)
            seen = near if mask is None else mask.shape[-1]
            k, v = keys[:, :, end - seen : end], values[:, :, end - seen : end]
        if self.causal is not None and mask is None and store is None:
            mixed = self.causal(q, k, v, self.window or count).transpose(1, 2).reshape(rows, count, -1)
            return self._out(mixed)
        repeats = self.heads // self.groups
        if repeats > 1 and count == 1:
            # The queries of a group stand where tokens stand, so that the cache need not be repeated for each.
            q = q.view(rows, self.groups, repeats, self.size)
        elif repeats > 1 and store is not None and mask is not None:
            q = q.reshape(rows, self.groups, repeats * count, self.size)
            mask = mask.repeat(1, 1, repeats, 1)
        elif repeats > 1:
            k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
        causal = mask is None and count > 1
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        if count > 1:
            mixed = mixed.reshape(rows, self.heads, count, self.size).transpose(1, 2)
        return self._out(mixed.reshape(rows, count, self.heads * self.size))

    def _out(self, mixed: Tensor) -> Tensor:
        out: Tensor = self.o_proj(mixed)
        return out


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """Attention and feed-forward, each on the normalised residual stream."""

    def __init__(self, config: ModelConfig, kind: str) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, kind)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, store: tuple[Tensor, Tensor, int] | None
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), rope, mask, store)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class _Trunk(nn.Module):
    """The part that transformers calls `model`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Layer(config, kind) for kind in config.layer_types])
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class Decoder(nn.Module):
    """The whole model; `config` describes it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = _Trunk(config)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.replaced = False
        self.frequencies: Tensor
        self.register_buffer("frequencies", rope_frequencies(config), persistent=False)

    def replace_causal_attention(self, attention: CausalAttention | None) -> None:
        """Use another implementation where rows are read at once and without padding, as in training."""
        self.replaced = attention is not None
        for layer in self.model.layers:
            assert isinstance(layer, Layer)
            layer.self_attn.causal = attention

    def forward(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        cache: KVCache | None = None,
        documents: Tensor | None = None,
    ) -> Tensor:
        """Logits (B, T, V) of the token after each of `ids` (B, T); see `hidden`."""
        return self.head(self.hidden(ids, positions, cache, documents))

    def head(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of final hidden states (..., C)."""
        if self.config.tie_word_embeddings:
            return F.linear(hidden, self.model.embed_tokens.weight)
        out: Tensor = self.lm_head(hidden)
        return out

    def hidden(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        cache: KVCache | None = None,
        documents: Tensor | None = None,
    ) -> Tensor:
        """Normalised final hidden states (B, T, C).

        `positions` (B, T) place each token in its own sequence; -1 marks padding, whose output means nothing. Without
        them tokens continue at `cache.length`, or at 0. A `cache` is read and extended by these tokens. `documents`
        (B, T), for packed training rows without a cache, keeps attention within tokens of the same number.
        """
        rows, count = ids.shape
        start = cache.length if cache is not None else 0
        if cache is not None and start + count > cache.capacity:
            raise ValueError(f"the cache holds {cache.capacity} tokens a row, {start + count} are needed")
        dense = positions is None  # a token's slot is its position
        plain = dense and cache is None and documents is None
        if positions is None:
            positions = torch.arange(start, start + count, device=ids.device).expand(1 if plain else rows, count)
        masks: dict[str, Tensor | None]
        if dense and cache is not None and count == 1:
            cache.positions[:, start] = start
            masks = {FULL: None, SLIDING: None}
        else:
            masks = self._masks(positions, cache, documents, plain)
        near = masks[SLIDING]
        if dense and cache is not None and near is not None:
            masks[SLIDING] = near[..., -(self.config.sliding_window - 1 + count) :]
        if cache is not None:
            cache.length = start + count
        angles = positions.clamp(min=0)[:, None, :, None].float() * self.frequencies.float()  # (B, 1, T, D/2)
        rope = (angles.cos(), angles.sin())
        x: Tensor = self.model.embed_tokens(ids)
        for index, layer in enumerate(self.model.layers):
            store = None if cache is None else (cache.keys[index], cache.values[index], start)
            x = layer(x, rope, masks[self.config.layer_types[index]], store)
        out: Tensor = self.model.norm(x)
        return out

    def _masks(
        self, positions: Tensor, cache: KVCache | None, documents: Tensor | None, plain: bool
    ) -> dict[str, Tensor | None]:
        """Per kind of layer: which keys each query sees, (B, 1, T, S), by position; None for plain causal attention."""
        window = self.config.sliding_window
        count = positions.shape[1]
        if plain and (count <= window or self.replaced):
            return {FULL: None, SLIDING: None}
        seen_by = positions
        if cache is not None:
            cache.positions[:, cache.length : cache.length + count] = positions
            seen_by = cache.positions[:, : cache.length + count]
        distance = positions[:, :, None] - seen_by[:, None, :]  # (B, T, S)
        causal = (distance >= 0) & (seen_by >= 0)[:, None, :]
        if documents is not None:
            causal &= documents[:, :, None] == documents[:, None, :]
        # A padding query sees itself, so that its softmax is defined.
        offset = seen_by.shape[1] - count
        causal |= (positions < 0)[:, :, None] & torch.ones_like(causal[0]).triu(offset).tril(offset)
        sliding = causal & (distance < window)
        return {FULL: None if plain else causal[:, None], SLIDING: sliding[:, None]}


def load_model(directory: str | Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Decoder:
    """Read `config.json` and the safetensors of a model directory. Raises CheckpointError, naming what is wrong.

    Weights in several files are found through `model.safetensors.index.json`, as transformers writes it.
    """
    from cwm_server.checkpoint import load_weights

    return load_weights(Path(directory), dtype, device)


def save_model(model: Decoder, directory: str | Path, shard_size: int | None = None) -> None:
    """Write `config.json` and bf16 safetensors, cut into files of at most `shard_size` bytes when one is given."""
    from cwm_server.checkpoint import save_weights

    save_weights(model, Path(directory), shard_size)
