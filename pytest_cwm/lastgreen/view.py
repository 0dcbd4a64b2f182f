"""A run against recordings in a terminal: each test that differs, where it first did, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.notes import redacted_note
from pytest_cwm.report.paint import Paint, plain
from pytest_cwm.report.summary import TestSummary
from pytest_cwm.report.terminal import gate_lines, wrapped
from pytest_cwm.report.text import Screen
from pytest_cwm.report.window import Window
from pytest_cwm.report.words import ABSENT, AGAINST, CHANGED, MASKED, NEW, counts, differing, name_of, plural

SHOWN_TESTS = 20
SHOWN_WINDOWS = 3


def render(
    report: Report, *, width: int = 80, paint: Paint = plain, verbosity: int = 0, encoding: str = "utf-8"
) -> Iterator[str]:
    """Lines without newlines, none wider than `width`.

    `verbosity` is pytest's: -1 names the tests and where they first differed, -2 counts them, from 1 on every test is
    shown in its surroundings.
    """
    screen = Screen(max(40, width), paint, encoding)
    name = name_of(report)
    _, different = differing(report.summaries)
    shown = different if verbosity > 0 else different[:SHOWN_TESTS] if verbosity > -2 else []
    for number, summary in enumerate(shown):
        test = report.tests.named(summary.nodeid)
        yield from _where(test, summary, name, screen)
        if verbosity >= 0:
            yield from _how(test, summary, screen, verbosity > 0 or number < SHOWN_WINDOWS)
            yield ""
    if 0 < len(shown) < len(different):
        yield screen.line([(f"and {len(different) - len(shown)} more tests that differ (-v shows all)", "dim")])
        yield ""
    if verbosity >= 0:
        yield from _notes(report.summaries, {test.nodeid for test in shown}, screen, verbosity)
    yield screen.line([(counts(report), "title")])
    if report.summaries and all(f"{ABSENT}{name}" in test.notes for test in report.summaries):
        yield from wrapped(f"none of these tests is in {name}: is it of another project, or rootdir?", screen, "note")
    yield from gate_lines(report, screen, verbosity)


def _where(test: TestReport, summary: TestSummary, name: str, screen: Screen) -> Iterator[str]:
    first = summary.first
    if first is not None:
        yield screen.line([(screen.cut_start(screen.visible(test.nodeid), screen.width), "title")])
        place = f", {first.place}" if first.place else ""
        yield from wrapped(f"first differed from {name} at step {first.index}{place}: {first.sentence}", screen, "note")


def _how(test: TestReport, summary: TestSummary, screen: Screen, in_context: bool) -> Iterator[str]:
    for note in test.notes:
        yield from wrapped(note, screen, "dim")
    more = summary.divergences - 1
    if more:
        yield screen.line([(f"  {more} more difference{'s' if more > 1 else ''} after it", "dim")])
    divergence = test.first("fr")
    if in_context and divergence is not None and test.trace is not None:
        yield ""
        frames = test.roll_out.trace.frames if test.roll_out is not None else ()
        yield from Window(test.trace, screen, words=AGAINST.sides).lines(divergence, frames)


def _notes(tests: Sequence[TestSummary], told: set[str], screen: Screen, verbosity: int) -> Iterator[str]:
    """What must be known of the tests that are not shown above; -v tells of what is masked as before, too."""
    notes = [
        (test.nodeid, note)
        for test in tests
        if test.nodeid not in told
        for note in test.notes
        if note not in (NEW, redacted_note(test.redacted))
    ]
    masked = sum(note.endswith(MASKED) for _, note in notes)
    if verbosity == 0:
        notes = [each for each in notes if not each[1].endswith(MASKED) and not each[1].startswith(CHANGED)]
    lines = [f"{nodeid}: {note}" for nodeid, note in notes]
    shown = lines if verbosity > 0 else lines[:SHOWN_TESTS]
    for line in shown:
        yield from wrapped(line, screen, "dim")
    if len(shown) < len(lines):
        yield screen.line([(f"  and {len(lines) - len(shown)} more notes (-v shows all)", "dim")])
    if masked and verbosity == 0:
        yield screen.line(
            [(f"  values that vary from run to run are masked in {plural(masked, 'test')} (-v says which)", "dim")]
        )
    redacted = sum(test.redacted for test in tests)
    if redacted:
        yield screen.line([(f"  {redacted_note(redacted, 'compared')}", "dim")])
    if lines or masked or redacted:
        yield ""
