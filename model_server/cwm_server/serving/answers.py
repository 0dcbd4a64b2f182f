"""What is sent back: items of `choices` in the shape of vLLM's `CompletionResponseChoice`, and the text of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from cwm_server.opinions import Generation, Scores
from cwm_server.protocol import CompletionRequest
from cwm_server.tokenizer import Tokenizer
from cwm_tracer import wire
from cwm_tracer.wire import Special

_LOWEST = -9999.0  # JSON has no -inf; vLLM writes this
_KEPT = 1 << 17  # tokens whose text is kept: a whole vocabulary


class Texts:
    """Token ids as text; without a tokenizer there is none."""

    def __init__(self, tokenizer: Tokenizer | None) -> None:
        self._tokenizer = tokenizer
        self.of_token = lru_cache(maxsize=_KEPT)(self._of_token)

    def of(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """The text of a sequence; a special token is shown by its name."""
        if self._tokenizer is None:
            return ""
        # A checkpoint's vocabulary may be padded beyond its tokenizer's.
        segments = self._tokenizer.decode(token for token in ids if 0 <= token < self._tokenizer.vocabulary_size)
        return wire.to_text(s for s in segments if not (skip_special_tokens and isinstance(s, Special)))

    def _of_token(self, token: int) -> str | None:
        return self.of([token]) if self._tokenizer is not None else None

    def name(self, token: int, as_id: bool) -> str:
        """How `logprobs` name a token."""
        text = None if as_id else self.of_token(token)
        return f"token_id:{token}" if text is None else text


def choice(
    index: int,
    request: CompletionRequest,
    prompt: Sequence[int],
    answer: Generation,
    scores: Scores | None,
    texts: Texts,
    ends: frozenset[int],
) -> dict[str, Any]:
    """One item of a response's `choices`. A stop token is part of `token_ids`, not of `text`.

    `ends` are the model's own stop tokens, which are no `stop_reason`. `tokens` are for fgserve's clients.
    """
    stopped = answer.reason == "stop"
    last = answer.ids[-1] if stopped else None
    result: dict[str, Any] = {
        "index": index,
        "text": texts.of(answer.ids[:-1] if stopped else answer.ids, request.skip_special_tokens),
        "logprobs": None if request.logprobs is None else _logprobs(answer, request, texts),
        "finish_reason": answer.reason,
        "stop_reason": last if last in request.stop_token_ids and last not in ends else None,
        "prompt_logprobs": None if scores is None else _prompt_logprobs(prompt, request, scores, texts),
        "token_ids": answer.ids if request.return_token_ids else None,
        "prompt_token_ids": list(prompt) if request.return_token_ids else None,
        "tokens": answer.ids,
    }
    if scores is not None and request.constraint is not None:
        result["outside_constraint"] = scores.outside
    return result


def _prompt_logprobs(
    prompt: Sequence[int], request: CompletionRequest, scores: Scores, texts: Texts
) -> list[dict[str, Any] | None]:
    """Null for the first tokens, then per token the best k and always the true one, keyed by id, each with its rank."""

    def entry(token: int, logprob: float, rank: int) -> dict[str, Any]:
        return {"logprob": max(logprob, _LOWEST), "rank": rank, "decoded_token": texts.of_token(token)}

    start = min(request.prompt_logprobs_start, len(prompt))
    items: list[dict[str, Any] | None] = [None] * start
    for position, (token, logprob, rank) in enumerate(zip(prompt[start:], scores.logprobs, scores.ranks, strict=True)):
        item = {str(token): entry(token, logprob, rank)}
        if scores.top:
            for place, (other, value) in enumerate(scores.top[position], 1):
                item.setdefault(str(other), entry(other, value, place))
        items.append(item)
    return items


def _logprobs(answer: Generation, request: CompletionRequest, texts: Texts) -> dict[str, Any]:
    """OpenAI's parallel lists: the chosen token and the best k; offsets count characters of the names before."""
    names = [texts.name(token, request.tokens_as_ids) for token in answer.ids]
    offsets = [0]
    for name in names:
        offsets.append(offsets[-1] + len(name))
    best = answer.top or [[] for _ in answer.ids]
    return {
        "text_offset": offsets[:-1],
        "token_logprobs": [max(value, _LOWEST) for value in answer.logprobs],
        "tokens": names,
        "top_logprobs": [
            {name: max(logprob, _LOWEST)}
            | {texts.name(token, request.tokens_as_ids): max(value, _LOWEST) for token, value in others}
            for name, logprob, others in zip(names, answer.logprobs, best, strict=True)
        ],
    }
