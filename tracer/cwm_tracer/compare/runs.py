"""What a run of frames is as a whole: some iterations of a loop, or a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cwm_tracer.compare.wording import is_inside, is_loop
from cwm_tracer.model import Event, Frame


@dataclass(frozen=True, slots=True)
class Iterations:
    """`times` whole iterations of the loop under `header`; `goes_on`: others follow them."""

    header: str
    times: int
    goes_on: bool


def whole_call(frames: Sequence[Frame], run: range) -> bool:
    """Whether the run is one call, from its first frame to its return."""
    first, last = frames[run.start], frames[run.stop - 1]
    return first.event is Event.CALL and last.event is Event.RETURN and first.scope == last.scope


def whole_iterations(frames: Sequence[Frame], run: range) -> Iterations | None:
    """The iterations that the run consists of, wherever in the loop it begins; None where it is anything else."""
    scope = frames[run.start].scope
    own = [frame for frame in map(frames.__getitem__, run) if frame.scope == scope]
    headers = {frame.source for frame in own if is_loop(frame.source)}
    before = _nearest(frames, range(run.start - 1, -1, -1), scope)
    after = _nearest(frames, range(run.stop, len(frames)), scope)
    if before is None or any(frame.event is not Event.LINE for frame in own):
        return None
    for header in headers:
        rest = [frame for frame in own if frame.source != header]
        if not all(is_inside(frame, header) for frame in rest):
            continue
        turned = before.source == header and own[-1].source == header  # it begins after the header
        straight = own[0].source == header and is_inside(before, header)
        if turned or straight:
            goes_on = after is not None and (is_inside(after, header) if turned else after.source == header)
            return Iterations(header, len(own) - len(rest), goes_on)
    return None


def _nearest(frames: Sequence[Frame], indices: range, scope: int) -> Frame | None:
    return next((frames[index] for index in indices if frames[index].scope == scope), None)
