"""Recording other threads than the one that is followed anyway."""

from __future__ import annotations

import sys
from _thread import _local, allocate_lock  # those of real threads, whatever is patched
from collections.abc import Callable
from types import CodeType

from cwm_tracer.model import Ending, Meta
from cwm_tracer.recorder import Entry, Recording
from cwm_tracer.recorder.transcript import Transcript
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

STILL_RUNNING = "the entry was still running when the test ended"
_MOST = 100
_ENDED_BEFORE = "the thread was still running when the trace of the test ended"


def recording_of(
    transcript: Transcript, sources: SourceLines, *, thread: str = "", others: tuple[Recording, ...] = ()
) -> Recording:
    """What a transcript has come to."""
    meta = Meta(f"{sys.version_info[0]}.{sys.version_info[1]}", transcript.ending)
    return Recording(transcript.frames, meta, sources, transcript.place, transcript.note, thread, others)


class OtherThreads:
    """The transcripts of other threads: one from each call of the user's code by code that is not, to its return.

    Threads are numbered in the order in which they first come here. All their frames together are as many at most as
    the test's own thread may have, in no more than a hundred transcripts.
    """

    def __init__(
        self,
        selects: Callable[[str], bool],
        *,
        max_frames: int,
        sources: SourceLines,
        renderer: Renderer,
    ) -> None:
        self._selects = selects
        self._left = max_frames
        self._sources = sources
        self._renderer = renderer
        self._lock = allocate_lock()
        self._here = _Here()
        self._threads = 0
        self._begun: list[tuple[str, Transcript]] = []
        self.ended = False

    def begin(self, code: CodeType, make: Callable[..., Transcript]) -> Transcript | None:
        """A transcript for this thread, from the call of `code` that is being made; None where none is wanted."""
        if code.co_name == "<module>" or not self._selects(code.co_filename):
            return None
        with self._lock:
            left = self._left - sum(transcript.size for _, transcript in self._begun)
            if self.ended or left <= 0 or len(self._begun) >= _MOST:
                return None
            if not self._here.number:
                self._threads += 1
                self._here.number = self._threads
            self._here.calls += 1
            name = f"thread {self._here.number}" + (f", call {self._here.calls}" if self._here.calls > 1 else "")
            transcript = make(
                Entry(code),
                self._selects,
                max_frames=left,
                sources=self._sources,
                renderer=self._renderer.for_another_thread(),
            )
            self._begun.append((name, transcript))
        return transcript

    def end(self) -> None:
        """Nothing more is recorded."""
        with self._lock:
            self.ended = True
            for _, transcript in self._begun:
                if transcript.recording:
                    transcript.end(Ending.OPEN, _ENDED_BEFORE)

    def recordings(self) -> tuple[Recording, ...]:
        """What was recorded, in the order in which it began."""
        return tuple(
            recording_of(transcript, self._sources, thread=name)
            for name, transcript in self._begun
            if transcript.frames
        )


class _Here(_local):
    """The number of the thread that looks, and how many calls of it were recorded."""

    number = 0
    calls = 0
