"""How each tool is made to record a program of `recorder_workloads.py`; one measurement in this process."""

from __future__ import annotations

import gc
import io
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import recorder_workloads
from recorder_workloads import WORKLOADS

backend: str | None = None  # of this recorder, if not the one that it chooses


@dataclass(frozen=True)
class Tool:
    """`record` runs a function with an argument and returns the text. `module` is what must be installed."""

    record: Callable[[Any, Any], str]
    module: str | None = None


def measure(tool: str, program: str) -> dict[str, float]:
    """Processor seconds for recording a program and writing it out, and the length of the text."""
    function, argument = WORKLOADS[program]
    record = TOOLS[tool].record
    record(function, argument // 5 or 1)  # so that nothing is imported or made for the first time
    gc.collect()
    began = time.process_time()
    text = record(function, argument)
    seconds = time.process_time() - began
    events = _cwm_frames(function, argument) if tool == "cwm" else 0
    return {"seconds": seconds, "characters": len(text), "events": events}


# -- this recorder


def _recorder(function: Any, max_frames: int = 10**9, **more: Any) -> Any:
    from cwm_tracer.recorder import Entry, make_recorder

    chosen: Any = {} if backend is None else {"backend": backend}
    return make_recorder(Entry(function.__code__), _selects, max_frames=max_frames, **chosen, **more)


def _selects(filename: str) -> bool:
    return filename != __file__


def _record(function: Any, argument: Any, max_frames: int = 10**9) -> Any:
    recorder = _recorder(function, max_frames)
    recorder.start()
    try:
        function(argument)
    finally:
        recording = recorder.stop()
    return recording


def _cwm(function: Any, argument: Any) -> str:
    from cwm_tracer import wire
    from cwm_tracer.model import Context, Trace

    recording = _record(function, argument)
    return wire.text_of(Trace(recording.frames, Context(""), recording.meta))


def _cwm_frames(function: Any, argument: Any) -> int:
    return len(_record(function, argument).frames)


# -- others


def _pysnooper(function: Any, argument: Any) -> str:
    import pysnooper

    out = io.StringIO()
    pysnooper.snoop(out, depth=1000, color=False)(function)(argument)
    return out.getvalue()


def _snoop(function: Any, argument: Any) -> str:
    import snoop

    out = io.StringIO()
    snoop.Config(out=out, color=False).snoop(depth=1000)(function)(argument)
    return out.getvalue()


def _hunter(function: Any, argument: Any) -> str:
    import hunter

    out = io.StringIO()
    action = hunter.VarsSnooper(stream=out, force_colors=False)
    with hunter.trace(~hunter.Q(filename=__file__), action=action):
        function(argument)
    return out.getvalue()


def _viztracer(function: Any, argument: Any) -> str:
    from viztracer import VizTracer
    from viztracer.code_monkey import CodeMonkey

    path = recorder_workloads.__file__
    monkey = CodeMonkey(path)
    monkey.add_instrument("log_var", {"varnames": [".*"]})
    tracer = VizTracer(verbose=0, tracer_entries=5_000_000)
    namespace: dict[str, Any] = {"__name__": "logged", "__file__": path, "__viz_tracer__": tracer}
    exec(monkey.compile(Path(path).read_text(encoding="utf-8"), path, "exec"), namespace)
    tracer.start()
    namespace[function.__name__](argument)
    tracer.stop()
    tracer.parse()
    return json.dumps(tracer.data)


def _naive(function: Any, argument: Any) -> str:
    lines: list[str] = []
    known: dict[int, dict[str, str]] = {}

    def shown(value: object) -> str:
        try:
            return repr(value)
        except Exception:  # half-built
            return object.__repr__(value)

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename == __file__:
            return None
        if event in ("call", "line"):
            state = {name: shown(value) for name, value in frame.f_locals.items()}
            before = known.get(id(frame), {}) if event == "line" else {}
            changed = {name: ".." if before.get(name) == text else text for name, text in state.items()}
            known[id(frame)] = state
            lines.append(json.dumps([event, frame.f_lineno, changed]))
        else:
            lines.append(json.dumps([event, frame.f_lineno, shown(arg)]))
        return trace

    sys.settrace(trace)
    try:
        function(argument)
    finally:
        sys.settrace(None)
    return "\n".join(lines)


TOOLS = {
    "cwm": Tool(_cwm),
    "naive": Tool(_naive),
    "pysnooper": Tool(_pysnooper, "pysnooper"),
    "snoop": Tool(_snoop, "snoop"),
    "hunter": Tool(_hunter, "hunter"),
    "viztracer": Tool(_viztracer, "viztracer"),
}


# -- growth, memory, and code that is not recorded


def _loop(count: int) -> int:
    total = 0
    for i in range(count):
        total += i
    return total


def growth(events: str) -> dict[str, float]:
    """Processor seconds for so many events of a loop, up to their text."""
    count = int(events) // 2
    began = time.process_time()
    text = _with_own_code(_cwm, _loop, count)
    return {"seconds": time.process_time() - began, "events": 2 * count, "characters": len(text)}


def memory(how: str) -> dict[str, float]:
    """The peak of memory in bytes while so many events are recorded, with so many variables that do not change."""
    events, unchanged = map(int, how.split(","))
    names = "".join(f"    v{number} = {number} + 1000\n" for number in range(unchanged))
    loop = "    for i in range(count):\n        total = 1\n    return total\n"
    source = f"def loop(count):\n    total = 0\n{names}{loop}"
    namespace: dict[str, Any] = {}
    exec(compile(source, recorder_workloads.__file__, "exec"), namespace)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    recording = _record(namespace["loop"], events // 2)
    peak = tracemalloc.get_traced_memory()[1] - before
    return {"peak": peak, "events": len(recording.frames)}


def _with_own_code(record: Any, function: Any, argument: Any) -> Any:
    """Record a function of this file as if it stood in the workloads'."""
    code = function.__code__.replace(co_filename=recorder_workloads.__file__)
    copied = type(function)(code, globals(), function.__name__)
    return record(copied, argument)


def _calls(count: int) -> int:
    total = 0
    for i in range(count):
        total = _add(total, i)
    return total


def _add(total: int, i: int) -> int:
    if i % 2:
        total += i
    return total


def _raises(count: int) -> int:
    total = 0
    for i in range(count):
        try:
            _fail(i)
        except ValueError:  # noqa: PERF203
            total += 1
    return total


def _fail(i: int) -> None:
    raise ValueError(i)


def _works(count: int) -> int:
    """What code does that now and then raises: one exception for forty calls and some text."""
    total = 0
    for i in range(count):
        total = _add(total, len(f"{i:x}".replace("f", "")))
        if not i % 40:
            try:
                _fail(i)
            except ValueError:
                total += 1
    return total


_UNRECORDED: dict[str, tuple[Callable[[int], int], int]] = {
    "calls": (_calls, 600_000),
    "works": (_works, 300_000),
    "raises": (_raises, 200_000),
}
_TURNS = 11


def unrecorded(what: str) -> dict[str, float]:
    """How many times as long code takes that is not recorded, called by a function that is: median, least, most.

    With and without a recorder take turns in one process, so that a busy machine is busy for both.
    """
    from cwm_tracer.source import SourceLines

    inner, count = _UNRECORDED[what]
    sources = SourceLines()  # a run of tests reads each file once
    function = _with_own_code(lambda copied, _: copied, _enter, 0)
    ratios = []
    for turn in range(_TURNS + 1):
        seconds = {}
        for recorded in (False, True) if turn % 2 else (True, False):
            recorder = _recorder(function, sources=sources) if recorded else None
            seconds[recorded] = _timed(function, (inner, count), recorder)
        ratios.append(seconds[True] / seconds[False])
    ratios = sorted(ratios[1:])
    return {"median": ratios[len(ratios) // 2], "least": ratios[0], "most": ratios[-1]}


def _timed(function: Any, argument: Any, recorder: Any) -> float:
    if recorder is not None:
        recorder.start()
    began = time.process_time()
    function(argument)
    seconds = time.process_time() - began
    if recorder is not None:
        assert 0 < len(recorder.stop().frames) < 10
    return seconds


def _enter(what: tuple[Callable[[int], int], int]) -> int:
    inner, count = what
    return inner(count)
