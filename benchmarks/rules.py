"""Whether the rules of constrained decoding rule out anything that happened.

    python benchmarks/rules.py report:run.json.gz heldout:corpus mbpp:DATA

The suites are those of `cwm eval`. Prints what was read, and the frames at which a true token was not expected.
"""

from __future__ import annotations

import sys

from cwm_server.grammar import Constraint, Grammars, Options
from cwm_server.tokenizer import load_tokenizer
from cwm_tracer import wire
from cwm_tracer.model import Trace
from pytest_cwm.evaluation.suites import SuiteError, load_suite

SHOWN = 20


def unexpected(grammars: Grammars, trace: Trace) -> list[str]:
    """The frames, with the one before, that hold a token which the rules would not have let come."""
    tokenizer = grammars.tokenizer
    context = tokenizer.encode(wire.encode_context(trace.context.text))
    ids = tokenizer.encode([*wire.encode_context(trace.context.text), *wire.encode(trace)])
    guide = Constraint(grammars, Options(trace.context.complete)).guide(context)
    found = [place for place in range(len(context), len(ids)) if not guide.advance(ids[place])]
    texts = (wire.to_text(tokenizer.decode(ids[len(context) : place + 1])) for place in found)
    return ["".join(text.split(wire.Special.FRAME.value)[-2:]) + " <-- here" for text in texts]


def main(specs: list[str]) -> int:
    """Exit status 1 when there is such a frame."""
    tokenizer = load_tokenizer()
    grammars = Grammars(tokenizer, tokenizer.vocabulary_size)
    outside = 0
    for spec in specs:
        suite = load_suite(spec)
        found = [(program.name, text) for program in suite.programs for text in unexpected(grammars, program.trace)]
        frames = sum(len(program.trace.frames) for program in suite.programs)
        print(f"{suite.name}: {len(suite.programs)} traces, {frames} frames, {len(found)} tokens outside")
        for name, text in found[:SHOWN]:
            print(f"\n{name}\n{text}")
        outside += len(found)
    return 1 if outside else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SuiteError as error:
        sys.exit(str(error))
