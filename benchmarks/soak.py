"""Eight clients at one server for a long time: does its memory stay flat, does it answer everybody, right to the end?

    python benchmarks/soak.py [--minutes 10] [--model DIR]

Three verify recorded traces, one rolls out, two step as debuggers do, one speaks fgserve's dialect, and one is rude:
it sends nonsense, breaks off in the middle of its requests and leaves before its answers. The server is a process of
its own, `cwm serve`, with as many threads as it takes by itself. Its figures are those of its own `/metrics`. The
exit status is 1 when a client failed, or when its memory after the first third grew by more than `--growth` per
hundred until the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from cwm_server.tokenizer import EMBEDDED, load_tokenizer
from cwm_tracer.model import Trace
from cwm_tracer.wire import Special
from pytest_cwm.predictors import make_predictor
from serving import CONTEXT, ENTRY, SOURCE, recorded

_JSON = {"Content-Type": "application/json"}


class Soak:
    """The clients, what each has done, and what went wrong."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url = url
        self.end = time.monotonic() + seconds
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self.steps: list[float] = []  # seconds of a debugger's steps
        self.tokenizer = load_tokenizer()

    @property
    def over(self) -> bool:
        """Whether to stop."""
        return time.monotonic() > self.end or len(self.failures) > 20

    def client(self, name: str, body: Callable[[random.Random], None], seed: int) -> threading.Thread:
        """A thread that asks until it is over."""

        def run() -> None:
            chance = random.Random(seed)
            while not self.over:
                self.attempt(name, body, chance)

        return threading.Thread(target=run, name=name)

    def attempt(self, name: str, body: Callable[[random.Random], None], chance: random.Random) -> None:
        """Ask once, and note what came of it."""
        try:
            body(chance)
            self.done[name] += 1
        except Exception as error:
            self.failures.append(f"{name}: {type(error).__name__}: {error}"[:300])
            time.sleep(0.5)

    def trace(self, chance: random.Random) -> Trace:
        """A recorded trace of a list that was not asked about before."""
        items = [chance.randrange(10) for _ in range(chance.randrange(2, 9))]
        return recorded(items)

    def verifier(self) -> Callable[[random.Random], None]:
        predictor = make_predictor(server=self.url)

        def verify(chance: random.Random) -> None:
            check(predictor.verify(self.trace(chance)).failure)

        return verify

    def dreamer(self) -> Callable[[random.Random], None]:
        predictor = make_predictor(server=self.url)

        def roll_out(chance: random.Random) -> None:
            trace = self.trace(chance)
            check(predictor.roll_out(trace.context, trace.frames[:1], max_frames=40).failure)

        return roll_out

    def debugger(self) -> Callable[[random.Random], None]:
        predictor = make_predictor(server=self.url)

        def session(chance: random.Random) -> None:
            frames = [ENTRY]
            for _ in range(12):
                began = time.perf_counter()
                frame = predictor.next_frame(CONTEXT, frames).frame
                self.steps.append(time.perf_counter() - began)
                if frame is None or self.over:
                    return
                frames.append(frame)
                time.sleep(chance.random() * 0.3)  # somebody looks at it

        return session

    def demo(self) -> Callable[[random.Random], None]:
        head = self.tokenizer.encode([Special.BEGIN, Special.CONTEXT, SOURCE, Special.FRAME, Special.CALL])

        def step(_: random.Random) -> None:
            body = {"prompt": head, "max_tokens": 2048, "temperature": 0.6, "top_p": 0.95, "stop": "<|frame_sep|>"}
            answer = requests.post(f"{self.url}/completions", json=body, timeout=60)
            answer.raise_for_status()
            assert answer.json()["choices"][0]["tokens"]

        return step

    def rude(self) -> Callable[[random.Random], None]:
        host, _, port = self.url.removeprefix("http://").partition(":")
        head = b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        long = json.dumps({"prompt": list(range(1, 400)), "max_tokens": 1000, "temperature": 1, "n": 2}).encode()

        def trouble(chance: random.Random) -> None:
            wrong: object = chance.choice(
                [{"prompt": []}, {"prompt": [10**9]}, {"best": 1}, [], {"prompt": [1] * 5000}]
            )
            answer = requests.post(f"{self.url}/v1/completions", json=wrong, timeout=60)
            assert answer.status_code == 400, answer.status_code
            with socket.create_connection((host, int(port)), timeout=60) as wire:
                wire.sendall(chance.choice([b"\0\1\2\r\n\r\n", head + b"Content-Length: 10\r\n\r\n{"]))
            with socket.create_connection((host, int(port)), timeout=60) as wire:
                wire.sendall(head + b"Content-Length: %d\r\n\r\n" % len(long) + long)
                time.sleep(chance.random())
            time.sleep(chance.random())

        return trouble


