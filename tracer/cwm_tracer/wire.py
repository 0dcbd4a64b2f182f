"""CWM's wire format: traces as segments of text and special tokens, and a parser that never raises.

The format is that of Meta's Code World Model (arXiv 2510.02387, `PROMPTING_GUIDE.md` of facebookresearch/cwm):

    <|begin_of_text|><|trace_context_start|>CONTEXT<|frame_sep|>
    <|call_sep|>LOCALS<|action_sep|>SOURCE<|frame_sep|>
    <|line_sep|>LOCALS<|action_sep|>SOURCE<|frame_sep|>
    <|return_sep|><|action_sep|>SOURCE<|arg_sep|>VALUE<|frame_sep|>
    <|exception_sep|><|action_sep|>SOURCE<|arg_sep|>VALUE<|frame_sep|>
    <|end_of_text|>

LOCALS is a JSON object of reprs, in which `..` says "as in the frame before"; VALUE is a JSON string holding a repr.
"""

from __future__ import annotations

import enum
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_tracer.model import Ending, Event, Frame, Problem, ProblemKind, Trace

UNCHANGED = ".."
START_MARKER = "# << START_OF_TRACE"


class Special(enum.Enum):
    """The special tokens, by the strings under which tokenizer files list them."""

    BEGIN = "<|begin_of_text|>"
    END = "<|end_of_text|>"
    FRAME = "<|frame_sep|>"
    ACTION = "<|action_sep|>"
    RETURN = "<|return_sep|>"
    CALL = "<|call_sep|>"
    LINE = "<|line_sep|>"
    EXCEPTION = "<|exception_sep|>"
    ARGUMENT = "<|arg_sep|>"
    CONTEXT = "<|trace_context_start|>"


Segment = Special | str
_Report = Callable[..., None]

