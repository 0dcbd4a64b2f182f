"""What a training run leaves in its directory: a model, and beside it a state that has more."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from cwm_server.architecture import Decoder, load_model

STATE = "state"
STATE_WEIGHTS = "model.safetensors"
HEADS = "heads."  # what the names of their parameters begin with


def weights_of(directory: Path) -> tuple[Decoder, dict[str, Tensor]]:
    """The model of a directory, and its weights by name: of a run those of its state, in full precision, with heads.

    Raises CheckpointError.
    """
    model = load_model(directory)
    state = directory / STATE / STATE_WEIGHTS
    return model, load_file(state) if state.exists() else model.state_dict()
