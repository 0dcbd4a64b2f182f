"""What is recorded of a program, and that the program can't tell."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import os
import signal
import subprocess
import sys
import textwrap
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import golden
from cwm_tracer.model import Ending, Event, Frame
from cwm_tracer.recorder import Entry, Recorder, Recording, make_recorder
from cwm_tracer.source import SourceLines
from cwm_tracer.values import Renderer

RENDERER = Renderer()
PYTHON = sys.version_info[:2]
untraced = pytest.mark.skipif(
    sys.gettrace() is not None, reason="another trace function takes time and stack of its own"
)
pytestmark = pytest.mark.usefixtures("_the_trace_function_is_left_as_it_was")


@pytest.fixture
def _the_trace_function_is_left_as_it_was() -> Iterator[None]:
    before = sys.gettrace()
    yield
    after = sys.gettrace()
    sys.settrace(before)
    assert after is before


class Program:
    """A module of the given text under the name `program.py`, whose functions can be recorded."""

    file = "program.py"

    def __init__(self, source: str) -> None:
        self.source = textwrap.dedent(source).lstrip("\n")
        self.module: Any = types.ModuleType("program")
        sys.modules["program"] = self.module
        exec(compile(self.source, self.file, "exec"), self.module.__dict__)

    def recorder(self, entry: str | None = "main", *, max_frames: int = 10_000, marked: bool = False) -> Recorder:
        sources = SourceLines({self.file: self.source})
        places = frozenset((self.file, line) for line in sources.marked_lines(self.file)) if marked else frozenset()
        code = None if entry is None else getattr(self.module, entry).__code__
        return make_recorder(
            Entry(code, places), self.file.__eq__, max_frames=max_frames, sources=sources, renderer=RENDERER
        )

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


# -- frames


def test_a_function_is_recorded_from_its_call_to_its_return() -> None:
    recording = record("""
        def main(x=1):
            y = x + 1
            return y
    """)
    first, *_, last = recording.frames
    assert steps(recording) == ["call def main(x=1):", "line y = x + 1", "line return y", "return return y -> 2"]
    assert first == Frame(Event.CALL, "def main(x=1):\n", {"x": "1"}, None, 0, "program.py", 1)
    assert last == Frame(Event.RETURN, "    return y\n", None, "2", 0, "program.py", 3)
    assert recording.entry == ("program.py", 1)
    assert recording.note == ""
    assert recording.meta.ending is Ending.RETURNED
    assert recording.meta.python == f"{PYTHON[0]}.{PYTHON[1]}"
    assert recording.meta.producer == "recorder"


def test_a_line_shows_the_state_before_it_runs() -> None:
    recording = record("""
        def main():
            x = []
            x.append(1)
            return x
    """)
    assert states(recording, "x.append(1)") == [{"x": "[]"}]
    assert states(recording, "return x") == [{"x": "[1]"}]


def test_a_deleted_variable_disappears() -> None:
    recording = record("""
        def main():
            x = y = 1
            del x
            return y
    """)
    assert states(recording, "return y") == [{"y": "1"}]


def test_variables_stand_in_the_order_of_their_binding() -> None:
    recording = record(
        """
        def main(b, a=0, *rest, z=1, **more):
            if a:
                first = 1
            second = 2
            first = 3
            del second
            second = 4
            return b
    """.replace("main(b", "main(b=9")
    )
    (state,) = states(recording, "return b")
    assert list(state) == ["b", "a", "z", "rest", "more", "first", "second"]


def test_a_variable_bound_again_keeps_its_place() -> None:
    recording = record("""
        def main():
            x = 1
            y = 2
            x = 3
            return x
    """)
    assert list(states(recording, "return x")[0]) == ["x", "y"]


def test_each_generator_has_its_own_binding_order() -> None:
    # A generator that was dropped leaves its address to the next one.
    recording = record("""
        def steps(flag):
            if flag:
                b = 1
            a = 2
            b = 3
            yield a

        def main():
            for flag in [True, False] * 5:
                next(steps(flag))
    """)
    orders = [list(state) for state in states(recording, "yield a")]
    assert orders == [["flag", "b", "a"], ["flag", "a", "b"]] * 5


def test_scopes_are_numbered_in_the_order_of_the_calls() -> None:
    recording = record("""
        def f():
            return 1

        def main():
            f()
            return f()
    """)
    assert [frame.scope for frame in recording.frames] == [0, 0, 1, 1, 1, 0, 2, 2, 2, 0]


def test_recursion_opens_a_scope_for_each_call() -> None:
    recording = record("""
        def main(n=2):
            if n:
                n = main(n - 1)
            return n
    """)
    assert [frame.scope for frame in recording.frames if frame.event is Event.CALL] == [0, 1, 2]
    assert [frame.scope for frame in recording.frames if frame.event is Event.RETURN] == [2, 1, 0]
    assert steps(recording, Event.RETURN) == ["return return n -> 0"] * 3


def test_resuming_a_generator_is_a_call_with_its_state() -> None:
    recording = record("""
        def count():
            n = 0
            while True:
                yield n
                n += 1

        def main():
            counter = count()
            next(counter)
            return next(counter)
    """)
    resumed = [frame for frame in recording.frames if frame.event is Event.CALL][-1]
    assert resumed.source == "        yield n\n"
    assert resumed.locals == {"n": "0"}
    assert resumed.scope == 2
    assert steps(recording, Event.RETURN)[:2] == ["return yield n -> 0", "return yield n -> 1"]


def test_a_value_sent_to_a_generator_is_seen() -> None:
    recording = record("""
        def echo():
            x = yield
            return x

        def main():
            g = echo()
            g.send(None)
            try:
                g.send(5)
            except StopIteration as stop:
                return stop.value
    """)
    assert states(recording, "return x") == [{"x": "5"}]
    assert steps(recording)[-1] == "return return stop.value -> 5"


def test_an_exception_thrown_into_a_generator_leaves_it() -> None:
    recording = record("""
        def wait():
            yield 1

        def main():
            g = wait()
            next(g)
            try:
                g.throw(KeyError("k"))
            except KeyError:
                return "caught"
    """)
    assert steps(recording)[-1] == "return return \"caught\" -> 'caught'"
    thrown = "yield 1 -> (<class 'KeyError'>, KeyError('k'), <traceback object>)"
    assert f"exception {thrown}" in steps(recording)


def test_a_generator_that_is_the_entry_is_recorded_to_its_end() -> None:
    # On 3.12 and later the end of the inlined comprehension's iterator is an exception on the line of a yield.
    program = Program("""
        class Ends:
            def __iter__(self):
                return self

            def __next__(self):
                raise StopIteration

        def gen():
            yield [1 for _ in Ends()]
            yield 2

        def main():
            return list(gen())
    """)
    recording = program.record("gen")
    assert recording.meta.ending is Ending.RETURNED
    assert "return yield 2 -> 2" in steps(recording)
    assert steps(recording)[-1] == "return yield 2 -> None"


def test_a_raised_and_caught_exception_is_seen() -> None:
    recording = record("""
        def main():
            try:
                int("x")
            except ValueError as error:
                return str(error)
            finally:
                done = True
    """)
    shown = steps(recording)
    assert shown[3] == (
        "exception int(\"x\") -> (<class 'ValueError'>, "
        "ValueError(\"invalid literal for int() with base 10: 'x'\"), <traceback object>)"
    )
    assert "line done = True" in shown
    assert shown[-1].startswith("return ")


def test_an_exception_propagates_frame_by_frame() -> None:
    recording = record("""
        def fail():
            raise KeyError("k")

        def main():
            fail()
    """)
    triple = "(<class 'KeyError'>, KeyError('k'), <traceback object>)"
    assert steps(recording)[-4:] == [
        f'exception raise KeyError("k") -> {triple}',
        'return raise KeyError("k") -> None',
        f"exception fail() -> {triple}",
        "return fail() -> None",
    ]
    assert recording.meta.ending is Ending.RETURNED


def test_a_chained_exception_is_shown_without_its_cause() -> None:
    recording = record("""
        def main():
            try:
                {}[1]
            except KeyError as error:
                raise ValueError("v") from error
    """)
    assert steps(recording, Event.EXCEPTION) == [
        "exception {}[1] -> (<class 'KeyError'>, KeyError(1), <traceback object>)",
        "exception raise ValueError(\"v\") from error -> (<class 'ValueError'>, ValueError('v'), <traceback object>)",
    ]


def test_a_finally_block_runs_before_the_exception_leaves() -> None:
    recording = record("""
        def main():
            try:
                1 / 0
            finally:
                x = 1
    """)
    assert [step.split(" ->")[0] for step in steps(recording)[-3:]] == ["exception 1 / 0", "line x = 1", "return x = 1"]


def test_returning_none_while_handling_an_exception_is_a_return() -> None:
    recording = record("""
        def main():
            try:
                1 / 0
            except ZeroDivisionError:
                return None
    """)
    assert steps(recording)[-1] == "return return None -> None"
    assert recording.meta.ending is Ending.RETURNED


def test_closures_show_the_cells_they_use() -> None:
    recording = record("""
        def outer(x):
            def inner(y):
                nonlocal x
                x += y
                return x
            return inner

        def main():
            return outer(1)(2)
    """)
    assert states(recording, "return x") == [{"y": "2", "x": "3"}]
    assert states(recording, "return inner")[0]["x"] == "1"


def test_an_unbound_cell_is_not_shown() -> None:
    recording = record("""
        def main():
            def inner():
                return later
            later = 1
            return inner()
    """)
    assert states(recording, "later = 1") == [{"inner": "<function main.<locals>.inner>"}]


def test_a_class_body_inside_a_function_is_a_scope() -> None:
    recording = record("""
        def main():
            class Point:
                x = 1
                y = x + 1
            return Point.y
    """)
    assert calls(recording) == ["def main():", "class Point:"]
    (state,) = states(recording, "y = x + 1")
    assert state["x"] == "1"
    assert state["__qualname__"] == "'main.<locals>.Point'"


@pytest.mark.filterwarnings("ignore:non-string key:RuntimeWarning")
def test_what_a_metaclass_prepares_is_not_asked() -> None:
    program = Program("""
        asked = []

        class Namespace(dict):
            def __iter__(self):
                asked.append("iter")
                return super().__iter__()

            def keys(self):
                asked.append("keys")
                return super().keys()

        class Meta(type):
            def __prepare__(name, bases):
                return Namespace()

        def main():
            asked.clear()
            class Made(metaclass=Meta):
                x = 1
                locals()[3] = x
                y = 2
            return list(asked)
    """)
    expected = program.run()
    recording = program.record()
    assert steps(recording)[-1] == f"return return list(asked) -> {expected}"
    assert states(recording, "y = 2")[0]["x"] == "1"


def test_a_lambda_is_a_scope() -> None:
    recording = record("""
        def main():
            return (lambda x: x + 1)(2)
    """)
    assert len(calls(recording)) == 2
    assert recording.frames[2].locals == {"x": "2"}


@pytest.mark.skipif(PYTHON >= (3, 12), reason="comprehensions are inlined from 3.12 on")
def test_a_comprehension_is_a_scope_up_to_3_11() -> None:
    recording = record("""
        def main():
            return [x for x in list("ab")]
    """)
    assert [frame.locals for frame in recording.frames if frame.scope == 1 and frame.locals is not None] == [
        {".0": "<list_iterator object>"},
        {".0": "<list_iterator object>"},
        {".0": "<list_iterator object>", "x": "'a'"},
        {".0": "<list_iterator object>", "x": "'b'"},
    ]


def test_a_generator_expression_is_a_scope() -> None:
    recording = record("""
        def main():
            return sum(x for x in (1, 2))
    """)
    assert len(calls(recording)) == 4  # it is resumed twice


def test_the_call_of_a_decorated_function_stands_on_its_def_line() -> None:
    recording = record("""
        import functools

        def same(function):
            return function

        @same
        @functools.lru_cache(
            maxsize=None
        )
        # a comment
        def cached(x):
            return x

        @same
        def main():
            return cached(1)
    """)
    assert calls(recording) == ["def main():", "def cached(x):"]
    assert recording.entry == ("program.py", 15)
    assert [frame.line for frame in recording.frames if frame.event is Event.CALL] == [15, 11]


def test_a_statement_of_several_lines_is_recorded_line_by_line() -> None:
    recording = record("""
        def main():
            x = [
                len("a"),
                len("b"),
            ]
            return x
    """)
    assert steps(recording)[1:4] == ['line len("a"),', 'line len("b"),', "line x = ["]


def test_a_coroutine_goes_on_after_its_awaits() -> None:
    recording = record("""
        import asyncio

        async def work(n):
            await asyncio.sleep(0)
            return n

        async def main():
            first = await asyncio.gather(work(1), work(2))
            second = await work(3)
            async with asyncio.Lock() as lock:
                last = first + [second]
            return last
    """)
    assert steps(recording)[-1] == "return return last -> [1, 2, 3]"
    assert recording.meta.ending is Ending.RETURNED
    assert [frame.locals["n"] for frame in recording.frames if frame.source.strip() == "return n" and frame.locals] == [
        "1",
        "2",
        "3",
    ]


def test_two_awaits_on_a_line_do_not_end_the_entry() -> None:
    # The first raises StopIteration into the line that the second suspends on.
    recording = record("""
        class Once:
            def __await__(self):
                return iter([])

        class Twice:
            def __await__(self):
                yield

        async def main():
            both = (await Once(), await Twice())
            return both
    """)
    assert steps(recording)[-1] == "return return both -> (None, None)"


def test_the_repr_of_an_argument_without_addresses() -> None:
    recording = record("""
        class Plain:
            pass

        def main():
            x = [Plain(), Plain, main, lambda: 1, Plain().__init__, iter([])]
            return x
    """)
    shown = recording.frames[-1].argument or ""
    assert "0x" not in shown
    assert shown.startswith(
        "[<program.Plain object>, <class 'program.Plain'>, <function main>, <function main.<locals>.<"
    )


def test_variables_of_rewritten_assertions_are_hidden() -> None:
    program = Program("""
        def main():
            x = 1
            return x
    """)
    code = program.module.main.__code__
    names = tuple("@py_assert1" if name == "x" else name for name in code.co_varnames)
    program.module.main.__code__ = code.replace(co_varnames=names)
    recording = program.record()
    assert all(frame.locals in (None, {}) for frame in recording.frames)


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ('password = "hunter2"', {"password": "<redacted>"}),
        ('db_password = "hunter2"', {"db_password": "<redacted>"}),
        ('x = [{"user": {"api_key": "hunter2"}}]', {"x": "[{'user': {'api_key': <redacted>}}]"}),
        ('x = {"X-Auth-Token": "hunter2"}', {"x": "{'X-Auth-Token': <redacted>}"}),
    ],
)
def test_a_secret_never_reaches_a_frame(statement: str, shown: dict[str, str]) -> None:
    recording = record(f"""
        def main():
            {statement}
            pass
    """)
    assert states(recording, "pass") == [shown]
    assert "hunter2" not in repr([(frame.locals, frame.argument) for frame in recording.frames])


def test_a_repr_of_the_wires_own_word_is_another_one() -> None:
    recording = record("""
        class Odd:
            def __repr__(self):
                return ".."

        def main():
            x = Odd()
            return x
    """)
    assert states(recording, "return x") == [{"x": "<..>"}]


# -- where a recording begins and what belongs to it


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


def test_an_entry_still_running_at_the_end_is_open() -> None:
    program = Program("""
        def main():
            yield 1
    """)
    recorder = program.recorder()
    recorder.start()
    generator = program.module.main()
    next(generator)
    recording = recorder.stop()
    assert recording.meta.ending is Ending.OPEN
    assert steps(recording)[-1] == "return yield 1 -> 1"
    generator.close()


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
    recorder = make_recorder(Entry(module.main.__code__), selects, renderer=RENDERER)
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


# -- the program can't tell


def test_the_budget_stops_the_recording_and_the_program_goes_on() -> None:
    program = Program("""
        import sys

        def main():
            for n in range(1000):
                pass
            return n, sys.gettrace(), sys._getframe().f_trace
    """)
    before = sys.gettrace()
    recorder = program.recorder(max_frames=20)
    recorder.start()
    try:
        n, trace, local = program.module.main()
    finally:
        recording = recorder.stop()
    assert n == 999
    assert trace is before
    assert local is None or before is not None
    assert len(recording.frames) == 20
    assert recording.meta.ending is Ending.TRUNCATED
    assert recording.note == "recording stopped at 20 frames"


@pytest.mark.parametrize("marked", [False, True])
@untraced
def test_beyond_the_budget_the_program_runs_at_its_own_speed(marked: bool) -> None:
    program = Program("""
        def main():
            total = 0
            for n in range(200_000):
                total += n
                if n % 2:
                    total -= 1
            return total

        def chosen():  # << START_OF_TRACE
            pass
    """)

    def seconds(recorded: bool) -> float:
        recorder = program.recorder(max_frames=50, marked=marked)
        if recorded:
            recorder.start()
        started = time.perf_counter()
        program.module.main()
        taken = time.perf_counter() - started
        if recorded:
            assert recorder.stop().meta.ending is Ending.TRUNCATED
        return taken

    plain = min(seconds(False) for _ in range(5))
    recorded = min(seconds(True) for _ in range(5))
    # Where a marked function may still be called, the interpreter goes on asking at each line whether to trace it.
    assert recorded < plain * (8 if marked else 2)


def _events_seen(program: Program, recorded: bool, tracer: Callable[..., Any]) -> list[Any]:
    """What a trace function that was there before sees of the program's frames."""
    seen: list[Any] = []
    before = sys.gettrace()
    recorder = program.recorder()
    sys.settrace(tracer(seen))
    try:
        if recorded:
            recorder.start()
        with contextlib.suppress(Exception):
            program.run()
        if recorded:
            assert recorder.stop().frames
    finally:
        sys.settrace(before)
    return [event for event in seen if event[1] == program.file]