EVENT_TOKEN = {
    Event.CALL: Special.CALL,
    Event.LINE: Special.LINE,
    Event.RETURN: Special.RETURN,
    Event.EXCEPTION: Special.EXCEPTION,
}
_TOKEN_EVENT = {token: event for event, token in EVENT_TOKEN.items()}
_SPECIALS = re.compile("|".join(re.escape(special.value) for special in Special))


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the wire stands after some frames.

    `scopes` are the open activations, outermost first; `opened` counts all that were ever opened. `known` holds the
    locals that a following `..` refers to: those of the previous frame of an uninterrupted stretch of the current
    scope. A call opens another scope and a callee's return ends the stretch; an exception does not.
    """

    scopes: tuple[int, ...] = ()
    opened: int = 0
    known: Mapping[str, str] | None = None

    @property
    def depth(self) -> int:
        """How many activations are open."""
        return len(self.scopes)

    def scope_of(self, event: Event) -> int:
        """The scope that a frame of this kind belongs to when it comes next."""
        if event is Event.CALL or not self.scopes:
            return self.opened
        return self.scopes[-1]

    def known_to(self, event: Event) -> Mapping[str, str]:
        """The values that `..` can stand for in a frame of this kind when it comes next."""
        return referable(event, self.known)

    def after(self, frame: Frame) -> Cursor:
        """The cursor once `frame` has been written or read."""
        if frame.event is Event.CALL:
            return Cursor((*self.scopes, self.opened), self.opened + 1, frame.locals)
        if frame.event is Event.LINE:
            return Cursor(self.scopes, self.opened, frame.locals)
        if frame.event is Event.RETURN:
            return Cursor(self.scopes[:-1], self.opened, None)
        return self

    def forgetting(self) -> Cursor:
        """The same place with no values known, so that the next frame is written in full."""
        return Cursor(self.scopes, self.opened, None)


START = Cursor()


def referable(event: Event, known: Mapping[str, str] | None) -> Mapping[str, str]:
    """The values that `..` can stand for in a frame of this kind where a cursor knows `known`."""
    return {} if event is Event.CALL or known is None else known


@dataclass(frozen=True, slots=True)
class Decoded:
    """What could be read: `ended` says that the end of the trace was, `cursor` where the wire stands then."""

    frames: tuple[Frame, ...]
    problems: tuple[Problem, ...]
    ended: bool
    cursor: Cursor


def advance(frames: Iterable[Frame], cursor: Cursor = START) -> Cursor:
    """The cursor after all of `frames`."""
    for frame in frames:
        cursor = cursor.after(frame)
    return cursor


def encode_context(text: str) -> list[Segment]:
    """The prompt up to the first frame."""
    return [Special.BEGIN, Special.CONTEXT, text, Special.FRAME]


def encode_frame(frame: Frame, cursor: Cursor = START) -> list[Segment]:
    """One frame, its closing separator included; values equal to those that `cursor` knows become `..`.

    A source line gets the newline that it lacks; code without source has the empty string, which stays empty.
    """
    source = closed(frame.source)
    if frame.locals is not None:
        shown = abbreviate(frame, cursor)
        return [EVENT_TOKEN[frame.event], json.dumps(shown), Special.ACTION, source, Special.FRAME]
    argument = json.dumps(frame.argument)
    return [EVENT_TOKEN[frame.event], Special.ACTION, source, Special.ARGUMENT, argument, Special.FRAME]


def closed(source: str) -> str:
    """A source line with the newline that it may lack; the empty string of code without source stays empty."""
    return source if source.endswith("\n") or not source else source + "\n"


def abbreviate(frame: Frame, cursor: Cursor) -> dict[str, str]:
    """The locals of a call or line frame, with `..` for those that the frame before in its scope already showed."""
    known = cursor.known_to(frame.event)
    return {name: UNCHANGED if known.get(name) == value else value for name, value in (frame.locals or {}).items()}


def encode(trace: Trace) -> list[Segment]:
    """All frames of a trace and, when the entry's scope was left, the end; without the context.

    Frames that can write themselves faster than one by one have the methods `segments` and `text`.
    """
    segments: list[Segment] | None = _written(trace, "segments")
    if segments is None:
        segments = []
        cursor = START
        for frame in trace.frames:
            segments += encode_frame(frame, cursor)
            cursor = cursor.after(frame)
    if trace.meta.ending is Ending.RETURNED:
        segments.append(Special.END)
    return segments


def text_of(trace: Trace) -> str:
    """What `to_text` makes of `encode`, at once."""
    text: str | None = _written(trace, "text", Special.END.value if trace.meta.ending is Ending.RETURNED else "")
    return to_text(encode(trace)) if text is None else text


def _written(trace: Trace, method: str, *more: str) -> Any:
    """What frames write themselves, None where they can't."""
    write = getattr(trace.frames, method, None)
    return None if write is None else write(*more)


def to_text(segments: Iterable[Segment]) -> str:
    """For people and golden files: special tokens by their names, which can't be told from such names in the text."""
    return "".join([segment._value_ if isinstance(segment, Special) else segment for segment in segments])


def from_text(text: str) -> list[Segment]:
    """The inverse of `to_text`: every occurrence of a special token's name is taken for the token."""
    segments: list[Segment] = []
    position = 0
    for match in _SPECIALS.finditer(text):
        if match.start() > position:
            segments.append(text[position : match.start()])
        segments.append(Special(match.group()))
        position = match.end()
    if position < len(text):
        segments.append(text[position:])
    return segments


def decode(segments: Iterable[Segment], cursor: Cursor = START, first: int = 0) -> Decoded:
    """Read frames that follow `cursor`; never raises. Problems number frames from `first`.

    A frame that can't be read in full is kept with what could be read of it whenever its event is known; the rest of
    the text is read on. Text after the end is reported and ignored.
    """
    frames: list[Frame] = []
    problems: list[Problem] = []
    pieces: list[Segment] = []
    ended = False
    for segment in segments:
        if segment == "":
            continue
        if ended:
            problems.append(Problem(ProblemKind.TEXT_AFTER_END, first + len(frames), _shown(segment)))
            break
        if segment is Special.END or segment is Special.FRAME:
            if pieces or segment is Special.FRAME:
                complete = segment is Special.FRAME
                cursor = _read(pieces, complete, cursor, first, frames, problems)
                pieces = []
            ended = segment is Special.END
        else:
            pieces.append(segment)
    if pieces:
        cursor = _read(pieces, False, cursor, first, frames, problems)
    return Decoded(tuple(frames), tuple(problems), ended, cursor)


