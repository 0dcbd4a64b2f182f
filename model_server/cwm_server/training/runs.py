"""What a training run leaves in its directory: a model, and beside it a state that has more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from cwm_server.architecture import Decoder, load_model

STATE = "state"
STATE_WEIGHTS = "model.safetensors"
HEADS = "heads."  # what the names of their parameters begin with


def model_of(directory: Path) -> tuple[Decoder, dict[str, Tensor]]:
    """The model of a directory, of a run in full precision as its state has it, and the tensors of the run's heads.

    Raises CheckpointError.
    """
    model = load_model(directory)
    state = directory / STATE / STATE_WEIGHTS
    if not state.exists():
        return model, {}
    weights, heads = parted(load_file(state))
    model.load_state_dict(weights)
    return model, heads


def parted(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of a state that are the model's, and those of the heads, by their names among its `HEADS`."""
    heads = {name[len(HEADS) :]: tensor for name, tensor in tensors.items() if name.startswith(HEADS)}
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(HEADS)}, heads
