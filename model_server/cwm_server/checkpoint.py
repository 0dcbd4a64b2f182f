"""Model directories, `config.json` and safetensors in one file or several, checked tensor by tensor; without torch.

bf16 is fp32 without its lower 16 bits, so numpy, which does not have it, reads it by putting them back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from cwm_server.model_config import CONFIG_FILE, WEIGHTS_FILE, CheckpointError, ModelConfig
from cwm_server.tokenizer import Tokenizer
from cwm_tracer.wire import Special

INDEX_FILE = "model.safetensors.index.json"
T = TypeVar("T")
# Of each tensor in a file: its name, its shape, and what makes an array of it.
Contents = Iterator[tuple[str, tuple[int, ...], Callable[[], T]]]


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


def check_tokenizer(directory: Path, config: ModelConfig, tokenizer: Tokenizer) -> None:
    """Raise CheckpointError for a tokenizer that the model can't have been trained with."""
    wrong = ""
    ends = config.eos_token_id if isinstance(config.eos_token_id, tuple) else (config.eos_token_id,)
    begin, end = tokenizer.special(Special.BEGIN), tokenizer.special(Special.END)
    if tokenizer.vocabulary_size > config.vocab_size:
        wrong = f"it has {tokenizer.vocabulary_size} tokens, the model {config.vocab_size}"
    elif begin != config.bos_token_id:
        wrong = f"{Special.BEGIN.value} is its token {begin}, bos_token_id is {config.bos_token_id}"
    elif end not in ends:
        wrong = f"{Special.END.value} is its token {end}, eos_token_id is {config.eos_token_id}"
    elif config.tokenizer_sha256 not in (None, tokenizer.digest):
        wrong = f"its sha256 is {tokenizer.digest[:12]}, tokenizer_sha256 is {str(config.tokenizer_sha256)[:12]}"
    if wrong:
        raise CheckpointError(f"{directory}: {tokenizer.name} is not this model's tokenizer: {wrong}")


def read_arrays(directory: Path, config: ModelConfig) -> dict[str, NDArray[np.float32]]:
    """All tensors of a model in fp32. Raises CheckpointError."""
    return read_tensors(directory, config, _numpy_file)


def read_tensors(
    directory: Path, config: ModelConfig, opened: Callable[[Path], AbstractContextManager[Contents[T]]]
) -> dict[str, T]:
    """The tensors that `config` asks for, no more and no less, in its shapes. Raises CheckpointError."""
    expected = tensor_shapes(config)
    tensors: dict[str, T] = {}
    for path in _weight_files(directory):
        _add(tensors, path, expected, opened)
    missing = sorted(set(expected) - set(tensors))
    if missing:
        raise CheckpointError(f"{directory}: {len(missing)} tensors are missing, the first is {missing[0]}")
    return tensors


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of a model, under transformers' name."""
    hidden, wide, size = config.hidden_size, config.intermediate_size, config.head_dim
    heads, groups = config.num_attention_heads * size, config.num_key_value_heads * size
    layer = {
        "input_layernorm": (hidden,),
        "self_attn.q_proj": (heads, hidden),
        "self_attn.k_proj": (groups, hidden),
        "self_attn.v_proj": (groups, hidden),
        "self_attn.o_proj": (hidden, heads),
        "post_attention_layernorm": (hidden,),
        "mlp.gate_proj": (wide, hidden),
        "mlp.up_proj": (wide, hidden),
        "mlp.down_proj": (hidden, wide),
    }
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config.vocab_size, hidden)}
    for index in range(config.num_hidden_layers):
        shapes |= {f"model.layers.{index}.{name}.weight": shape for name, shape in layer.items()}
    shapes["model.norm.weight"] = (hidden,)
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, hidden)
    return shapes


def _add(
    tensors: dict[str, T],
    path: Path,
    expected: dict[str, tuple[int, ...]],
    opened: Callable[[Path], AbstractContextManager[Contents[T]]],
) -> None:
    """Add the tensors of one file."""
    try:
        with opened(path) as contents:
            for name, shape, made in contents:
                _check_tensor(path, name, shape, expected)
                if name in tensors:
                    raise CheckpointError(f"{path}: tensor {name} is in more than one file")
                tensors[name] = made()
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is not a complete safetensors file: {error}") from None


def _check_tensor(path: Path, name: str, shape: tuple[int, ...], expected: dict[str, tuple[int, ...]]) -> None:
    if name not in expected:
        raise CheckpointError(f"{path}: tensor {name} does not belong to the model that {CONFIG_FILE} describes")
    if shape != expected[name]:
        raise CheckpointError(f"{path}: tensor {name} has shape {shape}, {CONFIG_FILE} asks for {expected[name]}")


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


@contextmanager
def _numpy_file(path: Path) -> Iterator[Contents[NDArray[np.float32]]]:
    def contents() -> Contents[NDArray[np.float32]]:
        for name, found in deserialize(path.read_bytes()):  # type: ignore[no-untyped-call]
            shape = tuple(found["shape"])

            def made(name: str = name, found: Any = found, shape: tuple[int, ...] = shape) -> NDArray[np.float32]:
                return _array(path, name, found["dtype"], found["data"]).reshape(shape)

            yield name, shape, made

    yield contents()


def _array(path: Path, name: str, kind: str, data: bytearray) -> NDArray[np.float32]:
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if kind in ("F16", "F32"):
        return np.frombuffer(data, "<f2" if kind == "F16" else "<f4").astype(np.float32)
    raise CheckpointError(f"{path}: tensor {name} is {kind}; BF16, F16 and F32 can be read")
