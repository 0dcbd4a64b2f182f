"""Set predictions beside the truth: aligned pairs, divergences, metrics."""

from __future__ import annotations

from cwm_tracer.compare.comparison import Comparison, Pair, compare_traces, compare_verification
from cwm_tracer.compare.divergence import Divergence, DivergenceKind
from cwm_tracer.compare.metrics import DEFINITIONS, Definition, Mean, Metric, Metrics, Rate, merge
from cwm_tracer.compare.origin import Origin
from cwm_tracer.compare.paths import Inner, only_difference
from cwm_tracer.compare.score import Difference, Score, score_frame
from cwm_tracer.compare.values import (
    REDACTED,
    Level,
    NotALiteral,
    count_redacted,
    is_redacted,
    level_of,
    plain_data,
    same_value,
)

__all__ = [
    "DEFINITIONS",
    "REDACTED",
    "Comparison",
    "Definition",
    "Difference",
    "Divergence",
    "DivergenceKind",
    "Inner",
    "Level",
    "Mean",
    "Metric",
    "Metrics",
    "NotALiteral",
    "Origin",
    "Pair",
    "Rate",
    "Score",
    "compare_traces",
    "compare_verification",
    "count_redacted",
    "is_redacted",
    "level_of",
    "merge",
    "only_difference",
    "plain_data",
    "same_value",
    "score_frame",
]
