"""What was asked and answered last, so that a client need not send again what the server has."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from cwm_server.protocol import CompletionRequest
from cwm_server.serving.fields import RequestError, shown

_KEPT = 256
_TOKENS = 4 << 20  # 4 bytes each


class History:
    """The first prompt of each of the last requests, with its answer, by the id of the response."""

    def __init__(self, kept: int = _KEPT, tokens: int = _TOKENS) -> None:
        self._sequences: OrderedDict[str, array[int]] = OrderedDict()
        self._kept = kept
        self._room = tokens

    def add(self, name: str, prompt: Sequence[int], answer: Sequence[int]) -> None:
        """Keep a request; the oldest are forgotten when there are too many, or too many tokens in all."""
        sequence = array("i", prompt)
        sequence.extend(answer)
        self._sequences[name] = sequence
        self._room -= len(sequence)
        while len(self._sequences) > self._kept or self._room < 0:
            self._room += len(self._sequences.popitem(last=False)[1])

    def completed(self, request: CompletionRequest) -> CompletionRequest:
        """The request with its prompts in full. Raises RequestError 410 for an id that is not kept."""
        after = request.after
        if after is None:
            return request
        kept = self._sequences.get(after.id)
        if kept is None:
            raise RequestError(f"after: {shown(after.id)} is not kept any more; send the prompt in full", "after", 410)
        if max(*after.lengths, *after.tails) > len(kept):
            raise RequestError(f"after: {shown(after.id)} has {len(kept)} tokens", "after")
        self._sequences.move_to_end(after.id)
        prompts = [
            [*kept[:length], *rest, *kept[len(kept) - tail :]]
            for length, rest, tail in zip(after.lengths, request.prompts, after.tails, strict=True)
        ]
        return replace(request, prompts=prompts, after=None)
