"""Set predictions beside the truth: aligned pairs, divergences, metrics."""

from __future__ import annotations

from cwm_tracer.compare.comparison import Comparison, Pair, compare_traces, compare_verification
from cwm_tracer.compare.divergence import Divergence, DivergenceKind
from cwm_tracer.compare.metrics import DEFINITIONS, Definition, Mean, Metric, Metrics, Rate, merge
from cwm_tracer.compare.score import Difference, Score, score_frame
from cwm_tracer.compare.values import REDACTED, NotALiteral, is_redacted, plain_data, same_value

__all__ = [
    "DEFINITIONS",
    "REDACTED",
    "Comparison",
    "Definition",
    "Difference",
    "Divergence",
    "DivergenceKind",
    "Mean",
    "Metric",
    "Metrics",
    "NotALiteral",
    "Pair",
    "Rate",
    "Score",
    "compare_traces",
    "compare_verification",
    "is_redacted",
    "merge",
    "plain_data",
    "same_value",
    "score_frame",
]
