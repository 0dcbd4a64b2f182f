"""What a comparison measures, and the drop from which on it counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cwm_tracer.compare import DEFINITIONS, Metric, Rate
from pytest_cwm.report.summary import TestSummary

# Not in reports: whether a test's every frame was predicted, teacher-forced.
WHOLE = "tf.trace"
_BINARY = {WHOLE, "fr.trace", "fr.return"}
DEFAULTS = (WHOLE, "tf.frame", "fr.trace", "fr.prefix")
FLOOR = 0.01
FLOOR_OF_MEANS = 0.1


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric and the least drop that counts: a share for a rate, the metric's unit for a mean."""

    metric: str
    floor: float

    @property
    def whole_tests(self) -> bool:
        """Each test is right or wrong as a whole, so that flips can be counted."""
        return self.metric in _BINARY

    @property
    def lower_is_better(self) -> bool:
        """Whether a rise is what makes it worse."""
        definition = DEFINITIONS.get(self.metric)
        return definition is not None and definition.lower_is_better


def parse_measure(text: str) -> Measure:
    """Read `METRIC` or `METRIC=EFFECT`, where a rate's effect is 0.02 or 2%. Raises ValueError, a line for the user."""
    name, equals, number = (part.strip() for part in text.partition("="))
    if name != WHOLE and name not in DEFINITIONS:
        known = ", ".join(sorted({WHOLE, *DEFINITIONS}))
        # The flag takes the word behind it, which may have been meant for pytest.
        hint = "; for the usual ones write `default`" if "/" in name or ".py" in name else ""
        raise ValueError(f"{name!r} is no metric; there are {known}{hint}")
    if not equals:
        return default_measure(name)
    measure = Measure(name, 0.0)
    try:
        value = float(number[:-1]) / 100 if number.endswith("%") else float(number)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0) or (value > 1 and not measure.lower_is_better):
        unit = "bits, for example 0.1" if measure.lower_is_better else "a share, for example 0.02 or 2%"
        raise ValueError(f"{number!r} in {text!r} is no effect: write {unit}")
    return Measure(name, value)


def default_measure(metric: str) -> Measure:
    """A metric with the usual floor."""
    measure = Measure(metric, FLOOR)
    return Measure(metric, FLOOR_OF_MEANS) if measure.lower_is_better else measure


def sums_of(test: TestSummary, metric: str) -> tuple[float, int]:
    """A test's correct and total, or sum and count; (0, 0) where there is nothing to count."""
    if metric == WHOLE:
        frames = test.metrics.get("tf.frame")
        if frames is None or not frames.count:
            return 0, 0
        return int(_sum(frames) == frames.count), 1
    found = test.metrics.get(metric)
    return (_sum(found), found.count) if found is not None else (0, 0)


def _sum(metric: Metric) -> float:
    return metric.correct if isinstance(metric, Rate) else metric.sum
