"""The report in a terminal: worst tests first, where they part from the truth, totals, notes and gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cwm_tracer.compare import DEFINITIONS, Divergence, DivergenceKind, Metric, Rate
from cwm_tracer.compare.comparison import Question
from cwm_tracer.model import Ending
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.notes import shared_notes
from pytest_cwm.report.paint import Paint, Style, plain
from pytest_cwm.report.store import TestStore
from pytest_cwm.report.summary import TestSummary, is_detail
from pytest_cwm.report.text import Screen, Span, cells, pad
from pytest_cwm.report.window import Window
from pytest_cwm.report.words import PREDICTED

SHOWN_TESTS = 20
SHOWN_DIVERGENCES = 3
SHOWN_NOTES = 8
SHOWN_GATES = 10
# Below this width the table of tests is drawn denser.
_WIDE = 100
_ONLY_WHERE_WIDE = ("tf.event", "tf.argument", "fr.prefix")
_COLUMNS = {
    "tf.event": "event",
    "tf.action": "action",
    "tf.state": "state",
    "tf.argument": "arg.",
    "tf.frame": "frame",
    "fr.prefix": "prefix",
}


def render(
    report: Report, *, width: int = 80, paint: Paint = plain, verbosity: int = 0, encoding: str = "utf-8"
) -> Iterator[str]:
    """Lines without newlines, none wider than `width` cells (at least 40) but for the colours that `paint` adds.

    `verbosity` is pytest's: at -1 only the figures, below that only the gates; at 1 every test and the first divergence
    of each, from 2 on every divergence. `encoding` is that of the stream; characters that it can't carry are replaced.
    """
    screen = Screen(max(40, width), paint, encoding)
    ranked = sorted(report.summaries, key=rank)
    blocks: list[Iterator[str]] = []
    if verbosity >= 0:
        blocks += [_tests(ranked, screen, verbosity), _divergences(ranked, report.tests, screen, verbosity)]
    if verbosity >= -1:
        blocks += [_totals(report, screen, verbosity), _notes(report, screen, verbosity)]
    blocks.append(gate_lines(report, screen, verbosity))
    begun = False
    for block in blocks:
        for number, line in enumerate(block):
            if not number and begun:
                yield ""
            begun = True
            yield line


def percent(metric: Metric | None) -> str | None:
    """A rate in whole percent, rounded down so that only a perfect one is 100%; None without data."""
    value = metric.value if metric is not None else None
    if value is None:
        return None
    return "<1%" if 0 < value < 0.01 else f"{int(value * 100 + 1e-9)}%"


def rank(test: TestSummary) -> tuple[float, int, str]:
    """Worst first; tests of which nothing was scored come last."""
    for name in ("tf.frame", "fr.prefix"):
        value = test.value(name)
        if value is not None:
            return value, -test.divergences, test.nodeid
    return 2.0, 0, test.nodeid


def _tests(tests: Sequence[TestSummary], screen: Screen, verbosity: int) -> Iterator[str]:
    if not tests:
        return
    shown = tests if verbosity > 0 else tests[:SHOWN_TESTS]
    columns = [name for name in _COLUMNS if any(test.value(name) is not None for test in tests)]
    narrow = screen.width < _WIDE
    if narrow and "tf.frame" in columns:
        columns = [name for name in columns if name not in _ONLY_WHERE_WIDE]
    gap = " " if narrow else "  "
    widths = [max(len(_COLUMNS[name]), 4) for name in columns]
    names = [screen.visible(test.nodeid) for test in shown]
    frames = max(len("frames"), *(len(str(test.frames)) for test in shown))
    title = "at step" if narrow else "first divergence"
    places = [screen.visible(_where(test, narrow)) for test in shown]
    last = min(max(map(cells, [*places, title])), screen.width // 4)
    room = screen.width - sum(width + len(gap) for width in [frames, last, *widths])
    name = max(12, min(room, max(map(cells, [*names, "test"]))))
    head = [pad("test", name), pad("frames", frames, right=True)]
    head += [pad(_COLUMNS[column], width, right=True) for column, width in zip(columns, widths, strict=True)]
    yield screen.line([(gap.join([*head, title]), "dim")])
    for test, label, place in zip(shown, names, places, strict=True):
        failed: Style = "bad" if test.outcome == "failed" else "plain"
        spans: list[Span] = [(pad(screen.cut_start(label, name), name), failed)]
        spans.append((gap + pad(str(test.frames), frames, right=True), "dim"))
        for column, width in zip(columns, widths, strict=True):
            value = percent(test.metrics.get(column))
            style: Style = "dim" if value is None else "good" if value == "100%" else "plain"
            spans.append((gap + pad(value or screen.glyphs.none, width, right=True), style))
        spans.append((gap + screen.cut(place, last), "note" if test.divergences else "dim"))
        yield screen.line(spans)
    if len(shown) < len(tests):
        rest = tests[len(shown) :]
        diverging = sum(bool(test.divergences) for test in rest)
        of_them = {0: "none of them", len(rest): "all of them"}.get(diverging, f"{diverging} of them")
        more = f"and {len(rest)} more, {of_them} with a divergence (-v shows all)"
        yield screen.line([(more, "dim")])


def _where(test: TestSummary, narrow: bool) -> str:
    if test.first is not None:
        place = test.first.place.rpartition("/")[2]
        step = f"{test.first.index}" if narrow else f"step {test.first.index}"
        return f"{step}, {place}" if place else step
    if test.ending is None or test.ending is Ending.NEVER_CALLED:
        return "never called" if test.ending is not None else "not recorded"
    if test.missing or test.roll_out_failure is not None:
        return "no prediction" if all(test.value(name) is None for name in _COLUMNS) else "predictions missing"
    return ""


def _place(test: TestReport, divergence: Divergence) -> str:
    """File and line of the true frame, or of the last one before where nothing ran."""
    frames = test.trace.frames if test.trace is not None else ()
    if not frames:
        return ""
    frame = frames[min(divergence.index, len(frames) - 1)]
    return f"{frame.file}:{frame.line}".replace("\\", "/") if frame.file and frame.line else ""


def _divergences(ranked: Sequence[TestSummary], tests: TestStore, screen: Screen, verbosity: int) -> Iterator[str]:
    diverging = [test for test in ranked if test.divergences]
    shown = diverging if verbosity > 0 else diverging[:SHOWN_DIVERGENCES]
    every = verbosity > 1
    rest = sum(test.divergences for test in diverging)
    begun = False
    for test in (tests.named(summary.nodeid) for summary in shown):
        if test.trace is None:
            continue
        window = Window(test.trace, screen)
        for question, divergence, following in _episodes(test) if every else [*_episodes(test)][:1]:
            rest -= 1 + (following if every else 0)
            if begun:
                yield ""
            begun = True
            yield from _heading(test, question, divergence, screen)
            roll_out = test.roll_out.trace.frames if test.roll_out is not None and question == "fr" else ()
            yield from window.lines(divergence, roll_out)
            if following:
                yield screen.line([(f"  the values of the next {_frames_text(following)} differ too", "dim")])
    if rest:
        yield ""
        how = "-vv shows all" if verbosity > 0 else "-v shows the first of each test, -vv all"
        yield screen.line([(f"{rest} more divergence{'s' if rest > 1 else ''} ({how})", "dim")])


def _episodes(test: TestReport) -> Iterator[tuple[Question, Divergence, int]]:
    """Divergences with how many follow from them: a wrong value in a roll-out stays wrong in the frames after it."""
    values = (DivergenceKind.STATE, DivergenceKind.CALL, DivergenceKind.RETURN_VALUE)
    pending: tuple[Question, Divergence, int] | None = None
    for question, divergence in test.divergences:
        if pending is not None:
            asked, first, following = pending
            adjacent = asked == question == "fr" and divergence.index == first.index + following + 1
            if adjacent and first.kind in values and divergence.kind in values and divergence.count == first.count == 1:
                pending = (asked, first, following + 1)
                continue
            yield pending
        pending = (question, divergence, 0)
    if pending is not None:
        yield pending


def _frames_text(count: int) -> str:
    return f"{count} frames" if count > 1 else "frame"


def _heading(test: TestReport, question: Question, divergence: Divergence, screen: Screen) -> Iterator[str]:
    dot = f" {screen.glyphs.separator} "
    last = max(0, (len(test.trace.frames) if test.trace is not None else 0) - 1)
    facts = [PREDICTED.questions[question], f"step {divergence.index} of {last}", _place(test, divergence)]
    tail = dot + screen.visible(dot.join(filter(None, facts)))
    room = screen.width - cells(tail)
    name = screen.visible(test.nodeid)
    if cells(name) > room:
        yield screen.line([(screen.cut_start(name, screen.width), "title")])
        yield screen.line([("  " + tail[len(dot) :], "dim")])
    else:
        yield screen.line([(name, "title"), (tail, "dim")])
    yield from wrapped(divergence.sentence, screen, "note")
    yield ""


def wrapped(text: str, screen: Screen, style: Style) -> Iterator[str]:
    """A sentence over as many lines as it takes, broken at spaces."""
    room = screen.width - 2
    line = ""
    for word in screen.visible(text).split(" "):
        longer = f"{line} {word}" if line else word
        if cells(longer) > room and line:
            yield screen.line([("  " + line, style)])
            longer = word
        line = longer
    yield screen.line([("  " + line, style)])


def _totals(report: Report, screen: Screen, verbosity: int) -> Iterator[str]:
    rows = [
        (name, metric)
        for name, metric in report.totals.items()
        if metric.value is not None and (verbosity > 0 or not is_detail(name))
    ]
    if not rows:
        return
    counts = [
        f"{metric.correct}/{metric.total}" if isinstance(metric, Rate) else str(metric.count) for _, metric in rows
    ]
    name = max(cells(screen.visible(name)) for name, _ in rows)
    count = max(len("count"), *map(len, counts))
    yield screen.line(
        [(f"{pad('metric', name)}  {pad('value', 6, right=True)}  {pad('count', count, right=True)}", "dim")]
    )
    for (id_, metric), shown in zip(rows, counts, strict=True):
        definition = DEFINITIONS.get(id_)
        yield screen.line(
            [
                (pad(screen.visible(id_), name) + "  ", "plain"),
                (
                    pad(_figure(metric), 6, right=True),
                    "good" if isinstance(metric, Rate) and metric.value == 1 else "title",
                ),
                ("  " + pad(shown, count, right=True), "dim"),
                (("  " + definition.counted) if definition is not None else "", "dim"),
            ]
        )


def _figure(metric: Metric) -> str:
    value = metric.value or 0.0
    if isinstance(metric, Rate):
        return f"{int(value * 1000 + 1e-9) / 10:.1f}%"
    return f"{value:.2f}"


def _notes(report: Report, screen: Screen, verbosity: int) -> Iterator[str]:
    """The run's notes, then those of the tests, one line for all tests that share a note."""
    notes, others = shared_notes(report.notes, report.summaries, lambda nodeids: named(nodeids, verbosity > 0))
    lines = [*notes, *others]
    shown = lines if verbosity > 0 else lines[: len(notes) + SHOWN_NOTES]
    for number, line in enumerate(shown):
        if not number:
            yield screen.line([("notes", "dim")])
        yield from wrapped(line, screen, "plain")
    if len(shown) < len(lines):
        yield screen.line([(f"  and {len(lines) - len(shown)} more notes (-v shows all)", "dim")])


