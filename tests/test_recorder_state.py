"""The locals of a frame: which, in which order, and at whose cost."""

from __future__ import annotations

import pytest

from recorded import Program, record, states, steps

pytestmark = pytest.mark.usefixtures("backend")


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


def test_a_secret_may_be_deleted_where_another_variable_is_bound() -> None:
    recording = record("""
        def main():
            password = "hunter2hunter2"
            del password; x = 1
            return x
    """)
    assert recording.note == ""
    (state,) = states(recording, "return x")
    assert state == {"x": "1"}


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


def test_a_variable_that_a_comprehension_and_a_closure_share_is_read_with_care() -> None:
    # CPython 3.13.0 to 3.13.2 crash where it is read inside the comprehension.
    recording = record("""
        def main():
            x = "outer"
            get = lambda: x
            for _ in range(2):
                doubled = [
                    x * 2
                    for x in range(300, 302)
                ]
                try:
                    [1 // x for x in (300, 0)]
                except ZeroDivisionError:
                    caught = [x for x in range(300, 302)], {x: x for x in range(300, 302)}
            return get(), x
    """)
    assert recording.frames[-1].argument == "('outer', 'outer')"
    for line in ("get = lambda: x", "try:", "except ZeroDivisionError:", "return get(), x"):
        assert {state["x"] for state in states(recording, line)} == {"'outer'"}


def test_such_a_variable_is_found_among_hundreds() -> None:
    others = "; ".join(f"v{number} = {number}" for number in range(300))
    recording = record(f"""
        def main():
            {others}
            x = "outer"
            get = lambda: x
            doubled = [
                x * 2
                for x in range(300, 302)
            ]
            return get(), x
    """)
    assert recording.frames[-1].argument == "('outer', 'outer')"
    assert [state["x"] for state in states(recording, "return get(), x")] == ["'outer'"]
