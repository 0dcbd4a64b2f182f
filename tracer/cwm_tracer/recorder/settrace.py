"""The recorder's `sys.settrace` backend."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

from cwm_tracer.model import Ending, Meta
from cwm_tracer.recorder import Entry, Recording
from cwm_tracer.recorder.transcript import Transcript
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

_TraceFunction = Callable[[FrameType, str, Any], Any]
# Before 3.13 the interpreter reads a frame's variables into `f_locals` before it calls a trace function and writes them
# back after it. A cell that another thread has set meanwhile would lose that value, so the last thing that a trace
# function does here is to have them read anew: no other thread runs between that and the writing back.
_WRITES_BACK = sys.version_info < (3, 13)
_NO_STACK = "recording stopped where the program had used up the stack"
_TAKEN = "another tool took the trace function away; the trace ends there"
_DROPPED = "the trace function was dropped, by the program or for want of stack; the trace ends there"


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
    ) -> None:
        self._sources = sources
        self._transcript = Transcript(entry, selects, max_frames=max_frames, sources=sources, renderer=renderer)
        self._previous: _TraceFunction | None = None
        # One bound method each, so that they can be compared by identity.
        self._trace: _TraceFunction = self._on_call
        self._local: _TraceFunction = self._on_event
        self._installed = False
        self._watching = False

    def start(self) -> None:
        self._previous = _get_trace()
        self._installed = self._watching = True
        sys.settrace(self._trace)

    def stop(self) -> Recording:
        transcript, current = self._transcript, sys.gettrace()
        if self._installed:
            if transcript.recording and current is self._trace:
                transcript.end(Ending.OPEN, "the entry was still running when the test ended")
            elif transcript.ending is Ending.OPEN:
                transcript.end(Ending.DISPLACED, _TAKEN if current is not None else _DROPPED)
            if current is self._trace or current is None:
                # None: the interpreter drops a trace function that raises, as it does where the stack is full.
                sys.settrace(self._previous)
        self._installed = self._watching = False
        meta = Meta(f"{sys.version_info[0]}.{sys.version_info[1]}", transcript.ending)
        return Recording(tuple(transcript.frames), meta, self._sources, transcript.place, transcript.note)

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The global trace function: every call of the thread, resumed generators included."""
        forward = None
        if self._previous is not None:
            forward = self._forward_call(frame, event, arg)
        local = forward
        if self._watching:
            try:
                if self._transcript.call(frame):
                    local = self._local if forward is None else self._both(forward)
                if not self._transcript.expects:
                    self._release()
            except RecursionError:
                # There is no stack for a function of our own to do this.
                self._transcript.recording = self._transcript.waiting = False
                self._transcript.ending, self._transcript.note = Ending.DISPLACED, _NO_STACK
                self._installed = self._watching = False
                sys.settrace(self._previous)
            except Exception as error:
                self._give_up(error)
        if _WRITES_BACK and (frame.f_code.co_freevars or frame.f_code.co_cellvars):
            frame.f_locals  # noqa: B018
        return local

    def _forward_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        previous = self._previous
        assert previous is not None
        try:
            local = previous(frame, event, arg)
        except RecursionError:
            raise  # the stack is full; called by the interpreter, one written in C would not have noticed
        except BaseException:
            self._previous = None  # what raises is dropped
            raise
        current = _get_trace()
        if current is not self._trace and self._installed:
            self._previous = current
            sys.settrace(self._trace)
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
            self._observe(frame, event, arg)
            return trace

        return trace

    def _on_event(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The local trace function of a recorded frame."""
        self._observe(frame, event, arg)
        if self._transcript.recording:
            return self._local
        frame.f_trace = None
        return None

    def _observe(self, frame: FrameType, event: str, arg: Any) -> None:
        if self._watching and self._transcript.recording:
            try:
                if sys.gettrace() is self._trace:
                    self._transcript.event(frame, event, arg)
                else:
                    self._watching = self._transcript.waiting = False
                    self._transcript.end(Ending.DISPLACED, _TAKEN)
                if not self._transcript.expects:
                    self._release()
            except Exception as error:
                self._give_up(error)
        if _WRITES_BACK and (frame.f_code.co_freevars or frame.f_code.co_cellvars):
            frame.f_locals  # noqa: B018

    def _release(self) -> None:
        """Leave the rest of the program to the previous trace function."""
        if self._watching:
            self._installed = self._watching = False
            sys.settrace(self._previous)

    def _give_up(self, error: Exception) -> None:
        """A fault of our own must not become the program's: stop and say so."""
        fault = f"recording stopped by an internal error: {type(error).__name__}: {error}"
        self._transcript.recording = self._transcript.waiting = False
        self._transcript.ending = Ending.DISPLACED
        self._transcript.note = _NO_STACK if isinstance(error, RecursionError) else fault
        self._installed = self._watching = False
        sys.settrace(self._previous)


def _get_trace() -> _TraceFunction | None:
    return cast("_TraceFunction | None", sys.gettrace())
