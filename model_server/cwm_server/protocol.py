"""The completions protocol: the part of vLLM's dialect of OpenAI's `/v1/completions` that needs token ids alone.

Field names, defaults and shapes are those of vLLM's `CompletionRequest` and `CompletionResponse` (0.32). A field that
is not listed here is refused by name, since ignoring it would answer another question than the one that was asked.
Besides there is the `/completions` that CWM's own `fgserve` has, for its demo's client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_server import grammar
from cwm_server.sampling import Sampling
from cwm_server.serving.fields import Fields, RequestError, json_object, token_ids

MAX_LOGPROBS = 20
MAX_TOKENS = 16  # vLLM's default
FGSERVE_MAX_TOKENS = 8192  # fgserve's; it ends where the context does
SEEDS = -(1 << 63), (1 << 63) - 1

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
        "return_tokens_as_token_ids",
        "skip_special_tokens",
        "stream",
    )
)
# Of the root `/completions` alone.
FGSERVE_FIELDS = frozenset(("stop", "min_tokens"))
# Ours alone: a client sends them to a server that lists them under `extensions` in `/v1/models`.
EXTENSIONS = ("after", "constraint", "draft", "prompt_logprobs_start")
CONSTRAINT_FIELDS = frozenset(("type", "complete", "depth", "before", "frame_tokens"))
AFTER_FIELDS = frozenset(("id", "lengths", "tails"))


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A valid request; prompts are lists of token ids, `logprobs` and `prompt_logprobs` counts of alternatives.

    `fits` is true where fewer than `max_tokens` will do when the context has no room for them.
    """

    prompts: list[list[int]]
    model: str | None
    max_tokens: int
    sampling: Sampling
    stop_token_ids: frozenset[int]
    logprobs: int | None
    prompt_logprobs: int | None
    return_token_ids: bool
    skip_special_tokens: bool
    n: int = 1
    tokens_as_ids: bool = False
    fits: bool = False
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
    """Read the body of a request to `/v1/completions`. Raises RequestError, naming the field."""
    return _request(Fields(json_object(body), FIELDS.union(EXTENSIONS)), frozenset(), MAX_TOKENS, fits=False)


def parse_fgserve(body: bytes, special: Callable[[str], int | None]) -> CompletionRequest:
    """Read the body of a request to `/completions`; `special` gives the id of a special token by its name.

    As in fgserve, `stop` ends the answer with the token of that name, and `max_tokens` may go beyond the context.
    """
    fields = Fields(json_object(body), FIELDS.union(EXTENSIONS, FGSERVE_FIELDS))
    if fields.integer("min_tokens", 0, 0):
        fields.refuse("min_tokens", "this server ends where the model does")
    stop = fields.text("stop")
    ids = frozenset[int]()
    if stop is not None:
        index = special(stop)
        if index is None:
            fields.refuse("stop", "the name of a special token is expected, such as <|frame_sep|>")
        ids = frozenset((index,))
    return _request(fields, ids, FGSERVE_MAX_TOKENS, fits=True)


def _request(fields: Fields, stop: frozenset[int], max_tokens: int, *, fits: bool) -> CompletionRequest:
    if fields.flag("stream", False):
        fields.refuse("stream", "this server answers in one piece")
    nothing_new = fields.get("prompt") == [] and fields.get("after") is not None
    prompts = [[]] if nothing_new else _prompts(fields.get("prompt"))
    sampling = _sampling(fields)
    n = fields.integer("n", 1, 1)
    if n > 1 and sampling.temperature == 0:
        fields.refuse("n", f"must be 1 when using greedy sampling, got {n}")
    draft = fields.tokens("draft")
    if draft and len(prompts) * n > 1:
        fields.refuse("draft", "it belongs to one prompt")
    return CompletionRequest(
        prompts=prompts,
        model=fields.text("model"),
        max_tokens=fields.integer("max_tokens", max_tokens, 1),
        sampling=sampling,
        stop_token_ids=stop.union(fields.tokens("stop_token_ids")),
        logprobs=fields.optional("logprobs", 0, MAX_LOGPROBS),
        prompt_logprobs=fields.optional("prompt_logprobs", 0, MAX_LOGPROBS),
        return_token_ids=fields.flag("return_token_ids", False),
        skip_special_tokens=fields.flag("skip_special_tokens", True),
        n=n,
        tokens_as_ids=fields.flag("return_tokens_as_token_ids", False),
        fits=fits,
        constraint=_constraint(fields.get("constraint")),
        draft=draft,
        prompt_logprobs_start=fields.integer("prompt_logprobs_start", 1, 1),
        after=_after(fields.get("after"), len(prompts)),
    )


def _sampling(fields: Fields) -> Sampling:
    top_p = fields.number("top_p", 1.0)
    if not 0 < top_p <= 1:
        fields.refuse("top_p", f"{top_p} is not above 0 and at most 1")
    temperature = fields.number("temperature", 1.0)
    if temperature < 0:
        fields.refuse("temperature", f"{temperature} is negative")
    seed = fields.optional("seed", *SEEDS)
    return Sampling(temperature, top_p, None if seed == -1 else seed)  # -1 is vLLM's other word for none


def _constraint(value: object) -> grammar.Options | None:
    """`"cwm-frames"`, or an object with that as its `type` and what it says of the prompts."""
    if value is None:
        return None
    values = {"type": value} if isinstance(value, str) else value
    if not isinstance(values, dict) or values.get("type") != grammar.KIND:
        message = f"constraint: {grammar.KIND!r}, or an object with this as its type, is expected"
        raise RequestError(message, "constraint")
    fields = Fields(values, CONSTRAINT_FIELDS, "constraint: ")
    return grammar.Options(
        complete=fields.flag("complete", True),
        depth=fields.integer("depth", 0, 0),
        before=tuple(fields.tokens("before")),
        frame_tokens=fields.optional("frame_tokens", 1),
    )


def _after(value: object, prompts: int) -> After | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not set(value) <= AFTER_FIELDS or not isinstance(value.get("id"), str):
        raise RequestError("after: an object with an id, lengths and tails is expected", "after")
    lengths, tails = (_lengths(value, name, prompts) for name in ("lengths", "tails"))
    return After(value["id"], lengths, tails)


def _lengths(value: Mapping[str, Any], name: str, prompts: int) -> list[int]:
    found = value.get(name)
    lengths = [0] * prompts if found is None else token_ids(found, "after")
    if len(lengths) != prompts or min(lengths) < 0:
        raise RequestError("after: one length, and one tail, is expected for each prompt", "after")
    return lengths


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
        return [token_ids(item, "prompt") for item in prompt]
    return [token_ids(prompt, "prompt")]
