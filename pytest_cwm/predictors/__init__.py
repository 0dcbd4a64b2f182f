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
) -> Predictor:
    """The predictor that options ask for: the embedded model without a `server`, else the model behind that URL.

    `engine` says what the server is; "auto" and "vllm" are the completions protocol. `model` names the model at the
    server, or the directory of another model for the embedded server. `tokenizer` is a path; without one the server
    must confirm that its model has the embedded model's. With `constrain` only well-formed frames of the prompt's own
    source are decoded, where the server can do that (ours can). Asks nobody anything yet. Raises PredictionError, one
    line, when there is nothing to ask.
    """
    from pytest_cwm.predictors.base import PredictionError

    if server is None:
        from pytest_cwm.predictors.embedded import EmbeddedPredictor

        return EmbeddedPredictor(model, constrain=constrain)
    if engine not in ENGINES:
        raise PredictionError(f"unknown engine {engine!r}: choose one of {', '.join(ENGINES)}")
    if engine == "sglang":
        raise PredictionError("the engine sglang is not supported yet: use vllm, or python -m cwm_server.serve")

    from cwm_server.tokenizer import TokenizerError, load_tokenizer

    if tokenizer is None and engine == "fgserve":
        raise PredictionError("fgserve does not say which tokenizer its model has: name it with --cwm-tokenizer PATH")
    try:
        loaded = load_tokenizer(tokenizer)
    except TokenizerError as error:
        hint = "" if tokenizer else "; name the model's with --cwm-tokenizer PATH"
        raise PredictionError(f"{error}{hint}") from None
    if engine == "fgserve":
        from pytest_cwm.predictors.fgserve import FgservePredictor

        return FgservePredictor(server, loaded, token=token, model=model)
    from pytest_cwm.predictors.completions import CompletionsPredictor

    return CompletionsPredictor(
        server, loaded, token=token, model=model, guessed=tokenizer is None, constrain=constrain
    )