def _follows_everything(seen: list[Any]) -> Callable[..., Any]:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append((event, frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno, repr(type(arg))))
        return trace

    return trace


def _follows_some_frames(seen: list[Any]) -> Callable[..., Any]:
    def local(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append(("local " + event, frame.f_code.co_filename, frame.f_lineno))
        return None

    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append((event, frame.f_code.co_filename, frame.f_code.co_name))
        return local if len(frame.f_code.co_name) % 2 else None

    return trace


def _changes_its_mind(seen: list[Any]) -> Callable[..., Any]:
    def second(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append(("second " + event, frame.f_code.co_filename, frame.f_lineno))
        if event == "exception":
            frame.f_trace = None
            return None
        return second

    def first(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append(("first " + event, frame.f_code.co_filename, frame.f_lineno))
        return second

    return first


def _wants_opcodes(seen: list[Any]) -> Callable[..., Any]:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        frame.f_trace_opcodes = True
        seen.append((event, frame.f_code.co_filename, frame.f_lasti))
        return trace

    return trace


def _takes_itself_away(seen: list[Any]) -> Callable[..., Any]:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append((event, frame.f_code.co_filename, frame.f_code.co_name))
        if len([event for event in seen if event[1] == Program.file]) > 3:
            sys.settrace(None)
            return None
        return None

    return trace


def _raises(seen: list[Any]) -> Callable[..., Any]:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        seen.append((event, frame.f_code.co_filename, frame.f_code.co_name))
        if frame.f_code.co_name == "helper":
            raise LookupError("the tracer's own")
        return trace

    return trace


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


@pytest.mark.parametrize(
    "tracer",
    [_follows_everything, _follows_some_frames, _changes_its_mind, _wants_opcodes, _takes_itself_away, _raises],
)
def test_a_previous_trace_function_sees_what_it_saw_without_us(tracer: Callable[..., Any]) -> None:
    program = Program(TRACED)
    _events_seen(program, False, tracer)  # 3.12 looks for those that want opcodes only when one is installed
    plain = _events_seen(program, False, tracer)
    assert len(plain) >= 4
    assert _events_seen(program, True, tracer) == plain


def test_a_previous_trace_function_is_put_back() -> None:
    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        return None

    program = Program("def main():\n    return 1\n")
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        program.record()
        assert sys.gettrace() is trace
        recorder = program.recorder(max_frames=1)
        recorder.start()
        program.run()
        assert sys.gettrace() is trace
        recorder.stop()
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


def test_a_program_that_sets_a_trace_function_keeps_it() -> None:
    program = Program("""
        import sys

        seen = []

        def trace(frame, event, arg):
            seen.append(event)
            return trace

        def helper():
            return 1

        def main():
            sys.settrace(trace)
            return helper()
    """)
    before = sys.gettrace()
    recorder = program.recorder()
    recorder.start()
    program.run()
    recording = recorder.stop()
    left = sys.gettrace()
    sys.settrace(before)
    assert left is program.module.trace
    assert program.module.seen[:3] == ["call", "line", "return"]
    assert recording.meta.ending is Ending.DISPLACED
    assert recording.note == "another tool took the trace function away; the trace ends there"
    assert steps(recording)[-1] == "line sys.settrace(trace)"


def test_a_trace_function_set_for_a_while_ends_the_trace_and_the_previous_one_is_put_back() -> None:
    recording = record("""
        import sys

        def trace(frame, event, arg):
            return None

        def main():
            before = sys.gettrace()
            sys.settrace(trace)
            x = 1
            sys.settrace(before)
            return x
    """)
    assert recording.meta.ending is Ending.DISPLACED
    assert steps(recording)[-1] == "line sys.settrace(trace)"


@untraced
@pytest.mark.parametrize("library", [False, True], ids=["recorded", "library"])
@pytest.mark.parametrize("step", ["down(n)", "max(map(down, [n]))", "list(map(down, [n]))"])
def test_a_program_that_uses_up_the_stack_gets_its_error_at_the_same_depth(step: str, library: bool) -> None:
    program = Program(f"""
        deepest = 0

        def down(n):
            global deepest
            deepest = n = n + 1
            return {step}

        def main():
            try:
                down(0)
            except RecursionError:
                caught = True
            return caught
    """)
    if library:
        down = program.module.down
        down.__code__ = down.__code__.replace(co_filename="library.py")
    program.module.main()
    deepest = program.module.deepest
    recorder = program.recorder()
    recorder.start()
    program.module.main()
    recording = recorder.stop()
    # Recursion through C code may leave the recorder no level on which to notice that the stack is nearly full.
    assert deepest - program.module.deepest <= (3 if "map" in step else 0)
    assert recording.meta.ending in (Ending.DISPLACED, Ending.RETURNED)
    if recording.meta.ending is Ending.DISPLACED:
        assert recording.note in (
            "recording stopped where the program had used up the stack",
            "the trace function was dropped, by the program or for want of stack; the trace ends there",
        )


def test_a_thread_started_by_the_entry_is_neither_recorded_nor_disturbed() -> None:
    recording = record("""
        import sys
        import threading

        def work(results):
            results.append(2)

        def main():
            results = [1]
            thread = threading.Thread(target=work, args=(results,))
            thread.start()
            thread.join()
            return results
    """)
    assert calls(recording) == ["def main():"]
    assert recording.frames[-1].argument == "[1, 2]"


def test_a_keyboard_interrupt_passes_through() -> None:
    program = Program("""
        def main():
            raise KeyboardInterrupt
    """)
    recorder = program.recorder()
    recorder.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            program.run()
    finally:
        recording = recorder.stop()
    assert steps(recording, Event.EXCEPTION)[0].startswith("exception raise KeyboardInterrupt -> ")
    assert recording.meta.ending is Ending.RETURNED


@untraced
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
def test_an_interrupt_at_any_moment_reaches_the_program() -> None:
    program = Program("""
        class Slow:
            def __repr__(self):
                return str(sum(range(500)))

        def main():
            x = [Slow() for _ in range(5)]
            for _ in range(20_000):
                y = x
    """)
    handler = signal.signal(signal.SIGALRM, lambda *_: signal.default_int_handler(signal.SIGINT, None))
    before = sys.gettrace()
    try:
        for delay in (0.001, 0.003, 0.007, 0.011, 0.02):
            recorder = program.recorder(max_frames=10**9)
            recorder.start()
            signal.setitimer(signal.ITIMER_REAL, delay)
            with pytest.raises(KeyboardInterrupt):
                program.run()
            recorder.stop()
            assert sys.gettrace() is before
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_what_a_program_prints_and_returns_is_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    program = Program(TRACED + "    \n    def noisy():\n        print(main())\n        return main()\n")
    expected = program.module.noisy()
    printed = capsys.readouterr()
    recorder = program.recorder("noisy")
    recorder.start()
    result = program.module.noisy()
    recorder.stop()
    assert result == expected
    assert capsys.readouterr() == printed


def test_objects_die_when_the_program_lets_them_go() -> None:
    program = Program("""
        class Thing:
            def __init__(self, deaths):
                self.deaths = deaths

            def __del__(self):
                self.deaths.append("dead")

            def __repr__(self):
                return "Thing"

        def make(deaths):
            thing = Thing(deaths)
            return len(deaths)

        def main():
            deaths = []
            make(deaths)
            after_call = len(deaths)
            return after_call
    """)
    assert program.run() == 1
    assert program.record().frames[-1].argument == "1"


def test_the_recorder_survives_a_repr_that_misbehaves() -> None:
    recording = record("""
        import sys

        class Exits:
            def __repr__(self):
                sys.exit(3)

        class Raises:
            def __repr__(self):
                raise KeyError

        class Half:
            def __init__(self):
                self.x = 1

            def __repr__(self):
                return f"Half({self.x})"

        def main():
            values = [Exits(), Raises(), Half()]
            return values
    """)
    assert steps(recording)[-1] == "return return values -> [<Exits object>, <Raises object>, Half(1)]"
    assert states(recording, "self.x = 1") == [{"self": "<Half object>"}]


def test_a_fault_of_the_recorder_is_a_note_and_not_the_programs() -> None:
    program = Program("def main():\n    x = 1\n    return x\n")

    def broken(name: str) -> bool:
        raise LookupError("oops")

    code = compile("def main():\n    return helper()\ndef helper():\n    return 1\n", "other.py", "exec")
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    recorder = make_recorder(Entry(namespace["main"].__code__), broken, renderer=RENDERER)
    recorder.start()
    assert namespace["main"]() == 1
    recording = recorder.stop()
    assert recording.meta.ending is Ending.DISPLACED
    assert recording.note == "recording stopped by an internal error: LookupError: oops"
    assert program.record().meta.ending is Ending.RETURNED


def test_a_child_process_is_not_recorded_and_the_parent_goes_on() -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    recording = record("""
        import os

        class Thing:
            def __repr__(self):
                return "Thing()"

        def main():
            thing = Thing()
            pid = os.fork()
            if pid == 0:
                os._exit(7)
            status = os.waitpid(pid, 0)[1]
            return os.waitstatus_to_exitcode(status)
    """)
    assert steps(recording)[-1].endswith("-> 7")


COVERED = """
import sys
from cwm_tracer.recorder import Entry, make_recorder
import coverage

core, recorded = sys.argv[1:]
cov = coverage.Coverage(data_file=None, branch=True, include=["*/covered_program.py"])
cov.start()
import covered_program
recorder = make_recorder(Entry(covered_program.main.__code__), lambda name: name.endswith("covered_program.py"))
if recorded == "yes":
    recorder.start()
try:
    covered_program.main()
except ZeroDivisionError:
    pass
frames = len(recorder.stop().frames) if recorded == "yes" else 0
covered_program.after()
cov.stop()
data = cov.get_data()
(file,) = data.measured_files()
print(sorted(data.lines(file)), sorted(data.arcs(file)))
print(frames, file=sys.stderr)
"""

COVERED_PROGRAM = (
    textwrap.dedent(TRACED)
    + """
def after():
    if len("a"):
        return 1
    return 2

def deep(n):
    return deep(n + 1)

def deep_in_c(n):
    return list(map(deep_in_c, [n]))

def library(x):
    import json
    return json.loads("[1]", object_hook=after)

inner = main

def main():
    inner()
    library(1)
    for recursive in (deep, deep_in_c):
        try:
            recursive(0)
        except RecursionError:
            x = 1
    after()
    return 1 / 0
"""
)


@pytest.mark.parametrize("core", ["ctrace", "pytrace", "sysmon"])
def test_coverage_is_the_same_with_and_without_recording(core: str, tmp_path: Path) -> None:
    pytest.importorskip("coverage")
    if core == "sysmon" and PYTHON < (3, 12):
        pytest.skip("sys.monitoring is there from 3.12 on")
    (tmp_path / "covered_program.py").write_text(COVERED_PROGRAM)
    (tmp_path / "run.py").write_text(COVERED)
    tracer = Path(inspect.getfile(golden.wire)).parent.parent
    environment = {**os.environ, "COVERAGE_CORE": core, "PYTHONPATH": f"{tmp_path}{os.pathsep}{tracer}"}
    environment.pop("COVERAGE_PROCESS_START", None)

    def run(recorded: str) -> tuple[str, int]:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(tmp_path / "run.py"), core, recorded],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, int(done.stderr.split()[-1])

    plain, _ = run("no")
    covered, frames = run("yes")
    assert frames > 50
    assert covered == plain
