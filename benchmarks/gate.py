"""How often the regression gate is wrong: false alarms where nothing changed, and drops that it finds.

    python benchmarks/gate.py [--runs 1000]

Simulates pairs of runs of one suite whose predictions are not deterministic: each test has its own length and
difficulty, and in each run some tests go astray and stay wrong to their end, so that the frames of a test are far from
independent. In A/A pairs both runs are alike; in the others the second predicts 5 points of all frames less.
Prints the table of docs/ci.md.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator

from cwm_tracer.compare import Rate
from pytest_cwm.regression.comparison import Comparison, Verdict, compare
from pytest_cwm.regression.measures import Measure
from pytest_cwm.regression.runs import Run
from pytest_cwm.report.digest import Digests
from pytest_cwm.report.summary import TestSummary

SIZES = (6, 10, 30, 100, 300)
ASTRAY = 0.05
SAME = Digests("", "")


def suite(tests: int, generator: random.Random) -> list[tuple[int, float]]:
    """Each test's length in frames and its share of frames that are hard."""
    return [(min(400, 5 + int(generator.expovariate(1 / 30))), generator.betavariate(0.6, 5)) for _ in range(tests)]


def run(tests: list[tuple[int, float]], drop: float, generator: random.Random) -> Run:
    """One run's predictions; `drop` is the share of frames that are wrong besides."""
    return Run("", {str(number): summary(str(number), *test, drop, generator) for number, test in enumerate(tests)}, {})


def summary(nodeid: str, frames: int, hard: float, drop: float, generator: random.Random) -> TestSummary:
    """One test's figures."""
    astray = frames
    if generator.random() < ASTRAY:
        astray = generator.randrange(frames)
    # A hard frame is right every second time.
    wrong = sum(place >= astray or generator.random() < hard / 2 + drop for place in range(frames))
    metrics = {"tf.frame": Rate(frames - wrong, frames)}
    return TestSummary(nodeid, "passed", "", metrics, 0, 0, (), frames, None, wrong, None, None, None, digests=SAME)


def comparisons(tests: int, drop: float, runs: int) -> Iterator[Comparison]:
    """Pairs of runs, each of a suite of its own."""
    generator = random.Random(f"{tests} {drop}")
    measures = [Measure("tf.trace", 0.01), Measure("tf.frame", 0.01)]
    for _ in range(runs):
        made = suite(tests, generator)
        yield compare(run(made, 0.0, generator), run(made, drop, generator), measures)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    print('| tests | A/A: fails | of it `tf.trace` | of it `tf.frame` | A/A: "not worse" | 5 points less: fails |')
    print("|---|---|---|---|---|---|")
    for tests in SIZES:
        alike = list(comparisons(tests, 0.0, runs))
        dropped = sum(comparison.worse for comparison in comparisons(tests, 0.05, runs))
        alarms = Counter(
            finding.measure.metric
            for comparison in alike
            for finding in comparison.findings
            if finding.verdict is Verdict.WORSE
        )
        passed = sum(all(each.verdict is Verdict.NOT_WORSE for each in one.findings) for one in alike)
        shares = [sum(one.worse for one in alike), alarms["tf.trace"], alarms["tf.frame"], passed, dropped]
        print(f"| {tests} | " + " | ".join(f"{share / runs:.1%}" for share in shares) + " |", flush=True)


if __name__ == "__main__":
    main()
