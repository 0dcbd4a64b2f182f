"""One completion: what is asked of the engine, and what is made of its answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cwm_server.batching import Steps
from cwm_server.grammar import Constraint, Grammars, Options
from cwm_server.language_model import LanguageModel
from cwm_server.opinions import Generation, Scores
from cwm_server.protocol import CompletionRequest
from cwm_server.sampling import Constraint as Rules
from cwm_server.sampling import Guide, Sampling
from cwm_server.serving.answers import Texts, choice
from cwm_server.serving.fields import RequestError
from cwm_server.serving.limits import Limits


class TokenEngine(Protocol):
    """All that the server knows of an engine.

    Its calls are steps, between any two of which others make theirs: what they share has to bear it.
    """

    @property
    def model(self) -> LanguageModel:
        """What reads for all calls."""

    context_length: int
    vocabulary_size: int

    @property
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end a text by the model's own configuration."""

    @property
    def cache_use(self) -> tuple[int, int]:
        """How many tokens were looked for in the prefix cache, and how many of them were there."""

    def check(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> None:
        """Raise EngineError for what this model can't answer."""

    def scoring(self, ids: Sequence[int], start: int = 1, *, top: int = 0, guide: Guide | None = None) -> Steps[Scores]:
        """Score the tokens `ids[start:]`."""

    def generating(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        stop: Collection[int] = ...,
        sampling: Sampling = ...,
        top: int = 0,
        constraint: Rules | None = None,
        draft: Sequence[int] = (),
    ) -> Steps[list[Generation]]:
        """Continue each prompt."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Per prompt its scores, where asked for, and its `n` answers."""

    scores: list[Scores | None]
    answers: list[list[Generation]]

    @property
    def written(self) -> int:
        """How many tokens were generated."""
        return sum(len(answer.ids) for answers in self.answers for answer in answers)


def check_bounds(request: CompletionRequest, engine: TokenEngine, limits: Limits) -> None:
    """Raise RequestError for a draft of no tokens, or more than the server takes, before anything is made of it."""
    wrong = next((token for token in request.draft if not 0 <= token < engine.vocabulary_size), None)
    if wrong is not None:
        raise RequestError(f"draft: token id {str(wrong)[:20]} is not in the vocabulary", "draft")
    sequences = len(request.prompts) * request.n
    if sequences > limits.sequences:
        message = f"{sequences} sequences are asked for, {limits.sequences} are taken at once"
        raise RequestError(message, "n" if request.n > 1 else "prompt")
    read = sum(map(len, request.prompts))
    if request.after is not None:
        read += sum(request.after.lengths) + sum(request.after.tails)
    tokens = (read + len(request.prompts) * min(request.max_tokens, engine.context_length)) * request.n
    if tokens > limits.tokens:
        message = f"the request asks for {tokens} tokens in all, {limits.tokens} are taken at once"
        raise RequestError(message, "prompt")


def checked(engine: TokenEngine, request: CompletionRequest) -> CompletionRequest:
    """The request with a number of tokens to generate that this model can. Raises EngineError."""
    if request.fits:
        room = engine.context_length - max(map(len, request.prompts))
        request = replace(request, max_tokens=max(1, min(request.max_tokens, room)))
    engine.check(request.prompts, request.max_tokens)
    return request


def compute(engine: TokenEngine, request: CompletionRequest, grammars: Grammars | None) -> Steps[Computed]:
    """Ask the engine: the scores of the prompts, where wanted, then what follows them."""
    constraint = _constraint(request, grammars, engine.context_length)
    scores: list[Scores | None] = [None] * len(request.prompts)
    if request.prompt_logprobs is not None:
        for index, prompt in enumerate(request.prompts):
            start = min(request.prompt_logprobs_start, len(prompt))
            guide = constraint.witness(prompt, start) if constraint is not None else None
            scores[index] = yield from engine.scoring(prompt, start, top=request.prompt_logprobs, guide=guide)

    def generating(prompts: Sequence[Sequence[int]], sampling: Sampling) -> Steps[list[Generation]]:
        return engine.generating(
            prompts,
            max_tokens=request.max_tokens,
            stop=request.stop_token_ids | engine.stop_ids,
            sampling=sampling,
            top=request.logprobs or 0,
            constraint=constraint,
            draft=request.draft,
        )

    seed = request.sampling.seed
    if seed is None or request.n == 1:
        repeated = [prompt for prompt in request.prompts for _ in range(request.n)]
        found = yield from generating(repeated, request.sampling)
        answers = [found[index : index + request.n] for index in range(0, len(found), request.n)]
    else:  # as in vLLM, the i-th answer is the one of the seed + i
        rounds = []
        for i in range(request.n):
            rounds += [(yield from generating(request.prompts, replace(request.sampling, seed=seed + i)))]
        answers = [list(row) for row in zip(*rounds, strict=True)]
    return Computed(scores, answers)


def _constraint(request: CompletionRequest, grammars: Grammars | None, context: int) -> Constraint | None:
    """What is asked for; for fgserve's clients, who can't ask, a whole frame where the prompt is a trace."""
    if request.constraint is not None:
        if grammars is None:
            raise RequestError("constraint: this server has no tokenizer to read the prompt with", "constraint")
        return Constraint(grammars, request.constraint)
    if grammars is None or not request.fits or not all(map(grammars.is_trace, request.prompts)):
        return None
    return Constraint(grammars, Options(frame_tokens=min(request.max_tokens, max(1, context // 4))))


def response(
    request: CompletionRequest, computed: Computed, name: str, texts: Texts, ends: frozenset[int]
) -> dict[str, Any]:
    """The answer's JSON value, in the shape of vLLM's `CompletionResponse`."""
    choices: list[dict[str, Any]] = []
    for prompt, scores, answers in zip(request.prompts, computed.scores, computed.answers, strict=True):
        for answer in answers:
            choices.append(choice(len(choices), request, prompt, answer, scores, texts, ends))
    read, written = sum(map(len, request.prompts)), computed.written
    return {
        "id": f"cmpl-{secrets.token_hex(12)}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": name,
        "system_fingerprint": None,
        "choices": choices,
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }
