"""How well a model predicts programs that it never saw: MBPP's test split (tasks 11 to 510).

    python benchmarks/accuracy.py --mbpp DIR_OF_MBPP [--model DIR | --server URL] [--programs 500] [--rollouts 100]
        [--no-constrain]

The recipe: each task's first assertion becomes `def main(): return f(ARGUMENTS)`, which is the entry; recorded on
CPython 3.11; programs whose context and trace exceed 2 048 tokens are left out, and counted. Prints a table of the
metrics that `docs/metrics.md` defines, teacher-forced over all programs and free-running over the first `--rollouts`,
with constrained decoding where the server can do that, or without; intervals are 95% percentile bootstraps over
programs (1 000 samples, fixed seed).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cwm_server.training.programs import mbpp
from cwm_server.training.programs.base import Program
from cwm_server.training.workers import run
from cwm_tracer import wire
from cwm_tracer.compare import DEFINITIONS, Metric, compare_traces, compare_verification, merge
from cwm_tracer.model import Context, Ending, Meta, Trace
from pytest_cwm.predictors import make_predictor

TOKENS = 2_048


def main() -> int:
    """Record, predict, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mbpp", type=Path, required=True, help="directory that holds mbpp.jsonl")
    parser.add_argument("--model", help="directory of a model (default: the embedded one)")
    parser.add_argument("--server", help="URL of a model server, instead")
    parser.add_argument("--tokenizer", help="the tokenizer of the model at --server")
    parser.add_argument("--programs", type=int, default=500)
    parser.add_argument("--rollouts", type=int, default=100)
    parser.add_argument(
        "--constrain", action=argparse.BooleanOptionalAction, default=True, help="decode only traces of the source"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    predictor = make_predictor(
        server=options.server,
        model=options.model,
        tokenizer=options.tokenizer,
        token=os.environ.get("CWM_TOKEN"),
        constrain=options.constrain,
    )
    programs = list(test_split(options.mbpp))[: options.programs]
    traces, left_out = [], 0
    for _, result in run(programs, workers=2):
        trace = None if result.rejected or not result.complete else as_trace(result.segments)
        if trace is None:
            left_out += 1
        else:
            traces.append(trace)
    print(f"{len(programs)} programs, {len(traces)} recorded in full, {left_out} not (too long, or not runnable)")
    forced, free = [], []
    too_long = outside = 0
    began = time.monotonic()
    for number, trace in enumerate(traces):
        verification = predictor.verify(trace)
        if verification.failure is not None:
            print(f"program {number}: {verification.failure}", file=sys.stderr)
        if verification.windows > 1:
            too_long += 1
            continue
        outside += verification.outside
        forced.append(compare_verification(trace, verification).metrics)
        if len(free) < options.rollouts:
            limit = len(trace.frames) + len(trace.frames) // 4 + 8
            rolled = predictor.roll_out(trace.context, trace.frames[:1], max_frames=limit, draft=trace.frames)
            free.append(compare_traces(trace, rolled.trace, rolled.problems).metrics)
    seconds = time.monotonic() - began
    outside = f"; {outside} true tokens outside of the constraint" if options.constrain else ""
    print(f"constrained: {getattr(predictor, 'constrained', None)}{outside}")
    print(f"{len(forced)} of them fit {TOKENS} tokens; {too_long} do not; {seconds:.0f} s")
    figures = {**table(forced, "tf."), **table(free, "fr.")}
    for name, (value, low, high, count) in figures.items():
        print(f"{name:12} {value:8.4f}  [{low:.4f}, {high:.4f}]  n={count}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    predictor.close()
    return 0


def test_split(directory: Path) -> Iterator[Program]:
    """Each task's first assertion as a program with a `main`."""
    for task in mbpp.tasks(directory):
        if task["task_id"] in mbpp.TEST:
            subject = mbpp.subject(mbpp.module(task), task["test_list"][0], heldout=True)
            if subject is not None:
                text = f"{subject.text}\n\ndef main():\n    return {subject.name}({subject.arguments})\n"
                yield Program("mbpp-test", text, "main", "main()", subject.name, True)


def as_trace(segments: Sequence[int | str]) -> Trace | None:
    """The trace of a recorded document."""
    specials = list(wire.Special)
    pieces = [specials[piece] if isinstance(piece, int) else piece for piece in segments]
    context = pieces[2]
    decoded = wire.decode(pieces[4:])
    if decoded.problems or not decoded.ended or not isinstance(context, str):
        return None
    lines = {wire.strip_marker(line + "\n") for line in context.split("\n")}
    complete = all(frame.source in lines for frame in decoded.frames)
    return Trace(decoded.frames, Context(context, complete=complete), Meta("3.11", Ending.RETURNED))


def table(metrics: Sequence[Mapping[str, Metric]], prefix: str) -> dict[str, tuple[float, float, float, int]]:
    """Each metric's value over all programs, the bounds of its interval, and what it counts."""
    rng = random.Random(0)
    samples = [merge(rng.choices(metrics, k=len(metrics))) for _ in range(1000)] if metrics else []
    figures = {}
    totals = merge(metrics)
    for name in DEFINITIONS:
        total = totals.get(name)
        if total is None or total.value is None or not (name.startswith(prefix) or (name, prefix) == ("format", "tf.")):
            continue
        values = sorted(each[name].value or 0.0 for each in samples if each.get(name) is not None)
        figures[name] = (total.value, values[25], values[974], total.count)
    return figures


if __name__ == "__main__":
    sys.exit(main())
