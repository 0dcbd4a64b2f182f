"""Bounds that a run's predictions must keep, and whether they did."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cwm_tracer.compare import DEFINITIONS, Metric, Rate

if TYPE_CHECKING:
    from pytest_cwm.report.document import TestReport


@dataclass(frozen=True, slots=True)
class Bound:
    """The least value that a metric may have; for a metric of which less is better, the largest."""

    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class Demand:
    """What a test's own marker asks of it: bounds by metric id, and with `strict` that nothing diverges."""

    fail_under: Mapping[str, float] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether one bound held, None where there is too little data to tell.

    `text` is a line for the user; `nodeid` names the test, None for the run as a whole.
    """

    passed: bool | None
    text: str
    nodeid: str | None = None


def parse_bound(text: str) -> Bound:
    """Read `ID=VALUE`, where the value of a rate is 0.8 or 80%. Raises ValueError with a line for the user."""
    name, equals, number = (part.strip() for part in text.partition("="))
    if not equals or not name or not number:
        raise ValueError(f"{text!r} is no bound: write ID=VALUE, for example tf.frame=0.8")
    percent = number.endswith("%")
    try:
        value = float(number[:-1]) / 100 if percent else float(number)
    except ValueError:
        raise ValueError(f"{number!r} in {text!r} is no number: write 0.8 or 80%") from None
    return checked_bound(name, value)


def checked_bound(metric: str, value: float) -> Bound:
    """A bound on a known metric within its range. Raises ValueError with a line for the user."""
    definition = DEFINITIONS.get(metric)
    if definition is None:
        raise ValueError(f"{metric!r} is no metric; there are {', '.join(DEFINITIONS)}")
    if definition.lower_is_better and not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{metric} can't be {value:g}: write a number from 0 on")
    if not definition.lower_is_better and not 0 <= value <= 1:
        raise ValueError(f"{metric} can't be {value:g}: it is a rate, write a number from 0 to 1 or a percentage")
    return Bound(metric, value)


def evaluate(
    totals: Mapping[str, Metric],
    bounds: Iterable[Bound] = (),
    tests: Iterable[TestReport] = (),
    demands: Mapping[str, Demand] | None = None,
) -> tuple[GateResult, ...]:
    """Judge the run by `bounds` and each test by the demand under its nodeid. A metric without data never passes."""
    results = [_judge(bound, totals.get(bound.metric), None) for bound in bounds]
    for test in tests:
        demand = (demands or {}).get(test.nodeid)
        if demand is None:
            continue
        for metric, value in demand.fail_under.items():
            results.append(_judge(Bound(metric, value), test.metrics.get(metric), test.nodeid))
        if demand.strict:
            results.append(_judge_strictly(test))
    return tuple(results)


def _judge(bound: Bound, metric: Metric | None, nodeid: str | None) -> GateResult:
    value = metric.value if metric is not None else None
    if metric is None or value is None:
        return GateResult(False, f"{bound.metric}: no data, so it can't be held against {_shown(bound)}", nodeid)
    lower = bool(definition.lower_is_better) if (definition := DEFINITIONS.get(bound.metric)) else False
    passed = value <= bound.value + 1e-12 if lower else value >= bound.value - 1e-12
    wanted = f"at {'most' if lower else 'least'} {_shown(bound)}"
    relation = "is" if passed else "is not"
    return GateResult(passed, f"{bound.metric} {_measured(metric, value)} {relation} {wanted}", nodeid)


def _measured(metric: Metric, value: float) -> str:
    if isinstance(metric, Rate):
        return f"{value:.4f} ({metric.correct} of {metric.total})"
    return f"{value:.4f} (mean of {metric.count})"


def _shown(bound: Bound) -> str:
    return f"{bound.value:g}"


def _judge_strictly(test: TestReport) -> GateResult:
    problem = next(_against(test), None)
    if problem is not None:
        return GateResult(False, f"strict: {problem}", test.nodeid)
    return GateResult(True, "strict: nothing diverged", test.nodeid)


def _against(test: TestReport) -> Iterator[str]:
    """Why a test can't be said to have been predicted in full."""
    if test.divergences:
        first = test.divergences[0][1]
        count = len(test.divergences)
        yield f"{count} divergence{'s' if count > 1 else ''}, the first at step {first.index}: {first.sentence}"
    if test.missing:
        yield f"no data: {test.missing} prediction{'s are' if test.missing > 1 else ' is'} missing"
    if not any(metric.count for name, metric in test.metrics.items() if name in ("tf.frame", "fr.trace")):
        yield "no data: nothing was predicted"
