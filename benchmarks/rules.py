"""Whether the rules of constrained decoding rule out anything that happened.

    python benchmarks/rules.py [--window 1536] report:run.json.gz heldout:corpus mbpp:DATA

The suites are those of `cwm eval`. Traces are read as a whole, or in windows of at most so many tokens, as a model of
a bounded context is asked about them. Prints what was read, and the frames at which a true token was not expected.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from cwm_server.grammar import Constraint, Grammars, Options
from cwm_server.tokenizer import load_tokenizer
from cwm_tracer import wire
from cwm_tracer.model import Trace
from pytest_cwm.evaluation.suites import SuiteError, load_suite
from pytest_cwm.predictors.prompts import Codec, Unfit, windows

SHOWN = 20


def unexpected(grammars: Grammars, trace: Trace, limit: int | None) -> Iterator[str]:
    """The frames, with the one before, that hold a token which the rules would not have let come."""
    tokenizer, codec = grammars.tokenizer, Codec(grammars.tokenizer)
    context = codec.context(trace.context.text)
    for window in windows(codec.frame, context, trace.frames, limit):
        if isinstance(window, Unfit):
            continue
        depth, before = codec.standing(window.opened)
        guide = Constraint(grammars, Options(trace.context.complete, depth, before)).guide(context)
        for place in range(len(context), len(window.ids)):
            if not guide.advance(window.ids[place]):
                text = wire.to_text(tokenizer.decode(window.ids[len(context) : place + 1]))
                yield "".join(text.split(wire.Special.FRAME.value)[-2:]) + " <-- here"


def main() -> int:
    """Exit status 1 when there is such a frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=int, help="tokens of context and frames")
    parser.add_argument("suites", nargs="+")
    options = parser.parse_args()
    tokenizer = load_tokenizer()
    grammars = Grammars(tokenizer, tokenizer.vocabulary_size)
    outside = 0
    for spec in options.suites:
        suite = load_suite(spec)
        found = [
            (program.name, text)
            for program in suite.programs
            for text in unexpected(grammars, program.trace, options.window)
        ]
        frames = sum(len(program.trace.frames) for program in suite.programs)
        print(f"{suite.name}: {len(suite.programs)} traces, {frames} frames, {len(found)} tokens outside")
        for name, text in found[:SHOWN]:
            print(f"\n{name}\n{text}")
        outside += len(found)
    return 1 if outside else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SuiteError as error:
        sys.exit(str(error))
