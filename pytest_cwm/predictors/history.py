"""What our server was asked and answered last: a prompt that begins like that need not be sent again in full."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from pytest_cwm.predictors.transport import common_prefix

_KEPT = 32
_WORTH = 64  # tokens that are sent rather than named


class History:
    """The first prompt of each of the last requests, with its answer, by the id of the response. Safe to share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sequences: deque[tuple[str, list[int]]] = deque(maxlen=_KEPT)

    def add(self, name: object, prompt: Sequence[int], answer: object) -> None:
        """Keep a request whose answer is known: the server counts from its end too."""
        if isinstance(name, str) and isinstance(answer, list):
            with self._lock:
                self._sequences.append((name, [*prompt, *answer]))

    def shared(self, prompts: Sequence[Sequence[int]]) -> dict[str, Any] | None:
        """The fields that say prompts by what was asked before; None where that saves little."""
        with self._lock:
            kept = list(self._sequences)
        name, ids, most = "", [], 0
        for each, sequence in reversed(kept):
            common = common_prefix(sequence, prompts[0])
            if common > most:
                name, ids, most = each, sequence, common
        if most < _WORTH:
            return None
        lengths = [common_prefix(ids, prompt) for prompt in prompts]
        # A window that has moved on ends as the one before it.
        rest = [list(prompt[length:]) for prompt, length in zip(prompts, lengths, strict=True)]
        tails = [common_prefix(ids[::-1], new[::-1]) for new in rest]
        rest = [new[: len(new) - tail] for new, tail in zip(rest, tails, strict=True)]
        after = {"id": name, "lengths": lengths, "tails": tails}
        return {"prompt": rest if len(rest) > 1 else rest[0], "after": after}

    def clear(self) -> None:
        """The server has forgotten."""
        with self._lock:
            self._sequences.clear()
