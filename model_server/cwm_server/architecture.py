"""The decoder of Meta's Code World Model: grouped-query attention with RoPE, mostly within a sliding window.

Field and tensor names are those of the `cwm` model type of Hugging Face transformers (>= 5.0), so that a saved
directory is served unchanged by this module, by transformers and by vLLM. Shapes in comments: B rows, T tokens of a
row, H heads, K key-value heads, D head size, C hidden size, V vocabulary; N tokens that are read into a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cwm_server.cached_attention import Readings
from cwm_server.device_logits import DeviceLogits
from cwm_server.kv_cache import KVCache
from cwm_server.language_model import Logits, Read
from cwm_server.model_config import CONFIG_FILE, FULL, SLIDING, WEIGHTS_FILE, CheckpointError, ModelConfig
from cwm_server.opinions import HostLogits
from cwm_server.rope import rope_frequencies

__all__ = [
    "CONFIG_FILE",
    "FULL",
    "SLIDING",
    "WEIGHTS_FILE",
    "CheckpointError",
    "Decoder",
    "ModelConfig",
    "load_model",
    "rope_frequencies",
    "save_model",
]


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
    first, second = x.chunk(2, dim=-1)  # (..., D/2) each
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

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """x (B, T, C); mask (B, 1, T, T), True where a key is seen, None for plain causal attention."""
        rows, count, _ = x.shape
        q, k, v = (part.transpose(1, 2) for part in self._projected(x, rope))  # (B, H, T, D), twice (B, K, T, D)
        if self.causal is not None and mask is None:
            mixed = self.causal(q, k, v, self.window or count)
        else:
            repeats = self.heads // self.groups
            if repeats > 1:
                k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and count > 1)
        return self._out(mixed.transpose(1, 2).reshape(rows, count, -1))

    def read(self, x: Tensor, rope: tuple[Tensor, Tensor], readings: Readings, index: int) -> Tensor:
        """The same for tokens x (N, C) that are read into caches; `index` is the layer's."""
        q, k, v = self._projected(x, rope)
        return self._out(readings.attend(index, self.window, q, k, v).flatten(1))

    def read_some(
        self, x: Tensor, rope: tuple[Tensor, Tensor], readings: Readings, index: int, asked: Tensor
    ) -> Tensor:
        """The same for the tokens `asked` alone; of all others (N, C) only keys and values are computed."""
        cos, sin = rope
        q = self._query(x[asked], (cos[asked], sin[asked]))
        return self._out(readings.attend(index, self.window, q, *self._seen(x, rope)).flatten(1))

    def _projected(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (..., H, D), keys and values (..., K, D) of x (..., C)."""
        return self._query(x, rope), *self._seen(x, rope)

    def _query(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        q: Tensor = self.q_proj(x).unflatten(-1, (self.heads, self.size))
        return _rotate(q, *rope).to(q.dtype)

    def _seen(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        k: Tensor = self.k_proj(x).unflatten(-1, (self.groups, self.size))
        v: Tensor = self.v_proj(x).unflatten(-1, (self.groups, self.size))
        return _rotate(k, *rope).to(k.dtype), v

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

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        return self._fed(x + self.self_attn(self.input_layernorm(x), rope, mask))

    def read(self, x: Tensor, rope: tuple[Tensor, Tensor], readings: Readings, index: int) -> Tensor:
        """See `Attention.read`."""
        return self._fed(x + self.self_attn.read(self.input_layernorm(x), rope, readings, index))

    def read_some(
        self, x: Tensor, rope: tuple[Tensor, Tensor], readings: Readings, index: int, asked: Tensor
    ) -> Tensor:
        """See `Attention.read_some`."""
        return self._fed(x[asked] + self.self_attn.read_some(self.input_layernorm(x), rope, readings, index, asked))

    def _fed(self, x: Tensor) -> Tensor:
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

    lanes = 1

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = _Trunk(config)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.replaced = False
        self.frequencies: Tensor
        self.register_buffer("frequencies", torch.from_numpy(rope_frequencies(config)), persistent=False)

    def replace_causal_attention(self, attention: CausalAttention | None) -> None:
        """Use another implementation where rows are read at once and without padding, as in training."""
        self.replaced = attention is not None
        for layer in self.model.layers:
            assert isinstance(layer, Layer)
            layer.self_attn.causal = attention

    def forward(self, ids: Tensor, positions: Tensor | None = None, documents: Tensor | None = None) -> Tensor:
        """Logits (B, T, V) of the token after each of `ids` (B, T); see `hidden`."""
        return self.head(self.hidden(ids, positions, documents))

    def head(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of final hidden states (..., C)."""
        if self.config.tie_word_embeddings:
            return F.linear(hidden, self.model.embed_tokens.weight)
        out: Tensor = self.lm_head(hidden)
        return out

    def hidden(self, ids: Tensor, positions: Tensor | None = None, documents: Tensor | None = None) -> Tensor:
        """Normalised final hidden states (B, T, C), with gradients; no cache is used.

        See `tapped`.
        """
        return self.tapped(ids, (), positions, documents)[0]

    def tapped(
        self,
        ids: Tensor,
        layers: Sequence[int],
        positions: Tensor | None = None,
        documents: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Normalised final hidden states (B, T, C), and what the first so many `layers` give, as it is.

        `positions` (B, T) place each token in its own sequence, by default from 0 on. `documents` (B, T), for packed
        training rows, keeps attention within tokens of the same number.
        """
        states = self._states(ids, len(self.model.layers), positions, documents)
        return self.model.norm(states[-1]), [states[count - 1] for count in layers]

    def taps(self, ids: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """What the first so many `layers` give; those behind the last of them are not run."""
        states = self._states(ids, max(layers, default=0), None, None)
        return [states[count - 1] for count in layers]

    def _states(self, ids: Tensor, depth: int, positions: Tensor | None, documents: Tensor | None) -> list[Tensor]:
        """What each of the first `depth` layers gives (B, T, C)."""
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device)[None]
            masks = self._masks(positions, documents)
        else:
            masks = self._masks(positions, documents, plain=False)
        rope = self._rope(positions)
        x: Tensor = self.model.embed_tokens(ids)
        states = []
        for layer, kind in zip(self.model.layers[:depth], self.config.layer_types, strict=False):
            x = layer(x, rope, masks[kind])
            states.append(x)
        return states

    @property
    def token_bytes(self) -> int:
        """See `LanguageModel`."""
        config, size = self.config, self.model.embed_tokens.weight.dtype.itemsize
        return 2 * size * config.num_hidden_layers * config.num_key_value_heads * config.head_dim

    def cache(self, rows: int, capacity: int) -> KVCache:
        """See `LanguageModel`."""
        weight = self.model.embed_tokens.weight

        def zeros(shape: tuple[int, ...]) -> Tensor:
            return torch.zeros(shape, dtype=weight.dtype, device=weight.device)

        return KVCache.allocate(self.config, rows, capacity, zeros, zeros)

    def read(self, tokens: Sequence[Sequence[int]], cache: KVCache) -> Tensor:
        """See `LanguageModel`."""
        return self.read_together([Read(tokens, cache)])

    @torch.inference_mode()
    def read_together(self, reads: Sequence[Read]) -> Tensor:
        """See `LanguageModel`."""
        device = self.model.embed_tokens.weight.device
        readings = Readings(reads, device)
        rope = self._rope(readings.positions)
        ids = [token for read in reads for row in read.tokens for token in row]
        x: Tensor = self.model.embed_tokens(torch.tensor(ids, device=device))
        last = len(self.model.layers) - 1
        for index, layer in enumerate(self.model.layers):
            assert isinstance(layer, Layer)
            asked = readings.narrow() if index == last else None
            if asked is None:
                x = layer.read(x, rope, readings, index)
            else:
                x = layer.read_some(x, rope, readings, index, asked)
        readings.finish()
        out: Tensor = self.model.norm(x)
        return out

    @torch.inference_mode()
    def logits(self, hidden: Tensor) -> Logits:
        """See `LanguageModel`."""
        logits = self.head(hidden).float()
        return HostLogits(logits.numpy()) if logits.device.type == "cpu" else DeviceLogits(logits)

    def _rope(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """What to rotate queries and keys (..., H, D) at `positions` (...) by."""
        angles = positions[..., None, None].float() * self.frequencies.float()  # (..., 1, D/2)
        return angles.cos(), angles.sin()

    def _masks(self, positions: Tensor, documents: Tensor | None, plain: bool = True) -> dict[str, Tensor | None]:
        """Per kind of layer: which keys each query sees, (B, 1, T, T), by position; None for plain causal attention."""
        window = self.config.sliding_window
        plain = plain and documents is None
        if plain and (positions.shape[1] <= window or self.replaced):
            return {FULL: None, SLIDING: None}
        distance = positions[:, :, None] - positions[:, None, :]  # (B, T, T)
        causal = distance >= 0
        if documents is not None:
            causal = causal & (documents[:, :, None] == documents[:, None, :])
        sliding = causal & (distance < window)
        return {FULL: None if plain else causal[:, None], SLIDING: sliding[:, None]}


def load_model(directory: str | Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Decoder:
    """Read `config.json` and the safetensors of a model directory. Raises CheckpointError, naming what is wrong.

    Weights in several files are found through `model.safetensors.index.json`, as transformers writes it.
    """
    from cwm_server.torch_checkpoint import load_weights

    return load_weights(Path(directory), dtype, device)


def save_model(
    model: Decoder, directory: str | Path, shard_size: int | None = None, tokenizer: str | None = None
) -> None:
    """Write `config.json` and bf16 safetensors, cut into files of at most `shard_size` bytes when one is given.

    `tokenizer` is the digest of the tokenizer that the model was trained with; by default it stays what it was.
    """
    from cwm_server.torch_checkpoint import save_weights

    save_weights(model, Path(directory), shard_size, tokenizer)
