"""Accuracy over the length of traces, and from run to run, as SVG that takes its colours from the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from pytest_cwm.report.accuracy import QUESTIONS, Accuracy, Past

_WIDTH, _HEIGHT = 520, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 14, 34


def by_length(accuracy: Accuracy) -> str:
    """Each test as a point: its frames, and the share of them that was predicted right. Empty without tests."""
    if not accuracy.points:
        return ""
    longest = max(frames for frames, _ in accuracy.points)
    scale = _Scale(2, longest)
    # Tests on one spot are one dot: a thousand of them would only hide each other.
    spots: dict[tuple[int, int], int] = {}
    for frames, value in accuracy.points:
        spot = round(scale.x(frames)), round(_y(value))
        spots[spot] = spots.get(spot, 0) + 1
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="{min(9, 3 + math.log2(count)):.1f}"><title>{_tests(count)}</title></circle>'
        for (x, y), count in sorted(spots.items())
    )
    return _figure(
        f'<g class="dots">{dots}</g>',
        scale,
        "frames of the trace",
        f"{len(accuracy.points)} tests: share of right frames over the length of the trace",
    )


def by_step(accuracy: Accuracy) -> str:
    """The share of right predictions step by step, in steps from one power of two to the next."""
    buckets = accuracy.told_steps
    if len(buckets) < 2:
        return ""
    scale = _Scale(1, 2 ** (max(buckets) + 1))
    points = [
        (scale.x(2**bucket * math.sqrt(2)), _y(right / all_), right, all_) for bucket, (right, all_) in buckets.items()
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{right} of {all_} right</title></circle>'
        for x, y, right, all_ in points
    )
    return _figure(
        f'<polyline class="curve" points="{line}"/><g class="dots">{dots}</g>',
        scale,
        "step in the trace",
        "Share of right frames over the step in the trace",
    )


def over_runs(past: Past) -> str:
    """A metric from run to run, the last of them this one; a dashed line where the model changed. Empty for one run."""
    known = [(run, value) for run, value in past.values if value is not None]
    if len(known) < 2:
        return ""
    span = len(past.values) - 1
    places = [_LEFT + (_WIDTH - _LEFT - _RIGHT) * number / span for number in range(span + 1)]
    points = [
        (x, _y(value), run, value) for x, (run, value) in zip(places, past.values, strict=True) if value is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{escape(f"{run.name}: {value:.1%}")}</title></circle>'
        for x, y, run, value in points
    )
    runs = [run for run, _ in past.values]
    breaks = "".join(
        f'<line class="break" x1="{(places[number] + places[number - 1]) / 2:.1f}" '
        f'x2="{(places[number] + places[number - 1]) / 2:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        for number in range(1, len(runs))
        if runs[number].model != runs[number - 1].model
    )
    first, last = (
        f'<text class="{{}}" x="{{}}" y="{_HEIGHT - _BOTTOM + 16}">{escape(run.date)}</text>'
        for run in (runs[0], runs[-1])
    )
    labels = first.format("", _LEFT) + last.format("end", _WIDTH - _RIGHT)
    return _drawn(
        f'{breaks}<polyline class="curve" points="{line}"/><g class="dots">{dots}</g>',
        labels,
        "runs",
        f"{past.metric} of {len(known)} runs",
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    low: int
    high: int

    def x(self, value: float) -> float:
        span = math.log2(max(self.high, self.low * 2)) - math.log2(self.low)
        share = (math.log2(max(value, self.low)) - math.log2(self.low)) / span
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[int]:
        powers = [2**power for power in range(20) if self.low <= 2**power <= max(self.high, self.low * 2)]
        return powers[:: max(1, len(powers) // 7)]


def _y(value: float) -> float:
    return _TOP + (1 - value) * (_HEIGHT - _TOP - _BOTTOM)


def _tests(count: int) -> str:
    return f"{count} test{'s' if count > 1 else ''}"


def _figure(marks: str, scale: _Scale, below: str, title: str) -> str:
    labels = "".join(
        f'<text class="mid" x="{scale.x(tick):.1f}" y="{_HEIGHT - _BOTTOM + 16}">{tick}</text>'
        for tick in scale.ticks()
    )
    return _drawn(marks, labels, below, title)


def _drawn(marks: str, labels: str, below: str, title: str) -> str:
    grid = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_y(share):.1f}" y2="{_y(share):.1f}"/>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    shares = "".join(
        f'<text class="end" x="{_LEFT - 8}" y="{_y(share) + 4:.1f}">{share:.0%}</text>' for share in (0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}"><g class="grid">{grid}</g>'
        f'<g class="labels">{shares}{labels}'
        f'<text class="end" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 3}">{below}</text></g>'
        f"{marks}</svg>"
    )


def plots(accuracies: Mapping[str, Accuracy], pasts: Iterable[Past]) -> list[tuple[str, str]]:
    """Titles and drawings of all that there is data for."""
    drawn = [(f"{past.metric} from run to run", over_runs(past)) for past in pasts]
    for question, accuracy in accuracies.items():
        drawn += [
            (f"right frames by step, {QUESTIONS[question]}", by_step(accuracy)),
            (f"right frames by length of the trace, {QUESTIONS[question]}", by_length(accuracy)),
        ]
    return [(title, drawing) for title, drawing in drawn if drawing]
