"""What a run writes down while it trains: JSON lines, and TensorBoard's event files where that package is installed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cwm_server.training.corpus import CLASSES
from cwm_server.training.heads import ASKED, BRANCH

LOG = "log.jsonl"
EVENTS = "tensorboard"
FIGURES = (*CLASSES, *ASKED, BRANCH)  # what is summed up while a run goes on


class Log:
    """Appends to `log.jsonl` in a directory, prints each line, and draws the same figures for TensorBoard."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writer: Any = None
        self._begun = False

    def add(self, entry: dict[str, float]) -> None:
        """One line: figures by name, `step` among them."""
        line = json.dumps({key: round(value, 5) if isinstance(value, float) else value for key, value in entry.items()})
        if not self._begun:
            self._begun, self._writer = True, _tensorboard(self._directory / EVENTS)
        with (self._directory / LOG).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)
        if self._writer is not None:
            for key, value in entry.items():
                if key != "step":
                    # TensorBoard groups names by what stands before a slash.
                    self._writer.add_scalar(key.replace(".", "/", 1), value, int(entry["step"]))
            self._writer.flush()

    def close(self) -> None:
        """Nothing more is coming."""
        if self._writer is not None:
            self._writer.close()


class Window:
    """The mean loss per class of tokens, and the speed, since the last line of the log."""

    def __init__(self) -> None:
        self._losses, self._counts = torch.zeros(len(FIGURES)), torch.zeros(len(FIGURES))
        self._tokens, self._began = 0, time.monotonic()

    def add(self, losses: Tensor, counts: Tensor) -> None:
        """Sums of losses and numbers of tokens by class, each (len(FIGURES),)."""
        self._losses += losses
        self._counts += counts

    def flush(self, tokens: int) -> dict[str, float]:
        """The figures since the last call, when the run has seen `tokens` tokens."""
        now = time.monotonic()
        rate = (tokens - self._tokens) / (now - self._began) if self._tokens else 0.0
        means = self._losses / self._counts.clamp(min=1)
        framed = slice(1, len(CLASSES))
        entry = {"loss": float(self._losses[framed].sum() / self._counts[framed].sum().clamp(min=1))}
        entry |= {f"loss.{name}": float(mean) for name, mean in zip(CLASSES, means, strict=False)}
        asked = zip(FIGURES[len(CLASSES) :], self._counts[len(CLASSES) :], means[len(CLASSES) :], strict=True)
        entry |= {f"loss.{name}": float(mean) for name, count, mean in asked if count}
        entry["tokens_per_second"] = rate
        self._losses.zero_()
        self._counts.zero_()
        self._tokens, self._began = tokens, now
        return entry


def _tensorboard(directory: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    make: Any = SummaryWriter
    return make(directory)
