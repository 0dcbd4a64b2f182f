"""The completions protocol: the part of vLLM's dialect of OpenAI's `/v1/completions` that needs token ids alone.

Field names, defaults and shapes are those of vLLM's `CompletionRequest` and `CompletionResponse`. A field that is not
listed here is refused by name, since ignoring it would answer another question than the one that was asked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_server import grammar
from cwm_server.opinions import Generation, Scores
from cwm_server.sampling import Sampling

MAX_LOGPROBS = 20
_LOWEST = -9999.0  # JSON has no -inf; vLLM writes this

FIELDS = frozenset(
    (
        "model",
        "prompt",
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "n",
        "stop_token_ids",
        "logprobs",
        "prompt_logprobs",
        "return_token_ids",
        "skip_special_tokens",
        "stream",
    )
)
# Ours alone: a client sends them to a server that lists them under `extensions` in `/v1/models`.
EXTENSIONS = ("after", "constraint", "draft", "prompt_logprobs_start")
CONSTRAINT_FIELDS = frozenset(("type", "complete", "depth", "frame_tokens"))


class RequestError(Exception):
    """A request that is refused. `param` is the field at fault, `status` the HTTP status."""

    def __init__(
        self, message: str, param: str | None = None, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.param = param
        self.status = status
        self.headers = dict(headers or {})


_KINDS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    405: "MethodNotAllowedError",
    413: "RequestTooLargeError",
    429: "RateLimitError",
}


def error_body(message: str, status: int, param: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    kind = _KINDS.get(status, "InternalServerError" if status >= 500 else "BadRequestError")
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A valid request; prompts are lists of token ids, `logprobs` and `prompt_logprobs` counts of alternatives."""

    prompts: list[list[int]]
    model: str | None
    max_tokens: int
    sampling: Sampling
    stop_token_ids: frozenset[int]
    logprobs: int | None
    prompt_logprobs: int | None
    return_token_ids: bool
    skip_special_tokens: bool
    constraint: grammar.Options | None = None
    draft: Sequence[int] = ()
    prompt_logprobs_start: int = 1
    after: After | None = None


@dataclass(frozen=True, slots=True)
class After:
    """Prompt i begins with the first `lengths[i]` tokens of what was asked and answered under `id`, and ends with the
    last `tails[i]` of them.
    """

    id: str
    lengths: list[int]
    tails: list[int]


