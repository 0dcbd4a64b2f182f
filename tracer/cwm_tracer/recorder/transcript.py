"""What is made of the interpreter's events: the entries of a log, from the entry's call on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from tracemalloc import is_tracing
from types import CodeType, FrameType
from typing import Any

from cwm_tracer.model import Ending, Event
from cwm_tracer.recorder import Entry
from cwm_tracer.recorder.bytecode import WRITES_BACK, CodeFacts, begins, is_suspended
from cwm_tracer.recorder.frames import RecordedFrames
from cwm_tracer.recorder.hot import NO_STACK, NOBODY, make_call, make_event
from cwm_tracer.recorder.log import ENTERED, LEFT, Log
from cwm_tracer.recorder.reading import holds_its_locals
from cwm_tracer.recorder.state import Activation, Reader
from cwm_tracer.signals import raised_by_handler
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

SPARED = "{0.co_name} ({0.co_filename}:{0.co_firstlineno}) is not recorded: a trace function would change its locals()"
TAKEN = "another tool took the trace function away; the trace ends there"


class Transcript:
    """Takes the calls of one thread and the events of the frames it asked for, in the words of `sys.settrace`.

    `recording` says whether a trace is being written, `waiting` whether one may begin that replaces what there is.
    The recorder is in place as long as the function of `presence`, if any, returns its value. `dismiss` is called with
    a frame whose events are not wanted any more. What the program does is never an exception here.

    `event(frame, kind, arg)` takes an event of a frame whose call was wanted. It returns itself as long as it wants
    more of them, as a local trace function does, and None after that. `read` gets the variables of a frame whose own
    dict must not be left behind.
    """

    def __init__(
        self,
        entry: Entry,
        selects: Callable[[str], bool],
        *,
        max_frames: int,
        sources: SourceLines,
        renderer: Renderer,
        presence: tuple[Callable[[], object] | None, object] = (None, None),
        dismiss: Callable[[FrameType], object] = id,
        read: Callable[[FrameType], dict[str, Any]] | None = None,
    ) -> None:
        self._entry = entry
        self._selects = selects
        self._selected: dict[str, bool] = {}
        self._max_frames = max_frames
        self._sources = sources
        self._renderer = renderer
        self.presence = presence
        self._dismiss = dismiss
        self._writes_back = WRITES_BACK and read is None
        self.measured = is_tracing()
        self._is_debugged = _is_debugged()
        self._marked_files = {file for file, _ in entry.marked}
        self._cells_vanish = False  # whether a function was called that may empty a cell
        self.facts: dict[int, CodeFacts] = {}  # by the identity of the code, which they keep alive
        self.log = Log(renderer.redactor.is_secret_name)
        self.reader = Reader(renderer, self.log, read)
        self.left: dict[int, Activation] = {}  # suspended or left without an event, by the identity of the frame
        self.waiting = True
        self._restart()
        self.call = make_call(self)
        self.event = make_event(self)

    def _restart(self) -> None:
        self.log.entries.clear()
        self.log.marks = 0
        self.ending = Ending.NEVER_CALLED
        self.note = ""
        self.place: tuple[str, int] | None = None  # of the entry's definition
        self.recording = False
        self.top: Activation = NOBODY  # the innermost one
        self.limit = self._max_frames  # on the entries
        self.root: FrameType | None = None
        self._root_code: CodeType | None = None
        self.meddler: CodeType | None = None  # what may have set another trace function for a while
        self.spared: CodeType | None = None  # what would have been disturbed
        self.left.clear()
        for facts in self.facts.values():
            facts.start = None
            facts.is_known = False
        self.muted: FrameType | None = None  # a module body that is being imported
        self._raised: tuple[FrameType, int, int] | None = None  # an exception's frame, f_lasti and number

    @property
    def expects(self) -> bool:
        """Whether there is anything more to be told."""
        return self.recording or self.waiting

    @property
    def size(self) -> int:
        """How much was written, about as many as there are frames."""
        return len(self.log.entries)

    @property
    def frames(self) -> RecordedFrames:
        """What was recorded."""
        return RecordedFrames(self.log, self._renderer)

    def end(self, ending: Ending, note: str = "") -> None:
        """The trace ends here."""
        self.ending = ending
        self.note = note
        self.recording = False
        self.top = NOBODY
        self.root = self.muted = self._raised = None
        self.left.clear()

    def fail(self, error: Exception) -> None:
        """A fault of our own must not become the program's: stop and say so. What a signal's handler raises goes on."""
        if isinstance(error, RecursionError):
            note = NO_STACK
        elif raised_by_handler(error):
            raise error
        else:
            note = f"recording stopped by an internal error: {type(error).__name__}: {error}"
        self.waiting = False
        self.end(Ending.DISPLACED, note)

    def concerns(self, code: CodeType) -> bool:
        """Whether calls of this code can ever matter here."""
        return code is self._entry.code or self._is_marked(code) or self._is_selected(code)

    def enter(self, frame: FrameType) -> bool:
        """`call` for any frame."""
        code = frame.f_code
        facts = self.facts.get(id(code)) or self._new_facts(code)
        if facts.is_entry and self.waiting and self._is_entry(code):
            self._begin(frame)
        if not self.recording or self.muted is not None:
            return False
        if facts.is_recorded is None:
            facts.is_recorded = self._is_selected(code)
            if "settrace" in code.co_names:
                self.meddler = code
            if self._writes_back and (facts.is_recorded or code is self._root_code) and holds_its_locals(code):
                return self._spare(facts)
            if facts.is_recorded:
                self._sources.lines(code.co_filename, frame.f_globals)  # which name the loader, if no file holds it
        if not facts.is_recorded and code is not self._root_code:
            return False
        if facts.name == "<module>":
            self.muted = frame
            return True
        if not self._may_go_on():
            return False
        activation = self.left.pop(id(frame), None)
        if activation is None or begins(frame):  # what is known is of another that had its address
            activation = self.reader.activation(facts)
        place = facts.calls.get(frame.f_lasti)
        if place is None:
            place = self.number(facts.calls, Event.CALL, frame)
        self.log.entries.append(self.reader.begin(activation, frame, place))
        activation.outer = self.top
        activation.depth = self.top.depth + 1
        self.top = activation
        facts.start_place = place
        facts.is_known = facts.is_plain
        return True

    def _spare(self, facts: CodeFacts) -> bool:
        """Leave a function alone which recording would disturb."""
        facts.is_recorded = False
        self.spared = facts.code
        if facts.code is self._root_code:
            self.end(Ending.DISPLACED, SPARED.format(facts.code))
        return False

    def answer(self, frame: FrameType) -> Any:
        """What a local trace function returns."""
        if self._writes_back and (frame.f_code.co_freevars or frame.f_code.co_cellvars):
            frame.f_locals  # noqa: B018
        if self.recording:
            return self.event
        self._dismiss(frame)
        return None

    def admitted(self, frame: FrameType, kind: str) -> Activation | None:
        """The activation that an event belongs to, as the innermost; None where it is not to be recorded."""
        if not self.recording:
            return None
        probe, present = self.presence
        if probe is not None and probe() is not present:
            self.waiting = False
            self.end(Ending.DISPLACED, TAKEN)
            return None
        if frame is self.muted and kind == "return":
            self.muted = None
            return None
        if self.muted is not None or kind == "opcode" or not self._is_innermost(frame) or not self._may_go_on():
            return None
        return self.top

    def _may_go_on(self) -> bool:
        """Whether another frame may be recorded; ends the trace where none may."""
        if len(self.log.entries) >= self.limit:
            self.end(Ending.TRUNCATED, f"recording stopped at {self._max_frames} frames")
        elif is_tracing() and not self.measured:
            self.end(Ending.DISPLACED, "recording stopped: the program measures its memory with tracemalloc")
        return self.recording

    def _is_innermost(self, frame: FrameType) -> bool:
        """Make the activation of `frame` the innermost, should others have been left without an event.

        False for a frame whose call was not seen.
        """
        left = []
        activation = self.top
        while activation.frame is not frame and activation is not NOBODY:
            left.append(activation)
            activation = activation.outer
        if activation is not NOBODY:
            for inner in left:
                self.left[id(inner.frame)] = inner
                self.reader.suspend(inner)
            if left:
                self._mark((LEFT, len(left)))
            self.top = activation
            return True
        known = self.left.pop(id(frame), None)
        if known is None:
            return False
        known.outer = self.top
        known.depth = self.top.depth + 1
        self.top = known
        self._mark(self.reader.begin(known, frame, ENTERED))
        return True

    def _mark(self, entry: Any) -> None:
        """Append an entry that is no frame."""
        self.log.entries.append(entry)
        self.log.marks += 1
        self.limit += 1

    def leave(self, activation: Activation, frame: FrameType) -> None:
        """A generator or a coroutine has returned, raised or been suspended."""
        # An exception that is on its way out may stand on a yield, into which it was thrown.
        raised = self._raised == (frame, frame.f_lasti, len(self.log.entries) - 1)
        self._raised = None
        self.top = activation.outer
        if raised or not is_suspended(frame):
            if frame is self.root:
                self.end(Ending.RETURNED)
        else:
            self.left[id(frame)] = activation
            self.reader.suspend(activation)

    def exception(self, facts: CodeFacts, frame: FrameType, arg: Any) -> None:
        kind, value, _ = arg
        number = facts.raises.get(frame.f_lasti)
        if number is None:
            number = self.number(facts.raises, Event.EXCEPTION, frame)
        text_of = self.reader.looker.text
        shown = f"({text_of(kind)}, {text_of(value)}, <traceback object>)"
        self.log.entries.append((number, (shown,)))
        self._raised = frame, frame.f_lasti, len(self.log.entries)

    def number(self, numbers: dict[int, int], event: Event, frame: FrameType) -> int:
        """The number of the place at which a frame stands; -1 for a line that is none."""
        code = frame.f_code
        lineno = frame.f_lineno  # of an instruction of the compiler's own it is None
        place = lineno or self.log.last_line() or code.co_firstlineno
        if event is Event.LINE and lineno is None:
            return -1
        if event is Event.CALL:
            place = lineno or code.co_firstlineno
            if not code.co_name.startswith("<"):
                # A first call stands on the first decorator; a generator's resume stands on its yield, below.
                place = max(place, self._sources.definition_line(code.co_filename, code.co_firstlineno))
        source = self._sources.line(code.co_filename, place)
        number = self.log.number(event, source, code.co_filename, place)
        if lineno is not None:
            numbers[frame.f_lasti] = number
            if event is Event.LINE and not self._is_debugged:
                facts = self.facts[id(code)]
                if facts.inert is not None and facts.inert.has(frame.f_lasti):
                    facts.still = {*(facts.still or ()), frame.f_lasti}
        return number

    def _new_facts(self, code: CodeType) -> CodeFacts:
        """What is decided once for a code object."""
        facts = self.facts[id(code)] = CodeFacts(code)
        facts.writes_back = facts.writes_back and self._writes_back
        facts.starts_still = facts.starts_still and not self._is_debugged
        facts.is_secret = self._renderer.redactor.is_secret_name(code.co_name)
        facts.is_entry = code is self._entry.code or self._is_marked(code)
        self._cells_vanish = self._cells_vanish or facts.empties_cells
        if self._cells_vanish:  # in any function that shares them
            for each in self.facts.values():
                each.unbinds = each.unbinds or each.shares_cells
        return facts

    def _is_marked(self, code: CodeType) -> bool:
        if code.co_filename not in self._marked_files or code.co_name.startswith("<"):
            return False
        return (code.co_filename, self._definition_line(code)) in self._entry.marked

    def _definition_line(self, code: CodeType) -> int:
        return self._sources.definition_line(code.co_filename, code.co_firstlineno)

    def _is_entry(self, code: CodeType) -> bool:
        """Whether the trace begins where this code is called now."""
        if self._is_marked(code):
            self.waiting = False
            return True
        if self.recording or self.ending is not Ending.NEVER_CALLED:
            return False
        self.waiting = bool(self._entry.marked)
        return True

    def _begin(self, frame: FrameType) -> None:
        self._restart()
        self.recording = True
        self.ending = Ending.OPEN
        self.root = frame
        self._root_code = code = frame.f_code
        self._sources.lines(code.co_filename, frame.f_globals)
        self.place = code.co_filename, self._definition_line(code)

    def _is_selected(self, code: CodeType) -> bool:
        filename = code.co_filename
        selected = self._selected.get(filename)
        if selected is None:
            selected = self._selected[filename] = self._selects(filename)
        return selected


def _is_debugged() -> bool:
    """Whether a debugger may stop at a line before it is told here, and have its user change variables."""
    monitoring: Any = getattr(sys, "monitoring", None)
    return monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
