"""Model directories: `config.json` and safetensors in bf16, in one file or several, checked tensor by tensor."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cwm_server.architecture import Decoder, rope_frequencies
from cwm_server.model_config import CONFIG_FILE, WEIGHTS_FILE, CheckpointError, ModelConfig

INDEX_FILE = "model.safetensors.index.json"


def load_weights(directory: Path, dtype: torch.dtype, device: str) -> Decoder:
    """See `cwm_server.architecture.load_model`."""
    config = read_config(directory)
    with torch.device("meta"):
        model = Decoder(config)
    expected = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    tensors: dict[str, Tensor] = {}
    for path in _weight_files(directory):
        for name, tensor in _read(path, expected, device).items():
            if name in tensors:
                raise CheckpointError(f"{path}: tensor {name} is in more than one file")
            tensors[name] = tensor.to(dtype)
    missing = sorted(set(expected) - set(tensors))
    if missing:
        raise CheckpointError(f"{directory}: {len(missing)} tensors are missing, the first is {missing[0]}")
    model.load_state_dict(tensors, strict=True, assign=True)
    model.frequencies = rope_frequencies(config).to(device)
    return model.eval()


def read_config(directory: Path) -> ModelConfig:
    """The `config.json` of a model directory. Raises CheckpointError."""
    path = directory / CONFIG_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} can't be read ({error}); a model directory holds {CONFIG_FILE}") from None
    try:
        return ModelConfig.from_json(text)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def save_weights(model: Decoder, directory: Path, shard_size: int | None) -> None:
    """See `cwm_server.architecture.save_model`. Files of an earlier save are replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {name: p.detach().to("cpu", torch.bfloat16).contiguous() for name, p in model.named_parameters()}
    for old in (*directory.glob("model*.safetensors"), directory / INDEX_FILE):
        old.unlink(missing_ok=True)
    pieces = _shards(tensors, shard_size)
    where: dict[str, str] = {}
    for number, piece in enumerate(pieces, 1):
        name = WEIGHTS_FILE if len(pieces) == 1 else f"model-{number:05d}-of-{len(pieces):05d}.safetensors"
        save_file(piece, directory / name, metadata={"format": "pt"})
        where |= dict.fromkeys(piece, name)
    if len(pieces) > 1:
        size = sum(tensor.nbytes for tensor in tensors.values())
        index = {"metadata": {"total_size": size}, "weight_map": where}
        (directory / INDEX_FILE).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (directory / CONFIG_FILE).write_text(model.config.to_json(), encoding="utf-8")


def _shards(tensors: dict[str, Tensor], limit: int | None) -> list[dict[str, Tensor]]:
    pieces: list[dict[str, Tensor]] = [{}]
    used = 0
    for name, tensor in tensors.items():
        if limit is not None and pieces[-1] and used + tensor.nbytes > limit:
            pieces.append({})
            used = 0
        pieces[-1][name] = tensor
        used += tensor.nbytes
    return pieces


def _weight_files(directory: Path) -> list[Path]:
    single = directory / WEIGHTS_FILE
    index = directory / INDEX_FILE
    if single.exists():
        return [single]
    if not index.exists():
        raise CheckpointError(f"{directory}: no {WEIGHTS_FILE} in it; only safetensors are loaded")
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index} is not an index of weights: {error!r}") from None
    for name in names:
        if not isinstance(name, str) or Path(name).name != name:
            raise CheckpointError(f"{index} names {name!r}, which is not a file of its own directory")
    return [directory / name for name in names]


def _read(path: Path, expected: dict[str, tuple[int, ...]], device: str) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt", device=device) as file:
            for name in file.keys():  # noqa: SIM118 - not a mapping
                if name not in expected:
                    raise CheckpointError(
                        f"{path}: tensor {name} does not belong to the model that {CONFIG_FILE} describes"
                    )
                shape = tuple(file.get_slice(name).get_shape())
                if shape != expected[name]:
                    raise CheckpointError(
                        f"{path}: tensor {name} has shape {shape}, {CONFIG_FILE} asks for {expected[name]}"
                    )
                tensors[name] = file.get_tensor(name)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is not a complete safetensors file: {error}") from None
    return tensors
