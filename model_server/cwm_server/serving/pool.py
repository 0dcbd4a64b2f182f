"""Requests on their way to the engine: a bounded queue, those that share the engine, and how each can end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Receive

from cwm_server.batching import Batch, CancelledError, Steps
from cwm_server.serving.engine_thread import EngineThread
from cwm_server.serving.fields import RequestError
from cwm_server.serving.limits import Limits

_T = TypeVar("_T")
_S = TypeVar("_S")
_GRACE = 5.0  # seconds that a call may take to notice that it is to stop


class ClientGoneError(Exception):
    """The client has closed its connection; nobody is there to read an answer."""


@dataclass(eq=False)
class Task:
    """A request on its way; `limit`, `waited` and `worked` are seconds."""

    client: Hashable
    number: int
    limit: float
    deadline: float
    gone: threading.Event = field(default_factory=threading.Event)
    place: asyncio.Future[None] | None = None
    waited: float = 0.0
    worked: float = 0.0

    def cancelled(self) -> bool:
        """Whether to stop."""
        return self.gone.is_set() or time.monotonic() > self.deadline

    def stopped(self) -> Exception:
        """Why it was cancelled."""
        return ClientGoneError() if self.gone.is_set() else self.late()

    def late(self) -> RequestError:
        """What a client is told whose time is over."""
        return RequestError(f"the request took longer than {self.limit:g} s", status=504)


class EnginePool:
    """The requests that share the engine, in a thread of its own, and those that wait. For one event loop."""

    def __init__(self, batch: Batch, limits: Limits, prepare: Callable[[], None] = lambda: None) -> None:
        self._limits = limits
        self._engine = EngineThread(batch, prepare)
        self._shaping = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._numbers = itertools.count()
        self._running: set[Task] = set()
        self._waiting: set[Task] = set()
        self._seconds = 1.0  # a running mean of how long requests take

    @property
    def running(self) -> int:
        """How many requests share the engine."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many requests are in the queue."""
        return len(self._waiting)

    @property
    def stuck(self) -> bool:
        """Whether the engine has not come back from a call long after it should have."""
        return any(time.monotonic() > task.deadline + 2 * _GRACE for task in self._running)

    async def run(self, http: Request, steps: Steps[_S], shape: Callable[[_S, Task], _T]) -> _T:
        """What `shape` makes of the answer of the `steps`, which are made in the engine's thread.

        Raises RequestError 429 when the queue is full, 504 when time is over, ClientGoneError when the client is.
        """
        began = time.monotonic()
        limit = self._limits.seconds
        task = Task(http.client, next(self._numbers), limit, began + limit)
        started = False
        try:
            async with _watched(http.receive, task):
                await self._admitted(task)
                task.waited = time.monotonic() - began
                job = self._start(task, steps, shape)
                started = True
                return await self._answer(task, job)
        finally:
            task.gone.set()
            if not started:
                self._ended(task)

    async def _admitted(self, task: Task) -> None:
        """Wait for a free place; those whose clients have had least come first."""
        if len(self._running) < self._limits.running:
            self._running.add(task)
            return
        if len(self._waiting) >= self._limits.queue:
            pause = self._pause()
            raise RequestError(
                f"{len(self._waiting)} requests are waiting already; come back in {pause} s",
                status=429,
                headers={"Retry-After": str(pause)},
            )
        task.place = asyncio.get_running_loop().create_future()
        self._waiting.add(task)
        try:
            await asyncio.wait_for(task.place, self._limits.seconds)
        except asyncio.TimeoutError:
            raise task.late() from None
        except asyncio.CancelledError:
            if task.gone.is_set():
                raise ClientGoneError from None
            raise

    def _start(self, task: Task, steps: Steps[_S], shape: Callable[[_S, Task], _T]) -> Future[_T]:
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        job: Future[_T] = Future()
        job.set_running_or_notify_cancel()  # so that nobody can cancel it
        computing = self._engine.submit(steps, task.client, task.cancelled)

        def work(computed: _S) -> None:
            try:
                job.set_result(shape(computed, task))
            except BaseException as error:
                job.set_exception(error)

        def ended(done: Future[_S]) -> None:
            task.worked = time.monotonic() - began
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server has ended
                loop.call_soon_threadsafe(self._ended, task)
            error = done.exception()
            if error is not None:
                job.set_exception(task.stopped() if isinstance(error, CancelledError) else error)
            else:
                with contextlib.suppress(RuntimeError):
                    self._shaping.submit(work, done.result())

        computing.add_done_callback(ended)
        return job

    async def _answer(self, task: Task, job: Future[_T]) -> _T:
        answer = asyncio.wrap_future(job)
        # Nobody may be there any more to look at it, and asyncio would log it then, prompt and all.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        left = max(0.0, task.deadline - time.monotonic())
        try:
            return await asyncio.wait_for(asyncio.shield(answer), left + _GRACE)
        except asyncio.TimeoutError:
            raise task.late() from None

    def _ended(self, task: Task) -> None:
        self._waiting.discard(task)
        if task in self._running:
            self._running.remove(task)
            self._seconds += 0.1 * (task.worked - self._seconds)
        while self._waiting and len(self._running) < self._limits.running:
            first = min(self._waiting, key=lambda each: (self._engine.had(each.client), each.number))
            self._waiting.remove(first)
            assert first.place is not None
            if not first.place.done():
                self._running.add(first)
                first.place.set_result(None)

    def _pause(self) -> int:
        """Seconds until there may be room again."""
        return max(1, min(60, math.ceil(self._seconds * (len(self._waiting) + 1) / self._limits.running)))

    def close(self) -> None:
        """Start nothing more, and stop what is under way at the next token."""
        for task in self._running:
            task.gone.set()
        self._engine.close()
        self._shaping.shutdown(wait=False, cancel_futures=True)


@contextlib.asynccontextmanager
async def _watched(receive: Receive, task: Task) -> AsyncIterator[None]:
    """Notice when the client closes its connection. The body has been read before."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        task.gone.set()
        if task.place is not None:
            task.place.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
