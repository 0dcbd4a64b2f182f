"""Whether two traces took the same way: the lines they ran, and where each branch and loop went."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cwm_tracer.compare.metrics import Rate
from cwm_tracer.compare.score import action_of
from cwm_tracer.model import Event, Frame

_DECIDES = re.compile(r"\s*(?:if|elif|(?:async\s+)?for|while|match|case)\b")


def line_path(truth: Sequence[Frame], predicted: Sequence[Frame], pairs: Mapping[int, int]) -> Rate:
    """Of the line frames of either side, those that were aligned. `pairs` maps true frames to predicted ones."""
    same = sum(truth[index].event is Event.LINE for index in pairs)
    either = sum(frame.event is Event.LINE for frames in (truth, predicted) for frame in frames) - same
    return Rate(same, either)


def branch_path(truth: Sequence[Frame], predicted: Sequence[Frame], pairs: Mapping[int, int]) -> Rate:
    """Of the decisions of either side, those that were aligned and went the same way."""
    real, told = dict(_decisions(truth)), dict(_decisions(predicted))
    same = sum(told.get(pairs[index]) == way for index, way in real.items() if index in pairs)
    return Rate(same, len(real) + len(told) - same)


def _decisions(frames: Sequence[Frame]) -> Iterator[tuple[int, tuple[Event, str]]]:
    """The index of each line that decides, and the frame that its call went to from there."""
    deciding: dict[int, int] = {}
    for index, frame in enumerate(frames):
        at = deciding.pop(frame.scope, None)
        if at is not None:
            yield at, (frame.event, action_of(frame))
        if frame.event is Event.LINE and _DECIDES.match(frame.source):
            deciding[frame.scope] = index