def strip_marker(source: str) -> str:
    """A source line without the start marker, which models keep on the entry's line and recordings don't have."""
    line = source.removesuffix("\n").removesuffix("\r")
    text = line.rstrip(" \t")
    if not text.endswith(START_MARKER):
        return source
    return text.removesuffix(START_MARKER).rstrip(" \t") + source[len(line) :]


def _read(
    pieces: Sequence[Segment],
    complete: bool,
    cursor: Cursor,
    first: int,
    frames: list[Frame],
    problems: list[Problem],
) -> Cursor:
    """Read one frame from the segments between two separators, append it and what is wrong with it."""
    index = first + len(frames)

    def report(kind: ProblemKind, detail: str = "") -> None:
        problems.append(Problem(kind, index, detail))

    if not complete:
        report(ProblemKind.TRUNCATED_FRAME)
    event = _TOKEN_EVENT.get(pieces[0]) if pieces and isinstance(pieces[0], Special) else None
    if event is None:
        report(ProblemKind.UNKNOWN_EVENT, _shown(pieces[0]) if pieces else "empty frame")
        return cursor
    stateful = event in (Event.CALL, Event.LINE)
    body, action, argument, stray = _fields(pieces[1:])
    if complete and (stray or action is None or (argument is None) != stateful or (body and not stateful)):
        report(ProblemKind.MALFORMED_FRAME, _shown("".join(map(_shown, pieces))))
    frame = Frame(
        event=event,
        source=action or "",
        locals=_locals(body, cursor.known_to(event), complete or action is not None, report) if stateful else None,
        argument=None if stateful else _value(argument, complete, report),
        scope=cursor.scope_of(event),
    )
    frames.append(frame)
    return cursor.after(frame)


def _fields(pieces: Sequence[Segment]) -> tuple[str, str | None, str | None, bool]:
    """Split a frame at its separators: text before the action, action, argument; and whether there was more."""
    before: list[str] = []
    texts: dict[Special, list[str]] = {}
    current = before
    stray = False
    for piece in pieces:
        if isinstance(piece, str):
            current.append(piece)
        elif piece in texts or piece not in (Special.ACTION, Special.ARGUMENT):
            stray = True
        else:
            stray |= piece is Special.ARGUMENT and Special.ACTION not in texts
            current = texts[piece] = []
    action, argument = ("".join(texts[key]) if key in texts else None for key in (Special.ACTION, Special.ARGUMENT))
    return "".join(before), action, argument, stray


def _locals(text: str, known: Mapping[str, str], complete: bool, report: _Report) -> dict[str, str]:
    try:
        shown = json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        if complete:
            report(ProblemKind.INVALID_JSON, _shown(text))
        return {}
    if not isinstance(shown, _Object):
        report(ProblemKind.INVALID_JSON, f"not an object: {_shown(text)}")
        return {}
    values: dict[str, str] = {}
    for name in shown.repeated:
        report(ProblemKind.INVALID_JSON, f"{_shown(name)!r} stands there twice")
    for name, value in shown.items():
        if not isinstance(value, str):
            report(ProblemKind.INVALID_JSON, f"{_shown(name)!r} is not a string")
            value = _as_text(value)
        if value == UNCHANGED:
            if name not in known:
                report(ProblemKind.UNRESOLVED_VALUE, f"nothing before it shows {_shown(name)!r}")
            value = known.get(name, UNCHANGED)
        values[name] = value
    return values


class _Object(dict[str, object]):
    """A JSON object that knows which of its names are written more than once; the last value counts."""

    def __init__(self, pairs: Sequence[tuple[str, object]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs) if len(self) < len(pairs) else {}
        self.repeated = [name for name, count in counts.items() if count > 1]


def _as_text(value: object) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        return ""


def _value(text: str | None, complete: bool, report: _Report) -> str:
    if text is None:
        return ""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if complete:
            report(ProblemKind.INVALID_JSON, _shown(text))
        return text
    if isinstance(value, str):
        return value
    report(ProblemKind.INVALID_JSON, f"not a string: {_shown(text)}")
    return text


def _shown(segment: Segment, limit: int = 80) -> str:
    text = segment.value if isinstance(segment, Special) else segment
    return text if len(text) <= limit else text[:limit] + "…"
