"""Recording what really happens: one interface, one backend per way of watching the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType
from typing import Protocol

from cwm_tracer.model import Frame, Meta
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

DEFAULT_MAX_FRAMES = 10_000


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

    `note` is one line for the user when the recording ended otherwise than by the entry's return.
    """

    frames: tuple[Frame, ...]
    meta: Meta
    sources: SourceLines
    entry: tuple[str, int] | None = None
    note: str = ""


class Recorder(Protocol):
    """Records the calling thread between `start` and `stop`; neither ever raises for what the program does."""

    def start(self) -> None:
        """Begin to watch this thread."""

    def stop(self) -> Recording:
        """Stop watching, leave the interpreter as it was found, and hand out what was seen."""


def make_recorder(
    entry: Entry,
    selects: Callable[[str], bool],
    *,
    max_frames: int = DEFAULT_MAX_FRAMES,
    sources: SourceLines | None = None,
    renderer: Renderer | None = None,
) -> Recorder:
    """A recorder of at most `max_frames` frames of code in the files that `selects` says yes to.

    Recorders of one process may share `sources` and `renderer`, which keep what they learn.
    """
    from cwm_tracer.recorder.settrace import SettraceRecorder

    return SettraceRecorder(
        entry, selects, max_frames=max_frames, sources=sources or SourceLines(), renderer=renderer or Renderer()
    )
