"""The metrics: their ids, and sums that can be merged over tests. `docs/metrics.md` explains each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Rate:
    """`correct` of `total`. Sums of rates are micro-averages: every frame weighs the same."""

    correct: int = 0
    total: int = 0

    @property
    def value(self) -> float | None:
        """Between 0 and 1; None when nothing was scored."""
        return self.correct / self.total if self.total else None

    @property
    def count(self) -> int:
        """How many things were scored."""
        return self.total

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.correct + other.correct, self.total + other.total)


@lru_cache(maxsize=4096, typed=True)
def rate_of(correct: int, total: int) -> Rate:
    """A `Rate`. Tests have few different ones, and eleven each: most were made before."""
    return Rate(correct, total)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of `count` numbers whose sum is `sum`."""

    sum: float = 0.0
    count: int = 0

    @property
    def value(self) -> float | None:
        """In the metric's unit; None when nothing was measured."""
        return self.sum / self.count if self.count else None

    def __add__(self, other: Mean) -> Mean:
        return Mean(self.sum + other.sum, self.count + other.count)


Metric = Rate | Mean
Metrics = Mapping[str, Metric]


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric: what `counted` things it is a rate or mean of, in a few words; `detail`: shown on demand."""

    id: str
    counted: str
    lower_is_better: bool = False
    detail: bool = False


DEFINITIONS = {
    definition.id: definition
    for definition in (
        Definition("tf.event", "events: call, line, return or exception"),
        Definition("tf.action", "events on their source line"),
        Definition("tf.state", "states: all locals of a call or line frame"),
        Definition("tf.variable", "variables"),
        Definition("tf.changed", "variables that just changed"),
        Definition("tf.identical", "variables, right to the letter", detail=True),
        Definition("tf.same_type", "variables, at least of the right type", detail=True),
        Definition("tf.argument", "return values and exceptions"),
        Definition("tf.frame", "frames, everything in them"),
        Definition("tf.bits", "bits of surprise per frame", lower_is_better=True),
        Definition("format", "well-formed frames"),
        Definition("fr.prefix", "frames before the first divergence"),
        Definition("fr.line_path", "lines run, on either side"),
        Definition("fr.branch_path", "decisions of branches and loops, on either side"),
        Definition("fr.return", "outcomes of the entry"),
        Definition("fr.trace", "whole traces"),
        Definition("table9.output", "CWM's Table 9: outcomes of the entry", detail=True),
        Definition("table9.format", "CWM's Table 9: traces without a fault in their format", detail=True),
        Definition("table9.state", "CWM's Table 9: states, by position", detail=True),
        Definition("table9.action", "CWM's Table 9: source lines, by position", detail=True),
        Definition("table9.json", "CWM's Table 9: states that are JSON", detail=True),
        Definition("table9.key", "CWM's Table 9: names in a state", detail=True),
        Definition("table9.key_value", "CWM's Table 9: names with their values in a state", detail=True),
    )
}
_ORDER = {name: position for position, name in enumerate(DEFINITIONS)}


def merge(metrics: Iterable[Metrics]) -> dict[str, Metric]:
    """Sum metrics id by id, in the order of `DEFINITIONS`; ids it does not know come after, sorted."""
    rates: dict[str, Rate] = {}
    means: dict[str, Mean] = {}
    for each in metrics:
        for name, metric in each.items():
            if isinstance(metric, Rate):
                rates[name] = rates[name] + metric if name in rates else metric
            else:
                means[name] = means.get(name, Mean()) + metric
    sums: dict[str, Metric] = {**rates, **means}
    return {name: sums[name] for name in sorted(sums, key=lambda id_: (_ORDER.get(id_, len(_ORDER)), id_))}
