"""Digests of a recorded trace: which source ran, and what it did.

Predictions of two runs can be compared for a test only where both are the same. Line numbers and file names are left
out, since a model sees neither: code that only moved is the same code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_tracer.model import Context, Frame, Trace

Json = Any
_MOST = 10_000  # variables with their values that are remembered while one trace is looked at
# A test is asked about and then reported: the same frames come twice in a row.
_last: tuple[Sequence[Frame], Context, Digests] | None = None


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 in hex, of which 32 digits are kept.

    `source` covers the context that a model reads and the lines that ran, `execution` the events, lines and values.
    """

    source: str
    execution: str


def digests_of(trace: Trace) -> Digests:
    """The digests of a trace; equal for equal traces on every Python and machine."""
    global _last
    known = _last
    if known is not None and known[0] is trace.frames and known[1] is trace.context:
        return known[2]
    lines = dict.fromkeys(frame.source for frame in trace.frames)
    source = ascii((trace.context.text, [*lines]))
    digests = Digests(_digest([source]), _digest(_execution(trace.frames)))
    _last = (trace.frames, trace.context, digests) if isinstance(trace.frames, tuple) else None
    return digests


def digests_to_json(digests: Digests | None) -> Json:
    """As they stand in the document."""
    return None if digests is None else {"source": digests.source, "execution": digests.execution}


def digests_from_json(data: Json) -> Digests | None:
    """The inverse of `digests_to_json`."""
    return None if data is None else Digests(data["source"], data["execution"])


def _execution(frames: Iterable[Frame]) -> Iterator[str]:
    """In pieces, the `ascii` of a list with a tuple for each frame: event, source, [(name, value), ...], argument."""
    known: dict[str | None, str] = {None: "None"}
    items: dict[tuple[str, str], str] = {}
    last: Mapping[str, str] | None = None
    state = "None"
    separator = "["
    for frame in frames:
        if frame.locals is not last:
            last = frame.locals
            state = "None" if last is None else f"[{', '.join([_item(pair, items) for pair in last.items()])}]"
        source = known.get(frame.source) or known.setdefault(frame.source, ascii(frame.source))
        argument = known.get(frame.argument) or known.setdefault(frame.argument, ascii(frame.argument))
        yield f"{separator}({frame.event.value!a}, {source}, {state}, {argument})"
        separator = ", "
    yield "]" if separator == ", " else "[]"


def _item(pair: tuple[str, str], known: dict[tuple[str, str], str]) -> str:
    text = known.get(pair)
    if text is None:
        if len(known) >= _MOST:
            known.clear()
        text = known[pair] = ascii(pair)
    return text


def _digest(pieces: Iterable[str]) -> str:
    # The repr of strings, tuples and lists is the same everywhere but for characters that a newer Unicode made
    # printable; `ascii` escapes them all.
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece.encode("ascii"))
    return found.hexdigest()[:32]