def named(nodeids: Sequence[str], every: bool = False) -> str:
    """Tests in a note: `every` one, or how many and the first."""
    if len(nodeids) == 1:
        return nodeids[0]
    return ", ".join(nodeids) if every else f"{len(nodeids)} tests, the first {nodeids[0]}"


def gate_lines(report: Report, screen: Screen, verbosity: int) -> Iterator[str]:
    """Which bounds held and which did not: those of the run, and of many tests' the first."""
    marks = screen.glyphs
    own = [gate for gate in report.gates if gate.nodeid is None]
    of_tests = sorted((gate for gate in report.gates if gate.nodeid is not None), key=lambda gate: gate.passed is True)
    shown = of_tests if verbosity > 0 else of_tests[:SHOWN_GATES]
    for number, gate in enumerate([*own, *shown]):
        if not number:
            yield screen.line([("gates", "dim")])
        mark = marks.passed if gate.passed else marks.undecided if gate.passed is None else marks.failed
        style: Style = "good" if gate.passed else "note" if gate.passed is None else "bad"
        where = f"{gate.nodeid}: " if gate.nodeid else ""
        yield from wrapped(f"{mark} {where}{gate.text}", screen, style)
    rest = of_tests[len(shown) :]
    if rest:
        failed = sum(gate.passed is False for gate in rest)
        yield screen.line([(f"  and {len(rest)} more of tests, {failed} of them not held (-v shows all)", "dim")])
