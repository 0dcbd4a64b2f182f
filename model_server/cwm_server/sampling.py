"""How one token is chosen from the model's logits: greedily, or from a nucleus with a generator of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Sampling:
    """Temperature 0 is greedy. `top_p` keeps the most likely tokens that together are this probable, at least one."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


GREEDY = Sampling()


class Sampler:
    """Chooses the tokens of one row. With a seed its choices depend on the logits alone, not on other rows or calls."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generator = torch.Generator()  # on the CPU, so that every device draws the same numbers
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)

    def choose(self, logits: Tensor) -> int:
        """The next token by `logits` (V,); greedy takes the lowest id among equals."""
        if self._sampling.temperature == 0:
            return int(logits.argmax())
        # The ordering, and with it the nucleus, is that of the logits; the lowest id comes first among equals.
        scaled = (logits - logits.max()).double() / self._sampling.temperature
        ordered = torch.sort(torch.softmax(scaled, 0), descending=True, stable=True)
        reached = ordered.values.cumsum(0)  # (V,)
        nucleus = 1 + int((reached < self._sampling.top_p * float(reached[-1])).sum())
        reached = reached[: min(nucleus, len(reached))]
        draw = torch.rand((), generator=self._generator, dtype=torch.float64).item() * float(reached[-1])
        index = int((reached <= draw).sum())
        return int(ordered.indices[min(index, len(reached) - 1)])
