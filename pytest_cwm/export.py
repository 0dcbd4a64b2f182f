"""The traces of recorded runs as documents that a world model is trained on: `cwm_server.training` reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cwm_server.training.data import Corpus
from cwm_server.training.programs import mbpp, normal
from cwm_server.training.programs.base import Program
from cwm_server.training.tracing import Result
from cwm_tracer import wire
from cwm_tracer.model import Ending, Trace
from pytest_cwm.calls import Calls

_SPECIALS = {special: number for number, special in enumerate(wire.Special)}
FEWEST_FRAMES = 3


def export(
    traces: Iterable[tuple[str, Trace]],
    source: str,
    out: Path,
    keep_out: Path | None,
    frames: int,
    calls: Calls | None = None,
) -> Corpus:
    """Write traces, by the names of their tests, as shards into the directory `out`.

    Each becomes one document of its first `frames` frames, and so do the `calls` inside of it; documents that say the
    same are written once. With `keep_out`, a directory with `mbpp.jsonl`, traces that show a function of MBPP's test
    split are left out.
    """
    forbidden = mbpp.test_fingerprints(keep_out) if keep_out is not None else frozenset[str]()
    corpus = Corpus(out, forbidden)
    for name, trace in traces:
        corpus.add(Program(source, "", "", ""), _result(name, trace, forbidden, frames))
        for call in calls.inside(trace) if calls is not None else ():
            corpus.add(Program(source, "", "", ""), _result(call.function, call.trace, forbidden, frames))
    corpus.flush()
    return corpus


def _result(name: str, trace: Trace, forbidden: frozenset[str], limit: int) -> Result:
    if len(trace.frames) < FEWEST_FRAMES:
        return Result(rejected="too few frames")
    segments, cursor = wire.encode_context(trace.context.text), wire.START
    for frame in trace.frames[:limit]:
        segments += wire.encode_frame(frame, cursor)
        cursor = cursor.after(frame)
    complete = len(trace.frames) <= limit and trace.meta.ending is Ending.RETURNED
    if complete:
        segments.append(wire.Special.END)
    plain = tuple(segment if isinstance(segment, str) else _SPECIALS[segment] for segment in segments)
    texts = [segment for segment in plain if isinstance(segment, str)]
    key = hashlib.blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return Result(
        plain,
        key,
        _subject(name, trace.context.text, forbidden),
        min(limit, len(trace.frames)),
        sum(map(len, texts)),
        complete,
    )


def _subject(name: str, context: str, forbidden: frozenset[str]) -> str:
    """The function of a context that must be kept out, or else what tells tests, or functions, apart."""
    try:
        found = sorted(forbidden.intersection(normal.functions(context).values()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        found = []
    return found[0] if found else hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
