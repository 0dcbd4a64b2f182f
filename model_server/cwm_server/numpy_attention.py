"""Attention of numpy's decoder over a cache of keys and values.

Scores are computed a block of queries and a tile of keys at a time, small enough to stay in a processor's cache (as in
FlashAttention: Dao et al., NeurIPS 2022). The highest is taken off before exponentials are made, but where none can be
so large that its own leaves fp32.
Shapes: N tokens of one call, B rows, T the most tokens of a row or those of a block, S slots, H heads, K key-value
heads, R = H/K, D head size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cwm_server import visibility
from cwm_server.kv_cache import KVCache
from cwm_server.language_model import Floats, Read
from cwm_server.visibility import Branch, Mask, Places

_BLOCK = 64  # queries
_TILE = 640  # keys for a whole block; more for fewer queries
_MANY = 32  # queries for which it pays to look how large scores can be
_MODERATE = 70.0  # exponentials of scores up to this, and of their negatives, are as exact as any
_LOWEST = np.float32(-1e30)
_ONES = np.ones((_TILE * _BLOCK, 1), np.float32)


class Part:
    """What one call reads into one cache, or one chunk of it: its tokens stand from `start` on among those of the call.

    There is room for them in the cache. A chunk comes after `ahead` others, which are read by the same call.
    """

    def __init__(self, read: Read, start: int = 0, ahead: int = 0) -> None:
        self._cache = read.cache
        self.asked = read.asked
        self.tokens = [token for row in read.tokens for token in row]
        self.places = Places.of(read.cache, [len(row) for row in read.tokens], ahead)
        self.start, self.stop = start, start + len(self.tokens)
        self._queries = slice(start, self.stop)
        self._asking = self.places
        self._views: dict[int | None, Branch | list[_Block]] = {}

    def narrow(self, start: int) -> None:
        """From now on only tokens that are asked about have queries, which stand from `start` on among all queries."""
        self._asking = self.places.since(self.asked)
        self._queries = slice(start, start + len(self._asking.rows))
        self._views = {}

    def write(self, layer: int, k: Floats, v: Floats) -> None:
        """Write this part of keys and values (N, K, D) of a layer."""
        k, v = k[self.start : self.stop], v[self.start : self.stop]
        cache, slots = self._cache, self.places.slots
        if visibility.is_plain(cache) and len(slots):
            begin, end = int(slots[0]), int(slots[-1]) + 1
            cache.keys[layer][0, :, begin:end] = k.transpose(1, 0, 2)
            cache.values[layer][0, :, begin:end] = v.transpose(1, 0, 2)
        else:
            cache.write(layer, self.places.rows, slots, k, v)

    def attend(self, layer: int, window: int | None, q: Floats) -> Floats:
        """This part of (N, K, R, D), of queries q, over keys and values that have been written."""
        q, cache = q[self._queries], self._cache
        if not len(q):
            return q
        if window not in self._views:
            self._views[window] = (
                list(_blocks(int(self._asking.positions[0]), len(q), window))
                if visibility.is_plain(cache)
                else visibility.branch(cache, self._asking, window)
            )
        view = self._views[window]
        if isinstance(view, Branch):
            return _attend_branches(q, cache, layer, view, self._asking)
        return _attend_plain(q, cache.keys[layer][0], cache.values[layer][0], view)


@dataclass(frozen=True, slots=True)
class _Tile:
    """Slots `low` to `high`; `hidden` are to be added to the scores of some of them, by where they begin and end."""

    low: int
    high: int
    hidden: tuple[tuple[int, int, Floats], ...]  # (T, end - begin), minus infinity where a key is not seen


@dataclass(frozen=True, slots=True)
class _Block:
    """Tokens `first` to `last` of one row, and all that they see."""

    first: int
    last: int
    tiles: list[_Tile]


def _blocks(start: int, count: int, window: int | None) -> Iterator[_Block]:
    """What `count` tokens see, the first of which stands at `start`."""
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count)
        begin, end = start + first, start + last
        low = 0 if window is None else max(0, begin + 1 - window)
        # What the first token does not see yet, and what the last one does not see any more.
        edges = [(begin + 1, end), (low, low if window is None else max(low, end - window))]
        tiles = []
        size = _TILE * _BLOCK // (last - first)
        for left in range(low, end, size):
            right = min(left + size, end)
            hidden = []
            for edge in edges:
                here, there = max(left, edge[0]), min(right, edge[1])
                if here < there:
                    hidden.append((here - left, there - left, _edge(last - first, here - begin, there - begin, window)))
            tiles.append(_Tile(left, right, tuple(hidden)))
        yield _Block(first, last, tiles)


@lru_cache(maxsize=256)
def _edge(count: int, low: int, high: int, window: int | None) -> Floats:
    """What to add to the scores of `count` tokens with the keys `low` to `high`, counted from the first token."""
    return _added(visibility.seen(np.arange(count), np.arange(low, high), window))


def _added(mask: Mask) -> Floats:
    added: Floats = np.where(mask, np.float32(0), np.float32(-np.inf))
    return added


def _attend_plain(q: Floats, keys: Floats, values: Floats, blocks: list[_Block]) -> Floats:
    """(N, K, R, D) of queries (N, K, R, D) over keys and values (K, S, D) of one sequence."""
    mixed = np.empty_like(q)
    _, groups, repeats, size = q.shape
    low, high = blocks[0].tiles[0].low, blocks[-1].tiles[-1].high
    moderate = len(q) >= _MANY and _longest(q) * _longest(keys[:, low:high]) < _MODERATE
    for block in blocks:
        queries = q[block.first : block.last].transpose(1, 2, 0, 3).reshape(groups, -1, size)  # (K, R T, D)
        out, total = _summed(queries, keys, values, block, moderate)
        shape = groups, repeats, block.last - block.first
        goal = mixed[block.first : block.last].transpose(1, 2, 0, 3)
        np.divide(out.reshape(*shape, size), total.reshape(*shape, 1), out=goal)
    return mixed


def _longest(vectors: Floats) -> float:
    """The greatest length of some vectors (..., D); no score is beyond the product of a query's and a key's."""
    return float(np.sqrt(np.einsum("...d,...d->...", vectors, vectors).max()))


def _summed(queries: Floats, keys: Floats, values: Floats, block: _Block, moderate: bool) -> tuple[Floats, Floats]:
    """Sums (K, R T, D) of values by softmax, before they are divided by its total (K, R T, 1)."""
    out: Floats | None = None
    total: Floats = _ONES[:0]
    highest: Floats | None = None
    for tile in block.tiles:
        scores = _scores(queries, keys, block, tile)
        shrunk = np.float32(1)
        if not moderate:
            top = np.maximum(scores.max(-1, keepdims=True), _LOWEST if highest is None else highest)
            scores -= top
            shrunk = shrunk if highest is None else np.exp(highest - top)
            highest = top
        np.exp(scores, out=scores)
        sums: Floats = scores @ _ONES[: tile.high - tile.low]
        mixed: Floats = scores @ values[:, tile.low : tile.high]
        out, total = (mixed, sums) if out is None else (out * shrunk + mixed, total * shrunk + sums)
    assert out is not None
    return out, total


def _scores(queries: Floats, keys: Floats, block: _Block, tile: _Tile) -> Floats:
    """(K, R T, S) of queries (K, R T, D) over the keys of a tile."""
    scores: Floats = queries @ keys.swapaxes(1, 2)[:, :, tile.low : tile.high]
    for begin, end, mask in tile.hidden:
        apart = scores.reshape(len(scores), -1, block.last - block.first, tile.high - tile.low)  # (K, R, T, S)
        apart[..., begin:end] += mask
    return scores


def _attend_branches(q: Floats, cache: KVCache, layer: int, view: Branch, places: Places) -> Floats:
    """(N, K, R, D) of queries (N, K, R, D), over the trunk and over what is each row's own, joined."""
    rows, columns = places.rows, places.columns
    grid = np.zeros((cache.rows, places.width, *q.shape[1:]), np.float32)  # (B, T, K, R, D)
    grid[rows, columns] = q
    used = slice(0, view.own.shape[-1])
    keys, values = cache.keys[layer][:, :, None, used], cache.values[layer][:, :, None, used]  # (B, K, 1, S, D)
    mask = _added(view.own)[:, None, None]  # (B, 1, 1, T, S)
    own = _attend(grid.transpose(0, 2, 3, 1, 4), keys, values, mask)  # (B, K, R, T, ...)
    out, highest, total = (part.transpose(0, 3, 1, 2, 4)[rows, columns] for part in own)  # (N, K, R, ...)
    if view.trunk is None or cache.trunk is None:
        alone: Floats = out / total
        return alone
    seen = slice(view.trunk.low, view.trunk.high)
    keys, values = cache.trunk.keys[layer][0, :, None, seen], cache.trunk.values[layer][0, :, None, seen]
    trunk_mask = None if view.trunk.mask is None else _added(view.trunk.mask)
    first = _attend(q.transpose(1, 2, 0, 3), keys, values, trunk_mask)  # (K, R, N, ...)
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
