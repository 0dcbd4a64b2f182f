"""Paired statistics of which the test is the unit: frames of one test are not independent of each other.

Standard library only, and the same numbers for the same data: the bootstrap's seed is fixed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, product
from statistics import NormalDist

CONFIDENCE = 0.95
# Flips that all go one way and mean anything at 5%: of 6 the exact p is .031, of 5 it is .0625.
FEWEST = 6
_DRAWN = 2_000_000  # tests drawn in all
_EXACT = 12
_EXCHANGES = 2000
_MANY = 200
_LIMB = 1 << 64
_SCALE = 1 << 24
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Paired:
    """One test's sums in the run before and in the run after: a rate's correct and total, a mean's sum and count."""

    before: float
    before_count: int
    after: float
    after_count: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference, after minus before, with its 95% confidence interval."""

    value: float
    low: float
    high: float


def mcnemar(worse: int, better: int) -> float:
    """The exact two-sided p-value of so many flips to the worse and to the better, were both as likely."""
    flips = worse + better
    if not flips:
        return 1.0
    ways = tail = 1
    for count in range(min(worse, better)):
        ways = ways * (flips - count) // (count + 1)
        tail += ways
    return min(1.0, 2 * tail / (1 << flips))


def exchange(tests: Sequence[Paired], seed: int = 0) -> float:
    """The two-sided p-value of the difference of the micro-averages, were before and after exchangeable in each test.

    Exact for up to 12 tests that differ, by 2 000 random exchanges for up to 200, by their normal limit beyond. For
    tests that are right or wrong as a whole it is McNemar's.
    """
    differing = [test for test in tests if (test.before, test.before_count) != (test.after, test.after_count)]
    if len(differing) > _MANY:
        return _exchange_of_many(tests, differing)
    pairs = [(_packed(test.before, test.before_count), _packed(test.after, test.after_count)) for test in tests]
    before, after = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    steps = [pair[1] - pair[0] for pair in pairs if pair[0] != pair[1]]
    if not steps:
        return 1.0
    observed = abs(_mean_of(after) - _mean_of(before)) - 1e-12
    generator = random.Random(seed)
    exact = len(steps) <= _EXACT
    swaps: Iterable[Sequence[int]] = (
        product((0, 1), repeat=len(steps))
        if exact
        else (generator.choices((0, 1), k=len(steps)) for _ in range(_EXCHANGES))
    )
    extreme = 0
    for chosen in swaps:
        moved = sum(compress(steps, chosen))
        extreme += abs(_mean_of(after - moved) - _mean_of(before + moved)) >= observed
    return extreme / 2 ** len(steps) if exact else (extreme + 1) / (_EXCHANGES + 1)


def _exchange_of_many(tests: Sequence[Paired], differing: Sequence[Paired]) -> float:
    """The sum of so many differences, each with either sign, is normal; a change of counts is taken at the mean."""
    total = math.fsum(test.before + test.after for test in tests)
    mean = total / sum(test.before_count + test.after_count for test in tests)
    steps = [test.after - test.before - mean * (test.after_count - test.before_count) for test in differing]
    spread = math.sqrt(math.fsum(step * step for step in steps))
    return 2 * _NORMAL.cdf(-abs(math.fsum(steps)) / spread) if spread else 1.0


def difference(tests: Sequence[Paired], seed: int = 0) -> Interval:
    """The difference of the micro-averages with a cluster bootstrap's interval: whole tests are drawn.

    Its percentiles are those of Student's t, widened for few tests, since plain ones are too narrow then (Hesterberg,
    "What Teachers Should Know about the Bootstrap", 2015, section 4.3). Counts must not all be 0.
    """
    packed = [
        _packed(test.before, test.before_count) * _LIMB**2 + _packed(test.after, test.after_count) for test in tests
    ]
    value = _micro_difference(packed)
    if all(test.before == test.after and test.before_count == test.after_count for test in tests):
        return Interval(value, value, value)
    draws = max(1000, min(2000, _DRAWN // len(tests)))
    generator = random.Random(seed)
    drawn = sorted(_micro_difference(generator.choices(packed, k=len(packed))) for _ in range(draws))
    tail = _tail(len(tests))
    return Interval(value, _quantile(drawn, tail), _quantile(drawn, 1 - tail))


def _packed(total: float, count: int) -> int:
    """Two sums in one integer, so that one addition adds both."""
    return round(total * _SCALE) * _LIMB + count


def _mean_of(packed: int) -> float:
    total, count = divmod(packed, _LIMB)
    return total / count / _SCALE if count else 0.0


def _micro_difference(packed: Sequence[int]) -> float:
    before, after = divmod(sum(packed), _LIMB**2)
    return _mean_of(after) - _mean_of(before)


def _tail(tests: int) -> float:
    """How much of the drawn distribution is cut off at either end."""
    if tests < 3:
        return 0.0
    widened = _student(tests - 1) * math.sqrt(tests / (tests - 1))
    return _NORMAL.cdf(-widened)


def _student(degrees: int) -> float:
    """The 97.5% quantile of Student's t from the normal one, by Cornish and Fisher's expansion.

    Right to 1% from 3 degrees of freedom on (Abramowitz and Stegun, 26.7.5).
    """
    z = _NORMAL.inv_cdf(0.5 + CONFIDENCE / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(degrees) ** (power + 1) for power, term in enumerate(terms))


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
