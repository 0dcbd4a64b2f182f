"""Divergences from an execution that was recorded before, said as what changed: `total` was 30, is 27."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_tracer.compare.divergence import Divergence
from cwm_tracer.compare.paths import Inner, only_difference
from cwm_tracer.compare.score import Difference, action_of
from cwm_tracer.compare.wording import cut, cut_pair, did, does, exception_of, quoted
from cwm_tracer.model import Event, Frame


def changed_sentence(divergence: Divergence, frames: Sequence[Frame]) -> str:
    """What changed at a divergence; `frames` are those of the present execution, `predicted` was before."""
    now, before = divergence.truth, divergence.predicted
    if now is None and before is not None:
        return f"no longer {does(before)}{_more(divergence.count)}"
    if now is not None and before is None:
        return f"now {does(now)}{_more(divergence.count)}"
    if now is None or before is None:
        return divergence.sentence
    if now.event is before.event and action_of(now) == action_of(before):
        return _values(now, before, divergence.variables)
    earlier = next((frame for frame in reversed(frames[: divergence.index]) if frame.scope == now.scope), None)
    place = f"after {quoted(earlier.source)} it " if earlier is not None and earlier.event is Event.LINE else ""
    return f"{place}{did(before)}, now {does(now)}"


def _more(count: int) -> str:
    return f" ({count} frames)" if count > 1 else ""


def _values(now: Frame, before: Frame, differences: Sequence[Difference]) -> str:
    if now.argument is not None and before.argument is not None:
        if now.event is Event.EXCEPTION:
            old, new = cut_pair(exception_of(before.argument), exception_of(now.argument))
            return f"the exception was {old}, is {new}"
        inner = only_difference(now.argument, before.argument)
        if inner is not None:
            return f"the return value's `{cut(inner.path)}` {_change(inner)}"
        old, new = cut_pair(before.argument, now.argument)
        return f"the return value was {old}, is {new}"
    if not differences:
        return "the values differ"
    first = differences[0]
    inner = first.inner
    more = len(differences) - 1
    text = f"`{cut(first.name + (inner.path if inner else ''))}` {_change(inner or first)}"
    return text + (f" (and {more} more variable{'s differ' if more > 1 else ' differs'})" if more else "")


def _change(difference: Difference | Inner) -> str:
    nothing = "not bound" if isinstance(difference, Difference) else "not there"
    if difference.predicted is None or difference.truth is None:
        old, new = (nothing if value is None else cut(value) for value in (difference.predicted, difference.truth))
    else:
        old, new = cut_pair(difference.predicted, difference.truth)
    return f"was {old}, is {new}"
