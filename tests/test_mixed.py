"""Containers of objects with a repr of their own, asked for their text at once and part by part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from cwm_tracer.redaction import Redactor
from cwm_tracer.values import Renderer
from recorded import RENDERER, Program, states


class _Says:
    """Has a repr of its own, which may be anything."""

    def __init__(self, text: Any) -> None:
        self.text = text

    def __repr__(self) -> Any:
        return f"<at {id(self):x}>" if self.text == "address" else self.text


class _Pair(NamedTuple):
    one: Any
    token: Any = None


class _Point(NamedTuple):
    x: Any
    y: Any


@dataclass
class _Node:
    value: Any
    next: Any = None


class _Tuple(tuple[Any, ...]):
    """Leaves its repr to the builtin."""

    __slots__ = ()


class _List(list[Any]):
    def __iter__(self) -> Any:
        raise AssertionError("the program's code ran")

    def __len__(self) -> int:
        return 1


class _Dict(dict[Any, Any]):
    """Leaves its repr to the builtin."""


class _Text(str):
    """What a regular expression may be made of."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<text at {id(self):x}>"


PATTERNS = [re.compile("a.b", re.VERBOSE), re.compile(b"x" * 300), re.compile(_Text("c")), re.compile("token='[a-z]'")]


def _half(value: Any) -> _Node:
    node = _Node(value)
    del node.next
    return node


SAID = st.text(max_size=3) | st.sampled_from(
    ["..", "a" * 700, "password='hunter2hunter2'", "\ud800", "address", "x, y", 5]
)
PARTS = (
    SAID.map(_Says)
    | st.sampled_from(
        [int, len, Renderer, object(), Renderer().returned, _Says("bound").__init__, b"b" * 1500, "s" * 1500]
    )
    | st.integers()
    | st.sampled_from(["token", "environment value", b"a", None])
    | st.sampled_from(PATTERNS)
    | st.sampled_from([5000]).map(lambda power: 10**power)
)
MIXED = st.recursive(
    st.lists(PARTS, max_size=3),
    lambda inner: (
        st.lists(inner | PARTS, max_size=3)
        | st.builds(_Point, inner, PARTS)
        | st.builds(_Pair, inner, PARTS)
        | st.builds(_Node, inner | PARTS, inner)
        | inner.map(_half)
        | st.tuples(PARTS, inner)
        | st.lists(inner | PARTS, max_size=3).map(_Tuple)
        | st.lists(inner | PARTS, max_size=3).map(_List)
        | st.just(_List(range(300)))
        | st.dictionaries(st.sampled_from(["token", 1]), inner | PARTS, max_size=3).map(_Dict)
        | st.dictionaries(st.sampled_from(["token", "k", 1, b"password"]), inner | PARTS, max_size=3)
        | st.sets(PARTS, max_size=3)
    ),
    max_leaves=6,
)


@example({0, -1})
@given(st.lists(MIXED, max_size=2) | st.tuples(PARTS, MIXED) | st.sets(PARTS, max_size=3) | st.frozensets(PARTS))
def test_a_container_asked_at_once_has_the_text_that_its_parts_make(value: Any) -> None:
    redactor = Redactor(values=["environment value"])
    text = Renderer(redactor=redactor)(value)
    renderer, known = Renderer(redactor=redactor), dict[tuple[str, int], str]()
    assert renderer.of_container(value) == text
    assert renderer.of_container(value, known) == text
    assert renderer.of_container(value, known) == text, "when asked again"


@given(st.data())
def test_a_container_that_changes_has_the_text_of_what_it_is(data: st.DataObject) -> None:
    redactor = Redactor(values=["environment value"])
    renderer, known = Renderer(redactor=redactor), dict[tuple[str, int], str]()
    value: list[Any] = []
    for _ in range(4):
        value[:] = data.draw(st.lists(MIXED | PARTS, max_size=2))
        assert renderer.of_container(value, known) == Renderer(redactor=redactor)(value)


def test_what_is_hidden_is_learned_by_every_recording() -> None:
    source = """
        import typing

        class Rule(typing.NamedTuple):
            pattern: typing.Any
            password: str

        RULES = [Rule(object(), "hunter2-hunter2")]

        def main():
            rules = RULES
            shown = rules[0].password
            return len(rules)
    """
    program = Program(source)
    for _ in range(2):
        RENDERER.redactor.forget()
        recording = program.record()
        assert (
            states(recording, "return len(rules)")[0]["rules"] == "[Rule(pattern=<object object>, password=<redacted>)]"
        )
        assert "hunter2-hunter2" in RENDERER.redactor.learned
