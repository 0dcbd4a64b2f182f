"""What a model's logits say of given tokens, and of the one to choose next.

Shapes in comments: T tokens or rows, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from cwm_server.sampling import Guide, Sampler, allowed


@dataclass(frozen=True, slots=True)
class Scores:
    """The model's opinion of given tokens; item i belongs to token `start + i`.

    `logprobs` are natural logarithms. `ranks` are 1 for the greedy choice; among equal logits the lowest id comes
    first. `greedy` are the greedy choices. `top` lists the (id, logprob) of the best k tokens where asked for.

    Under a constraint ranks, greedy choices and the best count only what it allows, and the given token;
    log-probabilities stay those of the model. `outside` are the positions of given tokens that it does not allow.
    """

    logprobs: list[float] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    greedy: list[int] = field(default_factory=list)
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    outside: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Generation:
    """What was generated for one prompt: `ids` include the token that stopped it. `reason` is "stop" or "length"."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    reason: str = "length"


def judge(logits: Tensor, targets: Tensor, top: int, scores: Scores, guide: Guide | None, position: int) -> None:
    """Append the scores of `targets` (T,), of which the first stands at `position`, under `logits` (T, V)."""
    chosen = logits.gather(1, targets[:, None])  # (T, 1)
    normal = logits.logsumexp(1)  # (T,)
    ranks = _ranks(logits, targets)
    scores.logprobs.extend((chosen[:, 0] - normal).tolist())
    if guide is not None:
        # The model's own first choice is allowed where it is the given token: only the others need a mask.
        rows, masks = _masks(guide, targets.tolist(), ranks.tolist(), bool(top), scores.outside, position)
        if rows:
            permitted = allowed(masks, logits.device)  # (N, V)
            permitted[torch.arange(len(rows)), targets[rows]] = True
            logits[rows] = logits[rows].masked_fill(~permitted, -torch.inf)
            ranks[rows] = _ranks(logits[rows], targets[rows])
    scores.ranks.extend(ranks.tolist())
    scores.greedy.extend(logits.argmax(1).tolist())
    if top:
        scores.top.extend(_best(row, top, float(norm)) for row, norm in zip(logits, normal, strict=True))


def _ranks(logits: Tensor, targets: Tensor) -> Tensor:
    """The rank (T,) of each target under `logits` (T, V)."""
    chosen = logits.gather(1, targets[:, None])  # (T, 1)
    earlier = torch.arange(logits.shape[1], device=logits.device)[None, :] < targets[:, None]
    return 1 + ((logits > chosen) | ((logits == chosen) & earlier)).sum(1)


def _masks(
    guide: Guide, targets: list[int], ranks: list[int], every: bool, outside: list[int], position: int
) -> tuple[list[int], list[bytes]]:
    """Lead a guide along `targets`: the rows whose rank is not 1, or all, with their masks."""
    rows, masks = [], []
    for row, (token, rank) in enumerate(zip(targets, ranks, strict=True)):
        mask = guide.mask() if every or rank != 1 else None
        if mask is not None:
            rows.append(row)
            masks.append(mask)
        if not guide.advance(token):
            outside.append(position + row)
    return rows, masks


class Judged(NamedTuple):
    """Logits (V,) of a next token, the greedy choice and its logit, and what normalises them."""

    logits: Tensor
    best: int
    highest: float
    normal: float


def judged(logits: Tensor) -> Iterator[Judged]:
    """The rows of logits (T, V)."""
    best = logits.argmax(1, keepdim=True)
    return map(Judged, logits, best[:, 0].tolist(), logits.gather(1, best)[:, 0].tolist(), logits.logsumexp(1).tolist())


def take(given: Judged, answer: Generation, sampler: Sampler, max_tokens: int, stop: Collection[int], top: int) -> bool:
    """Choose a token and append it; True when the answer is complete."""
    logits, best, highest, normal = given
    token = sampler.choose(logits, best)
    answer.ids.append(token)
    answer.logprobs.append((highest if token == best else float(logits[token])) - normal)
    if top:
        answer.top.append(_best(sampler.constrained(logits), top, normal))
    sampler.advance(token)
    if token in stop:
        answer.reason = "stop"
    return token in stop or len(answer.ids) >= max_tokens


def _best(logits: Tensor, count: int, normal: float) -> list[tuple[int, float]]:
    """The best tokens with their logprobs, the lowest id first among equals."""
    if count == 1:
        index = int(logits.argmax())
        return [(index, float(logits[index]) - normal)]
    ordered = torch.sort(logits, descending=True, stable=True)
    return [
        (index, value - normal)
        for index, value in zip(ordered.indices[:count].tolist(), ordered.values[:count].tolist(), strict=True)
        if not math.isinf(value)
    ]
