"""Where a recording begins and what belongs to it."""

from __future__ import annotations

import importlib
import linecache
import sys
import textwrap
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwm_tracer.model import Ending, Event
from cwm_tracer.recorder import Entry, Recording
from cwm_tracer.source import SourceLines
from recorded import calls, record, recorder_of, steps

pytestmark = pytest.mark.usefixtures("backend")


def test_an_entry_that_is_never_called_is_reported() -> None:
    recording = record(
        """
        def main():
            pass

        def other():
            pass
    """,
        entry="other",
    )
    assert recording.frames == ()
    assert recording.entry is None
    assert recording.meta.ending is Ending.NEVER_CALLED


def test_only_the_first_call_of_the_entry_is_recorded() -> None:
    recording = record(
        """
        def f(x):
            return x

        def main():
            return f(1) + f(2)
    """,
        entry="f",
    )
    assert steps(recording) == ["call def f(x):", "line return x", "return return x -> 1"]


def test_the_callers_of_the_entry_are_not_recorded() -> None:
    recording = record(
        """
        def inner():
            return 1

        def main():
            x = inner()
            return x
    """,
        entry="inner",
    )
    assert calls(recording) == ["def inner():"]


def test_a_marked_function_beats_the_entry() -> None:
    recording = record(
        """
        def chosen(x):  # << START_OF_TRACE
            return x

        def main():
            first = chosen(1)
            return chosen(2)
    """,
        marked=True,
    )
    assert steps(recording) == [
        "call def chosen(x):  # << START_OF_TRACE",
        "line return x",
        "return return x -> 1",
    ]
    assert recording.frames[0].scope == 0
    assert recording.entry == ("program.py", 1)


def test_without_a_call_of_the_marked_function_the_entry_is_recorded() -> None:
    recording = record(
        """
        def chosen(x):  # << START_OF_TRACE
            return x

        def main():
            return 1
    """,
        marked=True,
    )
    assert calls(recording) == ["def main():"]
    assert recording.meta.ending is Ending.RETURNED


def test_a_marked_function_is_found_after_the_budget_is_used_up() -> None:
    recording = record(
        """
        def chosen(x):  # << START_OF_TRACE
            return x

        def main():
            for n in range(100):
                pass
            return chosen(n)
    """,
        marked=True,
        max_frames=10,
    )
    assert calls(recording) == ["def chosen(x):  # << START_OF_TRACE"]
    assert recording.meta.ending is Ending.RETURNED
    assert recording.note == ""


