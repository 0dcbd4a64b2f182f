"""From settings to the predictor that replays or records, and what is known of its model before it is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pytest_cwm.cassettes.entry import Known
from pytest_cwm.predictors.base import PredictionError, Predictor
from pytest_cwm.predictors.cassette import CassettePredictor, Mode, Recordable
from pytest_cwm.predictors.identity import TEMPLATE, Identity

if TYPE_CHECKING:
    from pytest_cwm.options import Settings

EMBEDDED_NAME = "cwm-embedded"


def open_cassettes(
    settings: Settings, own: Callable[[], Predictor | None], make: Callable[[], Predictor]
) -> CassettePredictor:
    """The predictor over the cassettes. Raises `PredictionError`.

    `own` gives a third party's predictor, if there is one, `make` that which the settings ask for. In `replay` neither
    is called. To record, a model is asked at once which it is, but for the embedded one: that is known, and started
    only for what is missing.
    """
    mode = cast(Mode, settings.cassette)
    given = own() if mode != "replay" else None
    if given is None and (mode == "replay" or settings.server is None):
        known = _known(settings, mode)
        return CassettePredictor(settings.cassettes, mode, known, make, known.model or "cassettes")
    inner = given if given is not None else make()
    try:
        if not hasattr(inner, "identify"):
            raise PredictionError(f"{inner.name} does not say which model it is, so it can't be recorded")
        identity = cast(Recordable, inner).identify()
    except PredictionError:
        inner.close()
        raise
    cassettes = CassettePredictor(settings.cassettes, mode, _exactly(identity), make, identity.model)
    cassettes.inner = cast(Recordable, inner)
    return cassettes


def _exactly(identity: Identity) -> Known:
    return Known(identity.model, identity.weights, identity.tokenizer, identity.template, identity.decoding)


def _known(settings: Settings, mode: Mode) -> Known:
    """What can be known without asking: what the user named, and what lies on this machine's disk."""
    name, weights, tokenizer = settings.model, None, None
    if settings.server is None and name is not None and Path(name).is_dir():
        weights, tokenizer = _digests_of(name)
        name = Path(name).resolve().name
    elif settings.server is None and name is None and mode != "replay":
        name = EMBEDDED_NAME
    if settings.tokenizer is not None:
        from cwm_server.fingerprint import tokenizer_digest

        tokenizer = tokenizer_digest(settings.tokenizer)
    # A server that can't constrain its decoding is recorded as it is: only the opposite wish is binding.
    decoding = {} if settings.constrain else {"constrained": False}
    return Known(name, weights, tokenizer, TEMPLATE, decoding, cache(_installed))


def _installed(model: str) -> tuple[str | None, str | None]:
    if model != EMBEDDED_NAME:
        return None, None
    from cwm_server.tokenizer import EMBEDDED

    return _digests_of(EMBEDDED)


def _digests_of(directory: str | Path) -> tuple[str | None, str | None]:
    """Of the weights and the tokenizer in a directory."""
    from cwm_server.fingerprint import tokenizer_digest, weights_digest  # a replay rarely needs it

    return weights_digest(directory), tokenizer_digest(directory)
