"""Documents on disk to batches of tokens: read shards of segments, tokenize, cut to the context length, pack.

A shard is a file of JSON lines `{"id": str, "source": str, "split": "train" or "heldout", "segments": [...]}`, where a
segment is text or an integer: i stands for `list(Special)[i]`. A packed shard is one `.npz` of flat arrays, kept
beside the run and made again when the tokenizer or the context length changes.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import takewhile
from operator import eq
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cwm_server.tokenizer import SentencePieceTokenizer
from cwm_server.training.outcomes import decisions, outcomes
from cwm_server.training.parts import EVENTS, IGNORED, KINDS, PIECES, VALUE, Part, parts_of
from cwm_tracer.wire import START, Segment, Special, decode, encode_frame

SPECIALS = tuple(Special)
SPLITS = ("train", "heldout")
LAYOUT = 18  # of packed files
# What a token belongs to; the loss weighs and the log reports them apart.
GIVEN, EVENT, LOCALS, CHANGED, ACTION, ARGUMENT = range(6)
CLASSES = ("given", "event", "locals", "changed", "action", "argument")

Ids = npt.NDArray[np.uint16]
Classes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Packed:
    """Documents of one shard and split: tokens (N,), their classes (N,), and where each document ends (documents,).

    At the last token of a condition's line, and at those from which the next event and line are chosen, `outcomes` (N,)
    says how it came out. `places` (Q,), which rise, are tokens at which a name or an expression of an executed line
    ends, or that say `..`, and `pieces` (Q, KINDS, PIECES) begin what each stands for, IGNORED where there is none.
    """

    tokens: Ids
    classes: Classes
    outcomes: Classes
    places: npt.NDArray[np.int64]
    pieces: npt.NDArray[np.int16]
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each document."""
        return np.diff(self.ends, prepend=0)

    def document(self, index: int) -> Packed:
        """One document alone."""
        start = int(self.ends[index - 1]) if index else 0
        stop = int(self.ends[index])
        first, last = np.searchsorted(self.places, (start, stop))
        return Packed(
            self.tokens[start:stop],
            self.classes[start:stop],
            self.outcomes[start:stop],
            self.places[first:last] - start,
            self.pieces[first:last],
            np.array([stop - start]),
        )


