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
    """

    name: str
    context_length: int | None = None
    tokenizer: str | None = None


@dataclass(frozen=True, slots=True)
class TokenScore:
    """The model's opinion of one given token: its natural log-probability, and its rank, 1 for the greedy choice."""

    logprob: float
    rank: int


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer: its token ids, with the stop token when it `stopped` at one."""

    ids: tuple[int, ...]
    stopped: bool


class Transport(Protocol):
    """One way to reach a model. Every method raises `PredictionError` for what the server does."""

    can_score: bool

    def model(self) -> ModelInfo:
        """Which model it is; asked once, at the first use."""

    def score(self, ids: Sequence[int]) -> list[TokenScore]:
        """Scores of `ids[1:]`, each given the tokens before it. Only where `can_score`."""

    def generate(
        self, prompts: Sequence[Sequence[int]], *, max_tokens: int, stop: Collection[int], sampling: Sampling
    ) -> list[Generated]:
        """Continue every prompt, up to and with the first token of `stop`."""

    def close(self) -> None:
        """Release connections and processes. Later calls raise."""


def cut_at_stop(ids: Sequence[int], stop: Collection[int]) -> Generated:
    """An answer up to and with its first stop token."""
    for index, token in enumerate(ids):
        if token in stop:
            return Generated(tuple(ids[: index + 1]), True)
    return Generated(tuple(ids), False)
