"""Recording one test: from which entry, in which code, and as what it travels to whoever predicts it."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

import pytest

from cwm_tracer.context import build_context
from cwm_tracer.model import Ending, Trace
from cwm_tracer.recorder import Entry, Recorder, Recording, make_recorder
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer
from pytest_cwm.marker import Start
from pytest_cwm.options import Settings
from pytest_cwm.report import encoding
from pytest_cwm.scope import UserCode


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded test: `entry` names where the trace begins, `notes` say what the user must know.

    `trace` is None where nothing could be recorded. `fail_under` and `strict` are the marker's.
    """

    entry: str
    trace: Trace | None
    notes: tuple[str, ...] = ()
    fail_under: tuple[tuple[str, float], ...] = ()
    strict: bool = False

    def to_json(self) -> str:
        """As text, since only basic types cross from an xdist worker to its controller."""
        trace = None if self.trace is None else encoding.trace_to_json(self.trace)
        return json.dumps([self.entry, trace, self.notes, self.fail_under, self.strict])

    @classmethod
    def from_json(cls, text: str) -> Recorded:
        """The inverse of `to_json`."""
        entry, trace, notes, fail_under, strict = json.loads(text)
        return cls(
            entry,
            None if trace is None else encoding.trace_from_json(trace),
            tuple(notes),
            tuple((metric, value) for metric, value in fail_under),
            strict,
        )


class EntryError(Exception):
    """An entry that can't be found; its text is one line for the user."""


class TestRecorder:
    """Records tests of this process, one after another."""

    __test__ = False

    def __init__(self, settings: Settings, root: Any) -> None:
        self._settings = settings
        self._user_code = UserCode(root, settings.include, settings.exclude)
        self._sources = SourceLines()
        self._renderer = Renderer()
        self._root = str(root)

    def start(self, item: pytest.Item, start: Start) -> Callable[[], Recorded]:
        """Begin to record; the result ends it. Whatever goes wrong becomes a note, never an exception."""
        bounds, strict = tuple(start.fail_under.items()), start.strict
        try:
            entry = self._entry(item, start)
        except EntryError as error:
            note = str(error)
            return lambda: Recorded(start.entry or item.name, None, (note,), bounds, strict)
        recorder: Recorder = make_recorder(
            entry,
            self._user_code,
            max_frames=start.max_frames or self._settings.max_frames,
            sources=self._sources,
            renderer=self._renderer,
        )
        recorder.start()

        def stop() -> Recorded:
            recording = recorder.stop()
            notes = (recording.note,) if recording.meta.ending is Ending.DISPLACED else ()
            name = start.entry or self._named(recording) or item.name
            return Recorded(name, self._trace(recording), notes, bounds, strict)

        return stop

    def _trace(self, recording: Recording) -> Trace:
        context = build_context(
            recording.frames,
            recording.entry,
            recording.sources,
            budget=self._settings.context_tokens,
            may_read=self._user_code,
        )
        places = tuple(place and (self._relative(place[0]), place[1]) for place in context.places)
        frames = tuple(replace(frame, file=self._relative(frame.file or "")) for frame in recording.frames)
        return Trace(frames, replace(context, places=places), recording.meta)

    def _relative(self, file: str) -> str:
        """Reports name files from the root on: they are the same wherever the project lies."""
        return file[len(self._root) + 1 :] if file.startswith(self._root + os.sep) else file

    def _entry(self, item: pytest.Item, start: Start) -> Entry:
        if start.entry is not None:
            return Entry(_code_named(start.entry))
        code = code_of(getattr(item, "obj", None))
        if code is None:
            raise EntryError("the test is no Python function, so there is nothing to trace it from")
        files = {str(item.path), *self._user_code.files()}
        marked = frozenset((file, line) for file in sorted(files) for line in self._sources.marked_lines(file))
        return Entry(code, marked)

    def _named(self, recording: Recording) -> str | None:
        if recording.entry is None:
            return None
        file, line = recording.entry
        return f"{self._relative(file)}:{line}"


def code_of(function: object) -> CodeType | None:
    """The code that runs when `function` is called, below decorators, wrappers and descriptors; None without any."""
    for _ in range(50):  # wrappers may form a ring
        wrapped = _wrapped(function)
        if wrapped is None:
            break
        function = wrapped
    if inspect.isclass(function):
        function = inspect.getattr_static(function, "__init__", None)
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _wrapped(function: object) -> object | None:
    inner: object = getattr(getattr(function, "hypothesis", None), "inner_test", None)
    if inner is not None:
        return inner
    if isinstance(function, (staticmethod, classmethod)) or inspect.ismethod(function):
        return function.__func__
    if isinstance(function, property):
        return function.fget
    if isinstance(function, (functools.partial, functools.cached_property)):
        return function.func
    return getattr(function, "__wrapped__", None)


def _code_named(entry: str) -> CodeType:
    module_name, _, path = entry.partition(":")
    try:
        found: object = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may do anything, sys.exit included
        raise EntryError(f"the entry {entry!r} can't be imported: {type(error).__name__}: {error}") from None
    missing = object()
    for name in path.split("."):
        owner, found = found, inspect.getattr_static(found, name, missing)
        if found is missing:
            where = getattr(owner, "__name__", module_name)
            raise EntryError(f"the entry {entry!r} can't be found: {where!r} has no {name!r}")
    code = code_of(found)
    if code is None:
        raise EntryError(f"the entry {entry!r} is no Python function")
    return code
