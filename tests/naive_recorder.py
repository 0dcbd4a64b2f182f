"""A slow recorder that is obviously right: `sys.settrace`, and the repr of everything at every event."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import re
import sys
import types
from typing import Any

from recorded import Program

Step = tuple[str, int, int, Any]  # event, line, scope, locals or argument


def naive_steps(program: Program, limit: int) -> list[Step]:
    """Run `main` and write down every event of the program's file until `main` is left for good."""
    definitions = _definition_lines(program.source)
    entry = program.module.main.__code__
    steps: list[Step] = []
    scopes: list[int] = []
    calls = 0
    end = 0  # after the entry has returned for good, dropped generators may still be closed

    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        nonlocal calls, end
        if frame.f_code.co_filename != program.file or len(steps) >= limit:
            return None
        line = definitions.get(frame.f_lineno, frame.f_lineno) if event == "call" else frame.f_lineno
        if event == "call":
            scopes.append(calls)
            calls += 1
        if event in ("call", "line"):
            steps.append((event, line, scopes[-1], {name: _repr(value) for name, value in frame.f_locals.items()}))
        elif event == "return":
            steps.append((event, line, scopes.pop(), _repr(arg)))
            end = len(steps) if frame.f_code is entry else end
        elif event == "exception":
            shown = ", ".join(map(_repr, arg[:2]))
            steps.append((event, line, scopes[-1], f"({shown}, <traceback object>)"))
        return trace

    if inspect.iscoroutinefunction(program.module.main):
        asyncio.run(asyncio.sleep(0))  # what happens only once in a process is not the program's
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with contextlib.suppress(Exception):
            program.run()
    finally:
        sys.settrace(before)
    return steps[:end] if len(steps) < limit else steps


def _repr(value: object) -> str:
    try:
        return re.sub(" at 0x[0-9a-f]+", "", repr(value))
    except Exception:
        return f"<{type(value).__qualname__} object>"


def _definition_lines(source: str) -> dict[int, int]:
    """The `def` or `class` line of each decorated definition by its first decorator's."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            found[decorators[0].lineno] = node.lineno  # type: ignore[attr-defined]
    return found
