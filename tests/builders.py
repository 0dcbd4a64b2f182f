"""Small constructors for traces and predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cwm_tracer.model import Choice, Context, Ending, Event, Frame, Meta, RollOut, Trace, Verification


def call(source: str, scope: int = 0, **values: Any) -> Frame:
    """A CALL frame; values are given as Python objects."""
    return Frame(Event.CALL, source + "\n", _reprs(values), scope=scope)


def line(source: str, scope: int = 0, **values: Any) -> Frame:
    """A LINE frame; values are given as Python objects."""
    return Frame(Event.LINE, source + "\n", _reprs(values), scope=scope)


def returned(source: str, value: object = None, scope: int = 0) -> Frame:
    """A RETURN frame."""
    return Frame(Event.RETURN, source + "\n", argument=repr(value), scope=scope)


def raised(source: str, error: BaseException, scope: int = 0) -> Frame:
    """An EXCEPTION frame with the triple that `sys.settrace` shows."""
    argument = f"({type(error)!r}, {error!r}, <traceback object>)"
    return Frame(Event.EXCEPTION, source + "\n", argument=argument, scope=scope)


class Raw:
    """A value whose repr is the given text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def trace(*frames: Frame, ending: Ending = Ending.RETURNED) -> Trace:
    """A trace without a context."""
    return Trace(frames, Context(""), Meta("3.11", ending))


def placed(text: str, frames: Iterable[Frame], file: str = "cart.py", ending: Ending = Ending.RETURNED) -> Trace:
    """A trace of the module `text`: every frame gets the number of the first line that equals its source."""
    lines = text.split("\n")
    context = Context(text, tuple((file, number) for number in range(1, len(lines) + 1)), 0)
    found = [
        Frame(
            frame.event,
            frame.source,
            frame.locals,
            frame.argument,
            frame.scope,
            file,
            lines.index(frame.source.rstrip()) + 1,
        )
        for frame in frames
    ]
    return Trace(tuple(found), context, Meta("3.11", ending))


def told(frame: Frame) -> Frame:
    """A frame as a model says it: without file and line."""
    return Frame(frame.event, frame.source, frame.locals, frame.argument, frame.scope)


def verified(truth: Trace, others: Mapping[int, Choice | Frame | None] | None = None, **fields: object) -> Verification:
    """A verification that agrees with `truth` but for the choices given by index."""
    others = others or {}
    choices: list[Choice | None] = []
    for index, frame in enumerate(truth.frames):
        other = others.get(index, told(frame))
        choices.append(Choice(other, bits=0.5) if isinstance(other, Frame) else other)
    return Verification((None, *choices[1:]), **fields)  # type: ignore[arg-type]


def rolled_out(*frames: Frame, ending: Ending = Ending.RETURNED, **fields: object) -> RollOut:
    """A roll-out of these frames."""
    return RollOut(Trace(tuple(map(told, frames)), Context(""), Meta(None, ending, "model")), **fields)  # type: ignore[arg-type]


def _reprs(values: Mapping[str, object]) -> dict[str, str]:
    return {name: repr(value) for name, value in values.items()}
