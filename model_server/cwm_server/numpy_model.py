"""The decoder in numpy, fp32, for CPUs: as exact as torch's, without its gigabytes.

What can be done once is done when it is loaded: the gains of norms, the scale of attention and the order of the rotated
channels are put into the weights, and projections of the same input are joined. Shapes: N tokens of one call, B rows, T
the most tokens of a row, S slots, H heads, K key-value heads, R = H/K, D head size, C hidden size, I intermediate
size, V vocabulary.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cwm_server.checkpoint import read_arrays, read_config
from cwm_server.kv_cache import KVCache
from cwm_server.language_model import Floats, Read
from cwm_server.model_config import SLIDING, ModelConfig
from cwm_server.numpy_attention import Part
from cwm_server.opinions import HostLogits
from cwm_server.rope import rope_frequencies
from cwm_server.visibility import is_plain
from cwm_server.wavefront import Chain, Wavefront

_PAGED = 64 << 10  # bytes
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}


class Hidden:
    """Final hidden states (N, C), in the pieces in which they were computed."""

    def __init__(self, pieces: Sequence[Floats]) -> None:
        self._pieces = [piece for piece in pieces if len(piece)]

    def __len__(self) -> int:
        return sum(map(len, self._pieces))

    def placed(self) -> Iterator[tuple[Floats, slice]]:
        """Each piece, and which of the N it has."""
        stop = 0
        for piece in self._pieces:
            start, stop = stop, stop + len(piece)
            yield piece, slice(start, stop)


@dataclass(frozen=True, slots=True)
class _Layer:
    window: int | None
    qkv: Floats  # (C, (H + 2K) D)
    out: Floats  # (H D, C)
    gate_up: Floats  # (C, 2I), the gate's negative
    down: Floats  # (I, C), negative


class NumpyDecoder:
    """A `LanguageModel`. Chunks of a long row are read in `threads` threads, side by side.

    Each product of matrices has the threads of numpy's BLAS, which are best limited to one: see `cwm_server.threads`.
    """

    def __init__(self, config: ModelConfig, tensors: Mapping[str, Floats], threads: int = 1) -> None:
        """`tensors` have transformers' names and shapes."""
        self.config = config
        self.lanes = threads
        self._wavefront = Wavefront(threads)
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

    def logits(self, hidden: Hidden) -> HostLogits:
        """What comes after tokens of these hidden states."""
        values = np.empty((len(hidden), self._head.shape[1]), np.float32)
        best = np.empty(len(hidden), np.int64)

        def multiplied(piece: Floats, part: slice) -> Chain[None]:
            np.matmul(piece, self._head, out=values[part])
            np.argmax(values[part], 1, out=best[part])
            yield

        self._wavefront.run([multiplied(*each) for each in hidden.placed()])
        return HostLogits(values, best)

    def read(self, tokens: Sequence[Sequence[int]], cache: KVCache) -> Hidden:
        """See `LanguageModel`."""
        return self.read_together([Read(tokens, cache)])

    def read_together(self, reads: Sequence[Read]) -> Hidden:
        """See `LanguageModel`."""
        counts = [[len(row) for row in read.tokens] for read in reads]
        for read, count in zip(reads, counts, strict=True):
            read.cache.reserve(count)
        hidden = self._wavefront.run([self._reading(parts) for parts in _chunks(reads)])
        for read, count in zip(reads, counts, strict=True):
            read.cache.advance(count)
        return Hidden(hidden)

    def _reading(self, parts: Sequence[Part]) -> Chain[Floats]:
        """Read what can be read at once; a step is a layer. Returns the hidden states that are asked for."""
        config = self.config
        heads, groups, size = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        last = len(self._layers) - 1 if any(part.asked for part in parts) else None
        turns = self._turns[np.concatenate([part.places.positions for part in parts])][:, None]  # (N, 1, D/2)
        x = self._embedding[[token for part in parts for token in part.tokens]]  # (N, C)
        with np.errstate(over="ignore", invalid="ignore"):  # of exponentials
            for index, layer in enumerate(self._layers):
                normal = self._normal(x)
                if index == last:  # leaves nothing but keys and values of tokens that nobody asks about
                    asked = _narrowed(parts)
                    kv = _heads(normal @ layer.qkv[:, heads * size :], size)
                    q = _heads(normal[asked] @ layer.qkv[:, : heads * size], size)
                    x, q, k = x[asked], _turned(q, turns[asked]), _turned(kv[:, :groups], turns)
                    v = kv[:, groups:]
                else:
                    qkv = _heads(normal @ layer.qkv, size)
                    turned = _turned(qkv[:, : heads + groups], turns)
                    q, k, v = turned[:, :heads], turned[:, heads:], qkv[:, heads + groups :]
                for part in parts:
                    part.write(index, k, v)
                yield
                q = q.reshape(len(x), groups, heads // groups, size)  # (N, K, R, D)
                mixed = [part.attend(index, layer.window, q) for part in parts]
                joined = mixed[0] if len(mixed) == 1 else np.concatenate(mixed)
                x += joined.reshape(len(x), heads * size) @ layer.out
                x += _swiglu(self._normal(x) @ layer.gate_up) @ layer.down
        return self._normal(x)

    def _normal(self, x: Floats) -> Floats:
        """Root-mean-square normalisation (N, C); the gain is in the weights that follow."""
        squares: Floats = np.add.reduce(x * x, axis=-1, keepdims=True)
        squares *= np.float32(1 / x.shape[-1])
        squares += np.float32(self.config.rms_norm_eps)
        normal: Floats = np.divide(x, np.sqrt(squares))
        return normal


def load_numpy(directory: str | Path, threads: int = 1) -> NumpyDecoder:
    """Read the `config.json` and the safetensors of a model directory. Raises CheckpointError, naming what is wrong."""
    config = read_config(Path(directory))
    return NumpyDecoder(config, read_arrays(Path(directory), config), threads)


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
        np.ascontiguousarray(np.concatenate((-gate, up), 1)),
        np.ascontiguousarray(-weight("mlp.down_proj")),
    )


