"""The trace metrics of CWM's report (arXiv 2510.02387, Table 9), so that figures can be set beside published ones.

As published: per trace, by position, without the given call, and then averaged over traces. States are compared as the
wire writes them, `..` for what did not change; neither the event nor an argument counts. By position, one frame too
many shifts all that follow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from cwm_tracer import wire
from cwm_tracer.compare.metrics import Mean, Metric
from cwm_tracer.compare.score import action_of
from cwm_tracer.model import Ending, Frame, Problem, ProblemKind, Trace

_State = Mapping[str, str] | None


def table9(truth: Trace, predicted: Trace, problems: Sequence[Problem], outcome: bool | None) -> dict[str, Metric]:
    """The metrics of one trace; `outcome` says whether the entry's was predicted, None where that can't be said."""
    actions = [action_of(frame) for frame in truth.frames[1:]]
    told = [action_of(frame) for frame in predicted.frames[1:]]
    unreadable = {problem.frame for problem in problems if problem.kind is ProblemKind.INVALID_JSON}
    said = [None if at in unreadable else state for at, state in enumerate(_as_shown(predicted.frames))]
    states = [
        (state, said[at] if at < len(said) else None)
        for at, state in enumerate(_as_shown(truth.frames))
        if at and state is not None
    ]
    complete = not problems and predicted.meta.ending is Ending.RETURNED
    return {
        "table9.output": _mean([outcome] if outcome is not None else []),
        "table9.format": _mean([complete] if actions else []),
        "table9.state": _mean([state == other for state, other in states]),
        "table9.action": _mean([at < len(told) and told[at] == action for at, action in enumerate(actions)]),
        "table9.json": _mean([other is not None for _, other in states]),
        "table9.key": _mean([_overlap(state.keys(), other) for state, other in states]),
        "table9.key_value": _mean([_overlap(state.items(), other and other.items()) for state, other in states]),
    }


def _as_shown(frames: Sequence[Frame]) -> Iterator[_State]:
    """The locals of call and line frames as the wire writes them, None for other frames."""
    cursor = wire.START
    for frame in frames:
        yield wire.abbreviate(frame, cursor) if frame.locals is not None else None
        cursor = cursor.after(frame)


def _overlap(truth: Collection[object], predicted: Collection[object] | None) -> float:
    """Jaccard's index; 0 where no state was predicted."""
    if predicted is None:
        return 0.0
    left, right = set(truth), set(predicted)
    return len(left & right) / len(left | right) if left | right else 1.0


def _mean(parts: Sequence[float]) -> Mean:
    """One trace's share, to be averaged over traces."""
    return Mean(sum(parts) / len(parts), 1) if parts else Mean()
