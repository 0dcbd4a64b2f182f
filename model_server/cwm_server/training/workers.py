"""Programs through a pool of worker processes: limits that a process can't set itself are kept from outside.

`python -m cwm_server.training.workers` is the worker: one JSON object of `Program` a line on its standard input, one
result a line on its standard output.
"""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from cwm_server.training.assertions import rewritten
from cwm_server.training.programs.base import Program
from cwm_server.training.sandbox import Sandbox
from cwm_server.training.tracing import Result, record
from cwm_tracer.recorder import Entry, make_recorder

WALL_SECONDS = 10.0


def run(
    programs: Iterable[Program], workers: int, wall_seconds: float = WALL_SECONDS, nice: int = 0
) -> Generator[tuple[Program, Result], None, None]:
    """Record programs in `workers` processes; results come in the order of the programs.

    A worker that says nothing for `wall_seconds` is killed and replaced, its program rejected.
    """
    local = threading.local()
    started: list[_Worker] = []

    def one(program: Program) -> tuple[Program, Result]:
        worker: _Worker | None = getattr(local, "worker", None)
        if worker is None:
            worker = local.worker = _Worker(nice)
            started.append(worker)
        return program, worker.ask(program, wall_seconds)

    pending: deque[Future[tuple[Program, Result]]] = deque()
    try:
        with ThreadPoolExecutor(workers) as pool:
            for program in programs:
                pending.append(pool.submit(one, program))
                if len(pending) >= 64 * workers:
                    yield pending.popleft().result()
            for future in pending:
                yield future.result()
    finally:
        for worker in started:
            worker.close()


class _Worker:
    """One long-lived child process, started again whenever it died."""

    def __init__(self, nice: int = 0) -> None:
        self._nice = nice
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def ask(self, program: Program, wall_seconds: float) -> Result:
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(dataclasses.asdict(program)).encode() + b"\n")
            process.stdin.flush()
            line = self._line(process, wall_seconds)
        except TimeoutError:
            self.close()
            return Result(rejected="hung")
        except (OSError, EOFError):
            self.close()
            return Result(rejected="killed its worker")
        answer = json.loads(line)
        return Result(**{**answer, "segments": tuple(answer["segments"])})

    def close(self) -> None:
        process, self._process, self._buffer = self._process, None, b""
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        command = [sys.executable, "-W", "ignore", "-m", "cwm_server.training.workers"]
        if self._nice:
            command = ["nice", "-n", str(self._nice), *command]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )

    def _line(self, process: subprocess.Popen[bytes], wall_seconds: float) -> bytes:
        assert process.stdout is not None
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([process.stdout], [], [], wall_seconds)
            if not ready:
                raise TimeoutError
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise EOFError
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line


def main() -> None:
    """The worker: one program a line in, one result a line out."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    import collections  # noqa: F401 - programs import these; loading them counts against no program's time
    import functools  # noqa: F401
    import itertools  # noqa: F401
    import re  # noqa: F401

    rewritten("")
    make_recorder(Entry(), lambda file: False)  # loads the backend, which no program may
    sandbox = Sandbox()
    for line in requests:
        answer = record(Program(**json.loads(line)), sandbox)
        answers.write(json.dumps(dataclasses.asdict(answer)).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
