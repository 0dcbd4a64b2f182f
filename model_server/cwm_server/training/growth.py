"""The weights of a model in a larger one, which computes the same until it is trained.

New layers add nothing to the residual stream at first, and neither do new rows of a feed-forward: what they write is
zero, what they read is random (after Net2Net, Chen et al., ICLR 2016; stacked layers as identity, LLaMA Pro, 2024).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from torch import Tensor

from cwm_server.model_config import ModelConfig
from cwm_server.training.heads import tapped_layers
from cwm_server.training.optimizer import WRITES

_SHAPES = (
    "vocab_size",
    "hidden_size",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "tie_word_embeddings",
)
_REST = ("sliding_window", "rope_parameters", "rms_norm_eps")  # what else a model computes with
_LAYER = re.compile(r"(?<=\.layers\.)\d+")


def placed(kinds: Sequence[str], among: Sequence[str]) -> tuple[int, ...] | None:
    """Where layers that see what `kinds` say stand `among` others of the same kinds; None where they don't fit in.

    In their order, and so that what is asked behind a layer is still asked behind it, as nearly as can be.
    """
    few, many = len(kinds), len(among)
    *asked, _ = zip(tapped_layers(few), tapped_layers(many), strict=True)  # the choice only follows them
    depths = dict(asked) | {1: 1, few: many}
    numbers = sorted(depths)
    wanted = np.interp(range(1, few + 1), numbers, [depths[number] for number in numbers]) - 1

    @cache
    def best(index: int, first: int) -> tuple[float, tuple[int, ...]] | None:
        if index == len(kinds):
            return 0.0, ()
        found = [
            (rest[0] + abs(place - float(wanted[index])), (place, *rest[1]))
            for place in range(first, len(among))
            if among[place] == kinds[index] and (rest := best(index + 1, place + 1)) is not None
        ]
        return min(found, default=None)

    result = best(0, 0)
    return None if result is None else result[1]


def fits(small: ModelConfig, large: ModelConfig) -> bool:
    """Whether weights of the one can be taken by the other.

    By a model of the same size, whatever its layers see; or by one that has more layers, wider feed-forwards and
    nothing else of its own, so that it computes the same.
    """
    if not _agree(small, large, _SHAPES):
        return False
    if _is_as_large(small, large):
        return True
    wider = small.intermediate_size <= large.intermediate_size
    return wider and _agree(small, large, _REST) and placed(small.layer_types, large.layer_types) is not None


def _agree(one: ModelConfig, other: ModelConfig, names: Sequence[str]) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _is_as_large(small: ModelConfig, large: ModelConfig) -> bool:
    return _agree(small, large, ("num_hidden_layers", "intermediate_size"))


def silent(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights with blocks that write zeros."""
    return {
        name: tensor.new_zeros(tensor.shape) if name.endswith(WRITES) else tensor for name, tensor in weights.items()
    }


def grow(
    weights: Mapping[str, Tensor], small: ModelConfig, fresh: Mapping[str, Tensor], large: ModelConfig
) -> dict[str, Tensor]:
    """The tensors `fresh` of a `large` model that was just initialized, with the `weights` of a `small` one in it.

    `fits` holds of the two; blocks of `fresh` write zeros.
    """
    same = _is_as_large(small, large)
    places = range(small.num_hidden_layers) if same else placed(small.layer_types, large.layer_types)
    assert places is not None
    grown = {name: tensor.clone() for name, tensor in fresh.items()}
    for name, tensor in weights.items():
        target = grown[_LAYER.sub(lambda found: str(places[int(found[0])]), name)]
        target[tuple(slice(0, size) for size in tensor.shape)] = tensor
    return grown
