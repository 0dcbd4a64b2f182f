from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_tracer.compare import NotALiteral, plain_data, same_value
from cwm_tracer.compare.literals import read
from cwm_tracer.compare.paths import only_difference
from cwm_tracer.compare.values import Level, level_of, type_of


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    y: object = None


class Color(enum.Enum):
    RED = 1
    BLUE = 2


VALUES = [
    Point(1.5, [Point(2.0)]),
    {Color.RED, Color.BLUE},
    defaultdict(list, {"a": [1], "b": {2, 3}}),
    OrderedDict(a=1),
    Counter("aab"),
    deque([1, 2], maxlen=3),
    datetime.datetime(2020, 1, 2, 3, 4),
    decimal.Decimal("1.50"),
    PurePosixPath("/a/b"),
    ValueError("no 'such' thing"),
    (ValueError, ValueError("x"), None),
    range(3),
    bytearray(b"\x00\xff"),
    frozenset(),
    (1,),
    1e300,
    -0.0,
    float("nan"),
    complex(0, -1),
    'it\'s "both"\n\t\x00\u2028é😀\\',
    lambda: 0,
    sys,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_reprs_of_everyday_values_can_be_read(value: object) -> None:
    text = repr(value)
    assert read(text).key == read(text.replace(", ", ",  ")).key or "," not in text


@pytest.mark.parametrize(
    ("truth", "predicted", "level"),
    [
        ("[1, 2]", "[1, 2]", Level.IDENTICAL),
        ("[1, 2]", "[1,2]", Level.EQUAL),
        ("'a'", '"a"', Level.EQUAL),
        ("0.30000000000000004", "0.3", Level.EQUAL),
        ("[0.1, 0.30000000000000004]", "[0.1, 0.3]", Level.EQUAL),
        ("{0.1, 0.30000000000000004}", "{0.3, 0.1}", Level.EQUAL),
        ("{'a': 0.30000000000000004}", "{'a': 0.3}", Level.EQUAL),
        ("(0.30000000000000004+1j)", "(0.3+1j)", Level.EQUAL),
        ("1.0", "1.0000001", Level.SAME_TYPE),
        ("0.0", "1e-300", Level.SAME_TYPE),
        ("0.0", "-0.0", Level.SAME_TYPE),
        ("1", "2", Level.SAME_TYPE),
        ("1", "1.0", Level.DIFFERENT),
        ("1", "True", Level.DIFFERENT),
        ("{}", "set()", Level.DIFFERENT),
        ("{1}", "{1: 2}", Level.DIFFERENT),
        ("None", "'None'", Level.DIFFERENT),
        ("Point(x=1.0, y=None)", "Point(x=1.00,  y=None)", Level.EQUAL),
        ("Point(x=1, y=2)", "Point(y=2, x=1)", Level.EQUAL),
        ("Point(x=1, y=2)", "Point(x=1, y=3)", Level.SAME_TYPE),
        ("Point(x=1, y=2)", "Dot(x=1, y=2)", Level.DIFFERENT),
        ("{<Color.RED: 1>, <Color.BLUE: 2>}", "{<Color.BLUE: 2>, <Color.RED: 1>}", Level.EQUAL),
        ("<Cart object at 0x7f3b2c1d4e50>", "<Cart object>", Level.EQUAL),
        ("[<Cart object at 0x7f3b2c1d4e50>, 1]", "[<Cart object>,1]", Level.EQUAL),
        ("<Cart object>", "<Cart items=3>", Level.SAME_TYPE),
        ("<Cart object>", "<Shop object>", Level.DIFFERENT),
        ("[1, 2", "[1, 3", Level.SAME_TYPE),
        ("'cut...<900 characters, 1f>", "'other", Level.SAME_TYPE),
        ("9**9**9", "9**9", Level.DIFFERENT),
        ("", "1", Level.DIFFERENT),
    ],
)
def test_values_are_compared_at_levels(truth: str, predicted: str, level: Level) -> None:
    assert level_of(truth, predicted) is level
    assert level_of(predicted, truth) is level


def test_addresses_count_inside_of_strings() -> None:
    assert not same_value("'x at 0x7f3b2c1d4e50'", "'x at 0x7f3b2c1d4e51'")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'a'", "str"),
        ("b'a'", "bytes"),
        ("True", "bool"),
        ("1j", "complex"),
        ("(1)", "int"),
        ("()", "tuple"),
        ("{'a': 1}", "dict"),
        ("frozenset({1})", "frozenset"),
        ("datetime.date(2020, 1, 1)", "datetime.date"),
        ("<shop.Cart object>", "shop.Cart"),
        ("[" * 60, "list"),
        ("'never closed", "str"),
        ("9**9", None),
    ],
)
def test_the_type_is_what_the_repr_shows(text: str, kind: str | None) -> None:
    assert type_of(text) == kind


