"""Keys and values of token sequences that were read before, for prompts that begin like one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cwm_server.kv_cache import KVCache
from cwm_server.sequences import common_prefix

__all__ = ["Entry", "PrefixCache", "common_prefix"]


@dataclass(slots=True, eq=False)
class Entry:
    """A sequence and its one-row cache: `cache.lengths == [len(ids)]` whenever nobody is writing.

    A call that writes into an entry has `claimed` it; others may read what it holds between two calls of the decoder.
    """

    ids: list[int]
    cache: KVCache
    claimed: bool = False

    @property
    def size(self) -> int:
        """Bytes of its keys and values, free slots included."""
        return self.cache.nbytes


class PrefixCache:
    """The most recently used entries within a budget of bytes. The newest is kept even when it alone is larger."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._entries: list[Entry] = []  # least recently used first
        self.asked = self.found = 0

    def __len__(self) -> int:
        return len(self._entries)

    def longest(self, ids: Sequence[int]) -> tuple[Entry | None, int]:
        """The entry that shares the longest prefix with `ids`, and the length of that prefix; (None, 0) without any.

        Among equals the shortest entry, which can be continued in place.
        """
        best: Entry | None = None
        shared = 0
        for entry in self._entries:
            common = common_prefix(entry.ids, ids)
            if common > shared or (best is not None and common == shared and len(entry.ids) < len(best.ids)):
                best, shared = entry, common
        if best is not None:
            self._entries.remove(best)
            self._entries.append(best)
        return best, shared

    def count(self, asked: int, found: int) -> None:
        """Note how many tokens were looked for, and how many of them were there."""
        self.asked += asked
        self.found += found

    def put(self, entry: Entry) -> None:
        """Add an entry, or make one that has grown the newest; the oldest beyond the budget are dropped."""
        self.drop(entry)
        self._entries.append(entry)
        used = sum(kept.size for kept in self._entries)
        while used > self._budget and len(self._entries) > 1:
            used -= self._entries.pop(0).size

    def drop(self, entry: Entry) -> None:
        """Take an entry out, if it is in."""
        if entry in self._entries:
            self._entries.remove(entry)
