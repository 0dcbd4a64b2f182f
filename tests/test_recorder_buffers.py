"""What the recorder keeps instead of frames, and that nothing gets lost by it."""

from __future__ import annotations

import array
import marshal
import textwrap
import tracemalloc
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import golden
from cwm_tracer import wire
from cwm_tracer.model import Context, Event, Trace
from cwm_tracer.recorder import Recording
from cwm_tracer.recorder.snapshots import Snapshots
from cwm_tracer.values import Renderer
from recorded import Program, record, states
from strategies import programs

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.complex_numbers()
KEYS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "token", "b"]) | st.tuples(st.integers())
SETS = st.sets(SCALARS, max_size=4) | st.frozensets(SCALARS, max_size=4) | st.sets(st.text(max_size=2), min_size=3)
CONTAINERS = st.recursive(
    st.lists(SCALARS, max_size=4) | SETS,
    lambda inner: (
        st.lists(inner | SCALARS, max_size=4)
        | st.lists(inner | SCALARS, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner | SCALARS, max_size=4)
    ),
    max_leaves=10,
)


def _trace(recording: Recording, frames: Any) -> Trace:
    return Trace(frames, Context(""), recording.meta)


@pytest.mark.parametrize("program", golden.PROGRAMS, ids=lambda path: path.stem)
def test_a_recording_is_written_at_once_as_it_is_frame_by_frame(program: Any) -> None:
    recording = golden.record(program.read_text(encoding="utf-8"))
    one_by_one = wire.encode(_trace(recording, tuple(recording.frames)))
    assert wire.encode(_trace(recording, recording.frames)) == one_by_one
    assert wire.text_of(_trace(recording, recording.frames)) == wire.to_text(one_by_one)


@given(programs())
@settings(max_examples=60)
def test_any_program_is_written_at_once_as_it_is_frame_by_frame(source: str) -> None:
    recording = golden.record(source, max_frames=1_000)
    one_by_one = wire.encode(_trace(recording, tuple(recording.frames)))
    assert wire.encode(_trace(recording, recording.frames)) == one_by_one


def test_secret_and_odd_names_are_written_at_once_as_they_are_frame_by_frame() -> None:
    recording = record("""
        def inner(token, ä=1):
            password = token
            b = 100
            token = password = b
            del b
            return ä

        def main():
            locals()["%s%%"] = 1
            x = inner("hunter2hunter2")
            x = inner("hunter2hunter2", x) + inner(None)
            return x
    """)
    assert "hunter2" not in repr([frame.locals for frame in recording.frames])
    one_by_one = wire.encode(_trace(recording, tuple(recording.frames)))
    assert wire.encode(_trace(recording, recording.frames)) == one_by_one


def test_frames_are_an_immutable_sequence() -> None:
    frames = record("def main(x=1):\n    y = x\n    return y\n").frames
    assert len(frames) == 4
    assert frames[-1].event is Event.RETURN
    assert frames[1:3] == tuple(frames)[1:3]
    assert frames == tuple(frames)
    assert frames != tuple(frames)[1:]
    assert next(reversed(frames)) is frames[3]
    with pytest.raises(IndexError):
        frames[4]


# What can't be told apart by looking at it quickly.
LOOKALIKES = {
    "1 and True and 1.0": ("[1]", "[True]", "[1.0]"),
    "0.0 and -0.0": ("[0.0]", "[-0.0]"),
    "bytes and bytearray": ("[b'a']", "[bytearray(b'a')]"),
    "bytes and an array": ("[b'a']", "[__import__('array').array('b', b'a')]"),
    "bytes and a memoryview": ("{1: b'a'}", "{1: memoryview(b'a')}"),
    "a list and a tuple": ("[[1]]", "[(1,)]"),
    "a dict in another order": ("{1: 1, 2: 2}", "{2: 2, 1: 1}"),
    "a class and its name": ("[StopIteration]", "['StopIteration']"),
}


@pytest.mark.parametrize("values", LOOKALIKES.values(), ids=LOOKALIKES)
def test_values_that_look_alike_are_told_apart(values: tuple[str, ...]) -> None:
    lines = [line for value in values for line in (f"    x[:] = [{value}]", f"    y = {value}")] * 2
    recording = record("def main():\n    x = y = []\n    x = list(x)\n" + "\n".join(lines) + "\n    return x\n")
    seen = [frame.locals for frame in recording.frames if frame.locals is not None][4:]
    render = Renderer()
    for line, before, after in zip(lines, seen, seen[1:], strict=False):
        shown = render(eval(line.partition("= ")[2]))
        assert after["y" if line.startswith("    y") else "x"] == shown, (line, before)


