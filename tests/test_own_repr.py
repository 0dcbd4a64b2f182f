"""Values that are told apart by what their own `__repr__` says."""

from __future__ import annotations

import pytest

from recorded import record, states

pytestmark = pytest.mark.usefixtures("backend")


def test_a_repr_is_asked_at_every_line() -> None:
    recording = record("""
        class Counter:
            asked = 0
            def __repr__(self):
                Counter.asked += 1
                return f"asked {Counter.asked}"

        def main():
            x = Counter()
            y = 1
            return y
    """)
    shown = states(recording, "y = 1") + states(recording, "return y")
    first = int(shown[0]["x"].removeprefix("asked "))
    assert shown[1]["x"] == f"asked {first + 1}"


@pytest.mark.parametrize("shown", ["loop", "[loop]", "loop.first", "{'loop': (loop,)}"])
def test_a_property_that_does_its_work_when_it_is_read_is_not_read(shown: str) -> None:
    recording = record(f"""
        class Loop:
            def __init__(self, items):
                self._items = iter(items)
                self._length = None

            @property
            def length(self):
                if self._length is None:
                    items = list(self._items)
                    self._items = iter(items)
                    self._length = len(items)
                return self._length

            def first(self):
                return next(self._items)

            def __repr__(self):
                return f"<Loop of {{self.length}}>"

        def main():
            made = []
            loop = Loop(made.append(item) or item for item in (1, 2, 3))
            x = {shown}
            first = loop.first()
            return made
    """)
    assert recording.frames[-1].argument == "[1]"
    assert "Loop object>" in states(recording, "return made")[0]["loop"]


@pytest.mark.filterwarnings("error")
def test_no_coroutine_is_made_that_nobody_awaits() -> None:
    recording = record("""
        class Loop:
            @property
            async def length(self):
                return 1

            def __repr__(self):
                return f"<Loop of {self.length}>"

        def main():
            loop = Loop()
            return loop
    """)
    assert recording.frames[-1].argument == "<Loop object>"


def test_a_repr_that_is_replaced_is_followed() -> None:
    recording = record(
        """
        import dataclasses

        class Thing:
            def __repr__(self):
                return "first"

        class Other:
            def __repr__(self):
                return "other"

        @dataclasses.dataclass
        class Record:
            token: str = "hunter2-hunter2"

        def main():
            x = Thing()
            Thing.__repr__ = lambda self: "second"
            del Thing.__repr__
            Thing.__bases__ = (Other,)
            x.token = "hunter2-hunter2"
            Thing.__bases__ = (Record,)
            return None
    """.replace("class Thing:", "class Base: pass\n\n        class Thing(Base):")
    )
    assert states(recording, 'Thing.__repr__ = lambda self: "second"')[0]["x"] == "first"
    assert states(recording, "del Thing.__repr__")[0]["x"] == "second"
    assert states(recording, 'x.token = "hunter2-hunter2"')[0]["x"] == "other"
    assert states(recording, "return None")[0]["x"] == "Thing(token=<redacted>)"


def test_an_address_is_taken_out_of_a_repr_of_any_object() -> None:
    recording = record("""
        class Thing:
            def __repr__(self):
                return f"Thing {id(self):#x}"

        def main():
            kept = [Thing(), Thing()]
            for x in kept:
                pass
            return None
    """)
    assert {state["x"] for state in states(recording, "pass")} == {"Thing 0x..."}


def test_an_object_without_a_repr_yet_gets_one() -> None:
    recording = record("""
        class Thing:
            def __init__(self):
                y = 1
                self.name = "x"
                y = 2
            def __repr__(self):
                return self.name

        def main():
            Thing()
    """)
    assert states(recording, "y = 1")[0]["self"] == "<Thing object>"
    assert states(recording, "y = 2")[0]["self"] == "x"
