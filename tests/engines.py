"""Engines that speak other protocols than our server, over an `Oracle`: fields, defaults, errors and shapes are theirs.

`Vllm` is vLLM 0.32 (`entrypoints/openai/completion`), `Sglang` SGLang 0.5.23 (`entrypoints/http_server.py`,
`managers/tokenizer_manager.py`), `Fgserve` `serve/fgserve.py` of facebookresearch/cwm. All ignore what they don't know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cwm_tracer import wire
from oracle import END, FRAME, TOKENIZER, Oracle
from serving import Call, Reply

Score = tuple[float, int, list[tuple[int, float]]]


class Vllm:
    """`ties(prompt, place)` says where the true token shares the maximum with another."""

    def __init__(
        self,
        oracle: Oracle,
        *,
        ties: Callable[[Sequence[int], int], bool] = lambda prompt, place: False,
        knows: Iterable[str] = ("prompt_logprobs", "return_token_ids", "stop_token_ids"),
        max_logprobs: int = 20,
    ) -> None:
        self.oracle = oracle
        self.ties = ties
        self.knows = frozenset(knows)
        self.max_logprobs = max_logprobs

    def __call__(self, call: Call) -> Reply:
        length = self.oracle.context_length
        if call.path == "/v1/models":
            card = {"id": "cwm", "object": "model", "created": 1, "owned_by": "vllm", "root": "/m", "parent": None}
            return Reply({"object": "list", "data": [{**card, "max_model_len": length, "permission": []}]})
        if call.path != "/v1/completions" or call.method != "POST":
            return Reply({"detail": "Not Found"}, 404)
        body = {key: value for key, value in call.json.items() if key in self.knows or key in _OPENAI}
        asked = body.get("prompt_logprobs")
        if asked is not None and asked > self.max_logprobs:
            return _error(f"Requested prompt logprobs of {asked}, which is greater than max allowed", 400)
        prompts = body["prompt"] if isinstance(body["prompt"][0], list) else [body["prompt"]]
        if length is not None and max(map(len, prompts)) >= length:
            return _error(f"This model's maximum context length is {length} tokens.", 400)
        stop = {*(body.get("stop_token_ids") or ()), END}
        choices = []
        for index, prompt in enumerate(prompts):
            room = body["max_tokens"] if length is None else min(body["max_tokens"], length - len(prompt))
            ids = self.oracle.generate(prompt, room, stop)
            done = ids[-1] in stop
            choice: dict[str, Any] = {"index": index, "text": "", "logprobs": None}
            choice["finish_reason"] = "stop" if done else "length"
            choice["stop_reason"] = ids[-1] if done and ids[-1] != END else None
            choice["token_ids"] = ids if body.get("return_token_ids") else None
            choice["prompt_logprobs"] = None if asked is None else self._scores(prompt, asked)
            choices.append(choice)
        return Reply({"id": "cmpl-1", "object": "text_completion", "model": "cwm", "choices": choices})

    def _scores(self, prompt: Sequence[int], alternatives: int) -> list[dict[str, Any] | None]:
        scores: list[dict[str, Any] | None] = [None]
        for place in range(1, len(prompt)):
            tie = self.ties(prompt, place)
            logprob, rank, best = score(self.oracle, prompt, place, tie)
            shown = {prompt[place]: (logprob, rank)}
            # The place among the best tokens replaces the rank.
            shown |= {token: (value, number) for number, (token, value) in enumerate(best[:alternatives], 1)}
            scores.append({str(token): {"logprob": value[0], "rank": value[1]} for token, value in shown.items()})
        return scores


_OPENAI = ("model", "prompt", "max_tokens", "temperature", "top_p", "seed", "skip_special_tokens")


class Sglang:
    """A lone prompt is answered by an object, several by a list; `no_stop_trim` keeps the stop token."""

    def __init__(
        self, oracle: Oracle, *, ties: Callable[[Sequence[int], int], bool] = lambda prompt, place: False
    ) -> None:
        self.oracle = oracle
        self.ties = ties
        self.owner = "sglang"

    def __call__(self, call: Call) -> Reply:
        if call.path == "/v1/models":
            card = {"id": "cwm", "object": "model", "owned_by": self.owner, "max_model_len": self.oracle.context_length}
            return Reply({"object": "list", "data": [card]})
        if call.path == "/get_model_info":
            return Reply({"model_path": "cwm", "is_generation": True})
        if call.path != "/generate" or call.method != "POST":
            return Reply({"detail": "Not Found"}, 404)
        body = call.json
        prompts = body["input_ids"] if isinstance(body["input_ids"][0], list) else [body["input_ids"]]
        try:
            answers = [self._answer(prompt, body) for prompt in prompts]
        except ValueError as error:
            return Reply({"error": {"message": str(error)}}, 400)
        return Reply(answers if isinstance(body["input_ids"][0], list) else answers[0])

    def _answer(self, prompt: Sequence[int], body: dict[str, Any]) -> dict[str, Any]:
        settings, length = body["sampling_params"], self.oracle.context_length
        room = settings["max_new_tokens"]
        if length is not None and len(prompt) >= length:
            raise ValueError(f"The input ({len(prompt)} tokens) is longer than the model's context length ({length}).")
        if length is not None and len(prompt) + room > length:
            raise ValueError(f"Requested token count exceeds the model's maximum context length of {length} tokens.")
        if not 0 < settings.get("top_p", 1.0) <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {settings['top_p']}.")
        stop = {*settings.get("stop_token_ids", ()), END}
        ids = self.oracle.generate(prompt, room, stop)
        reason: dict[str, Any] = {"type": "length", "length": room}
        if ids[-1] in stop:
            reason = {"type": "stop", "matched": ids[-1]}
            ids = ids if settings.get("no_stop_trim") else ids[:-1]
        meta: dict[str, Any] = {"id": "r1", "finish_reason": reason, "prompt_tokens": len(prompt), "cached_tokens": 0}
        meta |= {"completion_tokens": len(ids), "weight_version": "default", "e2e_latency": 0.01}
        if body.get("return_logprob"):
            given: list[Any] = []
            best: list[Any] = []
            for place in range(max(body.get("logprob_start_len", -1), 0), len(prompt)):
                if not given:
                    given.append([None, prompt[place], None])
                    best.append(None)
                    continue
                logprob, _, top = score(self.oracle, prompt, place, self.ties(prompt, place))
                given.append([logprob, prompt[place], None])
                best.append([[value, token, None] for token, value in top[: body["top_logprobs_num"]]])
            meta["input_token_logprobs"] = given
            meta["output_token_logprobs"] = [[-0.1, token, None] for token in ids]
            if body.get("top_logprobs_num"):
                meta["input_top_logprobs"] = best
        return {"text": "", "output_ids": ids, "meta_info": meta}


class Fgserve:
    """One stop string, searched in the text of the last tokens; no seeds, no probabilities; Flask's error pages.

    Its temperature 0 divides by zero, in the thread that generates: nothing is answered any more after it.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.dead = False

    def __call__(self, call: Call) -> Reply:
        if call.path not in ("/completions", "/chat/completions"):
            return Reply(b"<!doctype html>\n<title>404 Not Found</title>", 404, headers=_HTML)
        if call.method != "POST":
            return Reply(b"<!doctype html>\n<title>405 Method Not Allowed</title>", 405, headers=_HTML)
        body = call.json
        if not isinstance(body.get("stop", ""), str) or self.dead:
            return Reply(b"<!doctype html>\n<title>500 Internal Server Error</title>", 500, headers=_HTML)
        if body["temperature"] == 0:
            self.dead = True
            return Reply(b"<!doctype html>\n<title>500 Internal Server Error</title>", 500, headers=_HTML)
        ids: list[int] = []
        stop = body.get("stop")
        while len(ids) < body.get("max_tokens", 8192):
            ids += self.oracle.generate([*body["prompt"], *ids], 1, ())
            if ids[-1] == END or (stop is not None and stop in _text(ids[-len(stop) - 1 :])):
                break
        usage = {"completion_tokens": len(ids), "prompt_tokens": len(body["prompt"])}
        choice = {"index": 0, "text": _text(ids), "tokens": ids, "logprobs": None, "finish_reason": "length"}
        return Reply({"id": "1", "choices": [choice], "created": 1, "object": "text_completion", "usage": usage})


_HTML = {"Content-Type": "text/html; charset=utf-8"}


def _text(ids: Sequence[int]) -> str:
    """Special tokens are text here; it is cut at the end token."""
    return wire.to_text(TOKENIZER.decode(ids[: ids.index(END)] if END in ids else ids))


def _error(message: str, status: int) -> Reply:
    return Reply({"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}}, status)


def score(oracle: Oracle, prompt: Sequence[int], place: int, tie: bool = False) -> Score:
    """What an engine thinks of one prompt token: its log-probability, its rank, and the two best tokens with theirs.

    Ranks count all tokens that are at least as probable, as vLLM's do. Which of two that are tied is listed first is
    anybody's guess: here it changes from place to place.
    """
    true = prompt[place]
    chosen = oracle.next_token(prompt[:place]) if FRAME in prompt[:place] else true
    half, less = math.log(0.5), math.log(0.125)
    other = 0 if true else 1
    if chosen != true:
        return less, 2, [(chosen, half), (true, less)]
    if tie:
        pair = [(true, half), (other, half)]
        return half, 2, pair if place % 2 else pair[::-1]
    return half, 1, [(true, half), (other, less)]