HOSTILE = [
    "[" * 20_000,
    "(" * 50 + ")" * 50,
    "{" * 49 + "1.5" + "}" * 49,
    "{(" * 24 + "1.5" + ",)}" * 24,
    "{1: " * 48 + "{1.5}" + "}" * 48,
    "{" + "1," * 5_000 + "}",
    "{" + ",".join(f"{number}.5" for number in range(2_000)) + "}",
    "'" * 9_999,
    "<" * 9_999,
    "<'\"'" * 3_000,
    "f(" * 5_000,
    "'\\x" * 3_000,
    "9" * 19_000,
    "-" * 19_000,
    "0" * 9_000 + ".5",
    "1e999999999",
    "9**9**9",
    "__import__('os').system('true')",
    "1_000",
    "0x10",
    "\ud800",
    "'\ud800'",
    "\x00",
    "{**{}}",
    "[*a]",
    "Point(x=1, x=2)",
    "Point(1 2)",
    "{1: 2, 3}",
    ",",
    "[,]",
    "(,)",
    "[1,,2]",
    ":",
    "x=1",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:8].encode("unicode_escape").decode())
def test_hostile_text_is_compared_without_an_error(text: str) -> None:
    assert level_of(text, text) is Level.IDENTICAL
    assert not same_value(text, text + "?")
    level_of("{1.5, (2, 3)}", text)
    level_of(text, text.replace("1", "2").replace("5", "6") + " ")
    only_difference(text, text + " ")


@given(st.text("()[]{}<>'\"\\,:=-+.0123eEjJx fFnaintr", max_size=40), st.text("()[]{}'1,:=< >x", max_size=8))
def test_comparing_is_symmetric_and_never_raises(text: str, more: str) -> None:
    other = text + more
    assert same_value(text, other) is same_value(other, text)
    assert level_of(text, other) is level_of(other, text)
    only_difference(text, other)


@pytest.mark.parametrize("text", ["Point(x=1)", "<A object>", "[<A object>]", "{[]: 1}", "9" * 5_000])
def test_plain_data_has_only_built_in_objects(text: str) -> None:
    with pytest.raises(NotALiteral):
        plain_data(text)


@pytest.mark.parametrize(
    ("truth", "predicted", "path", "parts"),
    [
        ("{'items': [1, {'price': 3}]}", "{'items': [1, {'price': 4}]}", "['items'][1]['price']", ("3", "4")),
        ("Cart(items=[Item(price=3)])", "Cart(items=[Item(price=4)])", ".items[0].price", ("3", "4")),
        ("[1, 2, 3]", "[1, 2]", "[2]", ("3", None)),
        ("{'a': 1}", "{'a': 1, 'b': 2}", "['b']", (None, "2")),
        ("(1, {2})", "(1, {3})", "[1]", ("{2}", "{3}")),
        ("[[0.1], 1]", "[[0.1], True]", "[1]", ("1", "True")),
    ],
)
def test_the_only_difference_of_nested_values_has_a_path(
    truth: str, predicted: str, path: str, parts: tuple[str | None, str | None]
) -> None:
    found = only_difference(truth, predicted)
    assert found is not None
    assert (found.path, (found.truth, found.predicted)) == (path, parts)


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [("1", "2"), ("[1, 2]", "[2, 1]"), ("[1, 2]", "(1, 2)"), ("{1}", "{2}"), ("[1, 2]", "[2]"), ("<A>", "<B>")],
)
def test_values_that_differ_as_a_whole_or_in_several_parts_have_no_path(truth: str, predicted: str) -> None:
    assert only_difference(truth, predicted) is None
