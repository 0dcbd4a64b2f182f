"""What describes a model: `config.json` under the field names of transformers' `CwmConfig`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

FULL = "full_attention"
SLIDING = "sliding_attention"
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
_OWN = ("tokenizer_sha256", "branch_token_ids")  # fields that transformers does not know


class CheckpointError(Exception):
    """A model directory that can't be used; the text says which file, what is wrong with it, and what to do."""


def _layer_pattern(layers: int) -> tuple[str, ...]:
    """CWM's pattern: every fourth layer, from the first on, attends to everything."""
    return tuple(FULL if index % 4 == 0 else SLIDING for index in range(layers))


def _default_rope() -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": 10_000.0}


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What `config.json` says of a model, under the names of transformers' `CwmConfig`.

    `layer_types` may be left empty for CWM's own pattern. `rope_parameters` holds `rope_theta` and `rope_type`,
    "default" or "llama3"; the latter also `factor`, `low_freq_factor`, `high_freq_factor` and
    `original_max_position_embeddings`. `tokenizer_sha256`, which is ours, is the digest of the tokenizer's file that
    the model was trained with; transformers passes it over. So is `branch_token_ids`: two tokens that no text has, with
    whose logits the model says, where a frame behind a condition begins and where its line is chosen, that the
    condition does not hold, or that it does.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    sliding_window: int = 512
    layer_types: tuple[str, ...] = ()
    rope_parameters: Mapping[str, Any] = field(default_factory=_default_rope)
    rms_norm_eps: float = 1e-5
    tie_word_embeddings: bool = True
    max_position_embeddings: int = 2048
    bos_token_id: int = 0
    eos_token_id: int | tuple[int, ...] = 1
    pad_token_id: int | None = None
    initializer_range: float = 0.02
    tokenizer_sha256: str | None = None
    branch_token_ids: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not self.layer_types:
            object.__setattr__(self, "layer_types", _layer_pattern(self.num_hidden_layers))
        wrong = self._fault()
        if wrong:
            raise CheckpointError(f"config: {wrong}")

    def _fault(self) -> str:
        if len(self.layer_types) != self.num_hidden_layers:
            return f"layer_types names {len(self.layer_types)} layers, num_hidden_layers is {self.num_hidden_layers}"
        unknown = set(self.layer_types) - {FULL, SLIDING}
        if unknown:
            return f"unknown layer_types {sorted(unknown)}"
        if self.num_attention_heads % self.num_key_value_heads:
            return "num_attention_heads is not a multiple of num_key_value_heads"
        if self.head_dim % 2:
            return f"head_dim {self.head_dim} is odd"
        if self.rope_parameters.get("rope_type", "default") not in ("default", "llama3"):
            return f"unknown rope_type {self.rope_parameters.get('rope_type')!r}"
        if self.branch_token_ids is not None and not self._are_two(self.branch_token_ids):
            return f"branch_token_ids are to be two of {self.vocab_size} tokens, not {self.branch_token_ids}"
        return ""

    def _are_two(self, tokens: Any) -> bool:
        is_pair = isinstance(tokens, tuple) and len(tokens) == 2 and tokens[0] != tokens[1]
        return is_pair and all(isinstance(each, int) and 0 <= each < self.vocab_size for each in tokens)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """Read the text of a `config.json`. Raises CheckpointError on another model type or missing fields."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise CheckpointError(f"config is not JSON: {error}") from None
        if not isinstance(values, dict) or values.get("model_type") != "cwm":
            raise CheckpointError("config is not of model_type 'cwm'; only CWM's architecture can be loaded")
        if values.get("mlp_bias") or values.get("hidden_act", "silu") != "silu":
            raise CheckpointError("config asks for mlp_bias or another hidden_act than silu, which CWM does not have")
        known = {name: values[name] for name in (f.name for f in fields(cls)) if values.get(name) is not None}
        for name in ("layer_types", "eos_token_id", "branch_token_ids"):
            if isinstance(known.get(name), list):
                known[name] = tuple(known[name])
        try:
            return cls(**known)
        except TypeError as error:
            raise CheckpointError(f"config is incomplete: {error}") from None

    def to_json(self) -> str:
        """The text of a `config.json` that transformers loads as it is."""
        values = asdict(self)
        values["rope_parameters"] = dict(self.rope_parameters)
        values = {name: value for name, value in values.items() if name not in _OWN or value is not None}
        extra = {"architectures": ["CwmForCausalLM"], "model_type": "cwm", "hidden_act": "silu", "mlp_bias": False}
        return json.dumps({**extra, "dtype": "bfloat16", **values}, indent=2, sort_keys=True) + "\n"
