"""Which way conditions lead, by each of the two manners in which a model says it, and by both together.

    python benchmarks/forks.py [--model DIR] [--programs 150] heldout:corpus mbpp:DATA

Teacher-forced, by the embedded model or one that was trained like it. Counted are the places at which a trace shows
how a condition came out and the rules leave both ways open: how often the model's own choice of a token is of the
right way, how often the one by `branch_token_ids` is, and the one by both, whose odds are multiplied.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from cwm_server.grammar import Constraint, Grammars, Options
from cwm_server.language_model import LanguageModel
from cwm_server.loading import load
from cwm_server.tokenizer import EMBEDDED
from cwm_tracer.model import Trace
from cwm_tracer.wire import Segment, Special
from pytest_cwm.evaluation.suites import SuiteError, load_suite
from pytest_cwm.predictors.prompts import Codec, Unfit, windows

_HEADS = ("if", "elif", "while", "for")


def main() -> int:
    """Print a table for each suite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", help="as `cwm eval --suite` takes them")
    parser.add_argument("--programs", type=int, default=150)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    loaded = load(options.model)
    if loaded.model.config.branch_token_ids is None:
        print(f"{options.model}: its config has no branch_token_ids; train it with --outcome-weight", file=sys.stderr)
        return 2
    grammars = Grammars(loaded.tokenizer, loaded.model.config.vocab_size)
    for spec in options.suites:
        suite, right = load_suite(spec, options.programs), defaultdict[str, list[list[bool]]](list)
        for program in suite.programs:
            for kind, found in forks(loaded.model, grammars, program.trace):
                right[kind].append(found)
                right["all"].append(found)
        print(f"{suite.name:20} places  tokens  judged  both")
        for kind, hits in sorted(right.items()):
            shares = (100 * sum(column) / len(hits) for column in zip(*hits, strict=True))
            print(f"  {kind:18} {len(hits):6}  " + "  ".join(f"{share:6.1f}" for share in shares))
    return 0


def forks(model: LanguageModel, grammars: Grammars, trace: Trace) -> Iterator[tuple[str, list[bool]]]:
    """The kind of each condition, and whether its way is right by the tokens, by the judgement, and by both."""
    codec, tokenizer, branches = Codec(grammars.tokenizer), grammars.tokenizer, model.config.branch_token_ids
    assert branches is not None
    context = codec.context(trace.context.text)
    for window in windows(codec.frame, context, trace.frames, model.config.max_position_embeddings):
        if isinstance(window, Unfit):
            continue
        depth, before = codec.standing(window.opened)
        guide = Constraint(grammars, Options(trace.context.complete, depth, before)).guide(context)
        ids = list(window.ids)
        logits = model.logits(model.read([ids], model.cache(1, len(ids)))).rows(range(len(ids)))
        for place in range(len(context), len(ids)):
            fork = guide.fork()
            if fork is not None and ids[place] in fork.taken | fork.passed:
                row, taken = logits[place - 1], ids[place] in fork.taken
                said = float(max(row[list(fork.taken)]) - max(row[list(fork.passed)]))
                judged = float(row[branches[1]] - row[branches[0]])
                odds = (said, judged, said + judged)
                yield _kind(tokenizer.decode(ids[:place])), [(each > 0) == taken for each in odds]
            guide.advance(ids[place])


def _kind(read: Sequence[Segment]) -> str:
    """The word with which the condition begins whose line was read last."""
    lines = [str(text).split() for action, text in itertools.pairwise(read) if action is Special.ACTION]
    words = (line[0] for line in reversed(lines) if line and line[0] in _HEADS)
    return next(words, "other")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SuiteError as error:
        sys.exit(str(error))
