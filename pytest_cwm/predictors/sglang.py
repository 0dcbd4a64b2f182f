"""SGLang's own protocol: `/generate` with token ids, which shows the probabilities of given tokens.

Its completions protocol does not. Fields and shapes are those of `GenerateReqInput` and of the answers of SGLang 0.5
(`managers/io_struct.py`, `managers/tokenizer_manager.py`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from pytest_cwm.predictors.base import PredictionError, Sampling
from pytest_cwm.predictors.http import JsonClient, RefusedError
from pytest_cwm.predictors.transport import Constraint, Generated, ModelInfo, TokenScore, cut_at_stop

_PATH = "/generate"
_PROBE = (1, 2)  # token ids that every vocabulary has


class SglangTransport:
    """A server of one model; `model` must be its name, if it is given."""

    def __init__(self, client: JsonClient, model: str | None = None) -> None:
        self._client = client
        self._wanted = model
        self._info: ModelInfo | None = None
        self.can_score = True

    def model(self) -> ModelInfo:
        """See `Transport`."""
        if self._info is None:
            listed = self._client.get("/v1/models")
            try:
                lengths = {str(item["id"]): item.get("max_model_len") for item in listed["data"]}
                name = self._wanted or next(iter(lengths))
            except (TypeError, KeyError, AttributeError, StopIteration):
                raise self._client.fault("/v1/models lists no model") from None
            if name not in lengths:
                raise self._client.fault(f"it serves {', '.join(lengths)}, not {name}")
            length = lengths[name]
            self._info = ModelInfo(name, length if type(length) is int and length > 0 else None, engine="sglang")
        return self._info

    def probe(self) -> None:
        """See `Transport`: whether it gives token ids at all, and the probabilities of given ones."""
        try:
            answer = self._client.post(_PATH, _scoring(_PROBE, 1))
        except RefusedError as error:
            if error.status == 404:
                raise PredictionError(f"{self._client.shown} has no /generate: is it SGLang?") from None
            raise
        answer = self._answers(answer, 1)[0]
        self._generated(answer, ())
        try:
            self._scores(answer, _PROBE, 1)
        except PredictionError:
            self.can_score = False

    def score(self, ids: Sequence[int], start: int = 1, constraint: Constraint | None = None) -> list[TokenScore]:
        """See `Transport`: one prefill; the one token that must be generated with it is ignored."""
        if len(ids) < 2:
            return []
        return self._scores(self._answers(self._client.post(_PATH, _scoring(ids, start)), 1)[0], ids, start)

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
        """See `Transport`: one request. Seeds need `--enable-deterministic-inference` there."""
        settings: dict[str, Any] = {
            "max_new_tokens": max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop_token_ids": sorted(stop),
            "no_stop_trim": True,
            "skip_special_tokens": False,
        }
        if sampling.seed is not None:
            settings["sampling_seed"] = sampling.seed
        shown = [list(prompt) for prompt in prompts]
        body = {"input_ids": shown if len(shown) > 1 else shown[0], "sampling_params": settings}
        answers = self._answers(self._client.post(_PATH, body), len(shown))
        return [self._generated(answer, stop) for answer in answers]

    def close(self) -> None:
        """See `Transport`."""
        self._client.close()

    def _answers(self, value: Any, expected: int) -> list[dict[str, Any]]:
        """One for each prompt, in their order; a lone prompt's comes without a list."""
        answers = value if isinstance(value, list) else [value]
        if len(answers) != expected:
            raise self._client.fault(f"{len(answers)} answers for {expected} prompts")
        for answer in answers:
            if not isinstance(answer, dict) or not isinstance(answer.get("meta_info"), dict):
                raise self._client.fault("meta_info is missing")
            reason = answer["meta_info"].get("finish_reason")
            if isinstance(reason, dict) and reason.get("type") == "abort":
                raise PredictionError(f"{self._client.shown} broke off: {reason.get('message') or 'no reason given'}")
        return answers

    def _generated(self, answer: dict[str, Any], stop: Collection[int]) -> Generated:
        ids = answer.get("output_ids")
        if not isinstance(ids, list) or any(type(token) is not int or token < 0 for token in ids):
            raise self._client.fault("output_ids is missing")
        generated = cut_at_stop(ids, stop)
        reason = answer["meta_info"].get("finish_reason")
        if generated.stopped or not isinstance(reason, dict) or reason.get("type") != "stop":
            return generated
        # A server that does not know no_stop_trim leaves the stop token out; then it says which it was.
        matched = reason.get("matched")
        return Generated((*generated.ids, matched) if type(matched) is int and matched in stop else generated.ids, True)

    def _scores(self, answer: dict[str, Any], ids: Sequence[int], start: int) -> list[TokenScore]:
        meta = answer["meta_info"]
        given, best = meta.get("input_token_logprobs"), meta.get("input_top_logprobs")
        if not isinstance(given, list) or not isinstance(best, list):
            raise self._client.fault("meta_info has no input_token_logprobs and input_top_logprobs")
        expected = len(ids) - start + 1
        if len(given) != expected or len(best) != expected:
            raise self._client.fault(f"{len(given)} and {len(best)} logprobs for {expected} prompt tokens")
        scores = []
        # The entry at the place that was asked for is null; it was asked for one earlier.
        for place, mine, top in zip(range(start, len(ids)), given[1:], best[1:], strict=True):
            logprob, token = self._opinion(mine, place)
            best = [self._opinion(item, place) for item in (top if isinstance(top, list) and top else [None])]
            if token not in (ids[place], 0):  # it shows the last id of a vocabulary as 0
                raise self._client.fault(f"input_token_logprobs shows token {token} at {place}, not {ids[place]}")
            others = max((value for value, other in best if other != ids[place]), default=-math.inf)
            scores.append(TokenScore(logprob, 1 if others <= logprob else 2, tied=others == logprob))
        return scores

    def _opinion(self, item: object, place: int) -> tuple[float, int]:
        """The log-probability and the token of a `[logprob, id, text]`."""
        logprob, token = item[:2] if isinstance(item, list) and len(item) >= 2 else (None, None)
        if isinstance(logprob, bool) or not isinstance(logprob, (int, float)) or not math.isfinite(logprob):
            raise self._client.fault(f"the logprob {logprob!r} at token {place}")
        if type(token) is not int:
            raise self._client.fault(f"the token id {token!r} at token {place}")
        return float(logprob), token


def _scoring(ids: Sequence[int], start: int) -> dict[str, Any]:
    return {
        "input_ids": list(ids),
        "sampling_params": {"max_new_tokens": 1, "temperature": 0.0},
        "return_logprob": True,
        "logprob_start_len": start - 1,
        "top_logprobs_num": 2,  # the best one alone would hide that another is as probable
    }
