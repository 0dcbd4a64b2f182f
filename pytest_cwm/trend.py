"""A history in a terminal: a line for each metric with its course, and a table of the last runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cwm_tracer.compare import DEFINITIONS, Metric
from pytest_cwm.history import Point
from pytest_cwm.report.paint import Paint, plain
from pytest_cwm.report.text import ASCII, Screen, Span, cells, pad

DEFAULT_METRICS = ("tf.frame", "tf.action", "tf.state", "fr.prefix", "fr.trace")
SHOWN_RUNS = 20
_BARS = "▁▂▃▄▅▆▇█"
_BARS_ASCII = "0123456789"


def render(
    points: Sequence[Point],
    metrics: Sequence[str] = (),
    *,
    last: int = SHOWN_RUNS,
    width: int = 80,
    paint: Paint = plain,
    encoding: str = "utf-8",
) -> Iterator[str]:
    """Lines without newlines; see `pytest_cwm.report.terminal.render` for the last three arguments."""
    screen = Screen(max(40, width), paint, encoding)
    if not points:
        yield screen.line([("The history is empty.", "note")])
        return
    shown = list(metrics) or [
        name for name in DEFAULT_METRICS if any(_value(point, name) is not None for point in points)
    ]
    yield from _courses(points, shown, screen)
    yield ""
    yield from _table(points[-last:], shown, screen)
    if len(points) > last:
        yield screen.line([(f"and {len(points) - last} runs before (--last N shows more)", "dim")])


def plot(points: Sequence[Point], metrics: Sequence[str], path: str) -> None:
    """Draw the course of each metric, of all runs. Raises `PlotError`."""
    from pytest_cwm.plotting import save
    from pytest_cwm.report.accuracy import Past, PastRun
    from pytest_cwm.report.plot import figure, of_past

    shown = metrics or [name for name in DEFAULT_METRICS if any(_value(point, name) is not None for point in points)]
    pasts = (
        Past(
            metric,
            tuple(
                (PastRun(each.finished, each.commit, f"{each.model} {each.weights[:6]}"), _value(each, metric))
                for each in points
            ),
        )
        for metric in shown
    )
    save(figure([of_past(past) for past in pasts if any(value is not None for _, value in past.values)]), path)


def _courses(points: Sequence[Point], metrics: Sequence[str], screen: Screen) -> Iterator[str]:
    name = max(map(cells, metrics), default=0)
    room = max(8, screen.width - name - 24)
    for metric in metrics:
        values = [_value(point, metric) for point in points][-room:]
        known = [value for value in values if value is not None]
        if not known:
            yield screen.line([(pad(metric, name), "plain"), ("  no data", "dim")])
            continue
        if len(known) == 1:
            yield screen.line([(pad(metric, name), "plain"), (f"  {_figure(metric, known[0])} in the only run", "dim")])
            continue
        line = _sparkline(values, _BARS_ASCII if screen.glyphs is ASCII else _BARS)
        ends = f"{_figure(metric, known[0])} to {_figure(metric, known[-1])}"
        yield screen.line([(pad(metric, name) + "  ", "plain"), (line, "title"), ("  " + ends, "dim")])


def _sparkline(values: Sequence[float | None], bars: str) -> str:
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    scale = (len(bars) - 1) / (high - low) if high > low else 0.0
    return "".join(" " if value is None else bars[round((value - low) * scale)] for value in values)


def _table(points: Sequence[Point], metrics: Sequence[str], screen: Screen) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("finished", "commit", "model", "tests", *metrics)]
    for point in points:
        figures = ("" if (value := _value(point, name)) is None else _figure(name, value) for name in metrics)
        weights = f" {point.weights[:6]}" if point.weights else ""
        commit = point.commit[:10] + ("+" if point.commit.endswith("+changes") else "")
        model = screen.visible(point.model + weights)
        rows.append((point.finished[:16].replace("T", " "), commit, model, str(point.tests), *figures))
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    widths[2] = min(widths[2], 24)
    before = ""
    for number, row in enumerate(rows):
        spans: list[Span] = [
            (
                "  " * (place > 0) + pad(screen.cut(text, width), width, right=place > 2),
                "dim" if not number else "plain",
            )
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        if number > 1 and row[2] != before:
            spans[2] = (spans[2][0], "note")
        before = row[2]
        yield screen.line(spans)


def _value(point: Point, metric: str) -> float | None:
    found: Metric | None = point.metrics.get(metric)
    return found.value if found is not None else None


def _figure(metric: str, value: float) -> str:
    definition = DEFINITIONS.get(metric)
    return f"{value:.2f}" if definition is not None and definition.lower_is_better else f"{value * 100:.1f}%"
