"""The predictor for every model that takes and gives tokens, and the one that uses the completions protocol."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_server.tokenizer import Tokenizer
from cwm_tracer.model import Choice, Context, Event, Frame, RollOut, Trace, Verification
from pytest_cwm.predictors.asking import Model
from pytest_cwm.predictors.base import GREEDY, Sampling
from pytest_cwm.predictors.http import JsonClient, Timeouts
from pytest_cwm.predictors.identity import Identity
from pytest_cwm.predictors.openai import OpenAITransport
from pytest_cwm.predictors.roll_out import roll_out
from pytest_cwm.predictors.transport import Transport
from pytest_cwm.predictors.verify import verify


class TokenPredictor:
    """A `Predictor` over a transport. See `pytest_cwm.predictors.asking.Model` for the arguments.

    `name` is the model's own once the server was asked, before that what the user named.
    """

    drafts = True

    def __init__(
        self,
        transport: Transport,
        tokenizer: Tokenizer,
        *,
        name: str,
        context_length: int | None = None,
        frame_tokens: int = 2048,
        guessed: bool = False,
        constrain: bool = True,
    ) -> None:
        self.name = name
        self._transport = transport
        self._model = Model(
            transport,
            tokenizer,
            context_length=context_length,
            frame_tokens=frame_tokens,
            guessed=guessed,
            constrain=constrain,
        )

    @property
    def constrained(self) -> bool | None:
        """Whether decoding is constrained; None until the server was asked."""
        return None if self._model.known is None else self._model.constrains

    @property
    def engine(self) -> str | None:
        """What the server was recognised as; None until it was asked."""
        return None if self._model.known is None else self._model.known.engine

    @property
    def scores(self) -> bool | None:
        """Whether it shows the probabilities of given tokens; None until it was asked."""
        return None if self._model.known is None else self._transport.can_score

    @property
    def identity(self) -> Identity | None:
        """What its predictions depend on; None until the server was asked."""
        return None if self._model.known is None else self.identify()

    def identify(self) -> Identity:
        """The same, asking the server. Raises `PredictionError`."""
        info = self._model.info()
        settings = {
            "constrained": self._model.constrains,
            "context_length": self._model.context_length,
            "frame_tokens": self._model.room,
        }
        return Identity(info.name, info.weights, self._model.codec.tokenizer, decoding=settings)

    def prompt_ids(self, context: Context, frames: Sequence[Frame]) -> list[int]:
        """The tokens of a context and all frames after it, as if any number of them fitted."""
        return self._model.prompt_ids(context, frames)

    def unfit(self, truth: Trace) -> frozenset[int]:
        """The frames of which there can be no prediction, since no prompt is large enough."""
        return self._model.unfit(truth)

    def verify(self, truth: Trace) -> Verification:
        """See `Predictor`. One prefill gives the model's opinion of all; only frames it would change are decoded."""
        try:
            return verify(self._model, truth)
        finally:
            self._learn_name()

    def roll_out(
        self,
        context: Context,
        prefix: Sequence[Frame],
        *,
        max_frames: int,
        sampling: Sampling = GREEDY,
        draft: Sequence[Frame] = (),
    ) -> RollOut:
        """See `Predictor`. It stops where the model's context is full."""
        try:
            return roll_out(self._model, context, prefix, max_frames, sampling, draft)
        finally:
            self._learn_name()

    def next_frame(
        self, context: Context, prefix: Sequence[Frame], *, event: Event | None = None, sampling: Sampling = GREEDY
    ) -> Choice:
        """See `Predictor`. Of a prefix that does not fit, the model sees the last frames."""
        prompt = self._model.prompt(context, prefix)
        self._learn_name()
        begun = () if event is None else (self._model.codec.event(event),)
        return self._model.choice(self._model.one_frame(prompt, begun, sampling), prompt.cursor, len(prefix))

    def close(self) -> None:
        """Close the connection; what is asked afterwards fails."""
        self._transport.close()

    def _learn_name(self) -> None:
        if self._model.known is not None:
            self.name = self._model.known.name


class CompletionsPredictor(TokenPredictor):
    """A model behind `/v1/completions`: vLLM, or `python -m cwm_server.serve`.

    `url` is the server's root (a trailing `/v1` is accepted), `token` its bearer token, `model` the name it serves the
    model under (default: the first it lists), `context_length` overrides what it says.
    """

    def __init__(
        self,
        url: str,
        tokenizer: Tokenizer,
        *,
        token: str | None = None,
        model: str | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
        context_length: int | None = None,
        frame_tokens: int = 2048,
        guessed: bool = False,
        constrain: bool = True,
        allow_http: bool = False,
    ) -> None:
        client = JsonClient(url, token=token, timeouts=timeouts, allow_http=allow_http)
        super().__init__(
            OpenAITransport(client, model),
            tokenizer,
            name=model or client.shown,
            context_length=context_length,
            frame_tokens=frame_tokens,
            guessed=guessed,
            constrain=constrain,
        )
