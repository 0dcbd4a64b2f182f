"""Recording what really happens: one interface, one backend per way of watching the interpreter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Literal, Protocol

from cwm_tracer.model import Frame, Meta
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

DEFAULT_MAX_FRAMES = 10_000
Backend = Literal["settrace", "monitoring"]
Threads = Literal["test", "all"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a recording begins: at the first call of `code`, or of a function whose (file, line) is one of `marked`.

    A marked function beats `code`: a recording that began at `code` begins anew when a marked function is called.
    """

    code: CodeType | None = None
    marked: frozenset[tuple[str, int]] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded. `entry` is the file and the `def` line of the function that the trace begins in, if it ran.

    `note` is one line for the user when the recording ended otherwise than by the entry's return. `thread` is empty for
    the thread that the recorder was started in; `others` are recordings of other threads, each with its name here.
    """

    frames: Sequence[Frame]
    meta: Meta
    sources: SourceLines
    entry: tuple[str, int] | None = None
    note: str = ""
    thread: str = ""
    others: tuple[Recording, ...] = ()


class Recorder(Protocol):
    """Records between `start` and `stop`, which one thread calls; neither ever raises for what the program does."""

    def start(self) -> None:
        """Begin to watch this thread."""

    def interrupt(self, note: str) -> None:
        """Another tool takes over: a trace that is being written, or still awaited, ends here for the given reason."""

    def stop(self) -> Recording:
        """Stop watching, leave the interpreter as it was found, and hand out what was seen."""


def make_recorder(
    entry: Entry,
    selects: Callable[[str], bool],
    *,
    max_frames: int = DEFAULT_MAX_FRAMES,
    sources: SourceLines | None = None,
    renderer: Renderer | None = None,
    threads: Threads = "test",
    backend: Backend | None = None,
) -> Recorder:
    """A recorder of at most `max_frames` frames of code in the files that `selects` says yes to.

    `threads` says whether only the thread that starts the recorder is followed, or all that run meanwhile.
    Recorders of one process may share `sources` and `renderer`, which keep what they learn. `backend` is for tests:
    else it is `sys.monitoring` where the interpreter has that and a tool id is free, and `sys.settrace` elsewhere.
    """
    backend = backend or _best_backend()
    make: Callable[..., Recorder]
    if backend == "monitoring":
        from cwm_tracer.recorder.monitoring import MonitoringRecorder as make
    else:
        from cwm_tracer.recorder.settrace import SettraceRecorder as make
    return make(
        entry,
        selects,
        max_frames=max_frames,
        sources=sources or SourceLines(),
        renderer=renderer or Renderer(),
        threads=threads,
    )


def _best_backend() -> Backend:
    if sys.version_info < (3, 12):
        return "settrace"
    from cwm_tracer.recorder.monitoring import free_tool

    return "settrace" if free_tool() is None else "monitoring"
