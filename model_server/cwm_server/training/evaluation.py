"""How well a decoder predicts documents, token by token and frame by frame: cheap enough to run often."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from cwm_server.architecture import Decoder
from cwm_server.training.batches import gather, plan, split
from cwm_server.training.corpus import ACTION, ARGUMENT, CHANGED, CLASSES, EVENT, GIVEN, LOCALS, Packed
from cwm_server.training.heads import BRANCH, CHOICE, Heads, branch_odds, questions_of, tapped_layers


@torch.no_grad()
def evaluate(
    model: Decoder,
    packed: Packed,
    documents: int,
    device: str = "cpu",
    micro: int = 8192,
    heads: Heads | None = None,
) -> dict[str, float]:
    """Teacher-forced figures over so many `documents`, evenly spread over all of them, as they come from many sources.

    `heldout.loss` in nats per token of a frame, `heldout.frame` the share of frames all of whose tokens are the
    model's first choice, and per class of tokens `heldout.KIND` the share of frames' runs of that class that are. With
    `heads`, `heldout.asked.KIND` is the share of the answers, of values their first piece, that they
    know.
    """
    chosen = np.unique(np.linspace(0, len(packed) - 1, documents).round().astype(np.int64))
    lengths = packed.lengths()[chosen]
    losses = np.zeros(len(CLASSES))
    counts = np.zeros(len(CLASSES))
    right: dict[int, list[bool]] = {kind: [] for kind in range(-1, len(CLASSES))}
    asked: dict[str, list[bool]] = {}
    was_training = model.training
    model.eval()
    for numbers in plan(lengths, micro, 0, 0):
        for batch in split(gather(packed, chosen[numbers]), micro):
            ids = batch.ids.to(device)
            if heads is None:
                logits = model(ids)[:, :-1].float()
            else:
                states, taps = model.tapped(ids, tapped_layers(model.config.num_hidden_layers))
                logits = model.head(states)[:, :-1].float()
                embedding = model.model.embed_tokens.weight
                told = heads.known(taps, embedding, batch.outcomes, questions_of(batch.parts))
                if model.config.branch_token_ids is not None:
                    odds = branch_odds(logits, model.config.branch_token_ids)
                    told[BRANCH] = CHOICE.are_right(odds, batch.outcomes[:, :-1].to(device))
                for name, answers in told.items():
                    asked.setdefault(name, []).extend(answers)
            loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(len(ids), -1)
            hit = logits.argmax(-1) == ids[:, 1:]
            for row in range(len(ids)):
                kinds = batch.classes[row, 1:].numpy()
                row_loss, row_hit = loss[row].cpu().numpy(), hit[row].cpu().numpy()
                known = kinds < len(CLASSES)
                counts += np.bincount(kinds[known], minlength=len(CLASSES))
                losses += np.bincount(kinds[known], row_loss[known], minlength=len(CLASSES))
                _count_frames(kinds, row_hit, right)
    model.train(was_training)
    framed = slice(GIVEN + 1, None)
    figures = {"heldout.loss": float(losses[framed].sum() / max(1.0, counts[framed].sum()))}
    names = {-1: "frame", EVENT: "event", LOCALS: "locals", CHANGED: "changed", ACTION: "action", ARGUMENT: "argument"}
    for kind, name in names.items():
        figures[f"heldout.{name}"] = float(np.mean(right[kind])) if right[kind] else 0.0
    return figures | {f"heldout.asked.{name}": float(np.mean(hits)) for name, hits in asked.items() if hits}


def _count_frames(kinds: np.ndarray, hit: np.ndarray, right: dict[int, list[bool]]) -> None:
    """Add whether each frame was right, and each class of tokens in it. A frame starts at its event."""
    starts = np.flatnonzero(kinds == EVENT)
    stops = np.append(starts[1:], np.flatnonzero(kinds < len(CLASSES))[-1] + 1)
    for start, stop in zip(starts, stops, strict=True):
        frame, good = kinds[start:stop], hit[start:stop]
        right[-1].append(bool(good.all()))
        for kind in np.unique(frame):
            right[int(kind)].append(bool(good[frame == kind].all()))
