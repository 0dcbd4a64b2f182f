"""How long aligning two traces takes, against their length and the share of frames that were edited.

    python benchmarks/alignment.py [--frames 1250 2500 5000 10000 20000] [--rounds 5]

The traces are random nested calls of six functions; of the frames edited a third each is deleted, replaced by
another line or doubled. Prints medians in milliseconds as the table of `docs/metrics.md`, and beside them what aligning
the same frames without regard to calls takes and what difflib takes.
"""

from __future__ import annotations

import argparse
import difflib
import random
import statistics
import time
from collections.abc import Callable, Sequence

from cwm_tracer.compare.align import align
from cwm_tracer.compare.scopes import align_frames
from cwm_tracer.model import Event, Frame

SHARES = (0.01, 0.05, 0.2)
SLOW = 5_000  # frames beyond which difflib, which is quadratic, is left out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[1_250, 2_500, 5_000, 10_000, 20_000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| frames | 1% edited | 5% edited | 20% edited | flat, 1% | difflib, 1% |\n|---|---|---|---|---|---|")
    for count in options.frames:
        cells = []
        flat = ""
        for share in SHARES:
            rng = random.Random(count)
            truth = random_trace(rng, count)
            predicted = edited(truth, rng, share)
            cells.append(_median(lambda a=truth, b=predicted: align_frames(a, b), options.rounds))  # type: ignore[misc]
            if share == SHARES[0]:
                keys = [[(frame.event, frame.source) for frame in side] for side in (truth, predicted)]
                flat = _median(lambda pair=keys: align(*pair), options.rounds)  # type: ignore[misc]
                matcher = difflib.SequenceMatcher(None, *keys, autojunk=False)
                slow = _median(matcher.get_opcodes, 1) if count <= SLOW else "-"
        print(f"| {count:,} | {' | '.join(cells)} | {flat} | {slow} |".replace(",", " "))


def random_trace(rng: random.Random, count: int) -> list[Frame]:
    """Nested calls of about `count` frames."""
    frames = [Frame(Event.CALL, "def f0(x):\n", {})]
    stack = [(0, 0)]
    opened = 1
    while stack:
        number, scope = stack[-1]
        chance = rng.random()
        if len(frames) >= count or (chance < 0.08 and len(stack) > 1):
            frames.append(Frame(Event.RETURN, f"    return {number}\n", argument="1", scope=scope))
            stack.pop()
        elif chance > 0.92 and len(stack) < 8:
            callee = rng.randrange(6)
            frames.append(Frame(Event.CALL, f"def f{callee}(x):\n", {}, scope=opened))
            stack.append((callee, opened))
            opened += 1
        else:
            frames.append(Frame(Event.LINE, f"    f{number}: line {rng.randrange(12)}\n", {}, scope=scope))
    return frames


def edited(frames: Sequence[Frame], rng: random.Random, share: float) -> list[Frame]:
    """The same with a share of its line frames deleted, replaced or doubled."""
    result: list[Frame] = []
    for frame in frames:
        if frame.event is not Event.LINE or rng.random() >= share:
            result.append(frame)
            continue
        kind = rng.randrange(3)
        if kind == 1:
            result.append(Frame(Event.LINE, f"    other {rng.randrange(99)}\n", {}, scope=frame.scope))
        elif kind == 2:
            result += [frame, frame]
    return result


def _median(work: Callable[[], object], rounds: int) -> str:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return f"{statistics.median(times) * 1000:.0f} ms"


if __name__ == "__main__":
    main()
