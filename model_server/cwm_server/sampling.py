"""How one token is chosen from the model's logits: greedily, or from a nucleus with a generator of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cwm_server.language_model import Floats


class Fork(NamedTuple):
    """The tokens with which the next frame of a trace shows that a condition does not hold, and that it does."""

    passed: frozenset[int]
    taken: frozenset[int]


class Guide(Protocol):
    """Says which tokens may come next in one row; `cwm_server.grammar` has the one for traces."""

    def permits(self, token: int) -> bool:
        """Whether a token may come next."""

    def mask(self) -> bytes | None:
        """One byte for each token, 1 where it may come next; None where all may. Never all zero."""

    def fork(self) -> Fork | None:
        """The two ways of a condition, where the next token is the first to tell them apart; None elsewhere."""

    def foreseen(self, limit: int) -> Sequence[int]:
        """The tokens, at most `limit`, that will come next in all likelihood, since what they spell must come."""

    def advance(self, token: int) -> bool:
        """Read a token; False for one that should not have come, after which the guide has to find its way again."""


class Constraint(Protocol):
    """What makes a guide for each row."""

    def guide(self, ids: Sequence[int]) -> Guide:
        """A guide that has read `ids`."""


class Given(Protocol):
    """A place to choose a token at: the best one by its logits, and all of them where they are needed."""

    @property
    def best(self) -> int: ...

    @property
    def highest(self) -> float: ...

    def row(self) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Sampling:
    """Temperature 0 is greedy. `top_p` keeps the most likely tokens that together are this probable, at least one."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


GREEDY = Sampling()


def allowed(masks: Sequence[bytes]) -> NDArray[np.bool_]:
    """Masks as one array (n, V) that may be written to."""
    return np.frombuffer(bytearray(b"".join(masks)), dtype=np.bool_).reshape(len(masks), -1)


def led(logits: Floats, fork: Fork, branches: tuple[int, int]) -> Floats:
    """Logits (V,) by which the best tokens of a condition's ways differ as much as those of the `branches` do.

    These are `ModelConfig.branch_token_ids`. Within each way the order stays what it was.
    """
    passed, taken = (max(logits[list(way)]) for way in fork)
    found: Floats = logits.copy()
    found[list(fork.taken)] += (passed - taken) + (logits[branches[1]] - logits[branches[0]])
    return found


class Sampler:
    """Chooses the tokens of one row, among those that its guide allows.

    `branches` are the tokens by which the model judges conditions, where it has any. With a seed its choices depend on
    the logits alone, not on other rows or calls.
    """

    def __init__(self, sampling: Sampling, guide: Guide | None = None, branches: tuple[int, int] | None = None) -> None:
        self._sampling = sampling
        self._guide = guide
        self._branches = branches
        self._random = random.Random(sampling.seed)

    def constrained(self, logits: Floats) -> Floats:
        """`logits` (V,), led at a condition, and minus infinity where a token may not come next."""
        mask = self._guide.mask() if self._guide is not None else None
        fork = self._fork()
        if fork is not None and self._branches is not None:
            logits = led(logits, fork, self._branches)
        return logits if mask is None else np.where(allowed([mask])[0], logits, np.float32(-np.inf))

    def foreseen(self, limit: int) -> Sequence[int]:
        """What the guide knows of the next tokens."""
        return self._guide.foreseen(limit) if self._guide is not None else ()

    def advance(self, token: int) -> None:
        """Tell the guide which token came."""
        if self._guide is not None:
            self._guide.advance(token)

    def choose(self, given: Given) -> tuple[int, float]:
        """The next token and its logit; greedy takes the lowest id among equals."""
        greedy = self._sampling.temperature == 0
        if greedy and (self._guide is None or (self._guide.permits(given.best) and self._fork() is None)):
            return given.best, given.highest
        logits = self.constrained(given.row())
        token = int(logits.argmax()) if greedy else self.draw(logits)
        return token, float(logits[token])

    def _fork(self) -> Fork | None:
        return self._guide.fork() if self._guide is not None and self._branches is not None else None

    def draw(self, logits: Floats) -> int:
        """A token from the nucleus of `logits` (V,)."""
        # The ordering, and with it the nucleus, is that of the logits; the lowest id comes first among equals.
        scaled = (logits.astype(np.float64) - float(logits.max())) / self._sampling.temperature
        order = np.argsort(-scaled, kind="stable")
        reached = np.exp(scaled[order]).cumsum()  # (V,), not normalised
        nucleus = 1 + int((reached < self._sampling.top_p * reached[-1]).sum())
        reached = reached[: min(nucleus, len(reached))]
        index = int((reached <= self._random.random() * reached[-1]).sum())
        return int(order[min(index, len(reached) - 1)])
