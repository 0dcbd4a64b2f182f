"""An evaluation drawn with matplotlib: right frames over their position, and by the statement that ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cwm_tracer.compare import Rate
from pytest_cwm.evaluation.breakdown import POSITION, STATEMENT
from pytest_cwm.evaluation.measure import Evaluation, grouped
from pytest_cwm.plotting import save

_MOST = 12  # statements; rarer ones are not drawn


def draw(evaluations: Sequence[Evaluation], path: str) -> None:
    """Write the file. Raises PlotError."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, evaluation in enumerate(evaluations):
        groups = grouped(evaluation.samples)
        label = f"{evaluation.suite}, {'' if evaluation.constrained else 'un'}constrained"
        positions = groups.get(POSITION, {})
        names = sorted(positions, key=_first_number)
        left.plot(names, [_percent(positions[name]) for name in names], marker="o", label=label)
        _bars(right, groups.get(STATEMENT, {}), number, len(evaluations))
    left.set(xlabel="frame of the trace", ylabel="frames predicted right, %", ylim=(0, 100))
    left.legend(frameon=False)
    right.set(xlabel="frames predicted right, %", xlim=(0, 100), title="after the statement")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def _bars(axes: Any, groups: Mapping[str, Rate], number: int, count: int) -> None:
    names = sorted(groups, key=lambda name: -groups[name].total)[:_MOST][::-1]
    height = 0.8 / count
    places = [index + (count - 1) * height / 2 - number * height for index in range(len(names))]
    axes.barh(places, [_percent(groups[name]) for name in names], height=height)
    axes.set_yticks(range(len(names)), names)


def _percent(rate: Rate) -> float:
    return 100 * (rate.value or 0.0)


def _first_number(name: str) -> int:
    return int(name.split()[0])
