"""Attention of torch's decoder over a cache of keys and values, for inference.

Shapes: N tokens of one call, of which Q have queries, B rows, T the most tokens of a row, S slots, H heads, K key-value
heads, R = H/K, D head size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from cwm_server import visibility
from cwm_server.language_model import Read
from cwm_server.visibility import Block, Branch, Mask, Places


class Readings:
    """One call of a decoder, which reads into several caches: each token attends to its own cache."""

    def __init__(self, reads: Sequence[Read], device: torch.device) -> None:
        self._parts = [_Reading(read, device) for read in reads]
        self.positions = torch.cat([part.positions for part in self._parts])  # (N,)

    def finish(self) -> None:
        """All layers have been written."""
        for part in self._parts:
            part.finish()

    def narrow(self) -> Tensor | None:
        """From now on only tokens that are asked about have queries: which those are, None for all."""
        if not any(part.asked for part in self._parts):
            return None
        asked, begin = [], 0
        for part in self._parts:
            end = begin + len(part.positions)
            asked.append(torch.arange(min(begin + part.asked, end), end, device=part.positions.device))
            begin = end
            part.narrow()
        return torch.cat(asked)

    def attend(self, layer: int, window: int | None, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Write keys and values k, v (N, K, D) of a layer; attention (Q, H, D) of queries q (Q, H, D)."""
        mixed, asked, start = [], 0, 0
        for part in self._parts:
            queries, tokens = slice(asked, asked + part.queries), slice(start, start + len(part.positions))
            mixed.append(part.attend(layer, window, q[queries], k[tokens], v[tokens]))
            asked, start = queries.stop, tokens.stop
        return torch.cat(mixed)


class _Reading:
    """What is read into one cache: the places of its tokens, and what each kind of layer sees."""

    def __init__(self, read: Read, device: torch.device) -> None:
        self._cache, self._counts, self.asked = read.cache, [len(row) for row in read.tokens], read.asked
        self._cache.reserve(self._counts)
        self._device = device
        self._places = Places.of(self._cache, self._counts)
        self.positions = torch.from_numpy(self._places.positions).to(device)  # (N,)
        self._rows, self._slots, self._columns = (
            torch.from_numpy(each).to(device) for each in (self._places.rows, self._places.slots, self._places.columns)
        )
        self._first = 0  # of the tokens that have queries
        self._views: dict[int | None, tuple[Block | Branch, Tensor | None, Tensor | None]] = {}

    @property
    def queries(self) -> int:
        """How many tokens have one."""
        return max(0, len(self.positions) - self._first)

    def narrow(self) -> None:
        """From now on only tokens that are asked about have queries."""
        self._first, self._views = self.asked, {}

    def finish(self) -> None:
        """All layers have been written."""
        self._cache.advance(self._counts)

    def attend(self, layer: int, window: int | None, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Write keys and values k, v (N, K, D) of a layer; attention (Q, H, D) of queries q (Q, H, D)."""
        cache = self._cache
        keys, values = cache.keys[layer], cache.values[layer]
        if visibility.is_plain(cache):
            start, end = cache.lengths[0], cache.lengths[0] + len(k)
            keys[0, :, start:end] = k.transpose(0, 1)
            values[0, :, start:end] = v.transpose(0, 1)
        else:
            cache.write(layer, self._rows, self._slots, k, v)
        if not len(q):
            return q
        view, mask, trunk_mask = self._view(window)
        if isinstance(view, Branch):
            return self._branches(layer, q, view, mask, trunk_mask)
        return _plain(q, keys[:, :, view.low : view.high], values[:, :, view.low : view.high], mask)

    def _view(self, window: int | None) -> tuple[Block | Branch, Tensor | None, Tensor | None]:
        if window not in self._views:
            if visibility.is_plain(self._cache):
                block = visibility.block(self._cache.lengths[0] + self._first, self.queries, window)
                self._views[window] = block, self._moved(block.mask), None
            else:
                branch = visibility.branch(self._cache, self._places.since(self._first), window)
                trunk = branch.trunk.mask if branch.trunk is not None else None
                self._views[window] = branch, self._moved(branch.own), self._moved(trunk)
        return self._views[window]

    def _moved(self, mask: Mask | None) -> Tensor | None:
        return None if mask is None else torch.from_numpy(mask).to(self._device)

    def _branches(
        self, layer: int, q: Tensor, view: Branch, own_mask: Tensor | None, trunk_mask: Tensor | None
    ) -> Tensor:
        cache = self._cache
        count, heads, size = q.shape
        rows, columns = self._rows[self._first :], self._columns[self._first :]
        groups = cache.keys[layer].shape[1]
        q = q.view(count, groups, heads // groups, size) * size**-0.5  # (N, K, R, D)
        used = view.own.shape[-1]
        grid = q.new_zeros((cache.rows, self._places.width, *q.shape[1:]))  # (B, T, K, R, D)
        grid[rows, columns] = q
        keys, values = cache.keys[layer][:, :, None, :used], cache.values[layer][:, :, None, :used]
        assert own_mask is not None
        scores = (grid.permute(0, 2, 3, 1, 4) @ keys.transpose(-1, -2)).float()  # (B, K, R, T, S)
        scores = scores.masked_fill(~own_mask[:, None, None], -torch.inf)
        own = scores.permute(0, 3, 1, 2, 4)[rows, columns]  # (N, K, R, S)
        joined, seen = own, 0
        if view.trunk is not None and cache.trunk is not None:
            low, high = view.trunk.low, view.trunk.high
            trunk_keys = cache.trunk.keys[layer][0, :, None, low:high]  # (K, 1, S, D)
            first = (q.permute(1, 2, 0, 3) @ trunk_keys.transpose(-1, -2)).float()  # (K, R, N, S)
            if trunk_mask is not None:
                first = first.masked_fill(~trunk_mask, -torch.inf)
            joined, seen = torch.cat((first.permute(2, 0, 1, 3), own), -1), high - low
        weights = joined.softmax(-1).to(values.dtype)  # (N, K, R, S)
        spread = weights.new_zeros((cache.rows, self._places.width, groups, heads // groups, used))
        spread[rows, columns] = weights[..., seen:]
        mixed = (spread.permute(0, 2, 3, 1, 4) @ values).permute(0, 3, 1, 2, 4)[rows, columns]
        if seen and view.trunk is not None and cache.trunk is not None:
            trunk_values = cache.trunk.values[layer][0, :, None, view.trunk.low : view.trunk.high]
            mixed = mixed + (weights[..., :seen].permute(1, 2, 0, 3) @ trunk_values).permute(2, 0, 1, 3)
        out: Tensor = mixed.reshape(count, heads, size)
        return out


def _plain(q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """(N, H, D) of queries (N, H, D) over keys and values (1, K, S, D) of one sequence."""
    count, heads, size = q.shape
    groups = keys.shape[1]
    # The queries of a group stand where tokens stand, so that the cache need not be repeated for each.
    grouped = q.view(count, groups, heads // groups, size).permute(1, 2, 0, 3).reshape(1, groups, -1, size)
    if mask is not None:
        mask = mask.repeat(heads // groups, 1)  # (R N, S)
    mixed = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=mask)  # (1, K, R N, D)
    return mixed.view(heads, count, size).transpose(0, 1)
