"""Which keys each token of one call sees, as masks: worked out once a call, used by every layer.

Shapes: N tokens of one call, B rows, T the most tokens of a row, S slots that are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cwm_server.kv_cache import KVCache

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]  # True where a key is seen


@dataclass(frozen=True, slots=True)
class Block:
    """The tokens of a call see keys among the slots `low` to `high`; all of them without a `mask`."""

    low: int
    high: int
    mask: Mask | None  # (N, high - low)


@dataclass(frozen=True, slots=True)
class Branch:
    """What rows see that share a trunk: of the trunk and of their own slots."""

    trunk: Block | None  # for all tokens; None where none sees any of it
    own: Mask  # (B, T, S), S slots from the first on


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tokens of one call go."""

    rows: Ints  # (N,)
    slots: Ints  # (N,) in the row's own
    columns: Ints  # (N,) place among the row's tokens of this call
    positions: Ints  # (N,)
    width: int  # T

    @classmethod
    def of(cls, cache: KVCache, counts: Sequence[int], ahead: int = 0) -> Places:
        """The places of `counts[b]` tokens that continue row b, after `ahead` others that it is to have by then."""
        rows = np.repeat(np.arange(cache.rows), counts)
        columns = np.concatenate([np.arange(count) for count in counts])
        slots = columns + np.array(cache.lengths)[rows] + ahead
        return cls(rows, slots, columns, slots + np.array(cache.shared)[rows], max(counts))

    def since(self, first: int) -> Places:
        """The places of the tokens from one on."""
        part = slice(first, None)
        return Places(self.rows[part], self.slots[part], self.columns[part], self.positions[part], self.width)


def is_plain(cache: KVCache) -> bool:
    """Whether a cache holds one sequence in slots of its own."""
    return cache.trunk is None and cache.rows == 1


def block(start: int, count: int, window: int | None) -> Block:
    """What `count` tokens of one row see, the first of which stands at `start`."""
    low = 0 if window is None else max(0, start + 1 - window)
    high = start + count
    mask = seen(np.arange(start, high), np.arange(low, high), window) if count > 1 else None
    return Block(low, high, mask)


def branch(cache: KVCache, places: Places, window: int | None) -> Branch:
    """What the rows of a cache with a trunk see."""
    shared = np.array(cache.shared)
    high = int(shared[places.rows].max())
    low = 0 if window is None else max(0, int(places.positions.min()) + 1 - window)
    trunk = None
    if high > low:
        slots = np.arange(low, high)
        visible = seen(places.positions, slots, window) & (slots < shared[places.rows, None])
        trunk = Block(low, high, None if visible.all() else visible)
    # A place of the grid without a token sees the first slot, so that its softmax is defined.
    grid = np.zeros((cache.rows, places.width), dtype=np.int64)
    grid[places.rows, places.columns] = places.slots
    return Branch(trunk, seen(grid, np.arange(int(places.slots.max()) + 1), window))


def seen(positions: Ints, keys: Ints, window: int | None) -> Mask:
    """(..., S): whether a token at each of `positions` (...) sees a key at each of `keys` (S,)."""
    distance = positions[..., None] - keys
    shown: Mask = distance >= 0
    return shown if window is None else shown & (distance < window)
