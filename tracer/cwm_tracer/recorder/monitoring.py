"""The recorder's `sys.monitoring` backend, for CPython 3.12 and later."""

from __future__ import annotations

import sys
from _thread import _local  # that of real threads, whatever is patched
from collections.abc import Callable
from functools import partial
from types import CodeType, FrameType
from typing import Any

from cwm_tracer.model import Ending
from cwm_tracer.recorder import Entry, Recording, Threads
from cwm_tracer.recorder.hot import make_left
from cwm_tracer.recorder.others import STILL_RUNNING, OtherThreads, recording_of
from cwm_tracer.recorder.reading import borrowed_locals
from cwm_tracer.recorder.transcript import Transcript
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

# The interpreter names 0, 1, 2 and 5 for debuggers, coverage, profilers and optimizers, and keeps 6 and 7 for itself;
# Hypothesis takes 3 for a while. pytest-timeout never fires while somebody holds the debuggers'.
_TOOLS = (4, 3)
_NAME = "pytest-cwm"
_DEBUGGED = "a debugger took over; the trace ends there"
_INTERRUPTED = "an interrupt came while the recorder was at work; the trace ends there"
_NO_TOOL = "nothing recorded: no tool id of sys.monitoring is free"
# What a debugger begins with, in the standard library's base of most that are written in Python.
_TAKES_OVER = frozenset({"set_trace", "run", "runcall", "runeval"})
_READ = borrowed_locals if sys.version_info < (3, 13) else None


def free_tool() -> int | None:
    """A tool id that nobody uses, None where there is none."""
    return next((tool for tool in _TOOLS if sys.monitoring.get_tool(tool) is None), None)  # type: ignore[attr-defined]


