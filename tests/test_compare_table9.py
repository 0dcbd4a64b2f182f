"""CWM's Table 9 metrics, against the real model's traces and their authors' figures (kept outside the repository)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from builders import call, line, returned, rolled_out, trace
from cwm_tracer import wire
from cwm_tracer.compare import Mean, compare_traces, merge
from cwm_tracer.model import Context, Ending, Meta, Problem, ProblemKind, Trace
from cwm_tracer.recorder import Entry, make_recorder
from cwm_tracer.source import SourceLines

GENERATIONS = os.environ.get("CWM_GENERATIONS", "")
# The names that the authors of the generations gave to the metrics.
NAMES = {
    "valid_trace_format": "table9.format",
    "state_exact_match": "table9.state",
    "action_exact_match": "table9.action",
    "valid_json_format": "table9.json",
    "key_match": "table9.key",
    "key_value_match": "table9.key_value",
}


def _samples() -> list[dict[str, Any]]:
    if not (GENERATIONS and os.path.exists(GENERATIONS)):
        return []
    return [json.loads(line) for line in Path(GENERATIONS).read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(not _samples(), reason="CWM_GENERATIONS names no file of real generations")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the model has the comprehension frames of Python <= 3.11")
@pytest.mark.parametrize("sample", _samples(), ids=lambda sample: sample["id"])
def test_real_generations_get_the_figures_that_their_authors_computed(sample: dict[str, Any]) -> None:
    program = f"{sample['code']}\n\ndef main():\n    return f({sample['input']})\n"
    namespace: dict[str, Any] = {}
    exec(compile(program, "<sample>", "exec"), namespace)
    main = namespace["main"]
    recorder = make_recorder(Entry(main.__code__), "<sample>".__eq__, sources=SourceLines({"<sample>": program}))
    recorder.start()
    main()
    recording = recorder.stop()
    truth = Trace(recording.frames, Context(program), recording.meta)
    assert len(truth.frames) - 1 == sample["n_gt_frames"]
    metrics = compare_traces(truth, *_said(sample["generation"])).metrics
    assert {name: metrics[ours].value for name, ours in NAMES.items()} == sample["metrics"]
    assert metrics["table9.output"].value == float(sample["predicted"] == sample["expected"])
    # By position, what is said without its first three frames stands against other frames.
    shifted = "<|frame_sep|>".join(sample["generation"].split("<|frame_sep|>")[3:])
    short = compare_traces(truth, *_said(shifted)).metrics
    assert (short["table9.action"].value or 0) < 0.5 <= (short["fr.line_path"].value or 0)


def _said(generation: str) -> tuple[Trace, tuple[Problem, ...]]:
    text = "<|call_sep|>{}<|action_sep|>def main():\n<|frame_sep|>" + generation
    decoded = wire.decode(wire.from_text(text))
    ending = Ending.RETURNED if decoded.ended else Ending.OPEN
    return Trace(decoded.frames, Context(""), Meta(None, ending, "model")), decoded.problems


TRUTH = trace(
    call("def f(a):", a=1),
    line("    b = 2", a=1),
    line("    return a", a=1, b=2),
    returned("    return a", 1),
)


def test_the_given_call_is_left_out_and_shares_are_of_the_trace() -> None:
    said = rolled_out(
        call("def f(a):", a=1), line("    b = 2", a=1), line("    return b", a=1, b=3), returned("    return a", 1)
    ).trace
    metrics = compare_traces(TRUTH, said).metrics
    assert metrics["table9.state"] == Mean(0.5, 1)  # a, b = .., 2 was said to be .., 3
    assert metrics["table9.action"] == Mean(2 / 3, 1)
    assert metrics["table9.key"] == Mean(1.0, 1)
    assert metrics["table9.key_value"] == Mean((1 + 1 / 3) / 2, 1)
    assert metrics["table9.output"] == Mean(1.0, 1)


def test_states_are_compared_as_the_wire_writes_them() -> None:
    """A value that was wrong before and stays so is `..` on both sides."""
    truth = trace(call("def f():"), line("    x", a=1), line("    y", a=1), line("    z", a=1))
    said = rolled_out(call("def f():"), line("    x", a=2), line("    y", a=2), line("    z", a=2)).trace
    assert compare_traces(truth, said).metrics["table9.state"] == Mean(2 / 3, 1)


def test_one_frame_too_many_shifts_all_that_follow() -> None:
    extra = line("    pass", a=1)
    said = rolled_out(TRUTH.frames[0], extra, *TRUTH.frames[1:]).trace
    metrics = compare_traces(TRUTH, said).metrics
    assert metrics["table9.action"] == Mean(1 / 3, 1)  # `return a` stands against its own return
    assert metrics["fr.line_path"].value == 2 / 3


def test_a_trace_that_breaks_off_has_no_valid_format_and_misses_states() -> None:
    said = rolled_out(*TRUTH.frames[:2], ending=Ending.OPEN).trace
    metrics = compare_traces(TRUTH, said).metrics
    assert metrics["table9.format"] == Mean(0.0, 1)
    assert metrics["table9.json"] == Mean(0.5, 1)
    assert metrics["table9.key"] == Mean(0.5, 1)


def test_a_state_that_is_no_json_counts_as_none() -> None:
    said = rolled_out(*TRUTH.frames).trace
    metrics = compare_traces(TRUTH, said, (Problem(ProblemKind.INVALID_JSON, 1),)).metrics
    assert metrics["table9.json"] == Mean(0.5, 1)
    assert metrics["table9.state"] == Mean(0.5, 1)
    assert metrics["table9.format"] == Mean(0.0, 1)


def test_every_trace_weighs_the_same() -> None:
    long = trace(call("def g():"), *[line(f"    x = {number}") for number in range(9)], returned("    x = 8"))
    bad = rolled_out(long.frames[0]).trace
    merged = merge([compare_traces(TRUTH, TRUTH).metrics, compare_traces(long, bad).metrics])
    assert merged["table9.action"].value == 0.5


def test_nothing_recorded_gives_no_figure() -> None:
    empty = trace(ending=Ending.NEVER_CALLED)
    metrics = compare_traces(empty, empty).metrics
    assert {metric.value for name, metric in metrics.items() if name.startswith("table9.")} == {None}
