"""Traces as a model's tokens: frame by frame, so that their borders among the tokens are known, in windows that fit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cwm_server.tokenizer import Tokenizer
from cwm_tracer import wire
from cwm_tracer.model import Event, Frame
from cwm_tracer.wire import EVENT_TOKEN, START, Cursor, Decoded, Special
from pytest_cwm.predictors.base import PredictionError
from pytest_cwm.predictors.standing import NOTHING, Open, Standing, within

_KEPT = 50_000
_TOLD = 1024  # tokens
_UNKNOWN = Cursor((0,), 1)  # in an activation of which no value is known


class Codec:
    """Frames to token ids and back. Raises `PredictionError` for what the tokenizer can't carry."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.tokenizer = tokenizer.digest
        self.separator = tokenizer.special(Special.FRAME)
        self.end = tokenizer.special(Special.END)
        self._said: dict[int, tuple[Frame, Mapping[str, str] | None, list[int]]] = {}

    def event(self, event: Event) -> int:
        """The token that begins a frame of this kind."""
        return self._tokenizer.special(EVENT_TOKEN[event])

    def context(self, text: str) -> list[int]:
        """The prompt before the first frame."""
        return self._encode(wire.encode_context(text))

    def frame(self, frame: Frame, cursor: Cursor) -> list[int]:
        """A frame in canonical form, its closing separator included."""
        return self._encode(wire.encode_frame(frame, cursor))

    def standing(self, opened: Open) -> tuple[int, tuple[int, ...]]:
        """How many activations are open around those that are told of, and the tokens of the frames that tell of them.

        The frames are written in full. There are no more tokens than can be sent along with every question.
        """
        told = [self.frame(frame, _UNKNOWN) for frame in opened.frames]
        shown = within(opened, [len(ids) for ids in told], _TOLD)
        ids = told[len(told) - len(shown.frames) :]
        return shown.depth, tuple(itertools.chain.from_iterable(ids))

    def said(self, frame: Frame, cursor: Cursor) -> list[int]:
        """A frame in the model's own tokens, if it has some that still say what the frame says; else in canonical form.

        A session asks for the same frames at every step: the last answers are kept.
        """
        known = self._said.get(id(frame))
        if known is not None and known[0] is frame and known[1] is cursor.known:
            return known[2]
        tokens = self._own(frame, cursor) or self.frame(frame, cursor)
        if len(self._said) >= _KEPT:
            self._said.clear()
        self._said[id(frame)] = (frame, cursor.known, tokens)
        return tokens

    def _own(self, frame: Frame, cursor: Cursor) -> list[int] | None:
        if not frame.tokens or frame.tokens[-1] != self.separator:
            return None
        try:
            read = self.read(frame.tokens, cursor)
        except PredictionError:  # another model's tokens
            return None
        return list(frame.tokens) if [_content(own) for own in read.frames] == [_content(frame)] else None

    def read(self, ids: Sequence[int], cursor: Cursor, first: int = 0) -> Decoded:
        """What a model's tokens say at `cursor`."""
        try:
            return wire.decode(self._tokenizer.decode(ids), cursor, first)
        except (IndexError, KeyError, ValueError, OverflowError):
            raise PredictionError(
                f"the model says tokens that {self._tokenizer.name} does not have: it is not this model's tokenizer"
            ) from None

    def _encode(self, segments: list[wire.Segment]) -> list[int]:
        try:
            return self._tokenizer.encode(segments)
        except ValueError as error:
            raise PredictionError(f"the trace can't be written in the model's tokens: {error}") from None


def _content(frame: Frame) -> tuple[object, ...]:
    return frame.event, frame.source, frame.locals, frame.argument


@dataclass(frozen=True, slots=True)
class Window:
    """A prompt of the context and the frames `start` to `stop - 1`, of which those from `first` on are predicted in it.

    `bounds[i]` is where frame `start + i` begins in `ids`, `cursors[i]` the wire's cursor before it; the last item of
    `bounds` is the length of `ids`. `opened` is what stands open before its first frame.
    """

    ids: list[int]
    start: int
    first: int
    stop: int
    bounds: list[int]
    cursors: list[Cursor]
    opened: Open = NOTHING

    def span(self, frame: int) -> tuple[int, int]:
        """Where a frame begins and ends in `ids`."""
        return self.bounds[frame - self.start], self.bounds[frame - self.start + 1]

    def cursor(self, frame: int) -> Cursor:
        """The cursor before a frame."""
        return self.cursors[frame - self.start]


@dataclass(frozen=True, slots=True)
class Unfit:
    """A frame for which no window is large enough: with the one before it, it needs `tokens`."""

    frame: int
    tokens: int


def windows(
    encode: Callable[[Frame, Cursor], list[int]], context: Sequence[int], frames: Sequence[Frame], limit: int | None
) -> Iterator[Window | Unfit]:
    """Cut a trace into prompts of at most `limit` tokens in which every frame but the first is predicted exactly once.

    A window after the first repeats frames of the one before, a quarter of its tokens at most but at least the last
    frame, and shows the first of them with full values.
    """
    cursors = [START]
    for frame in frames:
        cursors.append(cursors[-1].after(frame))
    standing = Standing(frames)
    start, first = 0, 1
    while first < len(frames):
        window, needed = _fill(encode, context, frames, cursors, start, first, limit)
        if window.stop > first:
            yield replace(window, opened=standing.at(start))
            start, first = _overlap(window, len(context), limit), window.stop
        elif start < first - 1:
            start = first - 1
        else:
            yield Unfit(first, needed)
            start, first = first, first + 1


def _fill(
    encode: Callable[[Frame, Cursor], list[int]],
    context: Sequence[int],
    frames: Sequence[Frame],
    cursors: Sequence[Cursor],
    start: int,
    first: int,
    limit: int | None,
) -> tuple[Window, int]:
    """The longest window from `start` on, and how many tokens one frame more would have made."""
    cursor = cursors[start].forgetting() if start else cursors[0]
    ids, bounds, before = list(context), [len(context)], [cursor]
    needed = len(ids)
    for frame in frames[start:]:
        tokens = encode(frame, cursor)
        needed = len(ids) + len(tokens)
        if limit is not None and needed > limit:
            break
        ids += tokens
        cursor = cursor.after(frame)
        bounds.append(len(ids))
        before.append(cursor)
    return Window(ids, start, first, start + len(bounds) - 1, bounds, before), needed


def _overlap(window: Window, context: int, limit: int | None) -> int:
    """Where the window after this one begins."""
    start = window.stop - 1
    budget = ((limit or 0) - context) // 4
    while start - 1 > window.start and window.bounds[-1] - window.bounds[start - 1 - window.start] <= budget:
        start -= 1
    return start
