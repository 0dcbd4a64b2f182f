"""The one thread that uses the engine: it leads the calls that share it from one call of the model to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from cwm_server.batching import Batch, Call, Steps

T = TypeVar("T")


class EngineThread:
    """Started with the first call; `prepare` is called in it before. A daemon: a process that ends does not wait."""

    def __init__(self, batch: Batch, prepare: Callable[[], None] = lambda: None) -> None:
        self._batch = batch
        self._prepare = prepare
        self._changed = threading.Condition()
        self._new: list[Call[Any]] = []
        self._answers: dict[Call[Any], Future[Any]] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def had(self, client: Hashable) -> float:
        """What a client has had of the engine, in tokens."""
        return self._batch.had(client)

    def submit(self, steps: Steps[T], client: Hashable, cancelled: Callable[[], bool]) -> Future[T]:
        """The answer of a call that begins at once, beside those that are on their way."""
        call = Call(steps, client, cancelled)
        answer: Future[T] = Future()
        with self._changed:
            self._answers[call] = answer
            self._new.append(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
                self._thread.start()
            self._changed.notify()
        return answer

    def close(self) -> None:
        """End when nothing is on its way any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        try:
            self._prepare()
        except Exception as error:
            prepared: Exception | None = error
        else:
            prepared = None
        while True:
            with self._changed:
                while not self._new and not self._batch.calls and not self._closed:
                    self._changed.wait()
                new, self._new = self._new, []
                if not new and not self._batch.calls:
                    return
            for call in new:
                self._batch.add(call)
            if prepared is not None:
                for call in self._batch.calls:
                    call.fail(prepared)
            for call in self._batch.advance():
                self._answer(call)

    def _answer(self, call: Call[Any]) -> None:
        answer = self._answers.pop(call)
        if call.error is None:
            answer.set_result(call.answer)
        elif isinstance(call.error, Exception):
            answer.set_exception(call.error)
        else:  # asyncio would end the server with it
            answer.set_exception(RuntimeError(type(call.error).__name__))
