"""Segments of CWM text to token ids and back, without loss; imports neither torch nor a tokenizer library until used.

Special tokens are never parsed from text. The embedded model's tokenizer is a sentencepiece model, a remote model's
the `tokenizer.json` of its Hugging Face repository.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from cwm_tracer.wire import Segment, Special

EMBEDDED = Path(__file__).parent / "weights"
SENTENCEPIECE_FILE = "tokenizer.model"
HUGGING_FACE_FILE = "tokenizer.json"
_SPACE = "\u2581"  # how sentencepiece writes a space
_CACHED = 200  # characters up to which a text's tokens are kept: lines of code come again and again

# What is spelled letter by letter in the embedded model's text, so that a string's characters look the same in its
# literal, in its repr and when they are taken apart: the insides of quotes. In JSON only the inner quotes count.
_IN_SOURCE = re.compile(r"""\"{3}|'{3}|([fF]?)(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')""")
_IN_JSON = re.compile(r"""()(?:\\"((?:[^"\\]|\\\\.)*)\\"|'((?:[^'\\"]|\\.)*)')""")
_FIELD = re.compile(r"\{[^{}\n]*\}")

# How byte-level vocabularies (GPT-2's and those after it) write bytes that are no printable character of Latin-1.
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_HIDDEN = [value for value in range(256) if value not in _PRINTABLE]
_BYTE_LEVEL = {chr(value): value for value in _PRINTABLE} | {chr(256 + i): value for i, value in enumerate(_HIDDEN)}


class TokenizerError(Exception):
    """A tokenizer file that can't be used; the text says which, what is wrong with it, and what to do."""


class Tokenizer(Protocol):
    """Turns segments into token ids and back. `digest` is the SHA-256 of the tokenizer's file, in hex."""

    name: str
    digest: str
    vocabulary_size: int

    def encode(self, segments: Iterable[Segment]) -> list[int]:
        """Token ids of segments; text is never searched for special tokens."""

    def decode(self, ids: Iterable[int]) -> list[Segment]:
        """The segments that `ids` stand for, neighbouring texts joined. Bytes that are no UTF-8 become U+FFFD."""

    def special(self, special: Special) -> int:
        """The id of a special token."""

    def bytes_of(self, index: int) -> bytes:
        """What a token stands for, nothing for a special."""


def load_tokenizer(path: str | Path | None = None) -> Tokenizer:
    """The tokenizer in a file or a model directory; the embedded model's without a path.

    A name that ends in `.model` is read as sentencepiece, one that ends in `.json` as Hugging Face's format. Raises
    TokenizerError.
    """
    file = Path(path) if path is not None else EMBEDDED
    if file.is_dir():
        choices = [file / SENTENCEPIECE_FILE, file / HUGGING_FACE_FILE]
        found = [choice for choice in choices if choice.exists()]
        if not found:
            raise TokenizerError(f"{file}: neither {SENTENCEPIECE_FILE} nor {HUGGING_FACE_FILE} is in it")
        file = found[0]
    try:
        data = file.read_bytes()
    except OSError as error:
        raise TokenizerError(f"{file} can't be read: {error.strerror}") from None
    if file.suffix == ".model":
        return SentencePieceTokenizer(data, file.name)
    if file.suffix == ".json":
        return HuggingFaceTokenizer(data, file.name)
    raise TokenizerError(f"{file}: a tokenizer's name ends in .model (sentencepiece) or .json (Hugging Face)")


