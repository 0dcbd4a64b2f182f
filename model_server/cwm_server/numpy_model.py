"""The decoder in numpy, fp32, for CPUs: as exact as torch's, without its gigabytes.

What can be done once is done when it is loaded: the gains of norms, the scale of attention and the order of the rotated
channels are put into the weights, and projections of the same input are joined. Shapes: N tokens of one call, B rows, T
the most tokens of a row, S slots, H heads, K key-value heads, R = H/K, D head size, C hidden size, I intermediate
size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cwm_server import visibility
from cwm_server.checkpoint import read_arrays, read_config
from cwm_server.kv_cache import KVCache
from cwm_server.language_model import Floats, Read
from cwm_server.model_config import SLIDING, ModelConfig
from cwm_server.opinions import HostLogits
from cwm_server.rope import rope_frequencies
from cwm_server.visibility import Block, Branch, Places

_BLOCK = 128  # queries at once: what a block does not see is not computed
_LOWEST = np.float32(-1e30)


@dataclass(frozen=True, slots=True)
class _Layer:
    window: int | None
    qkv: Floats  # (C, (H + 2K) D)
    out: Floats  # (H D, C)
    gate_up: Floats  # (C, 2I)
    down: Floats  # (I, C)


class NumpyDecoder:
    """A `LanguageModel`. Threads are those of numpy's BLAS, which reads OPENBLAS_NUM_THREADS when it is imported."""

    def __init__(self, config: ModelConfig, tensors: Mapping[str, Floats]) -> None:
        """`tensors` have transformers' names and shapes."""
        self.config = config
        self._layers = [_layer(config, index, tensors) for index in range(config.num_hidden_layers)]
        self._embedding = tensors["model.embed_tokens.weight"]  # (V, C)
        head = self._embedding if config.tie_word_embeddings else tensors["lm_head.weight"]
        self._head = np.ascontiguousarray((head * tensors["model.norm.weight"]).T)  # (C, V)
        angles = np.arange(config.max_position_embeddings, dtype=np.float32)[:, None] * rope_frequencies(config)
        self._turns = (np.cos(angles) + 1j * np.sin(angles)).astype(np.complex64)  # (positions, D/2)

    @property
    def token_bytes(self) -> int:
        """What a token takes in a cache."""
        return 8 * self.config.num_hidden_layers * self.config.num_key_value_heads * self.config.head_dim

    @property
    def weight_bytes(self) -> int:
        """What reading one token takes from memory: all weights but the embeddings of other tokens."""
        layers = (array.nbytes for part in self._layers for array in (part.qkv, part.out, part.gate_up, part.down))
        return sum(layers) + self._head.nbytes

    def cache(self, rows: int, capacity: int) -> KVCache:
        """An empty cache."""
        return KVCache.allocate(self.config, rows, capacity, _new_keys, _new_values)

    def logits(self, hidden: Floats) -> HostLogits:
        """What comes after tokens of these hidden states (N, C)."""
        return HostLogits(hidden @ self._head)

    def read(self, tokens: Sequence[Sequence[int]], cache: KVCache) -> Floats:
        """See `LanguageModel`."""
        return self.read_together([Read(tokens, cache)])

    def read_together(self, reads: Sequence[Read]) -> Floats:
        """See `LanguageModel`."""
        config = self.config
        heads, groups, size = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        windows = {layer.window for layer in self._layers}
        parts, count = [], 0
        for tokens, cache in reads:
            parts.append(_Part(tokens, cache, count, windows))
            count = parts[-1].stop
        positions = np.concatenate([part.places.positions for part in parts])
        turns = self._turns[positions][:, None]  # (N, 1, D/2)
        x = self._embedding[[token for tokens, _ in reads for row in tokens for token in row]]  # (N, C)
        with np.errstate(over="ignore"):  # the exponential of a gate that is shut
            for index, layer in enumerate(self._layers):
                qkv = (self._normal(x) @ layer.qkv).reshape(count, heads + 2 * groups, size)
                turned = (qkv[:, : heads + groups].view(np.complex64) * turns).view(np.float32)
                q, k, v = turned[:, :heads], turned[:, heads:], qkv[:, heads + groups :]
                q = q.reshape(count, groups, heads // groups, size)  # (N, K, R, D)
                mixed = [part.attend(index, layer.window, q, k, v) for part in parts]
                joined = mixed[0] if len(mixed) == 1 else np.concatenate(mixed)
                x += joined.reshape(count, heads * size) @ layer.out
                x += _swiglu(self._normal(x) @ layer.gate_up) @ layer.down
        for part in parts:
            part.finish()
        return self._normal(x)

    def _normal(self, x: Floats) -> Floats:
        """Root-mean-square normalisation (N, C); the gain is in the weights that follow."""
        squares: Floats = np.add.reduce(x * x, axis=-1, keepdims=True)
        squares *= np.float32(1 / x.shape[-1])
        squares += np.float32(self.config.rms_norm_eps)
        normal: Floats = np.divide(x, np.sqrt(squares))
        return normal


def load_numpy(directory: str | Path) -> NumpyDecoder:
    """Read the `config.json` and the safetensors of a model directory. Raises CheckpointError, naming what is wrong."""
    config = read_config(Path(directory))
    return NumpyDecoder(config, read_arrays(Path(directory), config))


def _layer(config: ModelConfig, index: int, tensors: Mapping[str, Floats]) -> _Layer:
    def weight(name: str, gain: str | None = None) -> Floats:
        """(in, out), the gain of the norm before it put in."""
        matrix: Floats = tensors[f"model.layers.{index}.{name}.weight"].T
        if gain is not None:
            matrix = matrix * tensors[f"model.layers.{index}.{gain}.weight"][:, None]
        return matrix

    def turned(matrix: Floats) -> Floats:
        """Channels that are rotated together side by side, as a complex number has them."""
        parts: Floats = matrix.reshape(len(matrix), -1, 2, config.head_dim // 2)
        together: Floats = parts.transpose(0, 1, 3, 2).reshape(matrix.shape)
        return together

    q = turned(weight("self_attn.q_proj", "input_layernorm")) * np.float32(config.head_dim**-0.5)
    k = turned(weight("self_attn.k_proj", "input_layernorm"))
    v = weight("self_attn.v_proj", "input_layernorm")
    gate, up = (weight(f"mlp.{name}_proj", "post_attention_layernorm") for name in ("gate", "up"))
    return _Layer(
        config.sliding_window if config.layer_types[index] == SLIDING else None,
        np.ascontiguousarray(np.concatenate((q, k, v), 1)),
        np.ascontiguousarray(weight("self_attn.o_proj")),
        np.ascontiguousarray(np.concatenate((gate, up), 1)),
        np.ascontiguousarray(weight("mlp.down_proj")),
    )


def _new_keys(shape: tuple[int, ...]) -> Floats:
    """(B, K, S, D), slots last in memory: scores are then products of matrices as BLAS likes them."""
    rows, heads, slots, size = shape
    keys: Floats = np.zeros((rows, heads, size, slots), np.float32).swapaxes(2, 3)
    return keys


def _new_values(shape: tuple[int, ...]) -> Floats:
    return np.zeros(shape, np.float32)


def _swiglu(gate_up: Floats) -> Floats:
    size = gate_up.shape[-1] // 2
    gate, up = gate_up[:, :size], gate_up[:, size:]
    shut = np.negative(gate)
    np.exp(shut, out=shut)
    shut += np.float32(1)
    np.divide(gate, shut, out=shut)
    shut *= up
    return shut


class _Part:
    """What one call reads into one cache: its tokens stand at `start` to `stop` among all, and attend to it."""

    def __init__(
        self, tokens: Sequence[Sequence[int]], cache: KVCache, start: int, windows: Iterable[int | None]
    ) -> None:
        self._cache, self._counts = cache, [len(row) for row in tokens]
        cache.reserve(self._counts)
        self.places = Places.of(cache, self._counts)
        self.start, self.stop = start, start + len(self.places.rows)
        self._views = {window: self._view(window) for window in windows}

    def attend(self, layer: int, window: int | None, q: Floats, k: Floats, v: Floats) -> Floats:
        """Write this part of keys and values k, v (N, K, D) of a layer; the same part of (N, K, R, D), of queries q."""
        own, cache, view = slice(self.start, self.stop), self._cache, self._views[window]
        q, k, v = q[own], k[own], v[own]
        if isinstance(view, Branch):
            cache.write(layer, self.places.rows, self.places.slots, k, v)
            return _attend_branches(q, cache, layer, view, self.places)
        start = cache.lengths[0]
        end = start + self.stop - self.start
        cache.keys[layer][0, :, start:end] = k.transpose(1, 0, 2)
        cache.values[layer][0, :, start:end] = v.transpose(1, 0, 2)
        return _attend_plain(q, cache.keys[layer][0], cache.values[layer][0], view)

    def finish(self) -> None:
        """All layers have been written."""
        self._cache.advance(self._counts)

    def _view(self, window: int | None) -> Branch | list[tuple[Block, Floats | None]]:
        """What is seen, with the masks to be added."""
        if not visibility.is_plain(self._cache):
            return visibility.branch(self._cache, self.places, window)
        made = visibility.blocks(self._cache.lengths[0], len(self.places.rows), window, _BLOCK)
        return [(block, _added(block.mask)) for block in made]


def _added(mask: visibility.Mask | None) -> Floats | None:
    return None if mask is None else np.where(mask, np.float32(0), np.float32(-np.inf))


def _attend_plain(q: Floats, keys: Floats, values: Floats, view: list[tuple[Block, Floats | None]]) -> Floats:
    """(N, K, R, D) of queries (N, K, R, D) over keys and values (K, S, D) of one sequence."""
    mixed = np.empty_like(q)
    for block, mask in view:
        seen = slice(block.low, block.high)
        queries = q[block.first : block.last].transpose(1, 2, 0, 3)  # (K, R, T, D)
        out, _, total = _attend(queries, keys[:, None, seen], values[:, None, seen], mask)
        mixed[block.first : block.last] = (out / total).transpose(2, 0, 1, 3)
    return mixed


def _attend_branches(q: Floats, cache: KVCache, layer: int, view: Branch, places: Places) -> Floats:
    """(N, K, R, D) of queries (N, K, R, D), over the trunk and over what is each row's own, joined."""
    rows, columns = places.rows, places.columns
    grid = np.zeros((cache.rows, places.width, *q.shape[1:]), np.float32)  # (B, T, K, R, D)
    grid[rows, columns] = q
    used = slice(0, view.own.shape[-1])
    keys, values = cache.keys[layer][:, :, None, used], cache.values[layer][:, :, None, used]  # (B, K, 1, S, D)
    mask = np.where(view.own, np.float32(0), np.float32(-np.inf))[:, None, None]  # (B, 1, 1, T, S)
    own = _attend(grid.transpose(0, 2, 3, 1, 4), keys, values, mask)  # (B, K, R, T, ...)
    out, highest, total = (part.transpose(0, 3, 1, 2, 4)[rows, columns] for part in own)  # (N, K, R, ...)
    if view.trunk is None or cache.trunk is None:
        alone: Floats = out / total
        return alone
    seen = slice(view.trunk.low, view.trunk.high)
    keys, values = cache.trunk.keys[layer][0, :, None, seen], cache.trunk.values[layer][0, :, None, seen]
    first = _attend(q.transpose(1, 2, 0, 3), keys, values, _added(view.trunk.mask))  # (K, R, N, ...)
    trunk, summit, sum_ = (part.transpose(2, 0, 1, 3) for part in first)
    top = np.maximum(highest, summit)
    ours, theirs = np.exp(highest - top), np.exp(summit - top)
    joined: Floats = (out * ours + trunk * theirs) / (total * ours + sum_ * theirs)
    return joined


def _attend(q: Floats, keys: Floats, values: Floats, mask: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Sums (..., T, D) of values by softmax, before they are divided by its total (..., T, 1).

    The second of the three is the highest score (..., T, 1) of each query (..., T, D) over keys and values (..., S, D).
    """
    scores = q @ keys.swapaxes(-1, -2)  # (..., T, S)
    if mask is not None:
        scores += mask
    highest = np.maximum(scores.max(-1, keepdims=True), _LOWEST)  # finite where nothing is seen
    scores -= highest
    np.exp(scores, out=scores)
    total = np.add.reduce(scores, -1, keepdims=True)
    return scores @ values, highest, total
