"""A predictor of one's own, as docs/predictors.md shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sample_suite import SUITE

PAGE = Path(__file__).parent.parent / "docs" / "predictors.md"


@pytest.fixture
def example() -> str:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]


def test_the_documented_example_is_short(example: str) -> None:
    assert len([line for line in example.splitlines() if line.strip()]) <= 21


@pytest.mark.parametrize("mode", ["verify", "rollout", "both"])
def test_the_documented_example_predicts(pytester: pytest.Pytester, example: str, mode: str) -> None:
    pytester.makeconftest(example)
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\npythonpath = .\n")
    result = pytester.runpytest("--cwm-trace", "-k", "test_add", f"--cwm-mode={mode}", "--cwm-report=report.json")
    result.assert_outcomes(passed=1)
    report = json.loads((pytester.path / "report.json").read_text())
    assert report["model"]["name"] == "nothing-changes"
    metrics = report["totals"]
    assert "predictions are missing" not in result.stdout.str()
    if mode != "rollout":
        assert 0 < metrics["tf.event"]["correct"] < metrics["tf.event"]["total"]
    if mode != "verify":
        assert metrics["fr.trace"] == {"correct": 0, "total": 1}
