"""What is made of the interpreter's events: the frames of a trace, from the entry's call on."""

from __future__ import annotations

from collections.abc import Callable
from tracemalloc import is_tracing
from types import CodeType, FrameType
from typing import Any

from cwm_tracer.model import Ending, Event, Frame
from cwm_tracer.recorder import Entry
from cwm_tracer.recorder.bytecode import begins, is_suspended
from cwm_tracer.recorder.state import LocalsReader
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer


class Transcript:
    """Takes the calls of one thread and the events of the frames it asked for, in the words of `sys.settrace`.

    `recording` says whether a trace is being written, `waiting` whether one may begin that replaces what there is.
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
        self._entry = entry
        self._selects = selects
        self._selected: dict[str, bool] = {}
        self._max_frames = max_frames
        self._sources = sources
        self._reader = LocalsReader(renderer)
        self._measured_before = is_tracing()
        self.waiting = True
        self._restart()

    def _restart(self) -> None:
        self.frames: list[Frame] = []
        self.ending = Ending.NEVER_CALLED
        self.note = ""
        self.place: tuple[str, int] | None = None  # of the entry's definition
        self.recording = False
        self._stack: list[FrameType] = []  # activations, the innermost last
        self._scopes: list[int] = []
        self._opened = 0
        self._root: FrameType | None = None
        self._root_code: CodeType | None = None
        self._muted: FrameType | None = None  # a module body that is being imported
        self._raised: tuple[FrameType, int] | None = None  # where the last exception is on its way out
        self._reader.clear()

    @property
    def expects(self) -> bool:
        """Whether there is anything more to be told."""
        return self.recording or self.waiting

    def call(self, frame: FrameType) -> bool:
        """A function is called or a generator resumed; says whether the frame's own events are wanted."""
        code = frame.f_code
        if self.waiting and self._is_entry(code):
            self._begin(frame)
        if not self.recording or self._muted is not None or not self._is_selected(code):
            return False
        if code.co_name == "<module>":
            self._muted = frame
            return True
        if begins(frame):
            self._reader.forget(frame)  # what is known is of another that had its address
        self._open(frame)
        lineno = frame.f_lineno or code.co_firstlineno
        if not code.co_name.startswith("<"):
            # A first call stands on the first decorator; a generator's resume stands on its yield, below.
            lineno = max(lineno, self._sources.definition_line(code.co_filename, code.co_firstlineno))
        self._append(frame, Event.CALL, lineno, state=True)
        return True

    def event(self, frame: FrameType, event: str, arg: Any) -> None:
        """Something happens in a frame whose call was wanted."""
        if frame is self._muted:
            if event == "return":
                self._muted = None
        elif self.recording and self._muted is None and event != "opcode" and self._is_innermost(frame):
            if event == "line":
                self._line(frame)
            elif event == "exception":
                self._exception(frame, arg)
            elif event == "return":
                self._return(frame, arg)

    def end(self, ending: Ending, note: str = "") -> None:
        """The trace ends here."""
        self.ending = ending
        self.note = note
        self.recording = False
        self._stack.clear()
        self._root = self._muted = self._raised = None
        self._reader.clear()

    def _is_entry(self, code: CodeType) -> bool:
        if self._entry.marked and not code.co_name.startswith("<"):
            line = self._sources.definition_line(code.co_filename, code.co_firstlineno)
            if (code.co_filename, line) in self._entry.marked:
                self.waiting = False
                return True
        if code is not self._entry.code or self.recording or self.ending is not Ending.NEVER_CALLED:
            return False
        self.waiting = bool(self._entry.marked)
        return True

    def _begin(self, frame: FrameType) -> None:
        self._restart()
        self.recording = True
        self.ending = Ending.OPEN
        self._root = frame
        self._root_code = code = frame.f_code
        self.place = code.co_filename, self._sources.definition_line(code.co_filename, code.co_firstlineno)

    def _is_selected(self, code: CodeType) -> bool:
        filename = code.co_filename
        selected = self._selected.get(filename)
        if selected is None:
            selected = self._selected[filename] = self._selects(filename)
        return selected or code is self._root_code

    def _line(self, frame: FrameType) -> None:
        self._raised = None
        if frame.f_lineno is not None:
            self._append(frame, Event.LINE, frame.f_lineno, state=True)

    def _exception(self, frame: FrameType, arg: Any) -> None:
        self._raised = frame, frame.f_lasti
        kind, value, _ = arg
        shown = f"({self._reader.render(kind)}, {self._reader.render(value)}, <traceback object>)"
        self._append(frame, Event.EXCEPTION, self._lineno(frame), argument=shown)

    def _return(self, frame: FrameType, arg: Any) -> None:
        self._append(frame, Event.RETURN, self._lineno(frame), argument=self._reader.render(arg))
        if not self.recording:
            return
        # An exception that is on its way out may stand on a yield, into which it was thrown.
        leaves = self._raised == (frame, frame.f_lasti) or not is_suspended(frame)
        self._raised = None
        self._stack.pop()
        self._scopes.pop()
        if leaves:
            self._reader.forget(frame)
            if frame is self._root:
                self.end(Ending.RETURNED)

    def _lineno(self, frame: FrameType) -> int:
        """The frame's line; instructions of the compiler's own have none."""
        return frame.f_lineno or self.frames[-1].line or frame.f_code.co_firstlineno

    def _open(self, frame: FrameType) -> None:
        self._stack.append(frame)
        self._scopes.append(self._opened)
        self._opened += 1

    def _is_innermost(self, frame: FrameType) -> bool:
        """Make `frame` the innermost open one, should others have been left without an event; False for a stranger."""
        if self._stack and self._stack[-1] is frame:
            return True
        if frame in self._stack:
            while self._stack[-1] is not frame:
                self._stack.pop()
                self._scopes.pop()
        elif self._reader.knows(frame):
            self._open(frame)
        else:
            return False
        return True

    def _append(
        self, frame: FrameType, event: Event, lineno: int, *, state: bool = False, argument: str | None = None
    ) -> None:
        if len(self.frames) >= self._max_frames:
            self.end(Ending.TRUNCATED, f"recording stopped at {self._max_frames} frames")
            return
        if is_tracing() and not self._measured_before:
            self.end(Ending.DISPLACED, "recording stopped: the program measures its memory with tracemalloc")
            return
        filename = frame.f_code.co_filename
        self.frames.append(
            Frame(
                event,
                self._sources.line(filename, lineno),
                self._reader.read(frame) if state else None,
                argument,
                self._scopes[-1],
                filename,
                lineno,
            )
        )
