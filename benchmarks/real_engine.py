"""Hold a real vLLM, SGLang or fgserve that serves the embedded checkpoint against our own engine.

    python -m sglang.launch_server --model-path model_server/cwm_server/weights --model-impl transformers \\
        --skip-tokenizer-init --dtype float32 --json-model-override-args '{"sliding_window": 511}' --port 8000
    python benchmarks/real_engine.py http://localhost:8000 --record answers.jsonl

Prints for each golden trace how many frames, roll-outs and forced frames are equal (all should be, in fp32), the
largest difference in bits, ties, and the time beside ours. `--record` keeps every request and answer, one JSON
line each. A bearer token is read from CWM_TOKEN.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import golden  # noqa: E402
from cwm_server.tokenizer import load_tokenizer  # noqa: E402
from cwm_tracer import wire  # noqa: E402
from cwm_tracer.model import Context, Ending, Event, Meta, Trace  # noqa: E402
from pytest_cwm.predictors.completions import TokenPredictor  # noqa: E402
from pytest_cwm.predictors.embedded import EmbeddedPredictor  # noqa: E402
from pytest_cwm.predictors.http import JsonClient  # noqa: E402
from pytest_cwm.predictors.recognise import make_transport  # noqa: E402

PROGRAMS = ("bindings", "classes", "closures", "comprehensions", "exceptions", "generators", "lines", "recursion")


class Recording(JsonClient):
    """Keeps what is said."""

    file: Any = None

    def post(self, path: str, body: object) -> Any:
        answer = super().post(path, body)
        if self.file is not None:
            self.file.write(json.dumps({"path": path, "request": body, "answer": answer}) + "\n")
        return answer


def trace(name: str, frames: int) -> Trace:
    """The first frames of a golden trace."""
    source = (golden.FOLDER / f"{name}.py").read_text(encoding="utf-8").split("\n")
    index = next(index for index, line in enumerate(source) if line.startswith("def main("))
    source[index] += f"  {wire.START_MARKER}"
    text = (golden.FOLDER / f"{name}.txt").read_text(encoding="utf-8").replace("<|frame_sep|>\n", "<|frame_sep|>")
    return Trace(
        wire.decode(wire.from_text(text)).frames[:frames], Context("\n".join(source)), Meta("3.11", Ending.OPEN)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--frames", type=int, default=14)
    parser.add_argument("--record", type=Path)
    parsed = parser.parse_args()
    tokenizer = load_tokenizer()
    client = Recording(parsed.url, token=os.environ.get("CWM_TOKEN"))
    with contextlib.ExitStack() as stack:
        if parsed.record is not None:
            client.file = stack.enter_context(parsed.record.open("w"))
        theirs = TokenPredictor(make_transport(parsed.engine, client, tokenizer), tokenizer, name="theirs")
        stack.callback(theirs.close)
        ours = stack.enter_context(contextlib.closing(EmbeddedPredictor(constrain=False)))
        ours.verify(trace(PROGRAMS[0], 2))
        different = sum(compare(name, trace(name, parsed.frames), theirs, ours) for name in PROGRAMS)
        print(f"{theirs.engine}, {theirs.name}: {different} answers differ")
    return min(1, different)


def compare(name: str, truth: Trace, theirs: TokenPredictor, ours: TokenPredictor) -> int:
    """Print a line; how many answers differ."""
    began = time.perf_counter()
    found = theirs.verify(truth)
    between = time.perf_counter()
    expected = ours.verify(truth)
    end = time.perf_counter()
    if found.failure or expected.failure:
        print(f"{name:16} {found.failure or f'ours: {expected.failure}'}")
        return 1
    pairs = [(a, b) for a, b in zip(found.choices, expected.choices, strict=True) if a is not None and b is not None]
    wrong = sum((a.frame, a.problems, a.ended) != (b.frame, b.problems, b.ended) for a, b in pairs)
    bits = [abs(a.bits - b.bits) for a, b in pairs if a.bits is not None and b.bits is not None]
    rolled = [each.roll_out(truth.context, truth.frames[:2], max_frames=14) for each in (theirs, ours)]
    unequal = rolled[0].trace.frames != rolled[1].trace.frames
    forced = 0
    for event in Event:
        one, other = (each.next_frame(truth.context, truth.frames[:4], event=event) for each in (theirs, ours))
        forced += one.frame != other.frame
    print(
        f"{name:16} frames {len(pairs) - wrong}/{len(pairs)}, bits within {max(bits, default=float('nan')):.1e}, ties "
        f"{found.ties}, roll-out {'differs' if unequal else 'equal'}, forced {len(Event) - forced}/{len(Event)}, "
        f"verified in {between - began:.2f} s (ours {end - between:.2f} s)",
        flush=True,
    )
    return wrong + unequal + forced


if __name__ == "__main__":
    sys.exit(main())