def _new_keys(shape: tuple[int, ...]) -> Floats:
    """(B, K, S, D), slots last in memory: scores are then products of matrices as BLAS likes them."""
    rows, heads, slots, size = shape
    keys: Floats = _new_values((rows, heads, size, slots)).swapaxes(2, 3)
    return keys


def _new_values(shape: tuple[int, ...]) -> Floats:
    """Zeros. Large ones have pages of their own, which the system gets back when they are done with.

    Caches of all sizes that live for long, among the short-lived rest, would leave malloc's memory in pieces.
    """
    count = math.prod(shape)
    if 4 * count < _PAGED:
        return np.zeros(shape, np.float32)
    pages = mmap.mmap(-1, 4 * count, **_PRIVATE)
    return np.frombuffer(pages, np.float32).reshape(shape)


def _chunks(reads: Sequence[Read]) -> list[list[Part]]:
    """What is read at once: all together, or a lone row's chunks one after the other."""
    first = reads[0]
    if len(reads) == 1 and first.chunk is not None and is_plain(first.cache):
        (row,), cache, asked, size = first.tokens, first.cache, first.asked, first.chunk
        chunks = []
        for ahead in range(0, len(row), size):
            tokens = row[ahead : ahead + size]
            read = Read([tokens], cache, min(len(tokens), max(0, asked - ahead)))
            chunks.append([Part(read, ahead=ahead)])
        return chunks
    parts, count = list[Part](), 0
    for read in reads:
        parts.append(Part(read, count))
        count = parts[-1].stop
    return [parts]


def _narrowed(parts: Sequence[Part]) -> list[int]:
    """Leave queries to the tokens that are asked about: which those are."""
    asked: list[int] = []
    for part in parts:
        part.narrow(len(asked))
        asked += range(part.start + part.asked, part.stop)
    return asked


def _swiglu(gate_up: Floats) -> Floats:
    """The negative of what the gates (N, I), given by their negative, let through of (N, I); `gate_up` is used up."""
    size = gate_up.shape[-1] // 2
    gate, up = gate_up[:, :size], gate_up[:, size:]
    up *= gate
    np.exp(gate, out=gate)
    gate += np.float32(1)
    up /= gate
    return up


def _heads(joined: Floats, size: int) -> Floats:
    """(N, heads, D) of (N, heads D)."""
    return joined.reshape(len(joined), joined.shape[1] // size, size)


def _turned(x: Floats, turns: Floats) -> Floats:
    """Queries or keys (N, ..., D), rotated."""
    turned: Floats = (x.view(np.complex64) * turns).view(np.float32)
    return turned
