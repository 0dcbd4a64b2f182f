"""The figures of an evaluation: every metric with its interval, and the groups, as text and as JSON."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_tracer.compare import DEFINITIONS, Metric, Rate, merge
from pytest_cwm.evaluation.measure import Evaluation, grouped

DRAWS = 1_000
_SEED = 0
_FEW = 30  # of a group; fewer say little
_LABEL = 18  # columns of a metric's name, at least
Json = Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over all programs with a 95% percentile bootstrap over programs; `count` things were scored."""

    value: float
    low: float
    high: float
    count: int
    programs: int


def figures(evaluation: Evaluation) -> dict[str, Figure]:
    """By metric id, in the order in which `docs/metrics.md` defines them."""
    metrics = [sample.metrics for sample in evaluation.samples]
    return {name: figure for name in DEFINITIONS if (figure := _figure(name, metrics)) is not None}


def to_json(evaluation: Evaluation) -> Json:
    """The whole evaluation, with the sums of each program, so that others can test differences between two."""
    return {
        "suite": evaluation.suite,
        "model": evaluation.model,
        "constrained": evaluation.constrained,
        "programs": len(evaluation.samples),
        "left_out": dict(evaluation.left_out),
        "outside": evaluation.outside,
        "missing": sum(sample.missing for sample in evaluation.samples),
        "windowed": sum(sample.windows > 1 for sample in evaluation.samples),
        "metrics": {
            name: {"value": each.value, "low": each.low, "high": each.high, "count": each.count}
            for name, each in figures(evaluation).items()
        },
        "groups": {
            by: {group: [rate.correct, rate.total] for group, rate in groups.items()}
            for by, groups in grouped(evaluation.samples).items()
        },
        "samples": {
            sample.name: {name: list(_sums(metric)) for name, metric in sample.metrics.items()}
            for sample in evaluation.samples
        },
    }


def render(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """A table for a terminal; several evaluations of one suite stand side by side."""
    first = evaluations[0]
    yield f"{first.suite}, {first.model}: {len(first.samples)} programs"
    for reason, count in first.left_out.items():
        if count:
            yield f"  left out: {count} {reason}"
    yield from _windows(evaluations)
    columns = [figures(each) for each in evaluations]
    heads = [_head(each) for each in evaluations]
    groups = [grouped(each.samples) for each in evaluations]
    width = max([_LABEL, *(len(f"  {name}  ") for by in groups[0].values() for name in by)])
    yield ""
    yield f"{'':{width}}" + "".join(f"{head:>26}" for head in heads) + f"{'of':>9}"
    for name in DEFINITIONS:
        found = [column.get(name) for column in columns]
        shown = next((figure for figure in found if figure is not None), None)
        if shown is not None:
            cells = "".join(f"{_interval(name, figure):>26}" for figure in found)
            yield f"{name:{width}}{cells}{shown.count:>9}"
    for each in evaluations:
        if each.outside:
            yield f"{each.outside} true tokens lay outside of what constrained decoding lets come"
    for by in groups[0]:
        yield ""
        yield by
        yield from _groups([each[by] for each in groups], width)


def _windows(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """What to know of programs that the model did not see whole."""
    first = evaluations[0]
    several = sum(sample.windows > 1 for sample in first.samples)
    if several:
        yield f"  verified in several windows, being longer than the model's context: {several}"
    for each in evaluations:
        missing = sum(sample.missing for sample in each.samples)
        if missing:
            frames = sum(sample.frames - 1 for sample in each.samples)
            affected = sum(sample.missing > 0 for sample in each.samples)
            of = f"{affected} program{'s' if affected > 1 else ''}"
            which = "" if len(evaluations) == 1 else f"{_head(each)}: "
            yield f"  {which}{missing} of {frames} frames, of {of}, have no prediction; the first: {each.failure}"


def _head(evaluation: Evaluation) -> str:
    return "constrained" if evaluation.constrained else "unconstrained"


def _groups(columns: Sequence[Mapping[str, Rate]], width: int) -> Iterator[str]:
    for name in sorted(columns[0], key=lambda name: (-columns[0][name].total, name)):
        rates = [column.get(name, Rate()) for column in columns]
        few = "  (few)" if rates[0].total < _FEW else ""
        values = "".join(f"{100 * (rate.value or 0):>25.1f}%" for rate in rates)
        yield f"  {name:{width - 2}}{values}{rates[0].total:>9}{few}"


def _interval(name: str, figure: Figure | None) -> str:
    if figure is None:
        return ""
    if name == "tf.bits":
        return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"
    return f"{100 * figure.value:.1f}% [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def _figure(name: str, metrics: Sequence[Mapping[str, Metric]]) -> Figure | None:
    sums = [_sums(each[name]) for each in metrics if name in each and each[name].count]
    total = merge({name: each[name]} for each in metrics if name in each).get(name)
    if total is None or total.value is None:
        return None
    generator = random.Random(_SEED)
    drawn = []
    for _ in range(DRAWS):
        sample = generator.choices(sums, k=len(sums))
        drawn.append(sum(part for part, _ in sample) / sum(count for _, count in sample))
    drawn.sort()
    return Figure(total.value, drawn[DRAWS // 40], drawn[DRAWS - DRAWS // 40 - 1], total.count, len(sums))


def _sums(metric: Metric) -> tuple[float, int]:
    return (metric.correct, metric.total) if isinstance(metric, Rate) else (metric.sum, metric.count)
