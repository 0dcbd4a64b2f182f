"""From one green run to the next: what is known to vary, and what is learned to.

Of two runs of the same code that both pass, what differs varies by itself: a temporary path, a time, an id. It is
masked from then on. Where the code changed, what differs is news: the new value is taken, and only masks that were
learned before stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cwm_tracer.compare.masks import fits, generalized
from cwm_tracer.compare.scopes import align_frames
from cwm_tracer.compare.values import VARIES, is_redacted
from cwm_tracer.model import EXPECTATION, Context, Frame, Meta, Trace


@dataclass(frozen=True, slots=True)
class Learned:
    """The expectation after a green run, and the places where values were first seen to vary."""

    trace: Trace
    varying: tuple[tuple[str, Frame], ...] = ()


def first_green(trace: Trace) -> Trace:
    """The expectation after a test's first green run."""
    return Trace(tuple(trace.frames), Context(""), _meta(trace))


def learn(before: Trace, now: Trace, same_code: bool) -> Learned:
    """The expectation `before`, renewed by a green run."""
    frames = list(now.frames)
    varying: list[tuple[str, Frame]] = []
    for block in align_frames(now.frames, before.frames):
        if block.equal:
            for index, at in zip(block.truth, block.predicted, strict=True):
                frames[index], names = _renewed(before.frames[at], now.frames[index], same_code)
                varying += ((name, now.frames[index]) for name in names)
    return Learned(Trace(tuple(frames), Context(""), _meta(now)), tuple(varying))


def masked(trace: Trace) -> tuple[int, int, list[str]]:
    """How many values of an expectation vary, of how many, and the names of their variables."""
    names: dict[str, None] = {}
    count = total = 0
    for frame in trace.frames:
        for name, value in _values(frame).items():
            total += 1
            if VARIES in value:
                count += 1
                names[name] = None
    return count, total, list(names)


def _meta(trace: Trace) -> Meta:
    return Meta(trace.meta.python, trace.meta.ending, EXPECTATION)


def _values(frame: Frame) -> Mapping[str, str]:
    if frame.locals is not None:
        return frame.locals
    return {"the return value" if frame.event.value == "return" else "the exception": frame.argument or ""}


def _renewed(before: Frame, now: Frame, same_code: bool) -> tuple[Frame, Sequence[str]]:
    old, new = _values(before), _values(now)
    merged: dict[str, str] = {}
    varying: list[str] = []
    for name, value in new.items():
        known = old.get(name)
        if known is None or is_redacted(value) or is_redacted(known):
            merged[name] = value
            continue
        merged[name] = generalized(known, value, same_code)
        if same_code and not fits(value, known):
            varying.append(name)
    if now.locals is not None:
        return replace(now, locals=merged), varying
    return replace(now, argument=next(iter(merged.values()))), varying
