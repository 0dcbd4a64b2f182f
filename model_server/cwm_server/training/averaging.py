"""A model between one and what a run made of it: `python -m cwm_server.training average`.

Training on other data makes a model better at it and worse at what it has seen less of since. Weights on the straight
line between the two keep much of both (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
"""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from cwm_server.architecture import save_model
from cwm_server.tokenizer import SENTENCEPIECE_FILE, SentencePieceTokenizer
from cwm_server.training.growth import fits, grow, silent
from cwm_server.training.runs import HEADS, STATE, STATE_WEIGHTS, model_of


def average(before: Path, after: Path, share: float, out: Path) -> None:
    """Write the model that is `share` of the way, 0 to 1, from one to another with the same tokenizer.

    The other is of its size, or one that it grows to: what is new there begins as if it were not. The heads in between,
    or those that only the other has, are kept for a run that starts from there. Raises ValueError where the sizes are
    others, and CheckpointError.
    """
    for each in (before, after):
        if not (each / SENTENCEPIECE_FILE).exists():
            raise ValueError(f"{each}: no {SENTENCEPIECE_FILE} in it; name the directory of a model")
    tokenizers = [SentencePieceTokenizer((each / SENTENCEPIECE_FILE).read_bytes()) for each in (before, after)]
    if tokenizers[0].digest != tokenizers[1].digest:
        raise ValueError(f"{after} was trained with another tokenizer than {before}: there is nothing between them")
    (model, first), (other, heads) = model_of(before), model_of(after)
    if not fits(model.config, other.config):
        raise ValueError(f"{after} is of a size to which {before} does not grow: there is nothing between them")
    end = other.state_dict()
    start = grow(model.state_dict(), model.config, silent(end), other.config)
    other.load_state_dict({name: tensor.lerp(end[name], share) for name, tensor in start.items()})
    save_model(other, out, tokenizer=tokenizers[0].digest)
    (out / SENTENCEPIECE_FILE).write_bytes(tokenizers[0].serialized)
    if heads:
        between = {HEADS + name: first.get(name, tensor).lerp(tensor, share) for name, tensor in heads.items()}
        (out / STATE).mkdir(exist_ok=True)
        save_file({**other.state_dict(), **between}, out / STATE / STATE_WEIGHTS)