def check(failure: str | None) -> None:
    """Raise for a prediction that failed."""
    if failure:
        raise RuntimeError(failure)


def figures(url: str) -> dict[str, float]:
    """What the server counts."""
    text = requests.get(f"{url}/metrics", timeout=60).text
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def main() -> int:
    """Start the server and the clients, look at its memory, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    parser.add_argument("--growth", type=float, default=3.0)
    options = parser.parse_args()
    command = [sys.executable, "-m", "cwm_server.serve", "--model", str(options.model)]
    command += ["--die-with-parent", "--cache", "64"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout is not None
        ready = select.select([server.stdout], [], [], 60)[0] and server.stdout.readline()
        url = f"http://127.0.0.1:{json.loads(ready or b'{}')['port']}"
        memory, files, soak = watch(url, options.minutes * 60)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)
    return judge(memory, files, soak, errors.decode(), options.growth)


def watch(url: str, seconds: float) -> tuple[list[float], list[float], Soak]:
    """Run the clients; MiB of memory and open files at even distances of time."""
    soak = Soak(url, seconds)
    bodies: list[tuple[str, Callable[[random.Random], None]]] = [
        *(("verify", soak.verifier()) for _ in range(3)),
        ("roll out", soak.dreamer()),
        *(("debug", soak.debugger()) for _ in range(2)),
        ("demo", soak.demo()),
        ("rude", soak.rude()),
    ]
    clients = [soak.client(name, body, seed) for seed, (name, body) in enumerate(bodies)]
    for client in clients:
        client.start()
    memory: list[float] = []
    files: list[float] = []
    began, pause = time.monotonic(), max(1.0, seconds / 30)
    while not soak.over:
        time.sleep(pause)
        with contextlib.suppress(requests.RequestException):
            now = figures(url)
            memory.append(now["process_resident_memory_bytes"] / (1 << 20))
            files.append(now["process_open_fds"])
            read, written = now["cwm_prompt_tokens_total"], now["cwm_generated_tokens_total"]
            print(
                f"{time.monotonic() - began:6.0f} s  {memory[-1]:7.1f} MiB  {files[-1]:3.0f} files  "
                f"{sum(soak.done.values()):6} asked  {read:9.0f} tokens in  {written:8.0f} out",
                flush=True,
            )
    for client in clients:
        client.join()
    requests.get(f"{url}/health", timeout=60).raise_for_status()
    return memory, files, soak


def judge(memory: list[float], files: list[float], soak: Soak, errors: str, bound: float) -> int:
    """Print what came of it; 1 for a failure."""
    third = max(1, len(memory) // 3)
    early, late = statistics.median(memory[third : 2 * third]), statistics.median(memory[-third:])
    growth = 100 * (late / early - 1)
    steps = sorted(soak.steps) or [0.0]
    counts: dict[str, Any] = dict(sorted(soak.done.items()))
    print(f"asked                        {counts}")
    print(
        f"debugger's step              {1000 * statistics.median(steps):.0f} ms median, {1000 * steps[-1]:.0f} ms most"
    )
    print(f"memory, second to last third {early:.1f} to {late:.1f} MiB, {growth:+.1f}%  (bar {bound:g}%)")
    print(f"open files                   {files[0]:.0f} to {files[-1]:.0f}, most {max(files):.0f}")
    for failure in soak.failures[:20]:
        print(f"failed: {failure}")
    unexpected = [line for line in errors.splitlines() if "Invalid HTTP request" not in line]
    for line in unexpected[:20]:
        print(f"the server said: {line}")
    return 1 if soak.failures or unexpected or growth > bound else 0


if __name__ == "__main__":
    os.environ.pop("CWM_TOKEN", None)
    sys.exit(main())
