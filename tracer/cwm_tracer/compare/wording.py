"""The words for control flow: what a loop or a branch did, read from the lines before a divergence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cwm_tracer.model import Event, Frame

_LOOP = re.compile(r"\s*(?:async\s+)?(?:for|while)\b.*:\s*(?:#.*)?$")
_BRANCH = re.compile(r"\s*(?:el)?if\b.*:\s*(?:#.*)?$")
_EXCEPTION = re.compile(r"\(<class '[^']*'>, (.*), (?:<traceback object>|None)\)", re.DOTALL)
# How far back the header of a loop or a branch is looked for.
_MEMORY = 200


def cut(text: str, limit: int = 60) -> str:
    """`text` in at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cut_pair(truth: str, predicted: str, limit: int = 60, mark: str = "…") -> tuple[str, str]:
    """Two values in at most `limit` characters each, cut so that the place where they begin to differ is seen."""
    if max(len(truth), len(predicted)) <= limit:
        return truth, predicted
    same = next((at for at, (a, b) in enumerate(zip(truth, predicted, strict=False)) if a != b), None)
    if same is None:
        same = min(len(truth), len(predicted))
    skip = same - limit // 3 if same > limit // 2 else 0

    def shown(text: str) -> str:
        text = mark + text[skip:] if skip else text
        return text if len(text) <= limit else text[: limit - len(mark)] + mark

    return shown(truth), shown(predicted)


def is_loop(source: str) -> bool:
    """Whether a source line is the header of a loop."""
    return _LOOP.match(source) is not None


def is_inside(frame: Frame, header: str) -> bool:
    """Whether a frame stands in the block that `header` opens."""
    return frame.event is Event.LINE and _indent(frame.source) > _indent(header)


def quoted(source: str) -> str:
    """A source line as it is named in a sentence."""
    return f"`{cut(source.strip())}`"


def exception_of(argument: str | None) -> str:
    """The exception's own repr out of the triple `(type, value, traceback)` that an exception frame carries."""
    match = _EXCEPTION.fullmatch(argument or "")
    return match.group(1) if match else argument or ""


def does(frame: Frame) -> str:
    """What a frame does, in the present: "calls ...", "runs ..."."""
    return _said(frame, 0)


def did(frame: Frame) -> str:
    """What a frame did, in the past: "called ...", "ran ..."."""
    return _said(frame, 1)


_VERBS = {
    Event.CALL: ("calls", "called"),
    Event.LINE: ("runs", "ran"),
    Event.RETURN: ("returns", "returned"),
    Event.EXCEPTION: ("raises", "raised"),
}


def _said(frame: Frame, tense: int) -> str:
    verb, line = _VERBS[frame.event][tense], quoted(frame.source)
    if frame.event is Event.RETURN:
        return f"{verb} {cut(frame.argument or '')} from {line}"
    if frame.event is Event.EXCEPTION:
        return f"{verb} {cut(exception_of(frame.argument))} in {line}"
    return f"{verb} {line}"


def describe_path(truth: Frame, predicted: Frame, frames: Sequence[Frame], index: int) -> str | None:
    """Name the loop or the branch that was predicted to go another way than it went; None when it is neither."""
    if {truth.event, predicted.event} - {Event.LINE, Event.RETURN}:
        return None
    earlier = list(_same_scope(frames, index))
    if not earlier:
        return None
    header = earlier[0].source
    if is_loop(header):
        return _after_loop_header(truth, predicted, header, any(frame.source == header for frame in earlier[1:]))
    if _BRANCH.match(header):
        return _after_branch(truth, predicted, header)
    return _at_loop_header(truth, predicted, earlier[0])


def _same_scope(frames: Sequence[Frame], index: int) -> Iterator[Frame]:
    """The line frames before `index` in its scope, latest first; stops where this stretch would be a mere guess."""
    for position in range(index - 1, max(-1, index - 1 - _MEMORY), -1):
        frame = frames[position]
        if frame.scope != frames[index].scope:
            continue
        if frame.event is not Event.LINE:
            return
        yield frame


def _indent(source: str) -> int:
    text = source.expandtabs()
    return len(text) - len(text.lstrip())


def _step(frame: Frame) -> str:
    if frame.event is Event.RETURN:
        return f"return of {cut(frame.argument or '')}"
    return quoted(frame.source)


def _after_loop_header(truth: Frame, predicted: Frame, header: str, again: bool) -> str | None:
    real, told = is_inside(truth, header), is_inside(predicted, header)
    if real and not told:
        ends, ran = ("ends", "ran once more") if again else ("is skipped", "ran")
        return f"predicted that the loop {quoted(header)} {ends}: {_step(predicted)}; it {ran}: {_step(truth)}"
    if told and not real:
        runs, ended = ("runs once more", "ended") if again else ("runs", "was skipped")
        return f"predicted that the loop {quoted(header)} {runs}: {_step(predicted)}; it {ended}: {_step(truth)}"
    return None


def _at_loop_header(truth: Frame, predicted: Frame, before: Frame) -> str | None:
    """The end of a loop's body: back to the header, or out."""

    def goes_back(frame: Frame, other: Frame) -> bool:
        return (
            frame.event is Event.LINE
            and is_loop(frame.source)
            and _indent(before.source) > _indent(frame.source)
            and not is_inside(other, frame.source)
        )

    if goes_back(truth, predicted):
        return f"predicted that the loop ends: {_step(predicted)}; it ran once more: {_step(truth)}"
    if goes_back(predicted, truth):
        return f"predicted that the loop runs once more: {_step(predicted)}; it ended: {_step(truth)}"
    return None


def _after_branch(truth: Frame, predicted: Frame, header: str) -> str | None:
    real, told = is_inside(truth, header), is_inside(predicted, header)
    if real and told:
        return f"predicted the other branch of {quoted(header)}: {_step(predicted)}; it took {_step(truth)}"
    if real != told:
        words = ("true", "false") if told else ("false", "true")
        return f"predicted that {quoted(header)} is {words[0]}: {_step(predicted)}; it was {words[1]}: {_step(truth)}"
    return None
