"""Teacher-forced prediction with the truth as the draft: one prefill tells where the model would say something else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cwm_tracer.model import Choice, Frame, Trace, Verification
from pytest_cwm.predictors.asking import Model, too_long
from pytest_cwm.predictors.base import GREEDY, PredictionError
from pytest_cwm.predictors.prompts import Unfit, Window, windows
from pytest_cwm.predictors.transport import Generated

_ROWS = 32
_TOKENS = 500_000  # in the prompts of one request


def verify(model: Model, truth: Trace) -> Verification:
    """The model's greedy choice at every true state; see `Predictor.verify`."""
    frames = truth.frames
    choices: list[Choice | None] = [None] * len(frames)
    if len(frames) < 2:
        return Verification(tuple(choices), model=model.known.name if model.known else "")
    count = outside = ties = 0
    unfit: list[Unfit] = []
    failure: str | None = None
    try:
        limit = model.limit
        for window in windows(model.codec.frame, model.beginning(truth.context), frames, limit):
            if isinstance(window, Unfit):
                unfit.append(window)
            else:
                count += 1
                found = _verify_window(model, window, truth, choices)
                outside, ties = outside + found[0], ties + found[1]
        if unfit:
            failure = too_long(unfit[0].frame, unfit[0].tokens, limit)
            failure += f"; {len(unfit)} frames like that have no prediction" if len(unfit) > 1 else ""
    except PredictionError as error:
        failure = str(error)
    name = model.known.name if model.known else ""
    return Verification(tuple(choices), max(1, count), failure, name, outside, ties, len(unfit))


@dataclass(frozen=True, slots=True)
class _Divergence:
    """A frame to be decoded: the model agrees with its first `agreed` tokens and may add `limit`."""

    frame: int
    agreed: int
    limit: int
    bits: float | None


def _verify_window(model: Model, window: Window, truth: Trace, choices: list[Choice | None]) -> tuple[int, int]:
    """Fill in the choices that this window predicts; those that were had stay when something fails.

    Returns how many true tokens the constraint would not have let come, and how many were tied with another.
    """
    frames = truth.frames
    constraint = model.constraint(truth.context, window.opened)
    begin = window.span(window.first)[0]
    scores = model.transport.score(window.ids, begin, constraint) if model.transport.can_score else None
    diverging: list[_Divergence] = []
    for index in range(window.first, window.stop):
        start, stop = window.span(index)
        # A frame twice as long as the true one is wrong already; what it would say in the end does not matter. Under a
        # constraint it does end, which takes fewer tokens than there is room for.
        allowed = model.room if constraint is not None else min(model.room, 2 * (stop - start) + 128)
        if scores is None:
            diverging.append(_Divergence(index, 0, allowed, None))
            continue
        ours = scores[start - begin : stop - begin]
        bits = -math.fsum(score.logprob for score in ours) / math.log(2)
        agreed = next((place for place, score in enumerate(ours) if score.rank != 1), None)
        if agreed is None:
            choices[index] = Choice(_spoken(frames[index], window.ids[start:stop]), bits=max(0.0, bits))
        else:
            diverging.append(_Divergence(index, agreed, max(1, allowed - agreed), max(0.0, bits)))
    rows = _ROWS if scores is not None else 1
    for batch in _batches(diverging, window, rows):
        answers = model.transport.generate(
            [window.ids[: window.span(item.frame)[0] + item.agreed] for item in batch],
            max_tokens=max(item.limit for item in batch),
            stop=(model.codec.separator, model.codec.end),
            sampling=GREEDY,
            constraint=constraint,
        )
        for item, answer in zip(batch, answers, strict=True):
            start = window.span(item.frame)[0]
            said = window.ids[start : start + item.agreed]
            whole = Generated((*said, *answer.ids[: item.limit]), answer.stopped and len(answer.ids) <= item.limit)
            choices[item.frame] = model.choice(whole, window.cursor(item.frame), item.frame, item.bits)
    return sum(score.outside for score in scores or ()), sum(score.tied for score in scores or ())


def _spoken(frame: Frame, ids: Sequence[int]) -> Frame:
    """A true frame as the model says it: without a place."""
    return replace(frame, file=None, line=None, tokens=tuple(ids))


def _batches(items: list[_Divergence], window: Window, rows: int) -> Iterator[list[_Divergence]]:
    """Frames of similar bounds together, since the longest answer is waited for."""
    batch: list[_Divergence] = []
    tokens = 0
    for item in sorted(items, key=lambda item: item.limit):
        length = window.span(item.frame)[0] + item.agreed
        if batch and (len(batch) == rows or tokens + length > _TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(item)
        tokens += length
    if batch:
        yield batch
