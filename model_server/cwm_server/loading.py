"""A model and its tokenizer from a directory, computed by what suits the device: numpy on a CPU, torch elsewhere.

Importing this imports neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_server.model_config import CheckpointError
from cwm_server.threads import usable
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


def by_numpy(engine: str, device: str, dtype: str) -> bool:
    """Whether numpy computes what is asked for. Raises CheckpointError where it should and can't."""
    suits = device == "cpu" and dtype in ("auto", "float32")
    if engine == "numpy" and not suits:
        raise CheckpointError("the numpy engine computes in float32 on a CPU; torch has other devices and dtypes")
    return suits and engine != "torch"


def load(
    directory: Path, *, engine: str = "auto", device: str = "cpu", dtype: str = "auto", threads: int | None = None
) -> Loaded:
    """Load a model directory; `auto` takes float32 on a CPU, and numpy for it.

    `threads` are those of either, by default of torch its choice, of numpy `threads.usable()`; that it has no others
    besides is for `threads.limit_threads`. Raises CheckpointError, TokenizerError, and ModuleNotFoundError where the
    engine's library is not installed.
    """
    kind = dtype if dtype != "auto" else "float32" if device == "cpu" else "bfloat16"
    numpy = by_numpy(engine, device, dtype)
    from cwm_server.checkpoint import check_tokenizer

    tokenizer = load_tokenizer(directory)
    if not numpy:
        model, prepare = _torch(directory, kind, device, threads)
    else:
        from cwm_server.numpy_model import load_numpy

        model, prepare = load_numpy(directory, threads or usable()), _nothing
    check_tokenizer(directory, model.config, tokenizer)
    return Loaded(model, tokenizer, "numpy" if numpy else "torch", kind, prepare)


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
