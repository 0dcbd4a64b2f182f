"""The completions protocol in vLLM's dialect, which our own server speaks too: token-id prompts, `prompt_logprobs`."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from pytest_cwm.predictors.base import Sampling
from pytest_cwm.predictors.http import JsonClient
from pytest_cwm.predictors.transport import Generated, ModelInfo, TokenScore, cut_at_stop

_PATH = "/v1/completions"


class OpenAITransport:
    """A server of the completions protocol; `model` chooses among those that it serves."""

    can_score = True

    def __init__(self, client: JsonClient, model: str | None = None) -> None:
        self._client = client
        self._wanted = model
        self._info: ModelInfo | None = None

    def model(self) -> ModelInfo:
        """See `Transport`. Without a wish it is the first that the server lists."""
        if self._info is None:
            listed = self._client.get("/v1/models")
            try:
                found = {str(item["id"]): item for item in listed["data"]}
                name = self._wanted or next(iter(found))
                item: dict[str, Any] = found.get(name, {})
                length, tokenizer = item.get("max_model_len"), item.get("tokenizer_sha256")
            except (TypeError, KeyError, AttributeError, StopIteration):
                raise self._client.fault("/v1/models lists no model") from None
            if not found.get(name):
                raise self._client.fault(f"it serves {', '.join(found)}, not {name}")
            self._info = ModelInfo(
                name,
                length if isinstance(length, int) and length > 0 else None,
                tokenizer if isinstance(tokenizer, str) else None,
            )
        return self._info

    def score(self, ids: Sequence[int]) -> list[TokenScore]:
        """See `Transport`: one prefill; the one token that must be generated with it is ignored."""
        if len(ids) < 2:
            return []
        choices = self._choices(
            {"prompt": list(ids), "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}, expected=1
        )
        items = choices[0].get("prompt_logprobs")
        if not isinstance(items, list):
            raise self._client.fault("choices[0].prompt_logprobs is missing")
        if len(items) != len(ids):
            raise self._client.fault(f"{len(items)} prompt_logprobs for {len(ids)} prompt tokens")
        return [
            self._score(item, token, place) for place, (item, token) in enumerate(zip(items, ids, strict=True)) if place
        ]

    def generate(
        self, prompts: Sequence[Sequence[int]], *, max_tokens: int, stop: Collection[int], sampling: Sampling
    ) -> list[Generated]:
        """See `Transport`: one request."""
        body: dict[str, Any] = {
            "prompt": [list(prompt) for prompt in prompts] if len(prompts) > 1 else list(prompts[0]),
            "max_tokens": max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop_token_ids": sorted(stop),
            "return_token_ids": True,
            "skip_special_tokens": False,
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        choices = self._choices(body, expected=len(prompts))
        return [self._generated(choice, stop) for choice in choices]

    def close(self) -> None:
        """See `Transport`."""
        self._client.close()

    def _choices(self, body: dict[str, Any], expected: int) -> list[dict[str, Any]]:
        """The answer's choices in the order of the prompts."""
        answer = self._client.post(_PATH, {"model": self.model().name, **body})
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise self._client.fault("choices is missing")
        if len(choices) != expected:
            raise self._client.fault(f"{len(choices)} choices for {expected} prompts")
        ordered = {choice.get("index"): choice for choice in choices}
        if set(ordered) != set(range(expected)):
            raise self._client.fault(f"choices are numbered {sorted(map(str, ordered))}")
        return [ordered[index] for index in range(expected)]

    def _score(self, item: object, token: int, place: int) -> TokenScore:
        entry = item.get(str(token)) if isinstance(item, dict) else None
        if not isinstance(entry, dict):
            raise self._client.fault(f"prompt_logprobs[{place}] does not show token {token} of the prompt")
        logprob, rank = entry.get("logprob"), entry.get("rank")
        if isinstance(logprob, bool) or not isinstance(logprob, (int, float)) or not math.isfinite(logprob):
            raise self._client.fault(f"prompt_logprobs[{place}] has the logprob {logprob!r}")
        if type(rank) is not int or rank < 1:
            raise self._client.fault(f"prompt_logprobs[{place}] has the rank {rank!r}")
        return TokenScore(float(logprob), rank)

    def _generated(self, choice: dict[str, Any], stop: Collection[int]) -> Generated:
        ids = choice.get("token_ids")
        if not isinstance(ids, list) or any(type(token) is not int or token < 0 for token in ids):
            raise self._client.fault("choices[].token_ids is missing; the server must know return_token_ids")
        generated = cut_at_stop(ids, stop)
        if generated.stopped or choice.get("finish_reason") != "stop":
            return generated
        # A server may leave the stop token out; then it says which it was.
        reason = choice.get("stop_reason")
        return Generated((*generated.ids, reason) if type(reason) is int and reason in stop else generated.ids, True)
