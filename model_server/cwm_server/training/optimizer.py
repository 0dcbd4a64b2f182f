"""Muon for the matrices of the layers, AdamW for everything else, and a learning rate that always finishes its decay.

Muon: momentum, then the nearest semi-orthogonal matrix by a Newton-Schulz iteration (K. Jordan et al., 2024,
https://kellerjordan.github.io/posts/muon/, whose coefficients these are).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cwm_server.training.precision import has_bf16

WRITES = ("o_proj.weight", "down_proj.weight")  # what a block adds to the residual stream with


@dataclass(frozen=True, slots=True)
class Rates:
    """Learning rates at the top of the schedule, and what goes with them."""

    matrices: float = 0.02
    embedding: float = 0.004
    gains: float = 0.004
    momentum: float = 0.95
    decay: float = 0.02
    clip: float = 1.0


def schedule(progress: float, warmup: float = 0.01, decay: float = 1 / 3) -> float:
    """The factor on all learning rates when `progress` (0 to 1) of the run's budget is used up: up, level, down.

    With a `decay` above 1 it is never at the top: it falls from 1 / `decay` on.
    """
    rising = max(progress / warmup, 0.02) if progress < warmup else 1.0
    return min(rising, max(0.0, (1.0 - progress) / decay))


def orthogonalize(stack: Tensor, steps: int = 5) -> Tensor:
    """Push the singular values of each matrix in (N, rows, columns) towards 1."""
    x = stack.to(torch.bfloat16 if has_bf16(stack.device.type) else torch.float32)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * (gram @ gram)) @ x
    result: Tensor = (x.mT if tall else x).to(stack.dtype)
    return result


EMBEDDINGS = ("embed_tokens.weight", "lm_head.weight")  # a row a token: no matrices between spaces


class Optimizer:
    """Both optimizers over parameters by name. `state()` and `load()` carry everything that a resumed run needs.

    Each of `world` processes, which have the same gradients, works on some of the matrices and hears of the others'.
    """

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], rates: Rates | None = None, rank: int = 0, world: int = 1
    ) -> None:
        self.rates, self.rank, self.world = rates or Rates(), rank, world
        self.steps = 0
        self._parameters = dict(parameters)
        self._matrices: dict[torch.Size, list[str]] = {}
        self._others: list[str] = []
        for name, parameter in self._parameters.items():
            if parameter.ndim == 2 and not name.endswith(EMBEDDINGS):
                self._matrices.setdefault(parameter.shape, []).append(name)
            else:
                self._others.append(name)
        self._momentum = {name: torch.zeros_like(self._parameters[name]) for name in self._named_matrices()}
        self._first = {name: torch.zeros_like(self._parameters[name]) for name in self._others}
        self._second = {name: torch.zeros_like(self._parameters[name]) for name in self._others}

    def _named_matrices(self) -> Iterable[str]:
        return (name for names in self._matrices.values() for name in names)

    @torch.no_grad()
    def step(self, factor: float) -> float:
        """Move all parameters along their gradients at `factor` times the learning rates. Returns their norm."""
        grads = {name: p.grad for name, p in self._parameters.items() if p.grad is not None}
        norm = float(torch.stack([grad.float().norm() for grad in grads.values()]).norm())
        if norm > self.rates.clip:
            for grad in grads.values():
                grad.mul_(self.rates.clip / norm)
        self.steps += 1
        for shape, names in self._matrices.items():
            self._move_matrices(shape, names, grads, factor)
        for name in self._others:
            self._move_other(name, grads[name], factor)
        return norm

    def _move_matrices(self, shape: torch.Size, names: list[str], grads: dict[str, Tensor], factor: float) -> None:
        rates = self.rates
        updates = []
        for name in names:
            momentum = self._momentum[name].lerp_(grads[name], 1 - rates.momentum)
            updates.append(grads[name].lerp(momentum, rates.momentum))
        rate = factor * rates.matrices * max(1.0, shape[0] / shape[1]) ** 0.5
        for name, update in zip(names, self._orthogonalized(torch.stack(updates)), strict=True):
            self._parameters[name].mul_(1 - rate * rates.decay).add_(update, alpha=-rate)

    def _orthogonalized(self, stack: Tensor) -> Tensor:
        if self.world == 1:
            return orthogonalize(stack)
        result = torch.zeros_like(stack)
        own = slice(self.rank, None, self.world)
        if len(stack[own]):
            result[own] = orthogonalize(stack[own])
        dist.all_reduce(result)
        return result

    def _move_other(self, name: str, grad: Tensor, factor: float) -> None:
        first = self._first[name].lerp_(grad, 0.1)
        second = self._second[name].lerp_(grad * grad, 0.05)
        scale = (second / (1 - 0.95**self.steps)).sqrt_().add_(1e-10)
        rate = self.rates.embedding if grad.ndim == 2 else self.rates.gains
        self._parameters[name].addcdiv_(first, scale, value=-factor * rate / (1 - 0.9**self.steps))

    def state(self) -> dict[str, Tensor]:
        """All tensors of the optimizer by name."""
        groups = {"momentum": self._momentum, "first": self._first, "second": self._second}
        return {f"{kind}:{name}": tensor for kind, group in groups.items() for name, tensor in group.items()}

    def load(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Continue from what `state` returned after `steps` steps."""
        own = self.state()
        if set(own) != set(tensors) or any(own[name].shape != tensors[name].shape for name in own):
            raise ValueError("the optimizer's state belongs to another model")
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
        self.steps = steps


def initialize(model: nn.Module, seed: int) -> None:
    """Random weights from a seed: matrices that keep the scale of what passes through, outputs of a block at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim < 2:
                parameter.fill_(1.0)
            elif name.endswith(WRITES):
                parameter.zero_()
            else:
                wide = ".layers." in name
                spread = parameter.shape[1] ** -0.5 if wide else 0.02
                parameter.copy_(torch.empty(parameter.shape).normal_(0.0, spread, generator=generator))
