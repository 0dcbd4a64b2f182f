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

from cwm_tracer.concealing import Concealer
from cwm_tracer.context import build_context
from cwm_tracer.model import Ending, Frame, Trace
from cwm_tracer.recorder import Entry, Recorder, Recording, make_recorder
from cwm_tracer.redaction import DEFAULT_NAMES, Redactor
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer
from pytest_cwm.examples import FIRST, examples_of
from pytest_cwm.marker import Start
from pytest_cwm.options import Settings
from pytest_cwm.report import encoding
from pytest_cwm.scope import UserCode


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded test: `entry` names where the trace begins, `notes` say what the user must know.

    `trace` is None where nothing could be recorded. `fail_under` and `strict` are the marker's. `nodeid` is the test's,
    or what reports call it where a parameter of it is secret. `others` are recordings of other threads during the test,
    each of them named after test and thread.
    """

    entry: str
    trace: Trace | None
    notes: tuple[str, ...] = ()
    fail_under: tuple[tuple[str, float], ...] = ()
    strict: bool = False
    nodeid: str = ""
    others: tuple[Recorded, ...] = ()

    def to_json(self) -> str:
        """As text, since only basic types cross from an xdist worker to its controller."""
        trace = None if self.trace is None else encoding.trace_to_json(self.trace)
        others = [other.to_json() for other in self.others]
        return json.dumps([self.entry, trace, self.notes, self.fail_under, self.strict, self.nodeid, others])

    @classmethod
    def from_json(cls, text: str) -> Recorded:
        """The inverse of `to_json`."""
        entry, trace, notes, fail_under, strict, nodeid, others = json.loads(text)
        return cls(
            entry,
            None if trace is None else encoding.trace_from_json(trace),
            tuple(notes),
            tuple((metric, value) for metric, value in fail_under),
            strict,
            nodeid,
            tuple(map(cls.from_json, others)),
        )


class EntryError(Exception):
    """An entry that can't be found; its text is one line for the user."""


Completion = Callable[[], Recorded]


class TestRecorder:
    """Records tests of this process, one after another."""

    __test__ = False

    def __init__(self, settings: Settings, root: Any) -> None:
        self._settings = settings
        self._user_code = UserCode(root, settings.include, settings.exclude)
        self._sources = SourceLines()
        self._redactor = _redactor(settings)
        self._renderer = Renderer(redactor=self._redactor)
        self._concealer = Concealer(self._redactor, self._sources)
        self._root = str(root)
        self._running: Recorder | None = None

    def start(self, item: pytest.Item, start: Start) -> Callable[[], Completion]:
        """Begin to record. The result ends that, at once; what that gives makes the trace, which takes longer.

        Whatever goes wrong becomes a note, never an exception.
        """
        bounds, strict = tuple(start.fail_under.items()), start.strict
        try:
            entry = self._entry(item, start)
        except EntryError as error:
            note = self._redactor.hide(str(error))
            nodeid = self._shown_nodeid(item)
            shown = start.entry or self._concealer.name(item.name)
            return lambda: lambda: Recorded(shown, None, (note,), bounds, strict, nodeid)

        def make() -> Recorder:
            return make_recorder(
                entry,
                self._user_code,
                max_frames=start.max_frames or self._settings.max_frames,
                sources=self._sources,
                renderer=self._renderer,
                threads=self._settings.threads,
            )

        test = getattr(item, "obj", None)
        examples = examples_of(test, make)
        recorder = examples or make()
        self._redactor.forget()
        hook = item.ihook.pytest_cwm_repr_value
        self._renderer.describe = (lambda value: hook(value=value)) if hook.get_hookimpls() else None
        self._running = recorder
        recorder.start()

        def stop() -> Completion:
            self._running = None
            recording = recorder.stop()
            for secret in self._redactor.secrets_of(os.environ):  # as the test has set them
                self._redactor.learn(secret)

            def complete() -> Recorded:
                notes = self._notes(recording)
                if recording.frames and hasattr(test, "hypothesis"):
                    notes.append(examples.note if examples is not None else FIRST)
                trace = self._trace(recording)
                nodeid = self._shown_nodeid(item)
                name = start.entry or self._named(recording) or self._concealer.name(item.name)
                others = (self._of_another_thread(other, bounds, strict, nodeid) for other in recording.others)
                return Recorded(name, trace, tuple(notes), bounds, strict, nodeid, tuple(others))

            return complete

        return stop

    def _notes(self, recording: Recording) -> list[str]:
        told = recording.note and recording.meta.ending in (Ending.DISPLACED, Ending.RETURNED)
        return [self._redactor.hide(recording.note)] if told else []

    def _of_another_thread(
        self, recording: Recording, bounds: tuple[tuple[str, float], ...], strict: bool, nodeid: str
    ) -> Recorded:
        notes = tuple(self._notes(recording))
        name = self._named(recording) or recording.thread
        return Recorded(name, self._trace(recording), notes, bounds, strict, f"{nodeid} [{recording.thread}]")

    def interrupt(self, note: str) -> None:
        """Another tool takes over: the trace that is being recorded, if any, ends here."""
        if self._running is not None:
            self._running.interrupt(note)

    def _trace(self, recording: Recording) -> Trace:
        context = build_context(
            recording.frames,
            recording.entry,
            recording.sources,
            budget=self._settings.context_tokens,
            may_read=self._user_code,
        )
        shown, context = self._concealer.conceal(recording.frames, context)
        places = tuple(place and (self._relative(place[0]), place[1]) for place in context.places)
        names = {file: self._relative(file or "") for file in {frame.file for frame in shown}}
        frames = tuple(
            Frame(each.event, each.source, each.locals, each.argument, each.scope, names[each.file], each.line)
            for each in shown
        )
        return Trace(frames, replace(context, places=places), recording.meta)

    def _relative(self, file: str) -> str:
        """Reports name files from the root on: they are the same wherever the project lies."""
        return file[len(self._root) + 1 :] if file.startswith(self._root + os.sep) else file

    def _shown_nodeid(self, item: pytest.Item) -> str:
        """What reports call a test; a name with a secret parameter in it gets its number, to be told from others."""
        shown = self._concealer.name(item.nodeid)
        indices = getattr(getattr(item, "callspec", None), "indices", {})
        if shown == item.nodeid:
            return shown
        return "-".join([shown.removesuffix("]"), *map(str, indices.values())]) + "]"

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


def _redactor(settings: Settings) -> Redactor:
    names = DEFAULT_NAMES if settings.redact_names is None else settings.redact_names
    return Redactor.for_environment(os.environ, names, (settings.token or "",), settings.redact)


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
