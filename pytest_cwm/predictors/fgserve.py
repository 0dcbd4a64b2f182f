"""The protocol of `serve/fgserve.py` in facebookresearch/cwm: tokens out, but no probabilities of given tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pytest_cwm.predictors.base import GREEDY, PredictionError, Sampling
from pytest_cwm.predictors.http import JsonClient
from pytest_cwm.predictors.transport import Constraint, Generated, ModelInfo, TokenScore, cut_at_stop

_ROUNDS = 64  # a frame whose text holds the separator so often is not worth more
_PROBE = (1, 2)  # token ids that every vocabulary has


class FgserveTransport:
    """One prompt a request. The server stops at a string, and at its tokenizer's own end tokens; seeds it has none.

    `stop_strings` gives the text of the tokens that may be asked for, `ends` those at which it stops by itself.
    """

    can_score = False

    def __init__(
        self,
        client: JsonClient,
        stop_strings: Mapping[int, str],
        ends: Collection[int],
        model: str | None = None,
        context_length: int | None = None,
    ) -> None:
        self._client = client
        self._stop_strings = stop_strings
        self._ends = ends
        self._info = ModelInfo(model or "fgserve", context_length, engine="fgserve")

    def model(self) -> ModelInfo:
        """See `Transport`. The server can't be asked: this is what the user named."""
        return self._info

    def probe(self) -> None:
        """See `Transport`: whether it gives token ids."""
        self._generate(_PROBE, 1, (), GREEDY)

    def score(self, ids: Sequence[int], start: int = 1, constraint: Constraint | None = None) -> list[TokenScore]:
        """Not possible here."""
        raise PredictionError("fgserve gives no probabilities of given tokens")

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
        """See `Transport`: one request for each prompt."""
        return [self._generate(prompt, max_tokens, stop, sampling) for prompt in prompts]

    def close(self) -> None:
        """See `Transport`."""
        self._client.close()

    def _generate(self, prompt: Sequence[int], max_tokens: int, stop: Collection[int], sampling: Sampling) -> Generated:
        words = [self._stop_strings[token] for token in stop if token not in self._ends]
        if len(words) > 1:
            raise PredictionError("fgserve stops at one string only")
        ids: list[int] = []
        answer = Generated((), False)
        for _ in range(_ROUNDS):
            body: dict[str, Any] = {
                "prompt": [*prompt, *ids],
                "max_tokens": max_tokens - len(ids),
                # Its temperature 0 divides by zero; a nucleus of nothing keeps the best token alone.
                "temperature": sampling.temperature or 1.0,
                "top_p": sampling.top_p if sampling.temperature else 0.0,
            }
            if words:
                body["stop"] = words[0]
            new = self._tokens(self._client.post("/completions", body))
            ids += new
            answer = cut_at_stop(ids, stop)
            if answer.stopped or len(ids) >= max_tokens:
                break
            if not words or not new or new[-1] in self._ends:
                return Generated(tuple(ids), True)  # at an end of its own
            # It stops at the string in a text as well; then the answer is not complete yet.
        return answer

    def _tokens(self, answer: object) -> list[int]:
        try:
            tokens = answer["choices"][0]["tokens"]  # type: ignore[index]
        except (TypeError, KeyError, IndexError):
            raise self._client.fault("choices[0].tokens is missing") from None
        if not isinstance(tokens, list) or any(type(token) is not int or token < 0 for token in tokens):
            raise self._client.fault("choices[0].tokens is no list of token ids")
        return tokens
