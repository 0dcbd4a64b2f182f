"""Digests that tell one model from another without loading it: of a checkpoint, and of a tokenizer's file."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from cwm_server.tokenizer import HUGGING_FACE_FILE, SENTENCEPIECE_FILE

_WEIGHTS = ("*.safetensors", "config.json")


def weights_digest(directory: str | Path) -> str | None:
    """The SHA-256, in hex, of a checkpoint's config and safetensors files; None where there are none."""
    files = sorted(file for pattern in _WEIGHTS for file in Path(directory).glob(pattern))
    digest = hashlib.sha256()
    for file in files:
        found = _digest(file)
        if found is None:
            return None
        digest.update(f"{file.name} {found}\n".encode())
    return digest.hexdigest() if any(file.suffix == ".safetensors" for file in files) else None


def tokenizer_digest(path: str | Path) -> str | None:
    """What `Tokenizer.digest` would be for the file that `load_tokenizer` takes at `path`; None without one."""
    for file in (Path(path), Path(path, SENTENCEPIECE_FILE), Path(path, HUGGING_FACE_FILE)):
        if file.is_file():
            return _digest(file)
    return None


def _digest(file: Path) -> str | None:
    try:
        found = file.stat()
        return _digest_of(str(file), found.st_size, found.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=64)
def _digest_of(path: str, size: int, changed: int) -> str:
    """`size` and `changed` tell whether the file is still what it was."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
