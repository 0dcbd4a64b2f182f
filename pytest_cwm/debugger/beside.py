"""The real trace beside a predicted one: which real frame stands at a predicted frame's place, and how they differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cwm_tracer.compare.score import action_of
from cwm_tracer.compare.values import is_redacted, same_value
from cwm_tracer.model import Ending, Event, Frame, Trace

_Address = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Real:
    """The real frame at a predicted frame's place.

    `exact` says that the traces agreed up to here, so that the two frames answer the same question. Otherwise the
    frame was found by its place: the same call, line, event and repetition. That is a best effort.
    """

    index: int
    frame: Frame
    locals: Mapping[str, str]
    exact: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """A local that differs; None on the side that has no such local."""

    name: str
    predicted: str | None
    real: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How a predicted frame differs from the real one; false when it doesn't. `action` is the line of source."""

    event: bool = False
    action: bool = False
    argument: bool = False
    variables: tuple[Variable, ...] = ()

    def __bool__(self) -> bool:
        return self.event or self.action or self.argument or bool(self.variables)


class Beside:
    """A recorded trace to look up predicted frames in.

    Frames are compared as the report's teacher-forced metrics compare them: values that are equal literals are equal,
    redacted ones never differ.
    """

    def __init__(self, truth: Trace) -> None:
        self.truth = truth
        self.complete = truth.meta.ending is Ending.RETURNED
        self._by_address = {address: index for index, address in enumerate(_addresses(truth.frames))}

    def parted(self, frames: Sequence[Frame]) -> int | None:
        """The index of the first frame that differs from the real one, None while none does."""
        for index, frame in enumerate(frames):
            if index >= len(self.truth.frames):
                return index if self.complete else None
            real = self.truth.frames[index]
            if frame is not real and compare(frame, real):
                return index
        return None

    def find(self, frames: Sequence[Frame]) -> Real | None:
        """The real frame at the place of the last of `frames`."""
        index = len(frames) - 1
        parted = self.parted(frames[:-1])
        if parted is None:
            return self._real(index, True) if index < len(self.truth.frames) else None
        found = self._by_address.get(list(_addresses(frames))[-1])
        return None if found is None else self._real(found, False)

    def _real(self, index: int, exact: bool) -> Real:
        frames = self.truth.frames
        return Real(index, frames[index], locals_at(frames, index), exact)


def compare(predicted: Frame, real: Frame) -> Difference:
    """How two frames differ by themselves: locals only where both have some."""
    variables: tuple[Variable, ...] = ()
    if predicted.locals is not None and real.locals is not None:
        variables = compare_locals(predicted.locals, real.locals)
    return Difference(
        event=predicted.event is not real.event,
        action=action_of(predicted) != action_of(real),
        argument=not _same(predicted.argument, real.argument),
        variables=variables,
    )


def compare_locals(predicted: Mapping[str, str], real: Mapping[str, str]) -> tuple[Variable, ...]:
    """The locals that differ, in the real state's order, then those that only the predicted one has."""
    return tuple(
        Variable(name, predicted.get(name), real.get(name))
        for name in dict.fromkeys([*real, *predicted])
        if not _same(predicted.get(name), real.get(name))
    )


def _same(predicted: str | None, real: str | None) -> bool:
    if predicted is None or real is None:
        return predicted is real or (real is not None and is_redacted(real))
    return is_redacted(real) or same_value(real, predicted)


def locals_at(frames: Sequence[Frame], index: int) -> Mapping[str, str]:
    """The locals at a frame; at a RETURN or EXCEPTION those that its scope showed last, none if it showed none."""
    scope = frames[index].scope
    for position in range(index, -1, -1):
        shown = frames[position].locals
        if frames[position].scope == scope and shown is not None:
            return shown
    return {}


def _addresses(frames: Iterable[Frame]) -> Iterable[_Address]:
    """For each frame: the calls that lead to it, each with its repetition, then event, line and repetition."""
    path: tuple[object, ...] = ()
    seen: list[dict[object, int]] = [{}]
    for frame in frames:
        step = (frame.event, action_of(frame))
        count = seen[-1][step] = seen[-1].get(step, 0) + 1
        yield (*path, (*step, count))
        if frame.event is Event.CALL:
            path = (*path, (action_of(frame), count))
            seen.append({})
        elif frame.event is Event.RETURN and path:
            path = path[:-1]
            seen.pop()
