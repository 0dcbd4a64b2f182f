"""Digests of traces, by which tests of two runs and recorded answers are told to belong together."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from hypothesis import given

from cwm_tracer.model import Trace
from pytest_cwm.report.digest import digests_of
from strategies import traces


@given(traces())
def test_a_digest_is_that_of_what_it_covers_written_as_a_whole(trace: Trace) -> None:
    frames = [
        (frame.event.value, frame.source, None if frame.locals is None else [*frame.locals.items()], frame.argument)
        for frame in trace.frames
    ]
    lines = list(dict.fromkeys(frame.source for frame in trace.frames))
    digests = digests_of(trace)
    assert digests.execution == _digest(ascii(frames))
    assert digests.source == _digest(ascii((trace.context.text, lines)))


@given(traces())
def test_a_digest_tells_neither_files_nor_lines(trace: Trace) -> None:
    moved = tuple(replace(frame, file="elsewhere.py", line=99) for frame in trace.frames)
    assert digests_of(replace(trace, frames=moved)) == digests_of(trace)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]
