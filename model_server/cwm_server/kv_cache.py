"""The keys and values that a decoder keeps of the tokens it has read, whatever library its arrays are of.

Shapes: B rows, K key-value heads, S slots, D head size, N tokens of one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cwm_server.model_config import ModelConfig

Array = Any
Zeros = Callable[[tuple[int, ...]], Array]


class KVCache:
    """Keys and values of B sequences that may begin alike.

    Row b is the first `shared[b]` tokens of the `trunk`, a cache of one row that is only read, and the first
    `lengths[b]` of its own slots. A token's position is its place in the row.
    """

    def __init__(
        self, keys: list[Array], values: list[Array], lengths: list[int], new_keys: Zeros, new_values: Zeros
    ) -> None:
        self.keys = keys  # per layer (B, K, S, D)
        self.values = values  # per layer (B, K, S, D)
        self.lengths = lengths
        self.trunk: KVCache | None = None
        self.shared = [0] * len(lengths)
        self._new_keys, self._new_values = new_keys, new_values

    @classmethod
    def allocate(cls, config: ModelConfig, rows: int, capacity: int, new_keys: Zeros, new_values: Zeros) -> KVCache:
        """An empty cache for `rows` sequences; `new_keys` and `new_values` make arrays of zeros."""
        shape = (rows, config.num_key_value_heads, capacity, config.head_dim)
        layers = range(config.num_hidden_layers)
        return cls(
            [new_keys(shape) for _ in layers], [new_values(shape) for _ in layers], [0] * rows, new_keys, new_values
        )

    @property
    def rows(self) -> int:
        """How many sequences it holds."""
        return len(self.lengths)

    @property
    def capacity(self) -> int:
        """How many tokens of its own each row has room for."""
        return int(self.keys[0].shape[2])

    @property
    def nbytes(self) -> int:
        """Bytes of its own keys and values, free slots included."""
        return sum(array.nbytes for array in (*self.keys, *self.values))

    def branches(self, shared: Sequence[int], capacity: int) -> KVCache:
        """A cache whose row i continues the first `shared[i]` tokens of this one, which has one row."""
        _, heads, _, size = self.keys[0].shape
        shape = (len(shared), heads, capacity, size)
        keys, values = [self._new_keys(shape) for _ in self.keys], [self._new_values(shape) for _ in self.values]
        made = KVCache(keys, values, [0] * len(shared), self._new_keys, self._new_values)
        made.trunk, made.shared = self, list(shared)
        return made

    def copy(self, length: int, extra: int) -> KVCache:
        """A copy of the first `length` tokens of a cache of one row, with `extra` free slots."""
        made = KVCache([], [], [0], self._new_keys, self._new_values)
        made.keys, made.values = self._copied([0], length, length + extra)
        made.lengths = [length]
        return made

    def select(self, rows: Sequence[int]) -> KVCache:
        """A copy with some of the rows."""
        lengths = [self.lengths[row] for row in rows]
        made = KVCache([], [], lengths, self._new_keys, self._new_values)
        made.keys, made.values = self._copied(list(rows), max(lengths, default=0), self.capacity)
        made.trunk, made.shared = self.trunk, [self.shared[row] for row in rows]
        return made

    def reserve(self, counts: Sequence[int]) -> None:
        """Make room for so many more tokens in each row."""
        needed = max(map(int.__add__, self.lengths, counts), default=0)
        if needed > self.capacity:
            room = max(needed, 2 * self.capacity)
            self.keys, self.values = self._copied(list(range(self.rows)), max(self.lengths), room)

    def append(self, row: int, other: KVCache, start: int, stop: int) -> None:
        """Add tokens `start` to `stop` of a cache of one row to a row, which has room for them."""
        begin = self.lengths[row]
        end = begin + stop - start
        for ours, theirs in zip(self.keys + self.values, other.keys + other.values, strict=True):
            ours[row, :, begin:end] = theirs[0, :, start:stop]
        self.lengths[row] = end

    def write(self, layer: int, rows: Array, slots: Array, keys: Array, values: Array) -> None:
        """Write `keys` and `values` (N, K, D) of a layer, each into a row's slot; `advance` makes them count."""
        self.keys[layer][rows, :, slots] = keys
        self.values[layer][rows, :, slots] = values

    def advance(self, counts: Sequence[int]) -> None:
        """So many slots of each row have been written."""
        self.lengths = list(map(int.__add__, self.lengths, counts))

    def forget(self, row: int, count: int) -> None:
        """Drop the last `count` tokens of a row; those that it shares with others can't be."""
        self.lengths[row] -= count

    def _copied(self, rows: list[int], keep: int, capacity: int) -> tuple[list[Array], list[Array]]:
        def copied(source: Array, new: Zeros) -> Array:
            target = new((len(rows), source.shape[1], capacity, source.shape[3]))
            target[:, :, :keep] = source[rows, :, :keep]
            return target

        return [copied(k, self._new_keys) for k in self.keys], [copied(v, self._new_values) for v in self.values]
