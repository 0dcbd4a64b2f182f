"""A comparison in a terminal: with what, of which tests, each measure, and the tests that moved most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pytest_cwm.regression.comparison import Comparison, Finding, Group, Verdict
from pytest_cwm.regression.gate import chance, change_text, difference, figure
from pytest_cwm.regression.measures import sums_of
from pytest_cwm.report.notes import redacted_note
from pytest_cwm.report.paint import Paint, Style, plain
from pytest_cwm.report.text import Screen, cells, pad

SHOWN_TESTS = 5
_STYLES: dict[Verdict, Style] = {Verdict.WORSE: "bad", Verdict.NOT_WORSE: "good", Verdict.INSUFFICIENT: "note"}
_NAMES_SHOWN = 3


def render(
    comparison: Comparison,
    now: datetime,
    *,
    width: int = 80,
    paint: Paint = plain,
    verbosity: int = 0,
    encoding: str = "utf-8",
) -> Iterator[str]:
    """Lines without newlines; see `pytest_cwm.report.terminal.render` for the arguments."""
    screen = Screen(max(40, width), paint, encoding)
    yield from _runs(comparison, now, screen)
    yield from _groups(comparison, screen, verbosity)
    for change in comparison.expected:
        yield screen.line([(pad("although", 10), "dim"), (screen.visible(change_text(change)), "note")])
    if comparison.changes:
        for change in comparison.changes:
            yield screen.line([(f"not compared: {screen.visible(change_text(change))}", "note")])
        return
    if any(finding.tests for finding in comparison.findings):
        yield ""
        yield from _findings(comparison.findings, screen)
    if verbosity >= 0:
        yield from _moved(comparison, screen, verbosity)


def _runs(comparison: Comparison, now: datetime, screen: Screen) -> Iterator[str]:
    for title, run in (("baseline", comparison.before), ("this run", comparison.after)):
        commit = f"commit {_short(run.commit)}" if run.commit else "commit unknown"
        facts = [run.name if run.name != title else "", run.age(now) if title == "baseline" else "", commit]
        text = f" {screen.glyphs.separator} ".join(screen.visible(fact) for fact in facts if fact)
        yield screen.line([(pad(title, 10), "dim"), (screen.cut_start(text, screen.width - 10), "plain")])


def _short(commit: str) -> str:
    revision, plus, rest = commit.partition("+")
    return f"{revision[:10]}{plus}{rest}"


def _groups(comparison: Comparison, screen: Screen, verbosity: int) -> Iterator[str]:
    compared = 0 if comparison.changes else len(comparison.groups[Group.COMPARED])
    total = sum(map(len, comparison.groups.values()))
    yield screen.line([(pad("compared", 10), "dim"), (f"{compared} of {total} tests", "plain")])
    for group, nodeids in comparison.groups.items():
        if group is Group.COMPARED or not nodeids:
            continue
        shown = nodeids if verbosity > 0 else nodeids[:_NAMES_SHOWN]
        more = f", and {len(nodeids) - len(shown)} more" if len(shown) < len(nodeids) else ""
        names = screen.visible(", ".join(shown)) + more
        counted = f"{len(nodeids)} {group.value}{_course(comparison, group, nodeids)}"
        yield screen.line([(" " * 10, "plain"), (counted, "plain"), (f": {names}", "dim")])
    redacted = sum(test.redacted for test in comparison.after.tests.values())
    if redacted:
        yield screen.line([(" " * 10, "plain"), (redacted_note(redacted), "dim")])


def _course(comparison: Comparison, group: Group, nodeids: Sequence[str]) -> str:
    """How tests fared whose truth changed: worth knowing, and no regression."""
    if group not in (Group.SOURCE, Group.EXECUTION):
        return ""
    for metric in ("tf.frame", "fr.prefix"):
        rates = []
        for run in (comparison.before, comparison.after):
            sums = [sums_of(run.tests[nodeid], metric) for nodeid in nodeids]
            count = sum(each[1] for each in sums)
            rates.append(sum(each[0] for each in sums) / count if count else None)
        if None not in rates:
            return f" ({metric} {rates[0]:.1%} → {rates[1]:.1%})"
    return ""


def _findings(findings: Sequence[Finding], screen: Screen) -> Iterator[str]:
    rows = [("metric", "before", "after", "change", "95% interval", "p", "")]
    for finding in findings:
        if finding.interval is None:
            rows.append((finding.measure.metric, "", "", "", "", "", finding.verdict.value))
            continue
        low, high = (difference(finding, value) for value in (finding.interval.low, finding.interval.high))
        rows.append(
            (
                finding.measure.metric,
                figure(finding, finding.before),
                figure(finding, finding.after),
                difference(finding, finding.interval.value),
                f"{low} to {high}",
                chance(finding),
                finding.verdict.value,
            )
        )
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        figures = "  ".join(
            pad(text, width, right=place > 0) for place, (text, width) in enumerate(zip(row[:-1], widths, strict=False))
        )
        style: Style = "dim" if not number else _STYLES[findings[number - 1].verdict]
        yield screen.line([(figures, "dim" if not number else "plain"), ("  " + row[-1], style)])
        for line in _flips(findings[number - 1]) if number else ():
            yield screen.line([(line, "dim")])


def _flips(finding: Finding) -> Iterator[str]:
    if finding.flips is None or not any(finding.flips):
        return
    worse, better = finding.flips
    yield f"  {worse} test{'' if worse == 1 else 's'} became wrong, {better} right"


def _moved(comparison: Comparison, screen: Screen, verbosity: int) -> Iterator[str]:
    """The tests that became worse, most frames first."""
    strict = set(comparison.strict_flips)
    moved = []
    for nodeid in comparison.groups[Group.COMPARED]:
        for metric in ("tf.frame", "fr.prefix"):
            was, count = sums_of(comparison.before.tests[nodeid], metric)
            now, count_now = sums_of(comparison.after.tests[nodeid], metric)
            if count and count_now and (now < was or nodeid in strict):
                moved.append(
                    (nodeid not in strict, now - was, nodeid, f"{metric} {was:g}/{count} → {now:g}/{count_now}")
                )
                break
    moved.sort()
    shown = moved if verbosity > 0 else moved[:SHOWN_TESTS]
    for number, (ordinary, _, nodeid, text) in enumerate(shown):
        if not number:
            yield ""
            yield screen.line([(f"{len(moved)} test{'s' if len(moved) > 1 else ''} became worse", "dim")])
        mark = "" if ordinary else "  strict"
        room = screen.width - cells(text) - cells(mark) - 4
        name = screen.cut_start(screen.visible(nodeid), max(12, room))
        yield screen.line([(f"  {name}  ", "plain"), (screen.visible(text), "note"), (mark, "bad")])
    if len(shown) < len(moved):
        yield screen.line([(f"  and {len(moved) - len(shown)} more (-v shows all)", "dim")])
