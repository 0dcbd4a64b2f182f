"""The report as Markdown, for a job summary or a comment on a pull request: short, whatever the size of the run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cwm_tracer.compare import DEFINITIONS, Rate
from pytest_cwm.report.document import Report
from pytest_cwm.report.notes import shared_notes
from pytest_cwm.report.paint import plain
from pytest_cwm.report.summary import TestSummary, is_detail
from pytest_cwm.report.terminal import named, percent, rank
from pytest_cwm.report.text import Screen
from pytest_cwm.report.window import Window
from pytest_cwm.report.words import (
    AGAINST,
    CHANGED,
    NEW,
    Words,
    counts,
    differing,
    is_against,
    main_metric,
    name_of,
    plural,
    words_of,
)

SHOWN_TESTS = 20
SHOWN_DIVERGENCES = 3
SHOWN_NOTES = 10
_WIDTH = 100
_COLUMNS = {"tf.event": "event", "tf.action": "action", "tf.state": "state", "tf.frame": "frame", "fr.prefix": "prefix"}
# Characters that Markdown, or GitHub's dialect of it, acts on.
_ACTIVE = re.compile(r"[\\`*_\[\]<>&|~$]")


def to_markdown(report: Report) -> str:
    """The text: figures, bounds, the worst tests, the first divergences of the worst, and notes.

    Of a run that was held against recordings: how many tests differ, which, and how.
    """
    words = words_of(report)
    if is_against(report):
        _, ranked = differing(report.summaries)
        blocks = [_title_against(report, len(ranked)), _gates(report), _tests(ranked, words)]
    else:
        ranked = sorted(report.summaries, key=rank)
        blocks = [_title(report), _gates(report), _totals(report), _tests(ranked, words)]
    blocks += [_divergences(report, ranked, words), _notes(report)]
    return "\n\n".join(filter(None, ("\n".join(block) for block in blocks))) + "\n"


def _title(report: Report) -> Iterator[str]:
    share = percent(main_metric(report))
    yield f"### Predicted execution: {f'{share} of frames' if share else 'nothing was predicted'}"
    yield ""
    frames = sum(summary.frames for summary in report.summaries)
    by = f", predicted by {_text(name_of(report))}" if name_of(report) else ""
    yield f"{plural(len(report.summaries), 'test')} with {plural(frames, 'frame')}{by}."


def _title_against(report: Report, differ: int) -> Iterator[str]:
    how = f"{plural(differ, 'test')} differ{'s' * (differ == 1)}" if differ else "no test differs"
    yield f"### Execution against {_text(name_of(report))}: {how}"
    yield ""
    yield f"{_text(counts(report))}."


def _gates(report: Report) -> Iterator[str]:
    for gate in report.gates:
        mark = "✅" if gate.passed else "❔" if gate.passed is None else "❌"
        yield f"- {mark} {f'{_code(gate.nodeid)}: ' if gate.nodeid else ''}{_text(gate.text)}"


def _totals(report: Report) -> Iterator[str]:
    rows = [
        (name, metric) for name, metric in report.totals.items() if metric.value is not None and not is_detail(name)
    ]
    if not rows:
        return
    yield "| metric | value | count | of |"
    yield "|---|--:|--:|---|"
    for name, metric in rows:
        rate = isinstance(metric, Rate)
        value = f"{int((metric.value or 0) * 1000 + 1e-9) / 10:.1f}%" if rate else f"{metric.value:.2f}"
        count = f"{metric.correct}/{metric.total}" if isinstance(metric, Rate) else str(metric.count)
        counted = DEFINITIONS[name].counted if name in DEFINITIONS else ""
        yield f"| {_code(name)} | {value} | {count} | {counted} |"


def _tests(ranked: Sequence[TestSummary], words: Words) -> Iterator[str]:
    shown = ranked[:SHOWN_TESTS]
    if not shown:
        return
    known = [name for name in _COLUMNS if any(test.value(name) is not None for test in ranked)]
    columns = [] if words is AGAINST else known
    yield f"| test | frames | {''.join(f'{_COLUMNS[name]} | ' for name in columns)}{words.first} |"
    yield f"|---|--:|{'--:|' * len(columns)}---|"
    for test in shown:
        figures = "".join(f"{percent(test.metrics.get(name)) or '–'} | " for name in columns)
        first = ""
        if test.first is not None:
            place = f", {_code(test.first.place)}" if test.first.place else ""
            first = f"step {test.first.index}{place}: {_sentence(test.first.sentence)}"
        failed = "❌ " if test.outcome == "failed" else ""
        yield f"| {failed}{_code(test.nodeid)} | {test.frames} | {figures}{first} |"
    if len(ranked) > len(shown):
        yield ""
        yield f"and {len(ranked) - len(shown)} more tests"


def _divergences(report: Report, ranked: Sequence[TestSummary], words: Words) -> Iterator[str]:
    diverging = [summary for summary in ranked if summary.divergences][:SHOWN_DIVERGENCES]
    for summary in diverging:
        test = report.tests.named(summary.nodeid)
        if test.trace is None or summary.first is None:
            continue
        question, divergence = test.divergences[0]
        told = test.roll_out.trace.frames if test.roll_out is not None and question == "fr" else ()
        drawn = list(Window(test.trace, Screen(_WIDTH, plain), words.sides).lines(divergence, told))
        longest = max((len(run) for line in drawn for run in re.findall("`+", line)), default=0)
        fence = "`" * max(3, longest + 1)
        yield f"<details><summary>{_marked_up(_visible(summary.nodeid))}, step {summary.first.index}</summary>"
        yield ""
        yield _sentence(summary.first.sentence)
        yield from (f"<br>{_text(note)}" for note in test.notes if words is AGAINST)
        yield ""
        yield from (fence, *drawn, fence)
        yield "</details>"


def _notes(report: Report) -> Iterator[str]:
    whole, others = shared_notes(report.notes, report.summaries, named)
    notes = [*whole, *(note for note in others if not note.startswith((NEW, CHANGED)))]
    yield from (f"- {_text(note)}" for note in notes[:SHOWN_NOTES])
    if len(notes) > SHOWN_NOTES:
        yield f"- and {len(notes) - SHOWN_NOTES} more notes"


def _text(text: str) -> str:
    """Text that means nothing to Markdown or HTML."""
    return _ACTIVE.sub(r"\\\g<0>", _visible(text))


def _code(text: str) -> str:
    """A code span; where its text could end it, or a cell of a table, character references keep it whole."""
    shown = _visible(text)
    if shown and not set("`|\\") & set(shown) and shown == shown.strip():
        return f"`{shown}`"
    return _marked_up(shown)


def _marked_up(shown: str) -> str:
    return f"<code>{_ACTIVE.sub(lambda match: f'&#{ord(match[0])};', shown)}</code>"


def _sentence(text: str) -> str:
    """A sentence, with what it has between backticks as code."""
    parts = _visible(text).split("`")
    if len(parts) % 2 == 0:
        return _text(text)
    return "".join(_code(part) if number % 2 else _text(part) for number, part in enumerate(parts))


def _visible(text: str) -> str:
    return Screen(_WIDTH, plain).visible(text)
