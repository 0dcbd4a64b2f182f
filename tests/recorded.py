"""Small programs to record, and what to look at in a recording."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import textwrap
import types
from collections.abc import Callable
from typing import Any

import pytest

from cwm_tracer.model import Event, Frame
from cwm_tracer.recorder import Backend, Entry, Recorder, Recording, make_recorder
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

RENDERER = Renderer()
PYTHON = sys.version_info[:2]
untraced = pytest.mark.skipif(
    sys.gettrace() is not None, reason="another trace function takes time and stack of its own"
)
BACKENDS: list[Backend] = ["settrace", "monitoring"] if PYTHON >= (3, 12) else ["settrace"]
backend: Backend = BACKENDS[-1]  # the fixture of this name sets it


def recorder_of(entry: Entry, selects: Callable[[str], bool], **options: Any) -> Recorder:
    return make_recorder(entry, selects, renderer=RENDERER, backend=backend, **options)


class Program:
    """A module of the given text under the name `program.py`, whose functions can be recorded."""

    file = "program.py"

    def __init__(self, source: str) -> None:
        self.source = textwrap.dedent(source).lstrip("\n")
        self.module: Any = types.ModuleType("program")
        sys.modules["program"] = self.module
        exec(compile(self.source, self.file, "exec"), self.module.__dict__)

    def recorder(
        self, entry: str | None = "main", *, max_frames: int = 10_000, marked: bool = False, **options: Any
    ) -> Recorder:
        sources = SourceLines({self.file: self.source})
        places = frozenset((self.file, line) for line in sources.marked_lines(self.file)) if marked else frozenset()
        code = None if entry is None else getattr(self.module, entry).__code__
        return recorder_of(Entry(code, places), self.file.__eq__, max_frames=max_frames, sources=sources, **options)

    def record(self, entry: str | None = "main", **options: Any) -> Recording:
        """Call `main`, which may be a coroutine function, and drop what it raises."""
        recorder = self.recorder(entry, **options)
        recorder.start()
        try:
            with contextlib.suppress(Exception):
                self.run()
        finally:
            recording = recorder.stop()
        return recording

    def run(self) -> Any:
        result = self.module.main()
        return asyncio.run(result) if inspect.iscoroutine(result) else result


def record(source: str, **options: Any) -> Recording:
    return Program(source).record(**options)


def steps(recording: Recording, *events: Event) -> list[str]:
    """Each frame as its event and its line, with the argument of a return or an exception."""
    return [_step(frame) for frame in recording.frames if not events or frame.event in events]


def _step(frame: Frame) -> str:
    step = f"{frame.event.value} {frame.source.strip()}"
    return step if frame.argument is None else f"{step} -> {frame.argument}"


def states(recording: Recording, line: str) -> list[dict[str, str]]:
    """The locals at each time that a line is reached."""
    return [
        dict(frame.locals)
        for frame in recording.frames
        if frame.event is Event.LINE and frame.source.strip() == line and frame.locals is not None
    ]


def calls(recording: Recording) -> list[str]:
    return [frame.source.strip() for frame in recording.frames if frame.event is Event.CALL]


TRACED = """
    def helper(n):
        for x in range(n):
            if x == 2:
                raise ValueError(x)
        return n

    def numbers():
        yield 1
        yield from [2, 3]

    def main():
        total = sum(numbers()) + sum(n * n for n in numbers())
        for n in (1, 2, 5):
            try:
                total += helper(n)
            except ValueError:
                total = -total
        return total
"""
