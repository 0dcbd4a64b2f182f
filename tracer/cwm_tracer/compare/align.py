"""Align two sequences with insertions and deletions, in time linear in their length.

The algorithm is Myers' greedy one (Algorithmica 1, 1986): its cost grows with the number of edits, not with the
square of the length. Sequences that differ by more than `MAX_EDITS` are aligned piece by piece: the path that got
furthest is taken and the search starts anew from its end, which bounds the cost and gives up only the proof that the
edits are the fewest.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

MAX_EDITS = 256


@dataclass(frozen=True, slots=True)
class Block:
    """`truth[start:stop]` stands against `predicted[start:stop]`; the items of an equal block are equal pairwise.

    Of an unequal block one side may be empty: an insertion or a deletion.
    """

    equal: bool
    truth: range
    predicted: range


def align(truth: Sequence[Hashable], predicted: Sequence[Hashable]) -> list[Block]:
    """Blocks that cover both sequences in order; equal and unequal ones alternate."""
    numbers: dict[Hashable, int] = {}
    a = [numbers.setdefault(key, len(numbers)) for key in truth]
    b = [numbers.setdefault(key, len(numbers)) for key in predicted]
    prefix = _common(a, b, 0, 0)
    suffix = 0
    while suffix < min(len(a), len(b)) - prefix and a[-1 - suffix] == b[-1 - suffix]:
        suffix += 1
    matches = [(0, 0, prefix)]
    x, y = prefix, prefix
    end_x, end_y = len(a) - suffix, len(b) - suffix
    while x < end_x and y < end_y:
        snakes, x, y = _search(a[:end_x], b[:end_y], x, y)
        matches += snakes
    matches.append((end_x, end_y, suffix))
    return _blocks(matches, len(a), len(b))


def _common(a: Sequence[int], b: Sequence[int], x: int, y: int) -> int:
    """How many items of `a` from `x` on equal those of `b` from `y` on."""
    start, stop = x, min(len(a), x + len(b) - y)
    while x < stop and a[x] == b[y]:
        x += 1
        y += 1
    return x - start


def _search(a: list[int], b: list[int], x0: int, y0: int) -> tuple[list[tuple[int, int, int]], int, int]:
    """Matches `(x, y, length)` along the shortest edit path from (x0, y0), and the point where it was left."""
    n, m = len(a) - x0, len(b) - y0
    furthest = {1: 0}
    history: list[dict[int, int]] = []
    best = (0, 0, 0)  # x + y, diagonal, edits
    for edits in range(min(n + m, MAX_EDITS) + 1):
        history.append({k: furthest[k] for k in range(-edits - 1, edits + 2) if k in furthest})
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and furthest.get(k - 1, -1) < furthest.get(k + 1, -1))
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            y = x - k
            if x > n or y > m:
                furthest[k] = x
                continue
            x += _common(a, b, x0 + x, y0 + y)
            furthest[k] = x
            best = max(best, (2 * x - k, k, edits))
            if x == n and x - k == m:
                return _walk_back(history, x0, y0, k, edits, x), x0 + n, y0 + m
    total, k, edits = best
    x = (total + k) // 2
    return _walk_back(history, x0, y0, k, edits, x), x0 + x, y0 + x - k


def _walk_back(
    history: list[dict[int, int]], x0: int, y0: int, k: int, edits: int, x: int
) -> list[tuple[int, int, int]]:
    """The matches on the path that ends at `x` on diagonal `k` after `edits` edits, first to last."""
    matches: list[tuple[int, int, int]] = []
    for step in range(edits, -1, -1):
        before = history[step]
        down = k == -step or (k != step and before.get(k - 1, -1) < before.get(k + 1, -1))
        came_from = k + 1 if down else k - 1
        start = before[came_from] if down else before[came_from] + 1
        if x > start:
            matches.append((x0 + start, y0 + start - k, x - start))
        x, k = before[came_from], came_from
    return matches[::-1]


def _blocks(matches: list[tuple[int, int, int]], n: int, m: int) -> list[Block]:
    blocks: list[Block] = []
    x = y = 0
    for start_x, start_y, length in [*matches, (n, m, 0)]:
        if start_x > x or start_y > y:
            blocks.append(Block(False, range(x, start_x), range(y, start_y)))
        if length:
            last = blocks[-1] if blocks else None
            if last is not None and last.equal:
                blocks[-1] = Block(
                    True, range(last.truth.start, start_x + length), range(last.predicted.start, start_y + length)
                )
            else:
                blocks.append(Block(True, range(start_x, start_x + length), range(start_y, start_y + length)))
        x, y = start_x + length, start_y + length
    return blocks