def test_a_value_that_changes_in_place_is_seen_at_each_event() -> None:
    recording = record("""
        class Box:
            def __init__(self):
                self.n = 0

            def __repr__(self):
                return f"Box({self.n})"

        def change(values):
            values.append(len(values))
            return values

        def main():
            box, numbers, mixed, table, names = Box(), [], [1, Box()], {}, set()
            for n in range(3):
                box.n = mixed[1].n = n
                change(numbers)
                table[str(n)] = numbers
                names |= {f"name {n}"}
                pass
            return numbers
    """)
    assert [list(state.values()) for state in states(recording, "pass")] == [
        [f"Box({n})", shown, f"[1, Box({n})]", table, names, str(n)]
        for n, shown, table, names in [
            (0, "[0]", "{'0': [0]}", "{'name 0'}"),
            (1, "[0, 1]", "{'0': [0, 1], '1': [0, 1]}", "{'name 0', 'name 1'}"),
            (2, "[0, 1, 2]", "{'0': [0, 1, 2], '1': [0, 1, 2], '2': [0, 1, 2]}", "{'name 0', 'name 1', 'name 2'}"),
        ]
    ]


def test_a_variable_that_changes_its_kind_and_back_is_seen() -> None:
    recording = record("""
        def main():
            values = [5, [1], 5, [1], "a" * 500, [1], None, len, [1], len, main, (1,), 5]
            for x in values:
                pass
            return x
    """)
    render = Renderer()
    expected = [5, [1], 5, [1], "a" * 500, [1], None, len, [1], len]
    assert [state["x"] for state in states(recording, "pass")][: len(expected)] == [render(value) for value in expected]


def test_a_big_dict_and_sets_are_seen_to_change_in_any_way() -> None:
    recording = record("""
        def main():
            table = {n: n for n in range(20)}
            other = {n: n for n in range(20)}
            mixed = {n: [n] for n in range(20)}
            numbers, words, each = {1, 2}, {"b", "a"}, None
            for each in "none set equal type delete order other shared nested items same".split():
                if each == "set":
                    table[3] = "x"
                elif each == "equal":
                    table[3] = 1
                elif each == "type":
                    table[3] = True
                elif each == "delete":
                    del table[4]
                elif each == "order":
                    table[5] = table.pop(5)
                elif each == "other":
                    table = other
                elif each == "shared":
                    other[0] = -0.0
                elif each == "nested":
                    mixed[7].append(7)
                    table[0] = mixed
                    mixed[8].append(0)
                elif each == "items":
                    numbers.discard(1); numbers.add(True); words.add("c")
                pass
            return each
    """)
    render = Renderer()
    table, mixed = {n: n for n in range(20)}, {n: [n] for n in range(20)}
    numbers, words = {1, 2}, {"b", "a"}
    shown = states(recording, "pass")
    expected: list[Any] = [table]
    expected += [{**table, 3: x} for x in ("x", 1, True)]
    expected.append({n: True if n == 3 else n for n in range(20) if n != 4})
    expected.append({**{n: x for n, x in expected[-1].items() if n != 5}, 5: 5})
    expected += [table, {**table, 0: -0.0}]
    mixed[7].append(7)
    mixed[8].append(0)
    expected += [{**table, 0: mixed}] * 3
    assert [state["table"] for state in shown] == [render(value) for value in expected]
    assert shown[-1]["mixed"] == render(mixed)
    assert [state["numbers"] for state in shown[-3:]] == [render({1, 2}), render({2, True}), render({2, True})]
    assert shown[-1]["words"] == render({"c", *words})
    del numbers


def test_a_big_byte_array_is_seen_to_change_in_any_way() -> None:
    source = """
        def main():
            data = bytearray(10_000)
            data[9_999] = 1
            data[9_999] = 0
            again = bytearray(10_000)
            data.append(0)
            del data[4_000:]
            data[:] = bytes(range(256)) * 40
            data = bytes(data)
            data = bytearray(data)
            return inner(data)
        def inner(data):
            data[0] = 7
            return len(data)
        """
    recording = record(source)
    shown = [frame.locals["data"] for frame in recording.frames if frame.locals and "data" in frame.locals]
    zeros, marked, longer = bytearray(10_000), bytearray(9_999) + b"\1", bytearray(10_001)
    counted = bytearray(range(256)) * 40
    changed = bytearray([7]) + counted[1:]
    expected = [zeros, marked, zeros, zeros, longer, bytearray(4_000), counted, bytes(counted), counted]
    assert shown == [Renderer()(value) for value in [*expected, counted, counted, changed]]


def test_a_big_byte_array_that_stays_as_it_is_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []
    render = Renderer.__call__
    monkeypatch.setattr(Renderer, "__call__", lambda self, value: rendered.append(type(value)) or render(self, value))
    record("""
        def main():
            data = bytearray(1_000_000)
            return sum([inner(data, n) for n in range(20)])
        def inner(data, n):
            at = n + 1
            return data[at]
        """)
    assert rendered.count(bytearray) == 1


