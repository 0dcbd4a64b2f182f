"""Where predicted frames come from: one module for each source, and the factory that chooses among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_cwm.predictors.base import Predictor

ENGINES = ("auto", "vllm", "sglang", "fgserve")


def make_predictor(
    *,
    server: str | None = None,
    engine: str = "auto",
    model: str | None = None,
    tokenizer: str | None = None,
    token: str | None = None,
    constrain: bool = True,
    allow_http: bool = False,
) -> Predictor:
    """The predictor that options ask for: the embedded model without a `server`, else the model behind that URL.

    `engine` says what the server is; "vllm" is the completions protocol, which our own server speaks too, and "auto"
    asks the server. `model` names the model at the server, or the directory of another model for the embedded server.
    `tokenizer` is a path; without one the server must confirm that its model has the embedded model's. With
    `constrain` only well-formed frames of the prompt's own source are decoded, where the server can do that (ours can).
    `allow_http` lets plain HTTP go to another machine. Asks nobody anything yet. Raises PredictionError, one line,
    when there is nothing to ask.
    """
    from pytest_cwm.predictors.base import PredictionError

    if server is None:
        from pytest_cwm.predictors.embedded import EmbeddedPredictor

        return EmbeddedPredictor(model, constrain=constrain)
    if engine not in ENGINES:
        raise PredictionError(f"unknown engine {engine!r}: choose one of {', '.join(ENGINES)}")

    from cwm_server.tokenizer import TokenizerError, load_tokenizer
    from pytest_cwm.predictors.completions import TokenPredictor
    from pytest_cwm.predictors.http import JsonClient
    from pytest_cwm.predictors.recognise import make_transport

    client = JsonClient(server, token=token, allow_http=allow_http)
    if tokenizer is None and engine in ("sglang", "fgserve"):
        raise PredictionError(f"{engine} does not say which tokenizer its model has: name it with --cwm-tokenizer PATH")
    try:
        loaded = load_tokenizer(tokenizer)
    except TokenizerError as error:
        hint = "" if tokenizer else "; name the model's with --cwm-tokenizer PATH"
        raise PredictionError(f"{error}{hint}") from None
    return TokenPredictor(
        make_transport(engine, client, loaded, model),
        loaded,
        name=model or client.shown,
        guessed=tokenizer is None,
        constrain=constrain,
    )
