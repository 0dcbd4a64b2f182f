"""What was asked and answered last, so that a client need not send again what the server has."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from cwm_server.protocol import CompletionRequest, RequestError

_KEPT = 256


class History:
    """The first prompt of each of the last requests, with its answer, by the id of the response."""

    def __init__(self) -> None:
        self._sequences: OrderedDict[str, list[int]] = OrderedDict()

    def add(self, name: str, prompt: Sequence[int], answer: Sequence[int]) -> None:
        """Keep a request."""
        self._sequences[name] = [*prompt, *answer]
        if len(self._sequences) > _KEPT:
            self._sequences.popitem(last=False)

    def completed(self, request: CompletionRequest) -> CompletionRequest:
        """The request with its prompts in full. Raises RequestError 410 for an id that is not kept."""
        after = request.after
        if after is None:
            return request
        kept = self._sequences.get(after.id)
        if kept is None:
            raise RequestError(f"after: {after.id!r} is not kept any more; send the prompt in full", "after", 410)
        if max(*after.lengths, *after.tails) > len(kept):
            raise RequestError(f"after: {after.id!r} has {len(kept)} tokens", "after")
        self._sequences.move_to_end(after.id)
        prompts = [
            [*kept[:length], *rest, *kept[len(kept) - tail :]]
            for length, rest, tail in zip(after.lengths, request.prompts, after.tails, strict=True)
        ]
        return replace(request, prompts=prompts, after=None)