def test_copies_of_byte_arrays_are_bounded() -> None:
    snapshots = Snapshots()
    first = snapshots.keep(bytes(40 << 20), ("zeros",))
    assert snapshots.find(bytearray(40 << 20)) is first
    second = snapshots.keep(bytes([1]) * (40 << 20), ("ones",))
    assert first.content is None
    assert snapshots.find(bytearray(40 << 20)) is None
    assert snapshots.find(bytearray(second.content or b"")) is second
    for n in range(9):
        snapshots.keep(bytes([n]) * 5_000, (str(n),))
    assert second.content is None


def test_a_function_that_is_renamed_is_seen() -> None:
    recording = record("""
        def main():
            def f(): pass
            class C: pass
            c = C()
            f.__qualname__ = C.__qualname__ = "other"
            return f
    """)
    (state,) = states(recording, "return f")
    assert (state["f"], state["C"], state["c"]) == (
        "<function other>",
        "<class 'program.other'>",
        "<program.other object>",
    )


@given(CONTAINERS)
def test_a_plain_container_has_the_text_that_the_renderer_gives_it(value: Any) -> None:
    render = Renderer()
    text, telling, fixed = render.of_dumped(value, marshal.dumps(value, 2))
    assert text == render(value)
    assert telling
    parts = value.values() if type(value) is dict else value
    assert not fixed or {list, dict, tuple, set}.isdisjoint(map(type, parts))


@given(
    st.lists(st.integers(-(2**33), 2**33) | st.integers(0, 9), max_size=300) | st.sets(st.integers(), max_size=250),
    st.integers(0, 300),
)
def test_numbers_have_the_text_that_the_renderer_gives_them(numbers: Any, more: int) -> None:
    render = Renderer()
    for value in (
        numbers,
        [*numbers, *range(more)],
        (*numbers, *range(more)),
        dict(enumerate([*numbers, *range(more)])),
    ):
        for _ in range(2):
            text, telling, fixed = render.of_dumped(value, marshal.dumps(value, 2))
            assert (text, telling, fixed) == (render(value), True, True)


@pytest.mark.parametrize(
    "value",
    [
        *([1] * 300, [0.5] * 150, ["x" * 600] * 3, [10**5000], [*range(300), 10**5000], dict.fromkeys(range(300))),
        *([[1] * 150] * 150, {"password": "hunter2hunter2"}, [{"a": {"token": 1}}], ("password", "hunter2hunter2")),
        *({n: n * n for n in range(200)}, {n: n * n for n in range(300)}, dict.fromkeys(range(201), 10**1000)),
        *({**dict.fromkeys(range(300)), 9: 10**5000}, {n / 7: n % 2 == 0 for n in range(250)}, (1,) * 300),
        *({*range(300)}, frozenset(range(100)), {*"abc"}, {1, "a"}, {("token", "hunter2hunter2")}, set(), frozenset()),
        *([{"b", "a"}, {None}], {str(n) for n in range(5_000)}, {(1, 2), (3,)}, [{1: {2}}], [{"x" * 600, "y" * 600}]),
        *({"k": ("token", "hunter2hunter2")}, [[[[[[[[[[[[[[1]]]]]]]]]]]]]], [None, True, 1j, -0.0]),
    ],
    ids=lambda value: str(value.__class__.__name__),
)
def test_a_plain_container_is_cut_and_redacted_as_any_other(value: Any) -> None:
    render = Renderer()
    assert render.of_dumped(value, marshal.dumps(value, 2))[0] == render(value)


@pytest.mark.parametrize(
    "value",
    [[b"a"], {b"a"}, [array.array("b", b"a")], {1: (b"",)}, [StopIteration], {1, (2, b"")}],
    ids=["bytes", "set", "array", "nested bytes", "class", "nested in a set"],
)
def test_what_has_no_fingerprint_is_known_to_have_none(value: Any) -> None:
    assert not Renderer().of_dumped(value, marshal.dumps(value, 2))[1]


def test_nothing_of_the_program_is_kept_alive() -> None:
    program = Program("""
        class Thing:
            pass

        def steps(thing, things):
            f = thing.__init__
            yield things
            yield f

        def main():
            thing = Thing()
            watch(thing)
            things = [thing, {"k": thing}]
            for each in steps(thing, things):
                each = None
            return len(things)
    """)
    watched: list[Any] = []
    program.module.watch = lambda thing: watched.append(weakref.ref(thing))
    recorder = program.recorder()
    recorder.start()
    program.run()
    assert watched[0]() is None
    assert recorder.stop().frames[-1].argument == "2"


def test_an_unchanged_variable_costs_next_to_nothing() -> None:
    def peak(variables: int) -> int:
        names = "".join(f"    v{number} = {number} + 1000\n" for number in range(variables))
        source = f"def main():\n{names}    for n in range(1000):\n        x = 1\n    return x\n"
        program = Program(textwrap.dedent(source))
        tracemalloc.start()
        try:
            recorder = program.recorder(max_frames=10**6)
            recorder.start()
            program.run()
            recording = recorder.stop()
            assert len(recording.frames) > 2000
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert (peak(100) - peak(0)) / 2000 / 100 < 40
