"""How one token is chosen from the model's logits: greedily, or from a nucleus with a generator of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Guide(Protocol):
    """Says which tokens may come next in one row; `cwm_server.grammar` has the one for traces."""

    def permits(self, token: int) -> bool:
        """Whether a token may come next."""

    def mask(self) -> bytes | None:
        """One byte for each token, 1 where it may come next; None where all may. Never all zero."""

    def advance(self, token: int) -> bool:
        """Read a token; False for one that should not have come, after which the guide has to find its way again."""


class Constraint(Protocol):
    """What makes a guide for each row."""

    def guide(self, ids: Sequence[int]) -> Guide:
        """A guide that has read `ids`."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Temperature 0 is greedy. `top_p` keeps the most likely tokens that together are this probable, at least one."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


GREEDY = Sampling()


def allowed(masks: Sequence[bytes], device: torch.device | str = "cpu") -> Tensor:
    """Masks as one tensor (N, V) of booleans."""
    joined = torch.frombuffer(bytearray(b"".join(masks)), dtype=torch.bool)
    return joined.view(len(masks), -1).to(device)


class Sampler:
    """Chooses the tokens of one row, among those that its guide allows.

    With a seed its choices depend on the logits alone, not on other rows or calls.
    """

    def __init__(self, sampling: Sampling, guide: Guide | None = None) -> None:
        self._sampling = sampling
        self._guide = guide
        self._generator = torch.Generator()  # on the CPU, so that every device draws the same numbers
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)

    def constrained(self, logits: Tensor) -> Tensor:
        """`logits` (V,), minus infinity where a token may not come next."""
        mask = self._guide.mask() if self._guide is not None else None
        return logits if mask is None else logits.masked_fill(~allowed([mask], logits.device)[0], -torch.inf)

    def advance(self, token: int) -> None:
        """Tell the guide which token came."""
        if self._guide is not None:
            self._guide.advance(token)

    def choose(self, logits: Tensor, best: int | None = None) -> int:
        """The next token by `logits` (V,), of which `best` is the argmax; greedy takes the lowest id among equals."""
        if self._sampling.temperature == 0:
            token = int(logits.argmax()) if best is None else best
            if self._guide is None or self._guide.permits(token):
                return token
            return int(self.constrained(logits).argmax())
        logits = self.constrained(logits)
        # The ordering, and with it the nucleus, is that of the logits; the lowest id comes first among equals.
        scaled = (logits - logits.max()).double() / self._sampling.temperature
        ordered = torch.sort(torch.softmax(scaled, 0), descending=True, stable=True)
        reached = ordered.values.cumsum(0)  # (V,)
        nucleus = 1 + int((reached < self._sampling.top_p * float(reached[-1])).sum())
        reached = reached[: min(nucleus, len(reached))]
        draw = torch.rand((), generator=self._generator, dtype=torch.float64).item() * float(reached[-1])
        index = int((reached <= draw).sum())
        return int(ordered.indices[min(index, len(reached) - 1)])
