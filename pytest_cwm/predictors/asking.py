"""A model that can be asked for frames: how it is reached, its tokens, and how much fits into one question."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cwm_server.tokenizer import Tokenizer
from cwm_tracer.model import Choice, Context, Frame, Trace
from cwm_tracer.wire import START, Cursor
from pytest_cwm.predictors.base import GREEDY, PredictionError, Sampling
from pytest_cwm.predictors.prompts import Codec, Unfit, windows
from pytest_cwm.predictors.standing import NOTHING, Open
from pytest_cwm.predictors.transport import Constraint, Generated, ModelInfo, Transport


@dataclass(frozen=True, slots=True)
class Prompt:
    """Tokens up to some frame, the cursor there, and what constrains the tokens that follow, if anything does."""

    ids: list[int]
    cursor: Cursor
    constraint: Constraint | None


class Model:
    """Everything here raises `PredictionError` for what a server does.

    `context_length` overrides what the server says, `frame_tokens` bounds one frame. With `guessed` nobody named the
    tokenizer, so the server must confirm that its model was made with this one. With `constrain` decoding is
    constrained where the server can do that.
    """

    def __init__(
        self,
        transport: Transport,
        tokenizer: Tokenizer,
        *,
        context_length: int | None = None,
        frame_tokens: int = 2048,
        guessed: bool = False,
        constrain: bool = True,
    ) -> None:
        self.transport = transport
        self.codec = Codec(tokenizer)
        self._tokenizer = tokenizer
        self._context_length = context_length
        self._frame_tokens = frame_tokens
        self._guessed = guessed
        self._constrain = constrain
        self._lock = threading.Lock()
        self._info: ModelInfo | None = None

    @property
    def known(self) -> ModelInfo | None:
        """What the server said, if it was asked already."""
        return self._info

    def info(self) -> ModelInfo:
        """What the server says, asked for once and checked against the tokenizer."""
        with self._lock:
            if self._info is None:
                info = self.transport.model()
                self._check_tokenizer(info)
                self.transport.probe()
                self._info = info
            return self._info

    @property
    def context_length(self) -> int | None:
        """Prompt and answer together, in tokens; None where nobody says."""
        said = self.info().context_length  # asked in any case, since it checks the tokenizer
        return self._context_length or said

    @property
    def room(self) -> int:
        """How many tokens a frame may have."""
        length = self.context_length
        return self._frame_tokens if length is None else max(1, min(self._frame_tokens, length // 4))

    @property
    def limit(self) -> int | None:
        """How many tokens of a prompt leave room for a frame."""
        length = self.context_length
        return None if length is None else length - self.room

    @property
    def constrains(self) -> bool:
        """Whether decoding is constrained: wanted, and known to the server."""
        return self._constrain and "constraint" in self.info().extensions

    def constraint(self, context: Context, opened: Open = NOTHING) -> Constraint | None:
        """What constrains a prompt of this context before which some activations are open; None where nothing does."""
        if not self.constrains:
            return None
        depth, before = self.codec.standing(opened)
        return Constraint(context.complete, depth, self.room, before)

    def beginning(self, context: Context) -> list[int]:
        """The prompt before the first frame."""
        ids, limit = self.codec.context(context.text), self.limit
        if limit is not None and len(ids) > limit:
            raise PredictionError(
                f"the context alone has {len(ids)} tokens, the model takes {limit}: "
                "choose a smaller --cwm-context-tokens"
            )
        return ids

    def prompt(self, context: Context, prefix: Sequence[Frame]) -> Prompt:
        """A prompt that ends after `prefix`. What is too long loses its oldest frames."""
        ids, limit = self.beginning(context), self.limit
        if not prefix:
            return Prompt(ids, START, self.constraint(context))
        wanted = replace(prefix[-1])  # stands for the frame that comes next

        def encode(frame: Frame, cursor: Cursor) -> list[int]:
            return [] if frame is wanted else self.codec.said(frame, cursor)

        *_, last = windows(encode, ids, [*prefix, wanted], limit)
        if isinstance(last, Unfit):
            raise PredictionError(too_long(last.frame - 1, last.tokens, limit))
        where = len(prefix) - last.start
        constraint = self.constraint(context, last.opened)
        return Prompt(last.ids[: last.bounds[where]], last.cursors[where], constraint)

    def prompt_ids(self, context: Context, frames: Sequence[Frame]) -> list[int]:
        """The tokens of a context and all frames after it, as if any number of them fitted."""
        ids = self.codec.context(context.text)
        cursor = START
        for frame in frames:
            ids += self.codec.said(frame, cursor)
            cursor = cursor.after(frame)
        return ids

    def unfit(self, truth: Trace) -> frozenset[int]:
        """The frames of a trace for which no prompt is large enough."""
        try:
            beginning = self.beginning(truth.context)
        except PredictionError:
            return frozenset(range(len(truth.frames)))
        cut = windows(self.codec.frame, beginning, truth.frames, self.limit)
        return frozenset(each.frame for each in cut if isinstance(each, Unfit))

    def one_frame(self, prompt: Prompt, begun: Sequence[int], sampling: Sampling = GREEDY) -> Generated:
        """The rest of a frame whose first tokens are `begun`."""
        answer = self.transport.generate(
            [[*prompt.ids, *begun]],
            max_tokens=self.room,
            stop=(self.codec.separator, self.codec.end),
            sampling=sampling,
            constraint=prompt.constraint,
        )
        return Generated((*begun, *answer[0].ids), answer[0].stopped)

    def choice(self, answer: Generated, cursor: Cursor, index: int, bits: float | None = None) -> Choice:
        """What an answer says at `cursor`; `index` numbers the frame in problems."""
        read = self.codec.read(answer.ids, cursor, index)
        if not read.frames:
            # A server may leave out the token at which it stopped; of ours only the end can be left out.
            return Choice(None, read.problems, bits, ended=read.ended or (answer.stopped and not answer.ids))
        return Choice(with_tokens(read.frames[0], answer.ids, self.codec.separator), read.problems, bits)

    def _check_tokenizer(self, info: ModelInfo) -> None:
        ours = self._tokenizer.digest
        if info.tokenizer is None and self._guessed:
            raise PredictionError(
                f"{info.name}: name the model's tokenizer.json or tokenizer.model with --cwm-tokenizer PATH"
            )
        if info.tokenizer is not None and info.tokenizer != ours:
            raise PredictionError(
                f"{info.name} was made with another tokenizer than {self._tokenizer.name} "
                f"(sha256 {info.tokenizer[:12]}, here {ours[:12]}): name it with --cwm-tokenizer PATH"
            )


def with_tokens(frame: Frame, ids: Sequence[int], separator: int) -> Frame:
    """A frame that remembers its tokens, if they are complete."""
    if not ids or ids[-1] != separator:
        return frame
    return replace(frame, tokens=tuple(ids))


def too_long(frame: int, tokens: int, limit: int | None) -> str:
    """Why a frame has no prediction."""
    return f"frame {frame} does not fit: with the context and the frame before it, it needs {tokens} tokens of {limit}"
