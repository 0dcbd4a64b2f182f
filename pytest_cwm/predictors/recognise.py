"""Which kind of server it is, by what it answers, and the transport that speaks to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cwm_server.tokenizer import Tokenizer
from cwm_tracer.wire import Special
from pytest_cwm.predictors.base import PredictionError, Sampling
from pytest_cwm.predictors.fgserve import FgserveTransport
from pytest_cwm.predictors.http import JsonClient, RefusedError
from pytest_cwm.predictors.openai import OpenAITransport
from pytest_cwm.predictors.sglang import SglangTransport
from pytest_cwm.predictors.transport import Constraint, Generated, ModelInfo, TokenScore, Transport

COMPLETIONS = ("vllm", "pytest-cwm")  # who owns a model that is served by the completions protocol


def recognise(client: JsonClient) -> str:
    """The engine behind a server: "vllm" (the completions protocol, which ours speaks too), "sglang" or "fgserve"."""
    try:
        listed = client.get("/v1/models")
    except RefusedError as error:
        if error.status != 404:
            raise
        # fgserve has two routes, both for POST alone.
        if client.status("/completions") == 405:
            return "fgserve"
        raise PredictionError(
            f"{client.shown} has no /v1/models: it is none of the model servers that are known; "
            "say what it is with --cwm-engine"
        ) from None
    try:
        owners = {item.get("owned_by") for item in listed["data"]}
    except (TypeError, KeyError, AttributeError):
        raise client.fault("/v1/models lists no model") from None
    if "sglang" in owners or (owners.isdisjoint(COMPLETIONS) and client.status("/get_model_info") == 200):
        return "sglang"
    return "vllm"


def make_transport(engine: str, client: JsonClient, tokenizer: Tokenizer, model: str | None = None) -> Transport:
    """The transport to a server of that kind; "auto" asks it at the first use."""
    if engine == "auto":
        return RecognisingTransport(client, tokenizer, model)
    if engine == "sglang":
        return SglangTransport(client, model)
    if engine == "fgserve":
        separator, end = tokenizer.special(Special.FRAME), tokenizer.special(Special.END)
        return FgserveTransport(client, {separator: Special.FRAME.value}, {end}, model)
    return OpenAITransport(client, model)


class RecognisingTransport:
    """Finds out at the first use what it speaks to."""

    def __init__(self, client: JsonClient, tokenizer: Tokenizer, model: str | None = None) -> None:
        self._client = client
        self._tokenizer = tokenizer
        self._model = model
        self._found: Transport | None = None

    @property
    def can_score(self) -> bool:
        """See `Transport`."""
        return self._transport().can_score

    def model(self) -> ModelInfo:
        """See `Transport`."""
        return self._transport().model()

    def probe(self) -> None:
        """See `Transport`."""
        self._transport().probe()

    def score(self, ids: Sequence[int], start: int = 1, constraint: Constraint | None = None) -> list[TokenScore]:
        """See `Transport`."""
        return self._transport().score(ids, start, constraint)

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        stop: Collection[int],
        sampling: Sampling,
        constraint: Constraint | None = None,
        draft: Sequence[int] = (),
    ) -> list[Generated]:
        """See `Transport`."""
        return self._transport().generate(
            prompts, max_tokens=max_tokens, stop=stop, sampling=sampling, constraint=constraint, draft=draft
        )

    def close(self) -> None:
        """See `Transport`."""
        self._client.close()

    def _transport(self) -> Transport:
        if self._found is None:
            self._found = make_transport(recognise(self._client), self._client, self._tokenizer, self._model)
        return self._found