class SentencePieceTokenizer:
    """The embedded model's tokenizer: sentencepiece for code, single characters inside quotes, bytes for all else."""

    def __init__(self, data: bytes, name: str = SENTENCEPIECE_FILE) -> None:
        try:
            import sentencepiece
        except ImportError:
            raise TokenizerError(
                f"{name} needs the package sentencepiece: pip install 'pytest-cwm[embedded]'"
            ) from None
        processor: Any = sentencepiece.SentencePieceProcessor()
        try:
            processor.LoadFromSerializedProto(data)
        except RuntimeError as error:
            raise TokenizerError(f"{name} is not a sentencepiece model: {error}") from None
        self.name = name
        self.digest = hashlib.sha256(data).hexdigest()
        self.serialized = data
        self.vocabulary_size: int = processor.GetPieceSize()
        self._uncached: Any = processor.EncodeAsIds
        self._cached: Any = lru_cache(maxsize=1 << 14)(processor.EncodeAsIds)
        pieces: list[str] = [processor.IdToPiece(index) for index in range(self.vocabulary_size)]
        self._ids: dict[Special, int] = {}
        self._bytes: list[bytes] = []
        self._byte_ids = [-1] * 256
        self._characters: dict[str, int] = {}
        for index, piece in enumerate(pieces):
            if processor.IsByte(index):
                value = int(piece[3:5], 16)
                self._byte_ids[value] = index
                self._bytes.append(bytes([value]))
            elif processor.IsControl(index) or processor.IsUnknown(index) or processor.IsUnused(index):
                self._bytes.append(b"")
            else:
                text = piece.replace(_SPACE, " ")
                self._bytes.append(text.encode("utf-8"))
                if len(text) == 1:
                    self._characters[text] = index
        for special in Special:
            index = processor.PieceToId(special.value)
            if not processor.IsControl(index):
                raise TokenizerError(f"{name} has no control symbol {special.value}: it was not made for CWM's format")
            self._ids[special] = index
        self._unknown = re.compile(f"[^{re.escape(''.join(self._characters))}]+")
        if -1 in self._byte_ids:
            raise TokenizerError(f"{name} has no byte fallback, so it can't carry every text")
        self._specials = {index: special for special, index in self._ids.items()}

    def special(self, special: Special) -> int:
        """The id of a special token."""
        return self._ids[special]

    def encode(self, segments: Iterable[Segment]) -> list[int]:
        """Token ids of segments. Lone surrogates are carried as the bytes that UTF-8 would have for them."""
        ids: list[int] = []
        source = True
        for segment in segments:
            if isinstance(segment, Special):
                ids.append(self._ids[segment])
                source = segment in (Special.ACTION, Special.CONTEXT)
            else:
                ids += self.encode_text(segment, source)
        return ids

    def encode_text(self, text: str, source: bool) -> list[int]:
        """Token ids of one text, which is source code (after an action's or the context's token) or JSON."""
        ids: list[int] = []
        for spelled, part in _quoted(text, source):
            ids.extend(self._spelled(part) if spelled else self._pieces(part))
        return ids

    def bytes_of(self, index: int) -> bytes:
        """What a token stands for, nothing for a special."""
        return self._bytes[index]

    def decode(self, ids: Iterable[int]) -> list[Segment]:
        """Segments of token ids; an id outside the vocabulary raises IndexError."""
        segments: list[Segment] = []
        pending = bytearray()
        for index in ids:
            special = self._specials.get(index)
            if special is None:
                pending += self._bytes[index]
                continue
            if pending:
                segments.append(_text_of(bytes(pending)))
                pending.clear()
            segments.append(special)
        if pending:
            segments.append(_text_of(bytes(pending)))
        return segments

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = (self._cached if len(text) <= _CACHED else self._uncached)(text)
        return ids

    def _pieces(self, text: str) -> Iterator[int]:
        start = 0
        for match in self._unknown.finditer(text):
            yield from self._encode(text[start : match.start()])
            yield from self._spelled(match.group())
            start = match.end()
        if start < len(text):
            yield from self._encode(text[start:])

    def _spelled(self, text: str) -> Iterator[int]:
        for character in text:
            index = self._characters.get(character)
            if index is not None:
                yield index
            else:
                yield from (self._byte_ids[value] for value in character.encode("utf-8", "surrogatepass"))


