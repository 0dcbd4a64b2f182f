"""A comparison as gates of the run: a line for each measure, and whether the run fails for it."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cwm.regression.comparison import Change, Comparison, Finding, Group, Verdict
from pytest_cwm.regression.statistics import FEWEST
from pytest_cwm.report.gate import GateResult

_PASSED = {Verdict.WORSE: False, Verdict.NOT_WORSE: True, Verdict.INSUFFICIENT: None}
_PLURAL = ("weights", "context tokens")


def gates_of(comparison: Comparison) -> tuple[GateResult, ...]:
    """Everything that a baseline demands; nothing that is insufficient passes."""
    return tuple(_gates(comparison))


def _gates(comparison: Comparison) -> Iterator[GateResult]:
    if comparison.changes:
        yield GateResult(None, f"not compared with the baseline: {changes_text(comparison)}")
        return
    for nodeid in comparison.strict_flips:
        yield GateResult(False, "strict: the baseline's prediction had no divergence, this one has", nodeid)
    for finding in comparison.findings:
        yield GateResult(_PASSED[finding.verdict], sentence(finding))
    if not comparison.findings:
        count = len(comparison.groups[Group.COMPARED])
        text = f"insufficient data: {count} tests can be compared with the baseline"
        if not comparison.before.tests.keys() & comparison.after.tests.keys():
            text = "insufficient data: no test is in both runs; is the baseline of another project, or rootdir?"
        yield GateResult(None, text)


def changes_text(comparison: Comparison) -> str:
    """What differs between the runs besides the tests."""
    return "; ".join(map(change_text, comparison.changes))


def change_text(change: Change) -> str:
    """One fact that differs."""
    verb = "differ" if change.fact in _PLURAL else "differs"
    return f"{change.fact} {verb} ({shown(change.after)}, was {shown(change.before)})"


def shown(value: object) -> str:
    """A fact's value, a digest by its first digits."""
    text = str(value)
    return text[:12] if len(text) >= 32 and all(letter in "0123456789abcdef" for letter in text) else text


def sentence(finding: Finding) -> str:
    """A finding in one sentence."""
    metric, tests = finding.measure.metric, finding.tests
    if finding.tests < FEWEST:
        number = "no test" if not tests else f"{tests} test{'s' if tests > 1 else ''}"
        return f"{metric}: insufficient data, {number} can be compared; {FEWEST} are the fewest that can mean anything"
    said = f"{metric} {figure(finding, finding.before)} → {figure(finding, finding.after)} ({detail(finding)})"
    if finding.verdict is Verdict.WORSE:
        return f"{said}: worse by more than {effect(finding, finding.measure.floor)}"
    if finding.verdict is Verdict.NOT_WORSE:
        return f"{said}: not worse"
    return f"{said}: insufficient data to rule out a drop of {effect(finding, finding.measure.floor)}"


def detail(finding: Finding) -> str:
    """The change with its uncertainty."""
    assert finding.interval is not None
    value, low, high = finding.interval.value, finding.interval.low, finding.interval.high
    parts = [difference(finding, value), f"95% interval {difference(finding, low)} to {difference(finding, high)}"]
    if finding.flips is not None:
        parts.append(f"{finding.flips[0]} tests became wrong, {finding.flips[1]} right")
    return ", ".join(
        [*parts, "p " + ("" if finding.chance < 0.001 else "= ") + chance(finding), f"{finding.tests} tests"]
    )


def chance(finding: Finding) -> str:
    """The p-value."""
    return "< 0.001" if finding.chance < 0.001 else f"{finding.chance:.3f}"


def figure(finding: Finding, value: float | None) -> str:
    """A measure's value."""
    if value is None:
        return "none"
    return f"{value:.3f}" if finding.measure.lower_is_better else f"{value * 100:.1f}%"


def difference(finding: Finding, value: float) -> str:
    """A difference of two values, with its sign."""
    text = f"{value:+.3f}" if finding.measure.lower_is_better else f"{value * 100:+.1f}"
    return text if text.strip("+-0.") else text[1:]


def effect(finding: Finding, value: float) -> str:
    """A difference of two values, without a sign."""
    if finding.measure.lower_is_better:
        return f"{value:g}"
    points = round(value * 100, 4)
    return f"{points:g} point{'' if points == 1 else 's'}"
