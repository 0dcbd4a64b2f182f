"""Which documents are trained on together: rows of similar length, in an order that a seed and an epoch determine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cwm_server.training.corpus import GIVEN, Packed
from cwm_server.training.parts import IGNORED, KINDS, PIECES

BUFFER = 1024  # documents that are sorted by length together
ROUND = 64  # rows are padded to a multiple of this many tokens
SHARED = 2  # of two processes neither waits for the other where a batch has a multiple of so many rows


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents as rows, padded on the right: ids (B, T) int64, classes (B, T) uint8, 255 where there is padding.

    `outcomes` (B, T) uint8 are those of the conditions that end at a token, or of the one that chooses the line behind
    it, `parts` (B, T, KINDS, PIECES) int64 begin what the names and expressions that end there, and each `..`, stand
    for, IGNORED elsewhere.
    """

    ids: Tensor
    classes: Tensor
    outcomes: Tensor
    parts: Tensor


def plan(lengths: npt.NDArray[np.int64], tokens: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """One epoch as batches of document numbers, each of at most `tokens` tokens once padded (or of one document)."""
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    batches: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(order), BUFFER):
        chunk = order[start : start + BUFFER]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        stop = len(chunk)
        while stop:
            rows = max(1, tokens // _padded(int(lengths[chunk[stop - 1]])))
            rows -= rows % SHARED if rows > SHARED else 0
            batches.append(chunk[max(0, stop - rows) : stop])
            stop = max(0, stop - rows)
    return [batches[index] for index in rng.permutation(len(batches))]


def gather(packed: Packed, numbers: npt.NDArray[np.int64]) -> Batch:
    """The documents of these numbers as one batch."""
    documents = [packed.document(int(number)) for number in numbers]
    width = _padded(max(len(document.tokens) for document in documents))
    ids = np.zeros((len(documents), width), np.int64)
    classes = np.full((len(documents), width), 255, np.uint8)
    outcomes = np.zeros((len(documents), width), np.uint8)
    parts = np.full((len(documents), width, KINDS, PIECES), IGNORED, np.int64)
    for row, document in enumerate(documents):
        length = len(document.tokens)
        ids[row, :length] = document.tokens
        classes[row, :length] = document.classes
        outcomes[row, :length] = document.outcomes
        parts[row, document.places] = document.pieces
    return Batch(*(torch.from_numpy(array) for array in (ids, classes, outcomes, parts)))


def split(batch: Batch, tokens: int, rank: int = 0, world: int = 1) -> Iterator[Batch]:
    """The rows of one of `world` processes, in pieces of at most `tokens` tokens."""
    own = [tensor[rank::world] for tensor in (batch.ids, batch.classes, batch.outcomes, batch.parts)]
    rows = max(1, tokens // batch.ids.shape[1])
    for start in range(0, len(own[0]), rows):
        yield Batch(*(tensor[start : start + rows] for tensor in own))


def loss_weights(given: float, changed: float, action: float, argument: float) -> Tensor:
    """The weight of a token's loss by its class, indexed 0 to 255; padding weighs nothing."""
    from cwm_server.training.corpus import ACTION, ARGUMENT, CHANGED, CLASSES

    weights = torch.zeros(256)
    weights[: len(CLASSES)] = 1.0
    weights[GIVEN] = given
    weights[CHANGED] = changed
    weights[ACTION] = action
    weights[ARGUMENT] = argument
    return weights


def _padded(length: int) -> int:
    return -(-length // ROUND) * ROUND
