"""What a prediction depends on besides its prompt: two predictions are comparable where all of it is equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any
# Raised when the same trace is put before a model in other words: `cwm_tracer.wire`, `predictors.prompts`, or a
# tokenizer class that cuts the same text otherwise.
TEMPLATE = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """`weights` and `tokenizer` are SHA-256 in hex, None where the server does not say.

    `decoding` holds every setting that may change an answer, but for those of one question (temperature, seed, ...).
    """

    model: str
    weights: str | None = None
    tokenizer: str | None = None
    template: int = TEMPLATE
    decoding: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """As it stands in a report's `model`."""
        return {
            "name": self.model,
            "weights": self.weights,
            "tokenizer": self.tokenizer,
            "template": self.template,
            "decoding": dict(self.decoding),
        }
