"""The recorder and the wire against complete traces of the real 32B model, which stay outside the repository."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from cwm_tracer import wire
from cwm_tracer.model import Context, Trace
from cwm_tracer.recorder import Entry, make_recorder
from cwm_tracer.source import SourceLines

GENERATIONS = os.environ.get("CWM_GENERATIONS", "")

pytestmark = pytest.mark.skipif(
    not (GENERATIONS and os.path.exists(GENERATIONS)), reason="CWM_GENERATIONS names no file of real generations"
)


def _samples() -> list[dict[str, str]]:
    if not (GENERATIONS and os.path.exists(GENERATIONS)):
        return []
    return [json.loads(line) for line in Path(GENERATIONS).read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the model has the comprehension frames of Python <= 3.11")
@pytest.mark.parametrize("sample", _samples(), ids=lambda sample: sample["id"])
def test_recording_the_program_reproduces_what_the_model_said(sample: dict[str, str]) -> None:
    program = f"{sample['code']}\n\ndef main():  # << START_OF_TRACE\n    return f({sample['input']})\n"
    filename = f"<{sample['id']}>"
    namespace: dict[str, object] = {}
    exec(compile(program, filename, "exec"), namespace)
    main = namespace["main"]
    recorder = make_recorder(
        Entry(main.__code__), lambda name: name == filename, sources=SourceLines({filename: program})
    )
    recorder.start()
    try:
        main()
    finally:
        recording = recorder.stop()
    said = wire.to_text(wire.encode(Trace(recording.frames, Context(program), recording.meta)))
    first = wire.to_text(wire.encode_frame(recording.frames[0]))
    assert first == "<|call_sep|>{}<|action_sep|>def main():  # << START_OF_TRACE\n<|frame_sep|>"
    assert said == first + sample["generation"]


@pytest.mark.parametrize("sample", _samples(), ids=lambda sample: sample["id"])
def test_decoding_and_encoding_again_changes_nothing(sample: dict[str, str]) -> None:
    text = "<|call_sep|>{}<|action_sep|>def main():\n<|frame_sep|>" + sample["generation"]
    decoded = wire.decode(wire.from_text(text))
    assert decoded.problems == ()
    assert decoded.ended
    assert wire.to_text(wire.encode(Trace(decoded.frames, Context("")))) == text
