"""Ask a predictor about every program of a suite, and score what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cwm_tracer.compare import Metric, Rate, compare_traces, compare_verification
from cwm_tracer.model import Trace
from pytest_cwm.evaluation.breakdown import breakdown
from pytest_cwm.evaluation.suites import Program, Suite
from pytest_cwm.predictors.base import Predictor

_MARGIN = 8  # frames that a roll-out may be longer than a quarter more than the truth


@dataclass(frozen=True, slots=True)
class Sample:
    """One program: its metrics, and rates of its frames by what they are. `frames` is the length of the true trace."""

    name: str
    frames: int
    metrics: Mapping[str, Metric]
    groups: Mapping[tuple[str, str], Rate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on one suite under one decoding setting.

    `samples` are the programs in the suite's order. `left_out` counts the others by the reason. `outside` counts
    true tokens that constrained decoding would not have let come.
    """

    suite: str
    model: str
    constrained: bool
    samples: tuple[Sample, ...]
    left_out: Mapping[str, int]
    outside: int = 0


def evaluate(
    predictor: Predictor,
    suite: Suite,
    *,
    constrained: bool,
    rollouts: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Teacher-forced over all programs that fit the model's context, free-running over the first `rollouts` of them.

    A program that the server fails at is left out and counted under what the server said.
    """
    left_out = dict(suite.left_out)
    samples: list[Sample] = []
    model, outside = "", 0
    for done, program in enumerate(suite.programs):
        progress(done, len(suite.programs))
        verification = predictor.verify(program.trace)
        reason = verification.failure or ("longer than the model's context" if verification.windows > 1 else None)
        if reason is not None:
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        model, outside = verification.model, outside + verification.outside
        comparison = compare_verification(program.trace, verification)
        metrics = dict(comparison.metrics)
        if rollouts is None or len(samples) < rollouts:
            metrics |= _free_running(predictor, program)
        groups = breakdown(program.trace.frames, comparison.pairs)
        samples.append(Sample(program.name, len(program.trace.frames), metrics, groups))
    return Evaluation(suite.name, model, constrained, tuple(samples), left_out, outside)


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
