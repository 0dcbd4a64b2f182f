"""Chains of steps that run side by side in threads, each behind the one before it, as a wave goes through a grid.

Step n of a chain may use what step n of every chain before it has left behind (the wavefront method: Lamport, The
Parallel Execution of DO Loops, CACM 1974). Who computes in numpy holds no lock of the interpreter meanwhile. What each
chain computes is the same with any number of threads.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")
Chain = Generator[None, None, T]  # yields after the part of a step that others use


class Wavefront:
    """At most `threads` threads, of which one is the caller's; the others start when they are first needed."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._helpers = ThreadPoolExecutor(threads - 1, "wavefront") if threads > 1 else None

    def run(self, chains: Sequence[Chain[T]]) -> list[T]:
        """What the chains return. When one fails, what it raises, after all others were closed at their next step."""
        if self._helpers is None or len(chains) < 2:
            return [_end(chain) for chain in chains]
        run = _Run(chains)
        helping = [self._helpers.submit(run.work) for _ in range(min(self._threads, len(chains)) - 1)]
        try:
            run.work()
        finally:
            wait([helper for helper in helping if not helper.cancel()])
        if run.failure is not None:
            raise run.failure
        return run.results


def _end(chain: Chain[T]) -> T:
    """What a chain returns."""
    try:
        while True:
            next(chain)
    except StopIteration as end:
        value: T = end.value
        return value


class _Run(Generic[T]):
    """Chains under way. A thread takes the first that nobody has, so those before it never wait for it."""

    def __init__(self, chains: Sequence[Chain[T]]) -> None:
        self.results: list[T] = [None] * len(chains)  # type: ignore[list-item]
        self.failure: BaseException | None = None
        self._chains = chains
        self._numbers = itertools.count()
        self._done: list[float] = [0] * len(chains)  # steps
        self._changed = Condition()

    def work(self) -> None:
        """Lead one chain after another to its end, until all are taken."""
        while (number := next(self._numbers)) < len(self._chains):
            chain = self._chains[number]
            try:
                self._lead(number, chain)
            except BaseException as error:
                with self._changed:
                    self.failure = self.failure or error
                    self._changed.notify_all()
            finally:
                chain.close()

    def _lead(self, number: int, chain: Chain[T]) -> None:
        try:
            while self.failure is None:
                next(chain)
                done = self._done[number] + 1
                self._note(number, done)
                self._wait(number, done)
        except StopIteration as end:
            self.results[number] = end.value
            self._note(number, math.inf)

    def _note(self, number: int, done: float) -> None:
        with self._changed:
            self._done[number] = done
            self._changed.notify_all()

    def _wait(self, number: int, done: float) -> None:
        """Until all chains before this one have done as many steps, or one has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self.failure is not None or all(d >= done for d in self._done[:number]))
