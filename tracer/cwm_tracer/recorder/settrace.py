"""The recorder's `sys.settrace` backend."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

from cwm_tracer.model import Ending
from cwm_tracer.recorder import Entry, Recording, Threads
from cwm_tracer.recorder.bytecode import WRITES_BACK
from cwm_tracer.recorder.hot import NO_STACK, NOBODY, need_stack
from cwm_tracer.recorder.new_threads import NewThreads
from cwm_tracer.recorder.others import STILL_RUNNING, OtherThreads, recording_of
from cwm_tracer.recorder.transcript import SPARED, TAKEN, Transcript
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

_TraceFunction = Callable[[FrameType, str, Any], Any]
_DROPPED = "the trace function was dropped, by the program or for want of stack; the trace ends there"
_MEDDLED = "{0.co_name} ({0.co_filename}:{0.co_firstlineno}) handles trace functions: what ran under another is missing"


class SettraceRecorder:
    """Records one thread through `sys.settrace`, forwarding every event to the trace function that was there before.

    A previous C tracer (coverage's) installs itself anew at each call it is told of; so this one does the same, and
    both see everything.
    """

    def __init__(
        self,
        entry: Entry,
        selects: Callable[[str], bool],
        *,
        max_frames: int,
        sources: SourceLines,
        renderer: Renderer,
        threads: Threads = "test",
    ) -> None:
        self._sources = sources
        self._previous: _TraceFunction | None = None
        self._trace: _TraceFunction = self._on_call  # one bound method, so that it can be compared by identity
        self._transcript = Transcript(
            entry,
            selects,
            max_frames=max_frames,
            sources=sources,
            renderer=renderer,
            presence=(sys.gettrace, self._trace),
            dismiss=self._dismiss,
        )
        self._local: _TraceFunction = self._transcript.event
        self._threads: NewThreads | None = None
        if threads == "all":
            others = OtherThreads(selects, max_frames=max_frames, sources=sources, renderer=renderer)
            self._threads = NewThreads(others, self._transcript, SettraceRecorder)
        self._installed = False
        self._watching = False

    def start(self) -> None:
        self._previous = _get_trace()
        self._settrace = _settrace()
        self._installed = self._watching = True
        if self._threads is not None:
            self._threads.follow()
        self._settrace(self._trace)

    def start_at(self, frame: FrameType, event: str, arg: Any, forward: Any) -> Any:
        """Start at a call that the trace function before this one has seen and wants to `forward` to."""
        self.start()
        previous, self._previous = self._previous, None
        local = self._on_call(frame, event, arg)
        self._previous = previous
        if local is None:
            return forward
        return local if forward is None else self._both(forward)

    def stop(self) -> Recording:
        transcript, current = self._transcript, sys.gettrace()
        if self._installed:
            if transcript.recording and current is self._trace:
                transcript.end(Ending.OPEN, STILL_RUNNING)
            elif transcript.ending is Ending.OPEN:
                transcript.end(Ending.DISPLACED, TAKEN if current is not None else _DROPPED)
            if current is self._trace or current is None:
                # None: the interpreter drops a trace function that raises, as it does where the stack is full.
                self._settrace(self._previous)
        self._installed = self._watching = False
        if transcript.ending is Ending.RETURNED and transcript.meddler is not None:
            transcript.note = _MEDDLED.format(transcript.meddler)
        elif transcript.ending is Ending.RETURNED and transcript.spared is not None:
            transcript.note = SPARED.format(transcript.spared)
        others = () if self._threads is None else self._threads.leave()
        return recording_of(transcript, self._sources, others=others)

    @property
    def transcript(self) -> Transcript:
        """What is being written."""
        return self._transcript

    def interrupt(self, note: str) -> None:
        """Another tool takes over: a trace that is being written, or still awaited, ends here for the given reason."""
        transcript = self._transcript
        if self._watching and transcript.expects:
            transcript.waiting = False
            if transcript.ending in (Ending.OPEN, Ending.NEVER_CALLED):
                transcript.end(Ending.DISPLACED, note)
            self._release()

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The global trace function: every call of the thread, resumed generators included.

        The previous trace function is told here, and not in a function of its own, since the stack may be nearly full.
        """
        forward = None
        previous = self._previous
        if previous is not None:
            try:
                forward = previous(frame, event, arg)
            except RecursionError:
                raise  # the stack is full; called by the interpreter, one written in C would not have noticed
            except BaseException:
                self._previous = None  # what raises is dropped
                raise
            current = cast("_TraceFunction | None", sys.gettrace())
            if current is not self._trace and self._installed:
                self._previous = current
                self._settrace(self._trace)
        local = forward
        if self._watching:
            transcript = self._transcript
            try:
                if previous is not None:
                    need_stack()
                if transcript.call(frame):
                    local = self._local if forward is None else self._both(forward)
                elif not transcript.expects:
                    self._release()
            except RecursionError:
                transcript.recording = transcript.waiting = False
                transcript.top, transcript.ending, transcript.note = NOBODY, Ending.DISPLACED, NO_STACK
                self._installed = self._watching = False
                self._settrace(self._previous)
            except Exception as error:
                transcript.fail(error)
                self._release()
        if WRITES_BACK:
            facts = self._transcript.facts.get(id(frame.f_code))
            if facts.writes_back if facts is not None else frame.f_code.co_freevars or frame.f_code.co_cellvars:
                frame.f_locals  # noqa: B018
        return local

    def _both(self, forward: Any) -> _TraceFunction:
        """The local trace function of a recorded frame that the previous trace function wants to follow as well."""

        def trace(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal forward
            if forward is not None:
                try:
                    result = forward(frame, event, arg)
                except RecursionError:
                    raise
                except BaseException:
                    self._previous = None
                    raise
                if result is not None:
                    forward = result
                elif frame.f_trace is not trace:
                    forward = frame.f_trace
                self._transcript.top.told = 0  # it may have changed variables
            self._local(frame, event, arg)
            return trace

        return trace

    def _dismiss(self, frame: FrameType) -> None:
        """The events of a frame are not wanted any more."""
        frame.f_trace = None
        if not self._transcript.expects:
            self._release()

    def _release(self) -> None:
        """Leave the rest of the program to the previous trace function, unless another tool has taken over."""
        if self._watching:
            self._watching = False
            if sys.gettrace() is self._trace:
                self._installed = False
                self._settrace(self._previous)


def _get_trace() -> _TraceFunction | None:
    return cast("_TraceFunction | None", sys.gettrace())


def _settrace() -> Callable[[_TraceFunction | None], None]:
    """`sys.settrace`, also where pydevd (debugpy, PyCharm) has put there what prints a warning at each call."""
    pydevd = getattr(sys.modules.get("pydevd_tracing"), "TracingFunctionHolder", None)
    return getattr(pydevd, "_original_tracing", None) or sys.settrace
