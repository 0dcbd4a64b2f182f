"""Behind which statements is the next frame wrong most often?

    python benchmarks/statements.py [--model DIR] [--programs 60] [--rows 40] heldout:corpus mbpp:DATA

Teacher-forced and without constraints. What reads the same but for its names, numbers and texts is one row, expressions
that are assigned or returned with their own kind: how many frames came next, how many of these were right, and what
share. The rows with the most wrong frames come first.
"""

from __future__ import annotations

import argparse
import ast
import builtins
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from cwm_server.tokenizer import EMBEDDED
from cwm_tracer.compare import compare_verification
from cwm_tracer.model import Event, Trace, Verification
from pytest_cwm.evaluation.suites import load_suite
from pytest_cwm.predictors import make_predictor

_KEPT = frozenset(dir(builtins))


def main() -> None:
    """Print a table of all suites together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", help="as `cwm eval --suite` takes them")
    parser.add_argument("--programs", type=int, default=60)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    frames, right = Counter[str](), Counter[str]()
    predictor = make_predictor(model=str(options.model), constrain=False)
    try:
        for spec in options.suites:
            for program in load_suite(spec, options.programs).programs:
                for line, hit in judged(program.trace, predictor.verify(program.trace)):
                    frames[form_of(line)] += 1
                    right[form_of(line)] += hit
    finally:
        predictor.close()
    print("frames  right         what ran: names as `n`, numbers as 1, texts as 's'")
    for form in sorted(frames, key=lambda form: right[form] - frames[form])[: options.rows]:
        print(f"{frames[form]:6} {right[form]:6} {100 * right[form] / frames[form]:6.1f}%  {form}")
    print(f"{frames.total():6} {right.total():6} {100 * right.total() / max(1, frames.total()):6.1f}%  all")


def judged(trace: Trace, verification: Verification) -> Iterator[tuple[str, bool]]:
    """The line of each frame that runs one, and whether the frame behind it was predicted right."""
    scored = {pair.index: pair.score for pair in compare_verification(trace, verification).make_pairs()}
    for index, (before, _) in enumerate(pairwise(trace.frames), 1):
        score = scored.get(index)
        if before.event is Event.LINE and score is not None:
            yield before.source, score.frame


@lru_cache(maxsize=1 << 14)
def form_of(line: str) -> str:
    """The statement on a line, or the expression that it assigns or returns."""
    text = line.strip()
    for shown in (text, text.removeprefix("el") + "\n    pass"):
        try:
            statement = ast.parse(shown).body[0]
        except (SyntaxError, ValueError, IndexError):
            continue
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Return)) and statement.value is not None:
            return _bare(statement.value)
        return _bare(statement)
    return "(a part of a statement)"


def _bare(tree: ast.AST) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in _KEPT:
            node.id = "n"
        elif isinstance(node, ast.arg):
            node.arg = "n"
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
            node.value = "s" if isinstance(node.value, str) else 1
    return ast.unparse(tree).split("\n")[0]


if __name__ == "__main__":
    main()
