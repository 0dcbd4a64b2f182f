"""The keys and values that a decoder keeps of the tokens it has read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cwm_server.model_config import ModelConfig


class KVCache:
    """Keys and values of the tokens that a decoder has read, per row, with the position of each.

    All rows are written in step: a call of the decoder with ids (B, T) fills the slots `length` to `length + T` of
    every row. A slot whose position is -1 holds padding and is never attended to, which is how rows of different
    lengths share a cache.
    """

    def __init__(self, keys: list[Tensor], values: list[Tensor], positions: Tensor, length: int) -> None:
        self.keys = keys  # per layer (B, K, S, D)
        self.values = values  # per layer (B, K, S, D)
        self.positions = positions  # (B, S) int64
        self.length = length

    @classmethod
    def allocate(
        cls,
        config: ModelConfig,
        rows: int,
        capacity: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> KVCache:
        """An empty cache for `rows` sequences of at most `capacity` tokens."""
        shape = (rows, config.num_key_value_heads, capacity, config.head_dim)
        layers = range(config.num_hidden_layers)
        keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in layers]
        values = [torch.zeros(shape, dtype=dtype, device=device) for _ in layers]
        return cls(keys, values, torch.full((rows, capacity), -1, device=device), 0)

    @property
    def rows(self) -> int:
        """How many sequences it holds."""
        return self.positions.shape[0]

    @property
    def capacity(self) -> int:
        """How many slots each row has."""
        return self.positions.shape[1]

    def truncate(self, length: int) -> None:
        """Forget everything from slot `length` on, in all rows."""
        self.positions[:, length:] = -1
        self.length = min(self.length, length)

    def select(self, rows: Sequence[int], lengths: Sequence[int] | None = None, extra: int = 0) -> KVCache:
        """A copy whose row i continues row `rows[i]` of this one, with `extra` free slots behind the longest.

        `lengths[i]` keeps only that many first slots of the row; the rest of it becomes padding.
        """
        keep = max(lengths, default=0) if lengths is not None else self.length
        index = torch.tensor(rows, dtype=torch.long, device=self.positions.device)

        def copied(source: Tensor) -> Tensor:
            target = source.new_zeros((len(rows), source.shape[1], keep + extra, source.shape[3]))
            target[:, :, :keep] = source[index, :, :keep]
            return target

        positions = self.positions.new_full((len(rows), keep + extra), -1)
        positions[:, :keep] = self.positions[index, :keep]
        if lengths is not None:
            ends = torch.tensor(lengths, device=positions.device)[:, None]
            positions[torch.arange(keep + extra, device=positions.device)[None, :] >= ends] = -1
        return KVCache([copied(k) for k in self.keys], [copied(v) for v in self.values], positions, keep)
