"""What every source of predicted frames can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cwm_tracer.model import Choice, Context, Event, Frame, RollOut, Trace, Verification


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose among the model's tokens. Temperature 0 is greedy; `seed` makes a sampled answer repeatable."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


GREEDY = Sampling()


class Predictor(Protocol):
    """Predicts frames. Never raises for what a model says or a server does: results carry problems and a failure."""

    name: str

    def verify(self, truth: Trace) -> Verification:
        """Teacher-forced: the greedy choice at every true state of `truth`."""

    def roll_out(
        self, context: Context, prefix: Sequence[Frame], *, max_frames: int, sampling: Sampling = GREEDY
    ) -> RollOut:
        """Free-running: continue `prefix` until the model ends the trace or it holds `max_frames` frames in all.

        A predictor whose attribute `drafts` is true also takes a `draft`, the frames of the true trace: they are
        guesses that save time, and never change an answer.
        """

    def next_frame(
        self, context: Context, prefix: Sequence[Frame], *, event: Event | None = None, sampling: Sampling = GREEDY
    ) -> Choice:
        """The frame after `prefix`, of the given event when one is forced.

        Raises `PredictionError` when the server fails.
        """

    def close(self) -> None:
        """Release what the predictor holds (connections, a child process)."""


class PredictionError(Exception):
    """A prediction that could not be had; its text is one line for the user: what happened, to whom, what to do."""
