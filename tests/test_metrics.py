from __future__ import annotations

import re
from pathlib import Path

from builders import call, line, returned, trace, verified
from cwm_tracer.compare import DEFINITIONS, Mean, Rate, compare_traces, compare_verification, merge

DOCUMENT = Path(__file__).parent.parent / "docs" / "metrics.md"
SHORT = trace(call("def f():"), line("    return 1"), returned("    return 1", 1))
LONG = trace(call("def g(n):", n=1), *[line("    n += 1", n=number) for number in range(1, 8)], returned("    n += 1"))


def test_a_rate_without_data_has_no_value() -> None:
    assert Rate().value is None
    assert Mean().value is None
    assert Rate(0, 4).value == 0.0
    assert Mean(3.0, 2).value == 1.5


def test_merging_adds_sums_so_that_every_frame_weighs_the_same() -> None:
    merged = merge(
        [{"tf.frame": Rate(1, 1), "tf.bits": Mean(1.0, 1)}, {"tf.frame": Rate(0, 9), "tf.bits": Mean(2.0, 3)}]
    )
    assert merged == {"tf.frame": Rate(1, 10), "tf.bits": Mean(3.0, 4)}


def test_merging_nothing_gives_nothing_and_keeps_the_documented_order() -> None:
    assert merge([]) == {}
    merged = merge([{"fr.trace": Rate(1, 1), "x.new": Rate(1, 1)}, {"format": Rate(1, 1), "tf.event": Rate(1, 1)}])
    assert list(merged) == ["tf.event", "format", "fr.trace", "x.new"]


def test_a_long_test_outweighs_a_short_one() -> None:
    short = compare_verification(SHORT, verified(SHORT, {1: returned("    return 1")}))
    long = compare_verification(LONG, verified(LONG))
    assert merge([short.metrics, long.metrics])["tf.event"] == Rate(9, 10)


def test_every_comparison_gives_exactly_the_documented_ids() -> None:
    forced = compare_verification(SHORT, verified(SHORT)).metrics
    free = compare_traces(SHORT, SHORT).metrics
    assert list(merge([forced, free])) == list(DEFINITIONS)


def test_the_document_defines_each_id_once_and_no_other() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(DEFINITIONS)


def test_bits_are_averaged_over_the_choices_that_have_them() -> None:
    from cwm_tracer.model import Choice

    frame = SHORT.frames[2]
    comparison = compare_verification(SHORT, verified(SHORT, {1: Choice(SHORT.frames[1], bits=3.0), 2: Choice(frame)}))
    assert comparison.metrics["tf.bits"] == Mean(3.0, 1)
