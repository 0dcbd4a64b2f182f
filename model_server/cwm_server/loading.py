"""A model and its tokenizer from a directory, computed by what suits the device: numpy on a CPU, torch elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_server.checkpoint import check_tokenizer
from cwm_server.model_config import CheckpointError
from cwm_server.tokenizer import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from cwm_server.language_model import LanguageModel

ENGINES = ("auto", "numpy", "torch")
DTYPES = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded. `prepare` is to be called in each thread that uses the model."""

    model: LanguageModel
    tokenizer: Tokenizer
    engine: str
    dtype: str
    prepare: Callable[[], None]


def load(
    directory: Path, *, engine: str = "auto", device: str = "cpu", dtype: str = "auto", threads: int | None = None
) -> Loaded:
    """Load a model directory; `auto` takes float32 on a CPU, and numpy for it.

    `threads` are torch's; numpy's have to be limited before it is imported, see `cwm_server.threads`. Raises
    CheckpointError, TokenizerError, and ModuleNotFoundError where the engine's library is not installed.
    """
    kind = dtype if dtype != "auto" else "float32" if device == "cpu" else "bfloat16"
    suits = device == "cpu" and kind == "float32"
    if engine == "numpy" and not suits:
        raise CheckpointError("the numpy engine computes in float32 on a CPU; torch has other devices and dtypes")
    tokenizer = load_tokenizer(directory)
    if engine == "torch" or not suits:
        model, prepare = _torch(directory, kind, device, threads)
        engine = "torch"
    else:
        from cwm_server.numpy_model import load_numpy

        model, prepare, engine = load_numpy(directory), _nothing, "numpy"
    check_tokenizer(directory, model.config, tokenizer)
    return Loaded(model, tokenizer, engine, kind, prepare)


def _nothing() -> None:
    pass


def _torch(directory: Path, kind: str, device: str, threads: int | None) -> tuple[LanguageModel, Callable[[], None]]:
    import torch

    from cwm_server.architecture import load_model

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise CheckpointError(f"--device {device}: torch finds no CUDA device here")

    def prepare() -> None:
        if threads is not None:
            torch.set_num_threads(threads)  # OpenMP keeps the number per calling thread

    return load_model(directory, dtype=getattr(torch, kind), device=device), prepare
