"""How long a debugger's step takes while four workers' traces are verified, against alone; and what sharing costs them.

    python benchmarks/sharing.py [--seconds 20] [--model DIR]

Two servers, each a process with one thread: one that shares its engine, and one that takes a request at a time
(`--concurrency 1`). Rounds on the two alternate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from cwm_server.tokenizer import EMBEDDED
from pytest_cwm.predictors import make_predictor
from serving import CONTEXT, ENTRY, ITEMS, recorded

_WORKERS = 4
_ROUNDS = 2


@contextlib.contextmanager
def served(model: Path, *options: str) -> Iterator[str]:
    """A server; its URL."""
    command = [sys.executable, "-m", "cwm_server.serve", "--model", str(model), "--threads", "1", "--die-with-parent"]
    with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        process.terminate()


def steps(url: str, seconds: float) -> list[float]:
    """Seconds of each of a debugger's steps, one after the other with pauses."""
    predictor = make_predictor(server=url)
    truth = recorded().frames
    predictor.next_frame(CONTEXT, [ENTRY])
    times: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for place in range(1, 30):
            began = time.perf_counter()
            predictor.next_frame(CONTEXT, truth[:place])
            times.append(time.perf_counter() - began)
            time.sleep(0.05)
            if time.monotonic() > end:
                break
    return times


def beside(url: str, seconds: float, seed: int) -> tuple[list[float], int]:
    """A debugger's steps beside the workers, and how many traces these had verified meanwhile."""
    over = threading.Event()
    done = [0] * _WORKERS

    def work(number: int) -> None:
        predictor, chance = make_predictor(server=url), random.Random(100 * seed + number)
        while not over.is_set():
            failure = predictor.verify(recorded([chance.randrange(10) for _ in ITEMS[:8]])).failure
            if failure:
                raise RuntimeError(failure)
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(_WORKERS)]
    for thread in threads:
        thread.start()
    times = steps(url, seconds)
    over.set()
    for thread in threads:
        thread.join()
    return times, sum(done)


def main() -> int:
    """Print a line for each server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    each = options.seconds / _ROUNDS
    with served(options.model) as sharing, served(options.model, "--concurrency", "1") as taking_turns:
        servers = {"sharing the model": sharing, "a request at a time": taking_turns}
        alone = steps(sharing, each)
        figures: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in servers}
        for number in range(_ROUNDS):
            for name, url in servers.items():
                began = time.monotonic()
                times, traces = beside(url, each, number)
                figures[name][0].extend(times)
                figures[name][1].append(traces / (time.monotonic() - began))
    median = statistics.median(alone)
    print(f"a debugger's step alone          {1000 * median:6.0f} ms")
    for name, (times, rates) in figures.items():
        times.sort()
        late = times[int(0.95 * len(times))]
        print(
            f"beside {_WORKERS} workers, {name:20} {1000 * statistics.median(times):6.0f} ms median "
            f"({statistics.median(times) / median:.1f}x), {1000 * late:.0f} ms for 19 of 20 ({len(times)} steps); "
            f"{statistics.median(rates):.2f} traces/s verified"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
