"""The completions protocol in vLLM's dialect, which our own server speaks too: token-id prompts, `prompt_logprobs`.

Our server lists what it knows and refuses what it does not. Others ignore a field that they don't know, so the first
request to them is a question of two tokens, of which the answer shows what they understood.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from pytest_cwm.predictors.base import PredictionError, Sampling
from pytest_cwm.predictors.history import History
from pytest_cwm.predictors.http import JsonClient, RefusedError
from pytest_cwm.predictors.transport import Constraint, Generated, ModelInfo, TokenScore, cut_at_stop

_PATH = "/v1/completions"
_CONSTRAINT = "cwm-frames"
_GONE = 410
_BEST = 2
_PROBE = (1, 2)  # token ids that every vocabulary has


class OpenAITransport:
    """A server of the completions protocol; `model` chooses among those that it serves."""

    def __init__(self, client: JsonClient, model: str | None = None) -> None:
        self._client = client
        self._wanted = model
        self._info: ModelInfo | None = None
        self._declares = False
        # How many of the best tokens to ask for beside each given one. Our server's ranks are those of its choice.
        # vLLM's rank of a given token counts all that are at least as probable, and is replaced by the place among the
        # best tokens where it is one of them: only two of those tell a tie from a first and from a second.
        self._alternatives: int | None = 0
        self._history = History()

    @property
    def can_score(self) -> bool:
        """See `Transport`."""
        return self._alternatives is not None

    def model(self) -> ModelInfo:
        """See `Transport`. Without a wish it is the first that the server lists."""
        if self._info is None:
            listed = self._client.get("/v1/models")
            try:
                found = {str(item["id"]): item for item in listed["data"]}
                name = self._wanted or next(iter(found))
                item: dict[str, Any] = found.get(name, {})
                length, tokenizer = item.get("max_model_len"), item.get("tokenizer_sha256")
                extensions, weights = item.get("extensions"), item.get("weights_sha256")
                owner = item.get("owned_by")
            except (TypeError, KeyError, AttributeError, StopIteration):
                raise self._client.fault("/v1/models lists no model") from None
            if not found.get(name):
                raise self._client.fault(f"it serves {', '.join(found)}, not {name}")
            self._info = ModelInfo(
                name,
                length if isinstance(length, int) and length > 0 else None,
                tokenizer if isinstance(tokenizer, str) else None,
                frozenset(map(str, extensions)) if isinstance(extensions, list) else frozenset(),
                weights if isinstance(weights, str) else None,
                owner if isinstance(owner, str) else None,
            )
            self._declares = isinstance(extensions, list)
        return self._info

    def probe(self) -> None:
        """See `Transport`. Our own server need not be asked."""
        info = self.model()
        if not self._declares:
            self._alternatives = self._understood(info.name)

    def _understood(self, model: str) -> int | None:
        """How many of the best tokens can be had beside each given one; None where not even its rank can."""
        question = {"model": model, "prompt": list(_PROBE), "max_tokens": 1, "temperature": 0.0}
        question["return_token_ids"] = True
        for alternatives in (_BEST, 0, None):
            scoring = {} if alternatives is None else {"prompt_logprobs": alternatives}
            try:
                answer = self._client.post(_PATH, {**question, **scoring})
            except RefusedError as error:
                # It may know the field and not allow so many, or refuse what it does not know.
                if error.status in (400, 422) and alternatives is not None:
                    continue
                raise
            choice = self._in_order(answer, 1)[0]
            if not isinstance(choice.get("token_ids"), list):
                raise PredictionError(
                    f"{self._client.shown} does not know return_token_ids, without which nothing it says can be read: "
                    "vLLM knows it from 0.10 on; name another kind of server with --cwm-engine"
                )
            items = choice.get("prompt_logprobs")
            try:
                self._scores(items, _PROBE, 1)
            except PredictionError:
                return None
            return alternatives
        return None

    def score(self, ids: Sequence[int], start: int = 1, constraint: Constraint | None = None) -> list[TokenScore]:
        """See `Transport`: one prefill; the one token that must be generated with it is ignored."""
        if len(ids) < 2:
            return []
        info = self.model()
        body: dict[str, Any] = {"max_tokens": 1, "temperature": 0.0, "prompt_logprobs": self._alternatives or 0}
        body |= _constraint(constraint)
        if "prompt_logprobs_start" in info.extensions:
            body["prompt_logprobs_start"] = start
        choices = self._choices([ids], body)
        outside = choices[0].get("outside_constraint", [])
        if not isinstance(outside, list):
            raise self._client.fault("choices[0].outside_constraint is no list")
        unexpected = frozenset(place for place in outside if type(place) is int)
        return self._scores(choices[0].get("prompt_logprobs"), ids, start, unexpected)

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        stop: Collection[int],
        sampling: Sampling,
        constraint: Constraint | None = None,
        draft: Sequence[int] = (),
    ) -> list[Generated]:
        """See `Transport`: one request."""
        body: dict[str, Any] = {
            "max_tokens": max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop_token_ids": sorted(stop),
            "return_token_ids": True,
            "skip_special_tokens": False,
            **_constraint(constraint),
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if draft and "draft" in self.model().extensions:
            body["draft"] = list(draft)
        choices = self._choices(prompts, body)
        return [self._generated(choice, stop) for choice in choices]

    def close(self) -> None:
        """See `Transport`."""
        self._client.close()

    def _choices(self, prompts: Sequence[Sequence[int]], body: dict[str, Any]) -> list[dict[str, Any]]:
        """The answer's choices in the order of the prompts."""
        info, expected = self.model(), len(prompts)
        answer: Any = None
        shared = self._history.shared(prompts) if "after" in info.extensions else None
        if shared is not None:
            try:
                answer = self._client.post(_PATH, {"model": info.name, **body, **shared})
            except RefusedError as error:
                if error.status != _GONE:
                    raise
                self._history.clear()
        if answer is None:
            shown = [list(prompt) for prompt in prompts] if expected > 1 else list(prompts[0])
            answer = self._client.post(_PATH, {"model": info.name, "prompt": shown, **body})
        choices = self._in_order(answer, expected)
        if "after" in info.extensions:
            self._history.add(answer.get("id"), prompts[0], choices[0].get("tokens"))
        return choices

    def _in_order(self, answer: Any, expected: int) -> list[dict[str, Any]]:
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise self._client.fault("choices is missing")
        if len(choices) != expected:
            raise self._client.fault(f"{len(choices)} choices for {expected} prompts")
        ordered = {str(choice.get("index")): choice for choice in choices}
        if set(ordered) != set(map(str, range(expected))):
            raise self._client.fault(f"choices are numbered {sorted(ordered)}")
        return [ordered[str(index)] for index in range(expected)]

    def _scores(
        self,
        items: object,
        ids: Sequence[int],
        start: int,
        unexpected: Collection[int] = (),
    ) -> list[TokenScore]:
        if not isinstance(items, list):
            raise self._client.fault("choices[0].prompt_logprobs is missing")
        if len(items) != len(ids):
            raise self._client.fault(f"{len(items)} prompt_logprobs for {len(ids)} prompt tokens")
        scores = []
        for place in range(start, len(ids)):
            logprob, rank = self._opinion(items[place], ids[place], place)
            others = [
                self._opinion(items[place], other, place)[0] for other in items[place] if other != str(ids[place])
            ]
            tied = bool(others) and max(others) == logprob
            if others:
                rank = 1 if max(others) <= logprob else max(rank, 2)
            scores.append(TokenScore(logprob, rank, place in unexpected, tied))
        return scores

    def _opinion(self, item: object, token: int | str, place: int) -> tuple[float, int]:
        """The log-probability and the rank of a token that `prompt_logprobs` shows."""
        entry = item.get(str(token)) if isinstance(item, dict) else None
        if not isinstance(entry, dict):
            raise self._client.fault(f"prompt_logprobs[{place}] does not show token {token} of the prompt")
        logprob, rank = entry.get("logprob"), entry.get("rank")
        if isinstance(logprob, bool) or not isinstance(logprob, (int, float)) or not math.isfinite(logprob):
            raise self._client.fault(f"prompt_logprobs[{place}] has the logprob {logprob!r}")
        if type(rank) is not int or rank < 1:
            raise self._client.fault(f"prompt_logprobs[{place}] has the rank {rank!r}")
        return float(logprob), rank

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


def _constraint(constraint: Constraint | None) -> dict[str, Any]:
    return {} if constraint is None else {"constraint": {"type": _CONSTRAINT, **asdict(constraint)}}
