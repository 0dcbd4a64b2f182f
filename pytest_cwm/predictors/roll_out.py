"""Free-running prediction: the model continues a trace until it ends it, or cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_tracer.model import Context, Ending, Frame, Meta, Problem, ProblemKind, RollOut, Trace
from cwm_tracer.wire import Cursor
from pytest_cwm.predictors.asking import Model, with_tokens
from pytest_cwm.predictors.base import PredictionError, Sampling

_PIECE = 1024  # tokens asked for at once
_FRAME = 48  # tokens of a usual frame


def roll_out(
    model: Model,
    context: Context,
    prefix: Sequence[Frame],
    max_frames: int,
    sampling: Sampling,
    draft: Sequence[Frame] = (),
) -> RollOut:
    """Continue `prefix`; see `Predictor.roll_out`."""
    imagined = _Imagined(model, list(prefix), max_frames, draft)
    failure: str | None = None
    ending = Ending.OPEN
    try:
        ending = imagined.run(context, sampling)
        failure = imagined.failure
    except PredictionError as error:
        failure = str(error)
    name = model.known.name if model.known else ""
    trace = Trace(tuple(imagined.frames), context, Meta(None, ending, name or "model"))
    return RollOut(trace, tuple(imagined.problems), failure, name)


class _Imagined:
    """The frames so far and what was wrong with them."""

    def __init__(self, model: Model, frames: list[Frame], max_frames: int, draft: Sequence[Frame]) -> None:
        self.frames = frames
        self.problems: list[Problem] = []
        self.failure: str | None = None
        self._model = model
        self._max_frames = max_frames
        self._draft = draft
        self._cursor = Cursor()
        self._pending: list[int] = []  # tokens of a frame that is not complete

    def run(self, context: Context, sampling: Sampling) -> Ending:
        if len(self.frames) >= self._max_frames:
            return Ending.TRUNCATED
        begin = self._model.prompt(context, self.frames)
        prompt, self._cursor = begin.ids, begin.cursor
        longest = self._model.context_length
        while True:
            piece = min(_PIECE, max(64, _FRAME * (self._max_frames - len(self.frames))))
            if longest is not None:
                piece = min(piece, longest - len(prompt))
            if piece < 1:
                self.failure = f"the model's context of {longest} tokens is full after {len(self.frames)} frames"
                return Ending.OPEN
            stop = (self._model.codec.end,)
            answer = self._model.transport.generate(
                [prompt],
                max_tokens=piece,
                stop=stop,
                sampling=sampling,
                constraint=begin.constraint,
                draft=self._guesses(piece),
            )[0]
            prompt += answer.ids
            before = len(self.frames)
            ending = self._read(answer.ids)
            if ending is not None:
                return ending
            if answer.stopped or not answer.ids:
                # Stopped without a token of ours: the server left out the end, or the model said another end.
                return self._end() if not self._pending else self._broken()
            if len(self.frames) == before and (
                len(self._pending) < len(answer.ids) or len(self._pending) >= self._model.room
            ):
                return self._broken()

    def _guesses(self, tokens: int) -> list[int]:
        """About as many tokens of the true trace from the frame on that comes next."""
        cursor, ids = self._cursor, list[int]()
        for frame in self._draft[len(self.frames) :]:
            ids += self._model.codec.frame(frame, cursor)
            cursor = cursor.after(frame)
            if len(ids) > 2 * tokens:
                return ids
        return [*ids, self._model.codec.end] if ids and not cursor.depth else ids

    def _read(self, ids: Sequence[int]) -> Ending | None:
        codec = self._model.codec
        for place, token in enumerate(ids):
            self._pending.append(token)
            if token == codec.end:
                return self._end()
            if token == codec.separator:
                self._take()
                if len(self.frames) >= self._max_frames:
                    return Ending.RETURNED if codec.end in ids[place + 1 : place + 2] else Ending.TRUNCATED
        return None

    def _take(self) -> None:
        """Read the tokens of one frame."""
        read = self._model.codec.read(self._pending, self._cursor, len(self.frames))
        for frame in read.frames:
            self.frames.append(with_tokens(frame, self._pending, self._model.codec.separator))
        self.problems.extend(read.problems)
        self._cursor = read.cursor
        self._pending = []

    def _end(self) -> Ending:
        if self._pending:
            self._take()
        return Ending.RETURNED

    def _broken(self) -> Ending:
        if self._pending:
            self.problems.append(Problem(ProblemKind.TRUNCATED_FRAME, len(self.frames)))
        return Ending.OPEN
