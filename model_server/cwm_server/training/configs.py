"""Named model sizes. They have CWM's pattern of layers: every fourth attends to everything, the others to a window.

So do those in which something is looked up that may have been said long ago: what has not changed, and elements by a
place that has to be worked out.
"""

from __future__ import annotations

from dataclasses import replace

from cwm_server.model_config import FULL, SLIDING, ModelConfig
from cwm_server.tokenizer import Tokenizer
from cwm_server.training.heads import ASKED, tapped_layers
from cwm_tracer.wire import Special


def _size(hidden: int, layers: int, heads: int, groups: int, inner: int, window: int, context: int) -> ModelConfig:
    return ModelConfig(
        vocab_size=1,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        head_dim=hidden // heads,
        sliding_window=window,
        max_position_embeddings=context,
    )


SIZES = {
    "tiny": _size(16, 2, 2, 1, 32, 64, 256),  # some 10 thousand parameters, for tests
    "small": _size(256, 8, 4, 2, 704, 512, 2048),  # 6 million
    "deep": _size(256, 14, 4, 2, 1024, 512, 2048),  # 14 million; the small one grows to it
    "medium": _size(512, 10, 8, 2, 1408, 512, 4096),  # 30 million
    "large": _size(768, 16, 12, 4, 2048, 1024, 8192),  # 100 million
}


def branch_tokens(tokenizer: Tokenizer) -> tuple[int, int]:
    """Two tokens that no text has, for `ModelConfig.branch_token_ids`: bytes that UTF-8 does not use."""
    found = {tokenizer.bytes_of(index): index for index in range(tokenizer.vocabulary_size)}
    return found[b"\xfe"], found[b"\xff"]


def config_for(size: str, tokenizer: Tokenizer) -> ModelConfig:
    """The model of a named size that reads and writes the tokens of `tokenizer`."""
    model = SIZES[size]
    asked = dict(zip(ASKED, tapped_layers(model.num_hidden_layers), strict=True))
    full = {index for index, kind in enumerate(model.layer_types[:-1]) if kind == FULL}  # the last uses what is found
    full |= {asked["held"] - 1, *range(asked["second"], asked["third"])}
    return replace(
        model,
        layer_types=tuple(FULL if index in full else SLIDING for index in range(model.num_hidden_layers)),
        vocab_size=tokenizer.vocabulary_size,
        bos_token_id=tokenizer.special(Special.BEGIN),
        eos_token_id=tokenizer.special(Special.END),
    )
