"""Does a model judge conditions, or repeat what came of them the last time? Next lines behind `if`, `elif`, `while`.

    python -m cwm_server.training.data --out drills --shared DATA --tokens 3e6 --seed 53 --mix branches=1
    python benchmarks/conditions.py heldout:drills [--programs 150] [--model DIR]

Teacher-forced and constrained, with the embedded model: how many next lines are right, by whether the same line was
followed by it the last time in the trace, and by what is asked (`%` of a number, an element, or else a comparison).
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import re
from collections import defaultdict
from pathlib import Path

from cwm_tracer.compare import Pair, compare_verification
from cwm_tracer.model import Event, Frame
from pytest_cwm.evaluation.suites import load_suite
from pytest_cwm.predictors.embedded import EmbeddedPredictor

_CONDITION = re.compile(r"\s*(if|elif|while)\b(.*):\s*(?:#.*)?$")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("suite", help="as `cwm eval --suite` takes it")
    parser.add_argument("--programs", type=int, default=150)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    right: dict[str, list[bool]] = defaultdict(list)
    with contextlib.closing(EmbeddedPredictor(options.model)) as predictor:
        for program in load_suite(options.suite, options.programs).programs:
            verification = predictor.verify(program.trace)
            if verification.failure is None and verification.windows == 1:
                _count(compare_verification(program.trace, verification).pairs, program.trace.frames, right)
    for name, hits in sorted(right.items()):
        print(f"{name:44} {100 * sum(hits) / len(hits):5.1f}% of {len(hits)}")


def _count(pairs: tuple[Pair, ...], frames: tuple[Frame, ...], right: dict[str, list[bool]]) -> None:
    """Add the frames behind a condition, by what is known of it."""
    last: dict[str, str] = {}
    for pair in pairs:
        before = frames[pair.index - 1] if pair.index else pair.truth
        asked = _CONDITION.match(before.source) if before.event is Event.LINE else None
        if asked is None or pair.score is None:
            continue
        came, known = pair.truth.source, last.get(before.source)
        how = "for the first time" if known is None else "same line as last time" if known == came else "another line"
        last[before.source] = came
        for name in ("all", how, f"{asked[1]}: {_kind(asked[2].strip())}"):
            right[name].append(pair.score.action)


def _kind(condition: str) -> str:
    try:
        nodes = list(ast.walk(ast.parse(condition, mode="eval")))
    except SyntaxError:
        return "what is not complete on its line"
    if any(isinstance(node, (ast.Mod, ast.BitAnd)) for node in nodes):
        return "the rest of a division"
    return "an element" if any(isinstance(node, ast.Subscript) for node in nodes) else "anything else"


if __name__ == "__main__":
    main()
