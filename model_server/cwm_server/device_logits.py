"""Logits that stay on torch's device: only what is asked for is moved to the host.

Shapes: N places, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cwm_server.language_model import Floats


class DeviceLogits:
    """`Logits` in a tensor (N, V)."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def part(self, start: int, stop: int) -> DeviceLogits:
        """See `Logits`."""
        return DeviceLogits(self._values[start:stop])

    @torch.inference_mode()
    def best(self) -> tuple[list[int], list[float], list[float]]:
        """See `Logits`."""
        highest = self._values.amax(1)
        # argmax does not promise the first of equal ones.
        ids = torch.arange(self._values.shape[1], device=self._values.device)
        best = torch.where(self._values == highest[:, None], ids, len(ids)).amin(1)
        return best.tolist(), highest.tolist(), self._values.logsumexp(1).tolist()

    @torch.inference_mode()
    def of(self, tokens: Sequence[int]) -> tuple[list[float], list[int]]:
        """See `Logits`."""
        given = torch.tensor(list(tokens), device=self._values.device)[:, None]  # (N, 1)
        chosen = self._values.gather(1, given)
        earlier = torch.arange(self._values.shape[1], device=self._values.device) < given
        ranks = 1 + ((self._values > chosen) | ((self._values == chosen) & earlier)).sum(1)
        return chosen[:, 0].tolist(), ranks.tolist()

    def rows(self, places: Sequence[int]) -> Floats:
        """See `Logits`."""
        moved: Floats = self._values[list(places)].cpu().numpy()
        return moved
