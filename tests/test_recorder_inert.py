"""State that isn't read again since nothing of the program can have run: what that must never hide."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from cwm_tracer.model import Event
from cwm_tracer.recorder import Entry, make_recorder
from cwm_tracer.recorder.inert import _KNOWN, InertLines


def _choose(x: Any, y: Any, z: Any, flag: Any) -> Any:
    if x is None:
        z = 1
    elif y is True:
        z = 2
    elif flag:
        z = 3
    elif x in y:
        z = 4
    elif x == y is z:
        z = 5
    try:
        z += 1
    finally:
        z += 2
    return z


@pytest.mark.skipif(not _KNOWN, reason="jumps are not known there")
def test_only_lines_that_run_nobodys_code_are_inert() -> None:
    code = _choose.__code__
    first: dict[int | None, int] = {}
    for start, _, line in code.co_lines():
        first.setdefault(line, start)
    inert = InertLines(code)
    told = {line - code.co_firstlineno for line, start in first.items() if line and inert.has(start)}
    assert told == {1, 3, 11}


def test_what_another_trace_function_changes_before_a_first_line_is_shown_there() -> None:
    box: list[int] = []

    def grow(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code is _take.__code__ and event == "line":
            box.append(len(box))
        return grow

    def main() -> None:
        _take(box)
        _take(box)

    recorder = make_recorder(Entry(main.__code__), lambda file: file == __file__, backend="settrace")
    before = sys.gettrace()
    sys.settrace(grow)
    try:
        recorder.start()
        main()
        recording = recorder.stop()
    finally:
        sys.settrace(before)
    shown = [frame.locals for frame in recording.frames if frame.event is Event.LINE and "return box" in frame.source]
    assert shown == [{"box": "[0]"}, {"box": "[0, 1]"}]


def _take(box: list[int]) -> list[int]:
    return box