def read_shard(path: Path, split: str | None = None) -> Iterator[list[Segment]]:
    """The documents of a shard, of one split or of all."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                record = json.loads(line)
                segments = [SPECIALS[item] if isinstance(item, int) else str(item) for item in record["segments"]]
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise ValueError(f"{path}, line {number} is not a document ({error!r}); make the shard again") from None
            if split is None or record.get("split", "train") == split:
                yield segments


def shards(directory: Path) -> list[Path]:
    """The shards that are complete, in order."""
    return sorted(directory.glob("*.jsonl"))


def windows(
    segments: Sequence[Segment], limit: int, measure: Callable[[list[Segment]], int]
) -> Iterator[list[Segment]]:
    """Cut a document to pieces of at most `limit` tokens, between frames; `measure` counts the tokens of segments.

    Every piece has the context. All but the first begin with the last frame of the piece before, in full, the way a
    trace longer than the context is verified. What follows a frame that fits nowhere is dropped.
    """
    if measure(list(segments)) <= limit:
        yield list(segments)
        return
    start = segments.index(Special.FRAME) + 1
    head = list(segments[:start])
    read = decode(segments[start:])
    tail: list[Segment] = [Special.END] if read.ended else []
    room = limit - measure(head) - len(tail)
    body: list[Segment] = []
    used, count, cursor = 0, 0, START
    for number, frame in enumerate(read.frames):
        text = encode_frame(frame, cursor)
        size = measure(text)
        if used + size > room:
            if count < 2:
                return
            yield head + body
            cursor = START
            body = encode_frame(read.frames[number - 1], cursor)
            cursor = cursor.after(read.frames[number - 1])
            text = encode_frame(frame, cursor)
            used, count, size = measure(body), 1, measure(text)
            if used + size > room:
                return
        body, used, count, cursor = body + text, used + size, count + 1, cursor.after(frame)
    yield head + body + tail


class Encoder:
    """Tokenizes documents for training, with the class of each token."""

    def __init__(self, tokenizer: SentencePieceTokenizer) -> None:
        self.tokenizer = tokenizer
        pieces = (tokenizer.bytes_of(index) for index in range(tokenizer.vocabulary_size))
        self._sizes = np.array([len(piece) for piece in pieces], dtype=np.int64)
        self._beginnings: dict[str, tuple[int, ...]] = {}

    def parts(self, segments: Sequence[Segment]) -> list[tuple[list[int], list[int] | int]]:
        """Per segment its token ids and their classes, one for all where they share it."""
        parts: list[tuple[list[int], list[int] | int]] = []
        kind = GIVEN
        frame = -1  # -1 is the context, 0 the entry's call, which is given
        for segment in segments:
            if isinstance(segment, Special):
                if segment in EVENTS or segment is Special.END:
                    kind = EVENT
                elif segment is Special.ACTION:
                    kind = ACTION
                elif segment is Special.FRAME and frame < 0:
                    kind = GIVEN
                parts.append(([self.tokenizer.special(segment)], kind if frame > 0 else GIVEN))
                if segment in EVENTS:
                    kind = LOCALS
                elif segment is Special.ACTION:
                    kind = ACTION
                elif segment is Special.ARGUMENT:
                    kind = ARGUMENT
                elif segment is Special.FRAME:
                    frame += 1
            else:
                ids = self.tokenizer.encode_text(segment, kind == ACTION or frame < 0)
                if frame <= 0:
                    parts.append((ids, GIVEN))
                elif kind == LOCALS:
                    parts.append((ids, self._values(segment, ids)))
                else:
                    parts.append((ids, kind))
        return parts

    def measure(self, segments: Sequence[Segment]) -> int:
        """How many tokens segments have."""
        return len(self.tokenizer.encode(segments))

    def _values(self, text: str, ids: list[int]) -> list[int]:
        """CHANGED for the tokens of a LOCALS text that show a new value, LOCALS for the rest."""
        data = text.encode("utf-8", "surrogatepass")
        starts = np.cumsum(self._sizes[ids]) - self._sizes[ids]
        classes = np.full(len(ids), LOCALS, dtype=np.uint8)
        for match in VALUE.finditer(data):
            if match.group(1) != b"..":
                # From the token that opens the value, which a `..` would not be, to the one that closes it.
                first = np.searchsorted(starts, match.start(), "right") - 1
                last = np.searchsorted(starts, match.end(), "left")
                classes[first + (starts[first] < match.start()) : last] = CHANGED
        return [int(kind) for kind in classes]

    def pack(self, documents: Iterable[list[Segment]], limit: int) -> Packed:
        """All documents, cut to `limit` tokens."""
        tokens: list[int] = []
        classes: list[int] = []
        ends: list[int] = []
        shown: dict[int, int] = {}
        asked: dict[int, list[list[int]]] = {}
        for document in documents:
            for piece in windows(document, limit, self.measure):
                decided, stated = list(decisions(piece)), parts_of(piece)
                found, rivals = outcomes(decided), {each.action: each.rivals for each in decided}
                for index, (ids, kinds) in enumerate(self.parts(piece)):
                    if index in stated:
                        self._ask(stated[index], ids, len(tokens), asked)
                    tokens += ids
                    classes += [kinds] * len(ids) if isinstance(kinds, int) else kinds
                    if index in found:
                        shown[len(tokens) - 1] = found[index]
                    if index in rivals:
                        shared = self._shared(str(piece[index + 1]), rivals[index])
                        shown |= dict.fromkeys(range(len(tokens), len(tokens) + shared), found[index])
                ends.append(len(tokens))
        marks = np.zeros(len(tokens), np.uint8)
        marks[list(shown)] = list(shown.values())
        places = sorted(asked)
        pieces = np.array([asked[place] for place in places], np.int16).reshape(-1, KINDS, PIECES)
        return Packed(
            np.array(tokens, np.uint16),
            np.array(classes, np.uint8),
            marks,
            np.array(places, np.int64),
            pieces,
            np.array(ends, np.int64),
        )

    def _ask(self, parts: Iterable[Part], ids: list[int], first: int, asked: dict[int, list[list[int]]]) -> None:
        """Add the questions about the parts of a text, whose tokens are `ids` from number `first` on."""
        stops = np.cumsum(self._sizes[ids])
        for part in parts:
            place = first + int(np.searchsorted(stops, part.end))
            if place < first + len(ids):
                kinds = asked.setdefault(place, [[IGNORED] * PIECES for _ in range(KINDS)])
                kinds[part.kind] = list(self._begin(part.value))

    def _shared(self, line: str, rivals: Iterable[str]) -> int:
        """How many tokens a line has in common with the one of its rivals from which it parts last."""
        ids = self.tokenizer.encode_text(line, True)
        others = [self.tokenizer.encode_text(rival + "\n", True) for rival in rivals]
        return max((len(list(takewhile(bool, map(eq, ids, other)))) for other in others), default=0)

    def _begin(self, value: str) -> tuple[int, ...]:
        """The first pieces of a value's text as JSON has it, its closing quote with them, filled up to PIECES."""
        if value not in self._beginnings:
            text = json.dumps(value, ensure_ascii=False)[1:]
            ids = self.tokenizer.encode_text(text[:-1], False) + self.tokenizer.encode_text(text[-1], False)
            self._beginnings[value] = tuple((ids + [IGNORED] * PIECES)[:PIECES])
        return self._beginnings[value]


