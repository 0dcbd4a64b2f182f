"""Causal attention for training on a CPU: in blocks of queries, so that only what a query may see is computed.

The memory-saving kernel that torch has for CPUs takes two to three times as long at the lengths of traces. The
probabilities are kept for the backward pass, up to B * H * T * window numbers of the inputs' type, which small models
can afford.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

BLOCK = 128
ALIGNED = 64  # a block's keys begin at a multiple of it: matrices of odd widths cost more than the few keys too many


class _BlockAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
        rows, groups, repeats, count, size = q.shape
        kept = []
        out = torch.empty_like(q)
        for start in range(0, count, BLOCK):
            stop, low = min(start + BLOCK, count), _first_key(start, window)
            block = q[:, :, :, start:stop].reshape(rows, groups, -1, size) * size**-0.5
            scores = torch.matmul(block, k[:, :, low:stop].mT).view(rows, groups, repeats, stop - start, stop - low)
            scores += _mask(start - low, stop - start, stop - low, min(window, stop), scores.dtype)
            seen = torch.softmax(scores, -1).view(rows, groups, -1, stop - low)
            out[:, :, :, start:stop] = torch.matmul(seen, v[:, :, low:stop]).view(rows, groups, repeats, -1, size)
            kept.append(seen)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.window = window
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, *kept = ctx.saved_tensors
        rows, groups, _, count, size = q.shape
        dq, dk, dv = (
            torch.empty_like(q),
            torch.zeros_like(k, dtype=torch.float32),
            torch.zeros_like(v, dtype=torch.float32),
        )
        for start, seen in zip(range(0, count, BLOCK), kept, strict=True):
            stop, low = min(start + BLOCK, count), _first_key(start, ctx.window)
            out = grad[:, :, :, start:stop].reshape(rows, groups, -1, size)
            dv[:, :, low:stop] += torch.matmul(seen.mT, out)
            slope = torch.matmul(out, v[:, :, low:stop].mT)
            scores = torch._softmax_backward_data(slope, seen, -1, seen.dtype).mul_(size**-0.5)
            dq[:, :, :, start:stop] = torch.matmul(scores, k[:, :, low:stop]).view(rows, groups, -1, stop - start, size)
            block = q[:, :, :, start:stop].reshape(rows, groups, -1, size)
            dk[:, :, low:stop] += torch.matmul(scores.mT, block)
        return dq, dk.to(k.dtype), dv.to(v.dtype), None


def _first_key(start: int, window: int) -> int:
    return max(0, start - window + 1) // ALIGNED * ALIGNED


@lru_cache(maxsize=256)
def _mask(ahead: int, queries: int, keys: int, window: int, dtype: torch.dtype) -> Tensor:
    """(queries, keys): 0 where query i, which stands `ahead` + i behind the first key, sees key j, else -infinity."""
    distance = torch.arange(ahead, ahead + queries)[:, None] - torch.arange(keys)[None, :]
    return torch.zeros(distance.shape, dtype=dtype).masked_fill_((distance < 0) | (distance >= window), float("-inf"))


def block_attention(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """Causal attention of q (B, H, T, D) over k and v (B, K, T, D), each query seeing the last `window` keys."""
    rows, heads, count, size = q.shape
    groups = k.shape[1]
    out: Tensor = _BlockAttention.apply(q.view(rows, groups, heads // groups, count, size), k, v, window)  # type: ignore[no-untyped-call]
    return out.view(rows, heads, count, size)
