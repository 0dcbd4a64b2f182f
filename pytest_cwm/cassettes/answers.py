"""Answers of a predictor as JSON and back, without loss but for the model's own tokens."""

from __future__ import annotations

from typing import Any

from cwm_tracer import wire
from cwm_tracer.model import Choice, RollOut, Trace, Verification
from pytest_cwm.report import encoding
from pytest_cwm.report.encoding import (
    roll_out_from_json,
    roll_out_to_json,
    verification_from_json,
    verification_to_json,
)
from pytest_cwm.report.one_test import sharing_frames

Json = Any
Answer = Verification | RollOut | Choice


def answer_to_json(answer: Answer, before: Trace) -> Json:
    """What a predictor said; `before` is what it was asked about: the truth, or the prefix."""
    if isinstance(answer, Verification):
        # A frame that agrees with the true one is kept as "=".
        return verification_to_json(sharing_frames(answer, tuple(before.frames)), before)
    if isinstance(answer, RollOut):
        return roll_out_to_json(answer, before)
    lines = encoding.Lines()
    frame = (
        None if answer.frame is None else encoding.frame_to_json(answer.frame, lines, wire.advance(before.frames).known)
    )
    return {
        "lines": lines.all,
        "frame": frame,
        "problems": encoding.problems_to_json(answer.problems),
        "bits": encoding.number_to_json(answer.bits),
        "ended": answer.ended,
    }


def verification(data: Json, truth: Trace) -> Verification:
    """The inverse of `answer_to_json`."""
    found = verification_from_json(data, truth)
    if len(found.choices) != len(truth.frames):
        raise ValueError(f"{len(found.choices)} choices for {len(truth.frames)} frames")
    return found


def roll_out(data: Json, before: Trace) -> RollOut:
    """The inverse of `answer_to_json`."""
    return roll_out_from_json(data, before)


def choice(data: Json, before: Trace) -> Choice:
    """The inverse of `answer_to_json`."""
    lines, known = encoding.Lines(data["lines"]), wire.advance(before.frames).known
    shown = data["frame"]
    frame = None if shown is None else encoding.frame_from_json(shown, lines, known)
    problems = encoding.problems_from_json(data["problems"])
    return Choice(frame, problems, encoding.number_from_json(data["bits"]), data["ended"])
