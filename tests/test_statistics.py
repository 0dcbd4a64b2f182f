from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cwm.regression.statistics import FEWEST, Paired, difference, exchange, mcnemar


@pytest.mark.parametrize(
    ("worse", "better", "chance"), [(6, 0, 0.03125), (5, 0, 0.0625), (8, 2, 0.109375), (3, 3, 1.0), (0, 0, 1.0)]
)
def test_mcnemar_is_exact(worse: int, better: int, chance: float) -> None:
    assert mcnemar(worse, better) == pytest.approx(chance)


def test_fewer_one_way_flips_than_the_fewest_mean_nothing() -> None:
    assert mcnemar(FEWEST, 0) < 0.05 < mcnemar(FEWEST - 1, 0)


def test_mcnemar_takes_thousands_of_flips() -> None:
    assert mcnemar(2000, 1000) < 1e-50
    assert mcnemar(5000, 5001) == pytest.approx(1.0, abs=0.01)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=10))
def test_for_whole_tests_exchanging_is_mcnemar(flips: list[tuple[bool, bool]]) -> None:
    tests = [Paired(before, 1, after, 1) for before, after in flips]
    worse, better = flips.count((True, False)), flips.count((False, True))
    assert exchange(tests) == pytest.approx(mcnemar(worse, better))


def rates(pairs: list[tuple[int, int]], count: int = 10) -> list[Paired]:
    return [Paired(before, count, after, count) for before, after in pairs]


def test_exchanging_few_tests_tries_every_exchange() -> None:
    pairs = [(9, 6), (8, 8), (10, 7), (5, 6), (9, 9), (10, 4)]
    deltas = [after - before for before, after in pairs]
    sums = [
        sum(sign * delta for sign, delta in zip(signs, deltas, strict=True)) for signs in product((1, -1), repeat=6)
    ]
    expected = sum(abs(each) >= abs(sum(deltas)) for each in sums) / len(sums)
    assert exchange(rates(pairs)) == pytest.approx(expected)


def test_many_tests_are_judged_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(4)
    tests = rates([(8, 8 + generator.choice((-2, -1, 1, 2))) for _ in range(199)])
    drawn = exchange(tests)
    monkeypatch.setattr("pytest_cwm.regression.statistics._MANY", 100)
    assert exchange(tests) == pytest.approx(drawn, abs=0.04)


def test_the_difference_is_that_of_the_sums() -> None:
    tests = [Paired(9, 10, 8, 10), Paired(50, 100, 40, 100), Paired(1, 1, 1, 1), Paired(0, 2, 2, 2)]
    interval = difference(tests)
    assert interval.value == pytest.approx((51 - 60) / 113)
    assert interval.low < interval.value < interval.high


def test_the_same_data_gives_the_same_numbers() -> None:
    tests = rates([(9, 8), (7, 7), (10, 3), (5, 6), (2, 2), (8, 9), (1, 0)])
    assert difference(tests) == difference(list(tests))
    assert exchange(tests) == exchange(list(tests))


def test_nothing_changed_is_certain() -> None:
    tests = rates([(9, 9)] * 8)
    assert (difference(tests).low, difference(tests).high) == (0.0, 0.0)
    assert exchange(tests) == 1.0


def test_frames_of_one_test_do_not_make_many() -> None:
    """One test of 1 000 frames that went astray says less than 1 000 tests would."""
    alone = [Paired(1000, 1000, 0, 1000), *rates([(9, 9), (8, 9), (9, 8), (7, 7), (9, 9), (8, 8), (6, 6)])]
    interval = difference(alone)
    assert interval.value < -0.9
    assert interval.high > -0.05


def test_means_are_taken_as_well_as_rates() -> None:
    tests = [Paired(float(bits), 10, bits + 5.0, 10) for bits in range(20)]
    assert difference(tests).value == pytest.approx(0.5, abs=1e-6)
    assert exchange(tests) < 0.001


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
@settings(max_examples=25)
def test_the_other_way_round_is_the_same_with_the_other_sign(pairs: list[tuple[int, int]]) -> None:
    there, back = rates(pairs, 9), rates([(after, before) for before, after in pairs], 9)
    assert difference(there).value == pytest.approx(-difference(back).value)
    assert exchange(there) == pytest.approx(exchange(back), abs=0.06)