class MonitoringRecorder:
    """Records through `sys.monitoring`, under a tool id of its own.

    Calls are watched everywhere, but for code that is not recorded the interpreter is told not to ask again. The other
    events are turned on for each code object that is recorded, except those that the interpreter only has for all
    code: exceptions.

    Trace functions and other tools go on as if nothing were there. A debugger ends the trace: what its user does at
    its prompt is not the program's doing.
    """

    def __init__(
        self,
        entry: Entry,
        selects: Callable[[str], bool],
        *,
        max_frames: int,
        sources: SourceLines,
        renderer: Renderer,
        threads: Threads,
    ) -> None:
        self._sources = sources
        self._transcript = Transcript(
            entry, selects, max_frames=max_frames, sources=sources, renderer=renderer, read=_READ
        )
        self._others: OtherThreads | None = None
        if threads == "all":
            self._others = OtherThreads(selects, max_frames=max_frames, sources=sources, renderer=renderer)
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
        self._tool: int | None = None
        self._here = _Here()
        self._followed: dict[int, CodeType] = {}  # by id: code of different files may be equal
        self._watched: dict[int, CodeType] = {}  # with events of its own turned on
        self._lines: dict[int, dict[int, int]] = {}
        events = self._monitoring.events
        self._everywhere = events.PY_START | events.PY_RESUME | events.PY_THROW | events.PY_UNWIND | events.RAISE
        self._inside = events.LINE | events.JUMP | events.PY_RETURN | events.PY_YIELD | events.STOP_ITERATION
        self._body = events.PY_RETURN  # of a module that is imported
        self._callbacks = self._make_callbacks()

    def start(self) -> None:
        tool = free_tool()
        if tool is None:
            self._transcript.waiting = False
            self._transcript.end(Ending.DISPLACED, _NO_TOOL)
            return
        self._tool = tool
        self._here.transcript = self._transcript
        self._monitoring.use_tool_id(tool, _NAME)
        for event, callback in self._callbacks.items():
            self._monitoring.register_callback(tool, event, callback)
        self._monitoring.set_events(tool, self._everywhere)
        # What an earlier recording did not want to be told of may be this one's entry.
        self._monitoring.restart_events()

    def stop(self) -> Recording:
        if self._tool is not None and self._transcript.recording:
            self._transcript.end(Ending.OPEN, STILL_RUNNING)
        self._release()
        others = () if self._others is None else self._others.recordings()
        return recording_of(self._transcript, self._sources, others=others)

    def interrupt(self, note: str) -> None:
        transcript = self._transcript
        if self._tool is not None and transcript.expects:
            transcript.waiting = False
            if transcript.ending in (Ending.OPEN, Ending.NEVER_CALLED):
                transcript.end(Ending.DISPLACED, note)
        self._release()

    def _make_callbacks(self) -> dict[int, Callable[..., object]]:
        """What the interpreter calls: functions made for speed, each from the frame, at depth 1, that it tells of."""
        events, disable = self._monitoring.events, self._monitoring.DISABLE
        here, followed, watched, lines_of = self._here, self._followed, self._watched, self._lines_of
        frame_at, main, main_left = sys._getframe, self._transcript, make_left(self._transcript)
        # Where a frame is, or was called by, the innermost of the main transcript, that is its thread's: to know this
        # takes less time than to look for what is kept for a thread.

        def call(code: CodeType, offset: int, depth: int = 1) -> object:
            if id(code) not in followed and not self._follow(code):
                return disable
            frame = frame_at(depth)
            transcript = main if frame.f_back is main.top.frame else here.transcript or self._begin_other(code)
            if transcript is None:
                return None
            try:
                if transcript.call(frame):
                    if id(code) not in watched:
                        self._watch(code)
                elif not transcript.recording:
                    self._rest(transcript)
            except Exception as error:
                if transcript is main:
                    self._silence()  # where the stack is full, nothing more may be called
                transcript.fail(error)
            except BaseException:
                self._interrupted()
                raise
            return None

        def throw(code: CodeType, offset: int, error: BaseException) -> object:
            call(code, offset, 2)
            return None

        def line(code: CodeType, number: int) -> object:
            frame = frame_at(1)
            transcript = main if main.top.frame is frame else here.transcript
            if transcript is not None:
                try:
                    if transcript.event(frame, "line", None) is None:
                        self._rest(transcript)
                except BaseException:
                    self._interrupted()
                    raise
            return None

        def jump(code: CodeType, offset: int, target: int) -> object:
            """A jump back within one line is a line event of `sys.settrace`, and none of `sys.monitoring`."""
            if target > offset:
                return disable
            lines = lines_of(code)
            if lines[offset] != lines[target]:
                return disable
            event(frame_at(1), "line", None)
            return None

        def left(code: CodeType, offset: int, value: object) -> object:
            frame = frame_at(1)
            if main.top.frame is not frame:
                event(frame, "return", value)
                return None
            try:
                if main_left(frame, value) is None:
                    self._rest(main)
            except BaseException:
                self._interrupted()
                raise
            return None

        def unwound(code: CodeType, offset: int, error: BaseException) -> object:
            if id(code) in watched:
                event(frame_at(1), "return", None)
            return None

        def raised(code: CodeType, offset: int, error: BaseException) -> object:
            if id(code) in watched:
                event(frame_at(1), "exception", (type(error), error, None))
            return None

        def event(frame: FrameType, kind: str, arg: Any) -> None:
            transcript = main if main.top.frame is frame else here.transcript
            if transcript is not None:
                try:
                    if transcript.event(frame, kind, arg) is None:
                        self._rest(transcript)
                except BaseException:
                    self._interrupted()
                    raise

        return {
            events.PY_START: call,
            events.PY_RESUME: call,
            events.PY_THROW: throw,
            events.LINE: line,
            events.JUMP: jump,
            events.PY_RETURN: left,
            events.PY_YIELD: left,
            events.PY_UNWIND: unwound,
            events.RAISE: raised,
            events.STOP_ITERATION: raised,
        }

    def _begin_other(self, code: CodeType) -> Transcript | None:
        """A transcript of a thread that is not followed yet and calls a function of the user's."""
        if self._others is None or not self._transcript.recording:
            return None
        transcript = self._others.begin(code, partial(Transcript, read=_READ))
        self._here.transcript = transcript
        return transcript

    def _follow(self, code: CodeType) -> bool:
        """Whether calls of this code matter; asked once."""
        if code.co_name in _TAKES_OVER and _is_debugger(code) and self._here.transcript is self._transcript:
            self.interrupt(_DEBUGGED)
            return False
        if not self._transcript.concerns(code):
            return False
        self._followed[id(code)] = code
        return True

    def _watch(self, code: CodeType) -> None:
        self._watched[id(code)] = code
        events = self._body if code.co_name == "<module>" else self._inside
        self._monitoring.set_local_events(self._tool, code, events)

    def _lines_of(self, code: CodeType) -> dict[int, int]:
        """The line of each instruction, by its offset."""
        found = self._lines.get(id(code))
        if found is None:
            ranges = code.co_lines()
            found = {offset: line or 0 for start, end, line in ranges for offset in range(start, end, 2)}
            self._lines[id(code)] = found
        return found

    def _interrupted(self) -> None:
        """An interrupt is the program's, but may have come when the transcript was half written."""
        self._silence()
        if self._transcript.expects:
            self._transcript.waiting = False
            self._transcript.end(Ending.DISPLACED, _INTERRUPTED)

    def _silence(self) -> None:
        """Have nothing called any more."""
        for event in self._callbacks:
            self._monitoring.register_callback(self._tool, event, None)

    def _rest(self, transcript: Transcript) -> None:
        """Nothing is being written: watch for what is still awaited, if anything."""
        if transcript is not self._transcript:
            self._here.transcript = None
        elif not transcript.expects:
            self._release()
        elif self._watched:
            self._unwatch()

    def _release(self) -> None:
        """Give everything back; the program goes on at its own speed."""
        if self._tool is None:
            return
        self._silence()
        self._monitoring.set_events(self._tool, 0)
        self._unwatch()
        self._monitoring.free_tool_id(self._tool)
        self._tool = None
        self._followed.clear()
        self._lines.clear()
        if self._others is not None:
            self._others.end()

    def _unwatch(self) -> None:
        for code in self._watched.values():
            self._monitoring.set_local_events(self._tool, code, 0)
        self._watched.clear()


class _Here(_local):
    """What is written of the thread that looks."""

    transcript: Transcript | None = None


def _is_debugger(code: CodeType) -> bool:
    bdb = sys.modules.get("bdb")
    return bdb is not None and code.co_filename == getattr(bdb, "__file__", None)
