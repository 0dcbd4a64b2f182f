"""What the engine asks of a model: read tokens that continue some rows, and say what comes next.

Two kinds of model do: `numpy_model.NumpyDecoder` and torch's `architecture.Decoder`. Their arrays are their own
business; what the engine sees of them are these two protocols, lists, and rows of logits on the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cwm_server.kv_cache import KVCache
from cwm_server.model_config import ModelConfig

Floats = NDArray[np.float32]
Hidden = Any  # final hidden states (N, C), an array of the model's own, which has a length


class Read(NamedTuple):
    """For each row of a cache the tokens that continue it, none or several.

    Hidden states are wanted from the token `asked` on, counted row after row. Of a lone row that is longer than a
    `chunk` of tokens no more need be read at once.
    """

    tokens: Sequence[Sequence[int]]
    cache: KVCache
    asked: int = 0
    chunk: int | None = None


class Logits(Protocol):
    """What a model says at N places, over a vocabulary of V."""

    def part(self, start: int, stop: int) -> Logits:
        """The places from `start` to `stop`."""

    def best(self) -> tuple[list[int], list[float], list[float]]:
        """At each place the greedy choice, its logit, and what normalises the logits (their logsumexp).

        Among equal logits the lowest id is chosen.
        """

    def of(self, tokens: Sequence[int]) -> tuple[list[float], list[int]]:
        """The logit of one token for each place, and its rank: 1 for the greedy choice."""

    def rows(self, places: Sequence[int]) -> Floats:
        """The logits (n, V) at some places, a copy."""


class LanguageModel(Protocol):
    """A decoder of CWM's architecture, ready to answer."""

    config: ModelConfig
    lanes: int  # how many chunks of a row it reads side by side

    @property
    def token_bytes(self) -> int:
        """What a token takes in a cache."""

    def cache(self, rows: int, capacity: int) -> KVCache:
        """An empty cache."""

    def read(self, tokens: Sequence[Sequence[int]], cache: KVCache) -> Hidden:
        """Read for each row of the cache the tokens that continue it, none or several.

        Returns the final hidden states of all of them, row after row.
        """

    def read_together(self, reads: Sequence[Read]) -> Hidden:
        """Read into several caches, each given once, by one call: what is not attention is computed for all at once.

        Returns the final hidden states that are wanted, cache after cache.
        """

    def logits(self, hidden: Hidden) -> Logits:
        """What comes after tokens of these hidden states."""
