"""Ask a predictor about every program of a suite, and score what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cwm_tracer.compare import Metric, Rate, compare_traces, compare_verification
from cwm_tracer.model import Trace, Verification
from pytest_cwm.evaluation.breakdown import breakdown
from pytest_cwm.evaluation.suites import Program, Suite
from pytest_cwm.predictors.base import Predictor

_MARGIN = 8  # frames that a roll-out may be longer than a quarter more than the truth
_TOO_LONG = "longer than the model's context"


@dataclass(frozen=True, slots=True)
class Sample:
    """One program: its metrics, and rates of its frames by what they are.

    `frames` is the length of the true trace, `missing` how many of them have no prediction though there should be one,
    `windows` the number of prompts that it took.
    """

    name: str
    frames: int
    metrics: Mapping[str, Metric]
    groups: Mapping[tuple[str, str], Rate] = field(default_factory=dict)
    missing: int = 0
    windows: int = 1


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on one suite under one decoding setting.

    `samples` are the programs in the suite's order. `left_out` counts the others by the reason. `outside` counts
    true tokens that constrained decoding would not have let come. `failure` says why the first missing prediction of
    a sample is missing.
    """

    suite: str
    model: str
    constrained: bool
    samples: tuple[Sample, ...]
    left_out: Mapping[str, int]
    outside: int = 0
    failure: str | None = None


def evaluate(
    predictor: Predictor,
    suite: Suite,
    *,
    constrained: bool,
    rollouts: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Teacher-forced over all programs that count, free-running over the first `rollouts` of them.

    Those count that fit the model's context and, where the suite says so, those for which it takes several windows. A
    program that the server fails at is left out and counted under what the server said. In a suite with windows, that
    is so only where no frame has a prediction: otherwise the frames without are counted.
    """
    left_out = dict(suite.left_out)
    samples: list[Sample] = []
    model, outside, failure = "", 0, None
    for done, program in enumerate(suite.programs):
        progress(done, len(suite.programs))
        verification = predictor.verify(program.trace)
        missing = sum(choice is None for choice in verification.choices[1:])
        reason = _why_not(verification, missing, suite.windows)
        if reason is not None:
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        model, outside = verification.model, outside + verification.outside
        failure = failure or verification.failure
        comparison = compare_verification(program.trace, verification)
        metrics = dict(comparison.metrics)
        if rollouts is None or len(samples) < rollouts:
            metrics |= _free_running(predictor, program)
        groups = breakdown(program.trace.frames, comparison.pairs)
        frames = len(program.trace.frames)
        samples.append(Sample(program.name, frames, metrics, groups, missing, verification.windows))
    return Evaluation(suite.name, model, constrained, tuple(samples), left_out, outside, failure)


def _why_not(verification: Verification, missing: int, windows: bool) -> str | None:
    """Why a program does not count, if it does not."""
    if not windows:
        return verification.failure or (_TOO_LONG if verification.windows > 1 else None)
    predicted = len(verification.choices) - 1 - missing
    if predicted > 0 or verification.failure is None:
        return None
    return _TOO_LONG if verification.unfit == missing else verification.failure


def _free_running(predictor: Predictor, program: Program) -> dict[str, Metric]:
    truth = program.trace
    draft: dict[str, Any] = {"draft": truth.frames} if getattr(predictor, "drafts", False) else {}
    rolled = predictor.roll_out(truth.context, truth.frames[:1], max_frames=longest(truth), **draft)
    metrics = compare_traces(truth, rolled.trace, rolled.problems).metrics
    return {name: metric for name, metric in metrics.items() if name != "format"}  # the teacher-forced one is reported


def longest(truth: Trace) -> int:
    """How many frames a roll-out may have: enough to see that it is too long."""
    return len(truth.frames) + len(truth.frames) // 4 + _MARGIN


def grouped(samples: Sequence[Sample]) -> dict[str, dict[str, Rate]]:
    """The groups of all samples together: by what they are grouped, then the groups."""
    sums: dict[str, dict[str, Rate]] = {}
    for sample in samples:
        for (by, group), rate in sample.groups.items():
            groups = sums.setdefault(by, {})
            groups[group] = groups.get(group, Rate()) + rate
    return sums
