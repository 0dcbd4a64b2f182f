"""Weights of torch's decoder, from and to a model directory; `checkpoint` says what belongs in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from cwm_server.architecture import Decoder
from cwm_server.checkpoint import INDEX_FILE, Contents, read_config, read_tensors
from cwm_server.model_config import CONFIG_FILE, WEIGHTS_FILE
from cwm_server.rope import rope_frequencies


def load_weights(directory: Path, dtype: torch.dtype, device: str) -> Decoder:
    """See `cwm_server.architecture.load_model`."""
    config = read_config(directory)
    with torch.device("meta"):
        model = Decoder(config)
    model.load_state_dict(read_tensors(directory, config, _opener(dtype, device)), strict=True, assign=True)
    model.frequencies = torch.from_numpy(rope_frequencies(config)).to(device)
    return model.eval()


def save_weights(model: Decoder, directory: Path, shard_size: int | None, tokenizer: str | None) -> None:
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
    config = replace(model.config, tokenizer_sha256=tokenizer or model.config.tokenizer_sha256)
    (directory / CONFIG_FILE).write_text(config.to_json(), encoding="utf-8")


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


def _read(file: Any, name: str, dtype: torch.dtype) -> Tensor:
    tensor: Tensor = file.get_tensor(name).to(dtype)
    return tensor


def _opener(dtype: torch.dtype, device: str) -> Callable[[Path], AbstractContextManager[Contents[Tensor]]]:
    @contextmanager
    def opened(path: Path) -> Iterator[Contents[Tensor]]:
        with safe_open(path, framework="pt", device=device) as file:

            def contents() -> Contents[Tensor]:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    shape = tuple(file.get_slice(name).get_shape())
                    yield name, shape, partial(_read, file, name, dtype)

            yield contents()

    return opened