class HuggingFaceTokenizer:
    """A `tokenizer.json`, as the published checkpoints of CWM carry it; special ids are taken from the file."""

    def __init__(self, data: bytes, name: str = HUGGING_FACE_FILE) -> None:
        try:
            tokenizers: Any = importlib.import_module("tokenizers")
        except ImportError:
            raise TokenizerError(f"{name} needs the package tokenizers: pip install 'pytest-cwm[remote]'") from None
        try:
            backend: Any = tokenizers.Tokenizer.from_str(data.decode("utf-8"))
        except Exception as error:  # the library raises plain Exception
            raise TokenizerError(f"{name} is not a tokenizer file: {error}") from None
        backend.no_truncation()
        backend.no_padding()
        # Otherwise a literal special in somebody's source would be taken for the token.
        backend.encode_special_tokens = True
        self._backend = backend
        self.name = name
        self.digest = hashlib.sha256(data).hexdigest()
        self.vocabulary_size: int = backend.get_vocab_size(with_added_tokens=True)
        self._ids: dict[Special, int] = {}
        for special in Special:
            index = backend.token_to_id(special.value)
            if index is None:
                raise TokenizerError(f"{name} has no token {special.value}: it was not made for CWM's format")
            self._ids[special] = index
        self._specials = {index: special for special, index in self._ids.items()}
        self._added: dict[int, Any] = backend.get_added_tokens_decoder()

    def special(self, special: Special) -> int:
        """The id of a special token."""
        return self._ids[special]

    def bytes_of(self, index: int) -> bytes:
        """What a token stands for, nothing for a special and for an id without a token."""
        added = self._added.get(index)
        if added is not None:
            return b"" if added.special or index in self._specials else str(added.content).encode("utf-8")
        piece: str = self._backend.id_to_token(index) or ""
        try:
            return bytes(_BYTE_LEVEL[character] for character in piece)
        except KeyError:  # not of a byte-level vocabulary
            text: str = self._backend.decode([index])
            return text.encode("utf-8")

    def encode(self, segments: Iterable[Segment]) -> list[int]:
        """Token ids of segments. Raises ValueError on a lone surrogate, which this format can't carry."""
        ids: list[int] = []
        for segment in segments:
            if isinstance(segment, Special):
                ids.append(self._ids[segment])
                continue
            try:
                segment.encode("utf-8")
            except UnicodeEncodeError as error:
                character = segment[error.start]
                raise ValueError(f"lone surrogate U+{ord(character):04X} has no tokens in {self.name}") from None
            ids += self._backend.encode(segment, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Iterable[int]) -> list[Segment]:
        """Segments of token ids; ids without a token are dropped."""
        segments: list[Segment] = []
        pending: list[int] = []

        def flush() -> None:
            text = self._backend.decode(pending, skip_special_tokens=False) if pending else ""
            if text:
                segments.append(text)
            pending.clear()

        for index in ids:
            special = self._specials.get(index)
            if special is None:
                pending.append(index)
            else:
                flush()
                segments.append(special)
        flush()
        return segments


def outside_quotes(text: str, source: bool) -> Iterator[str]:
    """The parts of a text that are not spelled letter by letter."""
    return (part for spelled, part in _quoted(text, source) if not spelled)


def _quoted(text: str, source: bool) -> Iterator[tuple[bool, str]]:
    """A text in parts, each with whether it stands inside quotes; the fields of an f-string stand outside."""
    position = 0
    for match in (_IN_SOURCE if source else _IN_JSON).finditer(text):
        if match.lastindex is None or match.lastindex < 2:
            continue
        start, stop = match.span(match.lastindex)
        yield False, text[position:start]
        position = start
        for field in _FIELD.finditer(text, start, stop) if match.group(1) else ():
            yield True, text[position : field.start()]
            yield False, field.group()
            position = field.end()
        yield True, text[position:stop]
        position = stop
    yield False, text[position:]


def _text_of(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
