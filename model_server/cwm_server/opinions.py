"""What a model's logits say of given tokens, and of the one to choose next.

Shapes in comments: N places, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cwm_server.language_model import Floats, Logits
from cwm_server.sampling import Fork, Guide, Sampler, allowed, led

_TOGETHER = 1 << 17  # logits, as many as stay in a processor's cache


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


class HostLogits:
    """`Logits` in an array (N, V) of numpy's."""

    def __init__(self, values: Floats, best: NDArray[np.int64] | None = None) -> None:
        self._values = values
        self._best = values.argmax(1) if best is None else best  # (N,)

    def part(self, start: int, stop: int) -> HostLogits:
        """See `Logits`."""
        return HostLogits(self._values[start:stop], self._best[start:stop])

    def best(self) -> tuple[list[int], list[float], list[float]]:
        """See `Logits`."""
        highest = self._values[np.arange(len(self._best)), self._best]
        total = np.empty_like(highest)
        size = max(1, _TOGETHER // self._values.shape[1])
        for start in range(0, len(total), size):
            part = slice(start, start + size)
            powers = self._values[part] - highest[part, None]
            np.exp(powers, out=powers)
            np.add.reduce(powers, 1, out=total[part])
        normal = highest + np.log(total)
        return self._best.tolist(), highest.tolist(), normal.tolist()

    def of(self, tokens: Sequence[int]) -> tuple[list[float], list[int]]:
        """See `Logits`."""
        given = np.array(tokens)
        chosen = self._values[np.arange(len(given)), given]
        found = np.ones(len(given), dtype=np.int64)
        other = np.flatnonzero(self._best != given)
        found[other] = ranks(self._values[other], given[other])
        return chosen.tolist(), found.tolist()

    def rows(self, places: Sequence[int]) -> Floats:
        """See `Logits`."""
        rows: Floats = self._values[list(places)]
        return rows


def ranks(logits: Floats, tokens: np.ndarray) -> np.ndarray:
    """The rank (N,) of each of `tokens` (N,) under `logits` (N, V)."""
    chosen = logits[np.arange(len(tokens)), tokens][:, None]
    earlier = np.arange(logits.shape[1]) < tokens[:, None]
    found: np.ndarray = 1 + ((logits > chosen) | ((logits == chosen) & earlier)).sum(1)
    return found


def judge(
    logits: Logits,
    targets: Sequence[int],
    top: int,
    scores: Scores,
    guide: Guide | None,
    position: int,
    branches: tuple[int, int] | None = None,
) -> None:
    """Append the scores of N `targets`, of which the first stands at `position`.

    `branches` are the tokens by which the model judges conditions, where it has any.
    """
    greedy, _, normal = logits.best()
    chosen, placed = logits.of(targets)
    scores.logprobs.extend(value - norm for value, norm in zip(chosen, normal, strict=True))
    wanted: dict[int, Floats] = dict(enumerate(logits.rows(range(len(targets))))) if top else {}
    if guide is not None:
        # The model's own first choice is allowed where it is the given token: only the others need a mask.
        every = [bool(top) or rank != 1 for rank in placed]
        places, masks, forks = _masks(guide, targets, every, branches is not None, scores.outside, position)
        if places:
            given = np.array(targets)[places]
            permitted = allowed(masks)  # (n, V)
            permitted[np.arange(len(places)), given] = True
            ruled = logits.rows(places)
            for row, fork in zip(ruled, forks, strict=True):
                if fork is not None and branches is not None:
                    row[:] = led(row, fork, branches)
            ruled[~permitted] = -np.inf
            for place, row, rank in zip(places, ruled, ranks(ruled, given).tolist(), strict=True):
                placed[place], greedy[place] = rank, int(row.argmax())
                if top:
                    wanted[place] = row
    scores.ranks.extend(placed)
    scores.greedy.extend(greedy)
    scores.top.extend(_best(wanted[place], top, normal[place]) for place in range(len(targets)) if top)


def _masks(
    guide: Guide, targets: Sequence[int], wanted: list[bool], forking: bool, outside: list[int], position: int
) -> tuple[list[int], list[bytes], list[Fork | None]]:
    """Lead a guide along `targets`: the places that are wanted and those of forks, with their masks and forks."""
    places, masks, forks = list[int](), list[bytes](), list[Fork | None]()
    for place, (token, is_wanted) in enumerate(zip(targets, wanted, strict=True)):
        fork = guide.fork() if forking else None
        mask = guide.mask() if is_wanted or fork is not None else None
        if mask is not None:
            places.append(place)
            masks.append(mask)
            forks.append(fork)
        if not guide.advance(token):
            outside.append(position + place)
    return places, masks, forks


class Judged(NamedTuple):
    """One place: the greedy choice, its logit, and what normalises the logits."""

    logits: Logits
    place: int
    best: int
    highest: float
    normal: float

    def row(self) -> Floats:
        """The logits (V,)."""
        row: Floats = self.logits.rows([self.place])[0]
        return row


def judged(logits: Logits) -> list[Judged]:
    """Each place of some logits."""
    found = zip(*logits.best(), strict=True)
    return [Judged(logits, place, *each) for place, each in enumerate(found)]


def take(given: Judged, answer: Generation, sampler: Sampler, max_tokens: int, stop: Collection[int], top: int) -> bool:
    """Choose a token and append it; True when the answer is complete."""
    token, logit = sampler.choose(given)
    answer.ids.append(token)
    answer.logprobs.append(logit - given.normal)
    if top:
        answer.top.append(_best(sampler.constrained(given.row()), top, given.normal))
    sampler.advance(token)
    if token in stop:
        answer.reason = "stop"
    return token in stop or len(answer.ids) >= max_tokens


def _best(logits: Floats, count: int, normal: float) -> list[tuple[int, float]]:
    """The best tokens with their logprobs, the lowest id first among equals."""
    if count == 1:
        order: Iterator[int] = iter([int(logits.argmax())])
    else:
        order = map(int, np.argsort(-logits, kind="stable")[:count])
    found = ((index, float(logits[index])) for index in order)
    return [(index, value - normal) for index, value in found if not math.isinf(value)]
