"""Tokens in, tokens out: what a predictor needs from a model, whatever protocol it is reached by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_cwm.predictors.base import Sampling


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a server says of its model; None where it says nothing.

    `context_length` counts prompt and answer together. `tokenizer` is the SHA-256 of the file it was made with.
    `extensions` are the fields of our own server that it knows: see `docs/serving.md`. `weights` is a SHA-256 of the
    checkpoint. `engine` is the kind of server, as it was recognised.
    """

    name: str
    context_length: int | None = None
    tokenizer: str | None = None
    extensions: frozenset[str] = frozenset()
    weights: str | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """Only what makes a trace of the source in the prompt: see `docs/serving.md`.

    `complete`: all source that runs is in the context. `before` are the tokens of frames that the prompt leaves out, by
    which activations stand that are open before its first frame; `depth` counts those around them. `frame_tokens`: how
    long a frame may become.
    """

    complete: bool = True
    depth: int = 0
    frame_tokens: int | None = None
    before: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenScore:
    """The model's opinion of one given token: its natural log-probability, and its rank, 1 for the greedy choice.

    `outside` says that a constraint would not have let it come. `tied`: another token has the same, highest
    probability, and the server does not say which of them it would choose; the rank is 1 all the same.
    """

    logprob: float
    rank: int
    outside: bool = False
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer: its token ids, with the stop token when it `stopped` at one."""

    ids: tuple[int, ...]
    stopped: bool


class Transport(Protocol):
    """One way to reach a model. Every method raises `PredictionError` for what the server does."""

    @property
    def can_score(self) -> bool:
        """Whether `score` works; known after `probe`."""

    def model(self) -> ModelInfo:
        """Which model it is; asked once, at the first use."""

    def probe(self) -> None:
        """Find out what the server understands, since many ignore what they don't; called once, after `model`."""

    def score(self, ids: Sequence[int], start: int = 1, constraint: Constraint | None = None) -> list[TokenScore]:
        """Scores of `ids[start:]`, each given the tokens before it. Only where `can_score`."""

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
        """Continue every prompt, up to and with the first token of `stop`.

        A `constraint` is asked for only of a server that knows it. The `draft` is what may follow a lone prompt: it
        saves time and changes no answer.
        """

    def close(self) -> None:
        """Release connections and processes. Later calls raise."""


def cut_at_stop(ids: Sequence[int], stop: Collection[int]) -> Generated:
    """An answer up to and with its first stop token."""
    for index, token in enumerate(ids):
        if token in stop:
            return Generated(tuple(ids[: index + 1]), True)
    return Generated(tuple(ids), False)


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many leading items two sequences share."""
    length = min(len(first), len(second))
    if list(first[:length]) == list(second[:length]):
        return length
    return next(index for index in range(length) if first[index] != second[index])