def parse_request(body: bytes) -> CompletionRequest:
    """Read the body of a request. Raises RequestError, naming the field."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise RequestError("the body is not a JSON object")
    known = FIELDS.union(EXTENSIONS)
    unknown = sorted(set(values) - known)
    if unknown:
        raise RequestError(f"unknown field {unknown[0]!r}; this server knows {', '.join(sorted(known))}", unknown[0])
    if values.get("stream"):
        raise RequestError("stream: this server answers in one piece", "stream")
    if _integer(values, "n", 1, 1, None) != 1:
        raise RequestError("n: this server gives one answer to a prompt; repeat the prompt instead", "n")
    model = values.get("model")
    if model is not None and not isinstance(model, str):
        raise RequestError("model: a string is expected", "model")
    top_p = _number(values, "top_p", 1.0)
    if not 0 < top_p <= 1:
        raise RequestError(f"top_p: {top_p} is not above 0 and at most 1", "top_p")
    temperature = _number(values, "temperature", 1.0)
    if temperature < 0:
        raise RequestError(f"temperature: {temperature} is negative", "temperature")
    seed = _optional(values, "seed", -(1 << 63), (1 << 63) - 1)
    nothing_new = values.get("prompt") == [] and values.get("after") is not None
    prompts = [[]] if nothing_new else _prompts(values.get("prompt"))
    draft = _tokens(values.get("draft") or [], "draft")
    if draft and len(prompts) > 1:
        raise RequestError("draft: it belongs to one prompt", "draft")
    return CompletionRequest(
        prompts=prompts,
        model=model,
        max_tokens=_integer(values, "max_tokens", 16, 1, None),
        sampling=Sampling(temperature, top_p, seed),
        stop_token_ids=frozenset(_tokens(values.get("stop_token_ids") or [], "stop_token_ids")),
        logprobs=_optional(values, "logprobs", 0, MAX_LOGPROBS),
        prompt_logprobs=_optional(values, "prompt_logprobs", 0, MAX_LOGPROBS),
        return_token_ids=_flag(values, "return_token_ids", False),
        skip_special_tokens=_flag(values, "skip_special_tokens", True),
        constraint=_constraint(values.get("constraint")),
        draft=draft,
        prompt_logprobs_start=_integer(values, "prompt_logprobs_start", 1, 1, None),
        after=_after(values.get("after"), len(prompts)),
    )


def _constraint(value: object) -> grammar.Options | None:
    """`"cwm-frames"`, or an object with that as its `type` and what it says of the prompts."""
    if value is None:
        return None
    fields = {"type": value} if isinstance(value, str) else value
    if not isinstance(fields, dict) or fields.get("type") != grammar.KIND:
        message = f"constraint: {grammar.KIND!r}, or an object with this as its type, is expected"
        raise RequestError(message, "constraint")
    unknown = sorted(set(fields) - CONSTRAINT_FIELDS)
    if unknown:
        known = ", ".join(sorted(CONSTRAINT_FIELDS))
        raise RequestError(f"constraint: unknown field {unknown[0]!r}; known are {known}", "constraint")
    return grammar.Options(
        complete=_flag(fields, "complete", True),
        depth=_integer(fields, "depth", 0, 0, None),
        frame_tokens=_optional(fields, "frame_tokens", 1, None),
    )


def _after(value: object, prompts: int) -> After | None:
    if value is None:
        return None
    known = {"id", "lengths", "tails"}
    if not isinstance(value, dict) or not set(value) <= known or not isinstance(value.get("id"), str):
        raise RequestError("after: an object with an id, lengths and tails is expected", "after")
    lengths, tails = (_tokens(value.get(name) or [0] * prompts, "after") for name in ("lengths", "tails"))
    if any(len(each) != prompts or min(each) < 0 for each in (lengths, tails)):
        raise RequestError("after: one length, and one tail, is expected for each prompt", "after")
    return After(value["id"], lengths, tails)


def _prompts(prompt: object) -> list[list[int]]:
    if isinstance(prompt, str) or (isinstance(prompt, list) and any(isinstance(item, str) for item in prompt)):
        raise RequestError(
            "prompt: text is refused, since a special token's name in it could not be told from the token; "
            "send a list of token ids, or a list of such lists",
            "prompt",
        )
    if not isinstance(prompt, list) or not prompt:
        raise RequestError("prompt: a list of token ids, or a list of such lists, is expected", "prompt")
    if isinstance(prompt[0], list):
        return [_tokens(item, "prompt") for item in prompt]
    return [_tokens(prompt, "prompt")]


def _tokens(value: object, name: str) -> list[int]:
    # `type`, since a JSON boolean is an int to isinstance.
    if not isinstance(value, list) or any(type(item) is not int for item in value):
        raise RequestError(f"{name}: a list of token ids is expected", name)
    return value


def _integer(values: Mapping[str, Any], name: str, default: int, low: int, high: int | None) -> int:
    value = values.get(name)
    if value is None:
        return default
    if type(value) is not int or value < low or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"from {low} to {high}"
        raise RequestError(f"{name}: an integer {bounds} is expected", name)
    return value


def _optional(values: Mapping[str, Any], name: str, low: int, high: int | None) -> int | None:
    return None if values.get(name) is None else _integer(values, name, 0, low, high)


def _number(values: Mapping[str, Any], name: str, default: float) -> float:
    value = values.get(name)
    if value is None:
        return default
    if type(value) not in (int, float) or not math.isfinite(value):
        raise RequestError(f"{name}: a number is expected", name)
    return float(value)


def _flag(values: Mapping[str, Any], name: str, default: bool) -> bool:
    value = values.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise RequestError(f"{name}: true or false is expected", name)
    return value


def choice(
    index: int,
    request: CompletionRequest,
    prompt: Sequence[int],
    answer: Generation,
    scores: Scores | None,
    to_text: Callable[[Sequence[int], bool], str],
) -> dict[str, Any]:
    """One item of a response's `choices`. A stop token is part of `token_ids`, not of `text`."""
    stopped = answer.reason == "stop"
    shown = answer.ids[:-1] if stopped else answer.ids
    result: dict[str, Any] = {
        "index": index,
        "text": to_text(shown, request.skip_special_tokens),
        "logprobs": None if request.logprobs is None else _logprobs(answer),
        "finish_reason": answer.reason,
        "stop_reason": answer.ids[-1] if stopped and answer.ids[-1] in request.stop_token_ids else None,
        "prompt_logprobs": None if scores is None else _prompt_logprobs(prompt, request, scores),
    }
    if scores is not None and request.constraint is not None:
        result["outside_constraint"] = scores.outside
    if request.return_token_ids:
        result["token_ids"] = answer.ids
        result["prompt_token_ids"] = list(prompt)
    return result


def _prompt_logprobs(prompt: Sequence[int], request: CompletionRequest, scores: Scores) -> list[dict[str, Any] | None]:
    """Null for the first tokens, then per token the best k and always the true one, keyed by id, each with its rank."""
    start = min(request.prompt_logprobs_start, len(prompt))
    items: list[dict[str, Any] | None] = [None] * start
    for position, (token, logprob, rank) in enumerate(zip(prompt[start:], scores.logprobs, scores.ranks, strict=True)):
        item = {str(token): {"logprob": max(logprob, _LOWEST), "rank": rank}}
        if scores.top:
            for place, (other, value) in enumerate(scores.top[position], 1):
                item.setdefault(str(other), {"logprob": max(value, _LOWEST), "rank": place})
        items.append(item)
    return items


def _logprobs(answer: Generation) -> dict[str, Any]:
    """OpenAI's parallel lists; tokens are named `token_id:N`, as vLLM does with `return_tokens_as_token_ids`."""
    return {
        "tokens": [f"token_id:{token}" for token in answer.ids],
        "token_logprobs": [max(value, _LOWEST) for value in answer.logprobs],
        "top_logprobs": [
            {f"token_id:{token}": max(value, _LOWEST) for token, value in [*best, (chosen, logprob)]}
            for best, chosen, logprob in zip(answer.top, answer.ids, answer.logprobs, strict=True)
        ]
        if answer.top
        else None,
        "text_offset": [],
    }
