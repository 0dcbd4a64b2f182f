"""Compare two runs: like with like only, the test as the unit, a verdict that admits when there is too little data."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cwm.regression.measures import DEFAULTS, Measure, default_measure, sums_of
from pytest_cwm.regression.runs import Run
from pytest_cwm.regression.statistics import CONFIDENCE, FEWEST, Interval, Paired, difference, exchange, mcnemar
from pytest_cwm.report.summary import TestSummary


class Group(enum.Enum):
    """What a test of either run is to the comparison."""

    COMPARED = "compared"
    SOURCE = "source changed"
    EXECUTION = "execution changed"
    UNKNOWN = "of unknown source"
    UNPREDICTED = "without a prediction"
    NEW = "new"
    REMOVED = "only in the baseline"


class Verdict(enum.Enum):
    """What a measure's data says."""

    WORSE = "worse"
    NOT_WORSE = "not worse"
    INSUFFICIENT = "insufficient data"


@dataclass(frozen=True, slots=True)
class Change:
    """A fact on which predictions depend, and which differs between the runs: no test can be compared then."""

    fact: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure over the tests that can be compared; `flips` counts those that became wrong and right as a whole.

    `chance` is the p-value of the change: how often as much would come about by chance.
    """

    measure: Measure
    tests: int
    before: float | None
    after: float | None
    interval: Interval | None
    verdict: Verdict
    flips: tuple[int, int] | None = None
    chance: float = 1.0

    @property
    def drop(self) -> float:
        """How much worse it became; negative where it became better."""
        if self.interval is None:
            return 0.0
        return self.interval.value if self.measure.lower_is_better else -self.interval.value


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side. `groups` sorts every test of either; `strict_flips` were right, are not, and are `strict`.

    With `changes` nothing is compared, unless they were expected.
    """

    before: Run
    after: Run
    changes: tuple[Change, ...]
    expected: tuple[Change, ...]
    groups: Mapping[Group, tuple[str, ...]]
    findings: tuple[Finding, ...]
    strict_flips: tuple[str, ...]

    @property
    def worse(self) -> bool:
        """Whether predictions became worse by more than is allowed."""
        return bool(self.strict_flips) or any(finding.verdict is Verdict.WORSE for finding in self.findings)


def compare(before: Run, after: Run, measures: Sequence[Measure] = (), expected: Collection[str] = ()) -> Comparison:
    """Compare two runs by `measures`, by default those of `DEFAULTS` that the runs have.

    Facts named in `expected` may differ; the name of a setting is what stands before its colon.
    """
    differing = [
        Change(fact, before.facts.get(fact), value)
        for fact, value in after.facts.items()
        if value != before.facts.get(fact) and None not in (value, before.facts.get(fact))
    ]
    planned = tuple(change for change in differing if change.fact.partition(":")[0] in expected)
    changes = tuple(change for change in differing if change not in planned)
    groups = _grouped(before, after)
    pairs = [] if changes else [(before.tests[each], after.tests[each]) for each in groups[Group.COMPARED]]
    chosen = measures or [
        default_measure(metric) for metric in DEFAULTS if any(sums_of(test, metric)[1] for _, test in pairs)
    ]
    return Comparison(
        before,
        after,
        changes,
        planned,
        groups,
        tuple(_measured(measure, pairs) for measure in chosen),
        tuple(after.nodeid for before, after in pairs if after.strict and not before.divergences and after.divergences),
    )


def _grouped(before: Run, after: Run) -> dict[Group, tuple[str, ...]]:
    groups: dict[Group, list[str]] = {group: [] for group in Group}
    for nodeid in sorted({*before.tests, *after.tests}):
        groups[_group(before.tests.get(nodeid), after.tests.get(nodeid))].append(nodeid)
    return {group: tuple(nodeids) for group, nodeids in groups.items()}


def _group(before: TestSummary | None, after: TestSummary | None) -> Group:
    if before is None:
        return Group.NEW
    if after is None:
        return Group.REMOVED
    if not (_predicted(before) and _predicted(after)):
        return Group.UNPREDICTED
    if before.digests is None or after.digests is None:
        return Group.UNKNOWN
    if before.digests.source != after.digests.source:
        return Group.SOURCE
    return Group.COMPARED if before.digests == after.digests else Group.EXECUTION


def _predicted(test: TestSummary) -> bool:
    """Whether all was predicted that was asked for: what timed out or broke off says nothing of the model."""
    return not test.missing and test.roll_out_failure is None and any(each.count for each in test.metrics.values())


def _measured(measure: Measure, pairs: Iterable[tuple[TestSummary, TestSummary]]) -> Finding:
    tests = []
    for before, after in pairs:
        (was, was_count), (now, now_count) = sums_of(before, measure.metric), sums_of(after, measure.metric)
        if was_count and now_count and math.isfinite(was) and math.isfinite(now):
            tests.append(Paired(was, was_count, now, now_count))
    if not tests:
        return Finding(measure, 0, None, None, None, Verdict.INSUFFICIENT)
    interval = difference(tests)
    flips = _flips(tests) if measure.whole_tests else None
    chance = mcnemar(*flips) if flips is not None else exchange(tests)
    return Finding(
        measure,
        len(tests),
        sum(test.before for test in tests) / sum(test.before_count for test in tests),
        sum(test.after for test in tests) / sum(test.after_count for test in tests),
        interval,
        _verdict(measure, len(tests), interval, chance),
        flips,
        chance,
    )


def _flips(tests: Iterable[Paired]) -> tuple[int, int]:
    flipped = [test.after - test.before for test in tests]
    return sum(each < 0 for each in flipped), sum(each > 0 for each in flipped)


def _verdict(measure: Measure, tests: int, interval: Interval, chance: float) -> Verdict:
    """Worse: beyond chance and beyond the floor. Not worse: a drop as large as the floor is beyond the interval.

    Intervals of few or very unequal tests are too narrow; the p-value is not.
    """
    if tests < FEWEST:
        return Verdict.INSUFFICIENT
    drop = interval if measure.lower_is_better else Interval(-interval.value, -interval.high, -interval.low)
    certain = chance < 1 - CONFIDENCE and (drop.low > 0 or measure.whole_tests)
    if certain and drop.value >= measure.floor:
        return Verdict.WORSE
    return Verdict.NOT_WORSE if drop.high < measure.floor or drop.high <= 0 else Verdict.INSUFFICIENT
