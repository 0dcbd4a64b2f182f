"""The plots of a report as one picture: accuracy over steps, over the length of traces, and from run to run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytest_cwm.plotting import PlotError, save
from pytest_cwm.report.accuracy import QUESTIONS, Accuracy, Past, accuracies_of, pasts_of
from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.report.words import words_of

Draw = Callable[[Any], None]


def write_plot(report: Report, path: Path) -> None:
    """Write the picture. Raises `ReportError`."""
    drawings = [*_of_accuracies(report), *(of_past(past) for past in pasts_of(report))]
    try:
        save(figure(drawings, words_of(report).page["nothing"]), path)
    except PlotError as error:
        raise ReportError(str(error)) from None


def figure(drawings: list[Draw], nothing: str = "no data") -> Any:
    """A matplotlib figure of all drawings, two a row; `nothing` says that there is none."""
    from matplotlib.figure import Figure

    rows = max(1, math.ceil(len(drawings) / 2))
    made = Figure(figsize=(6 * min(2, max(1, len(drawings))), 3.6 * rows), layout="constrained")
    if not drawings:
        made.text(0.5, 0.5, nothing, ha="center")
        return made
    every = made.subplots(rows, min(2, len(drawings)), squeeze=False).flat
    for axes, draw in zip(every, drawings, strict=False):
        draw(axes)
        axes.set(ylim=(-0.02, 1.02))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in [*every][len(drawings) :]:
        axes.set_axis_off()
    return made


def _of_accuracies(report: Report) -> Iterator[Draw]:
    for question, accuracy in accuracies_of(report).items():
        if len(accuracy.told_steps) > 1:
            yield _by_step(accuracy, QUESTIONS[question])
        if accuracy.points:
            yield _by_length(accuracy, QUESTIONS[question])


def _by_step(accuracy: Accuracy, question: str) -> Draw:
    steps = accuracy.told_steps

    def draw(axes: Any) -> None:
        axes.semilogx([2**bucket * math.sqrt(2) for bucket in steps], [a / b for a, b in steps.values()], "o-", base=2)
        axes.set(xlabel="step in the trace", title=f"right frames by step, {question}")
        _plain_numbers(axes)

    return draw


def _by_length(accuracy: Accuracy, question: str) -> Draw:
    def draw(axes: Any) -> None:
        axes.semilogx(*zip(*accuracy.points, strict=True), "o", base=2, alpha=0.4, markeredgewidth=0)
        longest = max(frames for frames, _ in accuracy.points)
        axes.set(
            xlim=(1.8, max(4, longest) * 1.2), xlabel="frames of the trace", title=f"right frames by length, {question}"
        )
        _plain_numbers(axes)

    return draw


def of_past(past: Past) -> Draw:
    """A metric from run to run, with a dashed line where the model changed."""
    runs = [run for run, _ in past.values]

    def draw(axes: Any) -> None:
        known = [(number, value) for number, (_, value) in enumerate(past.values) if value is not None]
        axes.plot(*zip(*known, strict=True), "o-")
        for number in range(1, len(runs)):
            if runs[number].model != runs[number - 1].model:
                axes.axvline(number - 0.5, linestyle="--", color="gray")
        places = sorted({0, len(runs) // 2, len(runs) - 1})
        axes.set_xticks(places, [runs[place].date for place in places])
        axes.set(title=f"{past.metric} from run to run")

    return draw


def _plain_numbers(axes: Any) -> None:
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