def test_a_marked_coroutine_is_recorded_without_those_that_await_it() -> None:
    recording = record(
        """
        import asyncio

        async def chosen():  # << START_OF_TRACE
            await asyncio.sleep(0)
            return 1

        async def main():
            x = await chosen()
            return x
    """,
        marked=True,
    )
    assert calls(recording)[0] == "async def chosen():  # << START_OF_TRACE"
    assert {frame.source.strip() for frame in recording.frames if frame.event is Event.RETURN} == {
        "await asyncio.sleep(0)",
        "return 1",
    }
    assert steps(recording)[-1] == "return return 1 -> 1"


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., types.ModuleType]:
    """Writes modules to files and imports the first."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(**texts: str) -> types.ModuleType:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return importlib.import_module(next(iter(texts)))

    return make


def _record_files(module: Any, selects: Callable[[str], bool]) -> Recording:
    recorder = recorder_of(Entry(module.main.__code__), selects)
    recorder.start()
    try:
        module.main()
    finally:
        recording = recorder.stop()
    return recording


def test_an_import_inside_the_entry_is_not_recorded_nor_what_it_calls(
    modules: Callable[..., types.ModuleType], tmp_path: Path
) -> None:
    module = modules(
        importing="""
            def main():
                import imported
                return imported.value()
        """,
        imported="""
            def compute():
                return 1

            VALUE = compute()

            def value():
                return VALUE
        """,
    )
    recording = _record_files(module, lambda name: name.startswith(str(tmp_path)))
    assert calls(recording) == ["def main():", "def value():"]


def test_an_import_that_fails_does_not_silence_the_rest(
    modules: Callable[..., types.ModuleType], tmp_path: Path
) -> None:
    module = modules(
        importing_badly="""
            def helper():
                return 2

            def main():
                try:
                    import broken
                except ZeroDivisionError:
                    return helper()
        """,
        unused="",
    )
    (tmp_path / "broken.py").write_text("1 / 0\n")
    recording = _record_files(module, lambda name: name.startswith(str(tmp_path)))
    assert calls(recording) == ["def main():", "def helper():"]


def test_files_that_are_not_selected_are_not_recorded_but_callbacks_from_them_are(
    modules: Callable[..., types.ModuleType],
) -> None:
    module = modules(
        user="""
            import library

            def callback(x):
                return x + 1

            def main():
                return library.apply(callback, 1)
        """,
        library="""
            def apply(function, x):
                y = function(x)
                return y
        """,
    )
    recording = _record_files(module, lambda name: name.endswith("user.py"))
    assert calls(recording) == ["def main():", "def callback(x):"]
    assert [frame.scope for frame in recording.frames] == [0, 0, 1, 1, 1, 0]


def test_equal_functions_of_two_files_are_told_apart(modules: Callable[..., types.ModuleType]) -> None:
    # Their code objects are equal, since code does not compare its file.
    helper = "def helper():\n    return 1\n"
    module = modules(
        chosen=helper + "import hidden\ndef main():\n    return hidden.helper() + helper()\n",
        hidden=helper,
    )
    recording = _record_files(module, lambda name: name.endswith("chosen.py"))
    assert len(calls(recording)) == 2
    assert {Path(frame.file or "").name for frame in recording.frames} == {"chosen.py"}


def test_an_entry_in_a_file_that_is_not_selected_is_recorded_itself(modules: Callable[..., types.ModuleType]) -> None:
    module = modules(outside="def helper():\n    return 1\n\ndef main():\n    return helper()\n")
    recording = _record_files(module, lambda name: False)
    assert calls(recording) == ["def main():"]


def test_code_without_source_has_empty_lines() -> None:
    namespace: dict[str, Any] = {}
    exec(compile("def main():\n    return 1\n", "<nowhere>", "exec"), namespace)
    recording = _record_files(types.SimpleNamespace(**namespace), "<nowhere>".__eq__)
    assert [frame.source for frame in recording.frames] == ["", "", ""]
    assert [frame.line for frame in recording.frames] == [1, 2, 2]


def test_code_without_a_file_shows_the_source_that_linecache_has(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def main():\n    return helper()\n\ndef helper():\n    return 1\n"
    namespace: dict[str, Any] = {}
    exec(compile(source, "<generated 1>", "exec"), namespace)
    lines = source.splitlines(keepends=True)
    sources = SourceLines()
    assert sources.line("<generated 1>", 1) == ""  # not there yet
    monkeypatch.setitem(linecache.cache, "<generated 1>", (len(source), None, lines, "<generated 1>"))
    recorder = recorder_of(Entry(namespace["main"].__code__), "<generated 1>".__eq__, sources=sources)
    recorder.start()
    namespace["main"]()
    recording = recorder.stop()
    linecache.cache.pop("<generated 1>")
    assert calls(recording) == ["def main():", "def helper():"]
    assert recording.sources.lines("<generated 1>") == tuple(lines)


def test_a_module_in_an_archive_shows_the_source_that_its_loader_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("in_archive.py", "def main():\n    return helper()\n\ndef helper():\n    return 1\n")
    monkeypatch.syspath_prepend(str(archive))
    monkeypatch.delitem(sys.modules, "in_archive", raising=False)
    module = importlib.import_module("in_archive")
    recording = _record_files(module, lambda name: name.startswith(str(archive)))
    assert calls(recording) == ["def main():", "def helper():"]
