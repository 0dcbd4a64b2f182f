"""A model that can be asked for frames: how it is reached, its tokens, and how much fits into one question."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from cwm_server.tokenizer import Tokenizer
from cwm_tracer.model import Choice, Context, Frame
from cwm_tracer.wire import Cursor, advance
from pytest_cwm.predictors.base import GREEDY, PredictionError, Sampling
from pytest_cwm.predictors.prompts import Codec, Unfit, windows
from pytest_cwm.predictors.transport import Generated, ModelInfo, Transport


class Model:
    """Everything here raises `PredictionError` for what a server does.

    `context_length` overrides what the server says, `frame_tokens` bounds one frame. With `guessed` nobody named the
    tokenizer, so the server must confirm that its model was made with this one.
    """

    def __init__(
        self,
        transport: Transport,
        tokenizer: Tokenizer,
        *,
        context_length: int | None = None,
        frame_tokens: int = 2048,
        guessed: bool = False,
    ) -> None:
        self.transport = transport
        self.codec = Codec(tokenizer)
        self._tokenizer = tokenizer
        self._context_length = context_length
        self._frame_tokens = frame_tokens
        self._guessed = guessed
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

    def beginning(self, context: Context) -> list[int]:
        """The prompt before the first frame."""
        ids, limit = self.codec.context(context.text), self.limit
        if limit is not None and len(ids) > limit:
            raise PredictionError(
                f"the context alone has {len(ids)} tokens, the model takes {limit}: "
                "choose a smaller --cwm-context-tokens"
            )
        return ids

    def prompt(self, context: Context, prefix: Sequence[Frame]) -> tuple[list[int], Cursor]:
        """A prompt that ends after `prefix`, and the cursor there. What is too long loses its oldest frames."""
        ids, limit = self.beginning(context), self.limit
        if not prefix:
            return ids, advance(())
        wanted = replace(prefix[-1])  # stands for the frame that comes next

        def encode(frame: Frame, cursor: Cursor) -> list[int]:
            return [] if frame is wanted else self.codec.said(frame, cursor)

        *_, last = windows(encode, ids, [*prefix, wanted], limit)
        if isinstance(last, Unfit):
            raise PredictionError(too_long(last.frame - 1, last.tokens, limit))
        where = len(prefix) - last.start
        return last.ids[: last.bounds[where]], last.cursors[where]

    def one_frame(self, prompt: Sequence[int], begun: Sequence[int], sampling: Sampling = GREEDY) -> Generated:
        """The rest of a frame whose first tokens are `begun`."""
        stop = (self.codec.separator, self.codec.end)
        answer = self.transport.generate([[*prompt, *begun]], max_tokens=self.room, stop=stop, sampling=sampling)
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
