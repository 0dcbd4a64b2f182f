"""What two sequences of tokens share."""

from __future__ import annotations

from collections.abc import Sequence


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many leading items two sequences share."""
    if not isinstance(first, list) or not isinstance(second, list):
        first, second = list(first), list(second)
    low, high = 0, min(len(first), len(second))
    if high == 0 or first[0] != second[0]:
        return 0
    if first[:high] == second[:high]:
        return high
    while high - low > 1:  # invariant: the first `low` are equal, the first `high` are not
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low
