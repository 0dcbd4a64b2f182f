"""Following threads through `threading.settrace`: those that start while the recorder is at work."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from cwm_tracer.recorder.others import OtherThreads
from cwm_tracer.recorder.transcript import Transcript

if TYPE_CHECKING:
    from cwm_tracer.recorder import Recording
    from cwm_tracer.recorder.settrace import SettraceRecorder


class NewThreads:
    """Gives each new thread a trace function, which records calls of the user's code while the main trace is written.

    Trace functions that were to be given to new threads before get their events first, as in the recorder's own thread.
    """

    def __init__(self, others: OtherThreads, main: Transcript, recorder: type[SettraceRecorder]) -> None:
        self.others = others
        self.main = main
        self.recorder = recorder
        self.before: Callable[..., Any] | None = None
        self._begin: Callable[..., Any] = self._begin_thread

    def follow(self) -> None:
        """From now on."""
        self.before = threading.gettrace()
        threading.settrace(self._begin)

    def leave(self) -> tuple[Recording, ...]:
        """Not any more; what was recorded."""
        if threading.gettrace() is self._begin:
            threading.settrace(self.before)  # type: ignore[arg-type, unused-ignore]
        self.others.end()
        return self.others.recordings()

    def _begin_thread(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The first call in a new thread."""
        return _Thread(self).trace(frame, event, arg)


class _Thread:
    """The trace function of one thread outside of what is recorded of it."""

    def __init__(self, threads: NewThreads) -> None:
        self._threads = threads
        self._previous = threads.before
        self.trace: Callable[..., Any] = self._on_call
        sys.settrace(self.trace)

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        threads = self._threads
        installed = sys.gettrace()
        local = None
        if self._previous is not None:
            local = self._previous(frame, event, arg)
            current = sys.gettrace()
            if current is not installed:  # it gave way to another, as coverage's does
                self._previous = current
                sys.settrace(installed)
        if installed is not self.trace:  # but what records a call of the user's, and forwards
            return local
        if threads.others.ended:
            sys.settrace(self._previous)
            return local
        recorders: list[SettraceRecorder] = []

        def make(*args: Any, **options: Any) -> Transcript:
            recorders.append(threads.recorder(*args, **options))
            return recorders[0].transcript

        if threads.main.recording and threads.others.begin(frame.f_code, make) is not None:
            return recorders[0].start_at(frame, event, arg, local)
        return local