def pack_directory(
    data: Path, cache: Path, tokenizer: SentencePieceTokenizer, limit: int, rank: int = 0, world: int = 1
) -> dict[str, list[Path]]:
    """Pack the shards of `data` that `cache` does not hold yet, or the part of them that is one process's.

    Returns the packed files of each split, in order.
    """
    cache.mkdir(parents=True, exist_ok=True)
    encoder = Encoder(tokenizer)
    paths: dict[str, list[Path]] = {split: [] for split in SPLITS}
    for shard in shards(data)[rank::world]:
        with shard.open("rb") as file:  # the shards of another corpus have the same names
            begin = file.read(1 << 16)
        version = zlib.crc32(f"{LAYOUT} {tokenizer.digest} {limit} {shard.stat().st_size}".encode() + begin)
        for split in SPLITS:
            path = cache / f"{shard.stem}-{split}-{version:08x}.npz"
            if not path.exists():
                save_packed(encoder.pack(read_shard(shard, split), limit), path)
            paths[split].append(path)
    return paths


def save_packed(packed: Packed, path: Path) -> None:
    """Write one packed shard, whole or not at all, whoever else writes it."""
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, **{field.name: getattr(packed, field.name) for field in fields(Packed)})
    part.replace(path)


def load_packed(path: Path) -> Packed:
    """Read one packed shard."""
    with np.load(path, allow_pickle=False) as arrays:
        return Packed(**{field.name: arrays[field.name] for field in fields(Packed)})


def join(packs: Sequence[Packed]) -> Packed:
    """All documents of several packed shards."""
    if not packs:
        none, nowhere = np.zeros(0, np.uint8), np.zeros(0, np.int64)
        return Packed(np.zeros(0, np.uint16), none, none, nowhere, np.zeros((0, KINDS, PIECES), np.int16), nowhere)
    offsets = np.cumsum([0, *(len(pack.tokens) for pack in packs[:-1])])
    return Packed(
        np.concatenate([pack.tokens for pack in packs]),
        np.concatenate([pack.classes for pack in packs]),
        np.concatenate([pack.outcomes for pack in packs]),
        np.concatenate([pack.places + offset for pack, offset in zip(packs, offsets, strict=True)]),
        np.concatenate([pack.pieces for pack in packs]),
        np.concatenate([pack.ends + offset for pack, offset in zip(packs, offsets, strict=True)]).astype(np.int64),
    )
