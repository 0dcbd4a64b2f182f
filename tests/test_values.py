"""The text of a value: its repr where that is small and safe, and something bounded and telling where it isn't."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import gc
import re
import subprocess
import sys
import textwrap
import threading
import time
import unittest.mock
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import cwm_tracer
from cwm_tracer.redaction import Redactor
from cwm_tracer.values import Limits, Renderer

SHORT = Limits(items=5, depth=3, characters=200, seconds=0.05)
RENDERER = Renderer(Limits(seconds=30))
CUTTING = Renderer(dataclasses.replace(SHORT, seconds=30))


class Shown:
    """A value whose repr is what a function returns."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __repr__(self) -> str:
        text: str = self.make()
        return text


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=8)
)
HASHABLE = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.text(max_size=3).filter(lambda text: not Redactor().is_secret_name(text))
    | st.tuples(st.integers(-5, 5))
)
NESTED = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


def _kinds(value: Any) -> Any:
    """A value with the type of everything in it, so that what is equal but not the same compares unequal."""
    if isinstance(value, (list, tuple)):
        return type(value), [_kinds(item) for item in value]
    if isinstance(value, dict):
        return dict, [(_kinds(key), _kinds(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(map(repr, value))
    return type(value), repr(value)


# -- small values


@given(NESTED)
def test_a_small_value_of_builtin_types_is_its_repr(value: object) -> None:
    text = RENDERER(value)
    assume(len(repr(value)) <= 1000)
    if text != repr(value):  # strings in a set stand in order
        assert "frozenset" in text
        assert sorted(text) == sorted(repr(value))


@pytest.mark.parametrize(
    "value", [set(), frozenset(), (), (1,), [], {}, {1, 2}, frozenset([1]), ..., NotImplemented, 1j, -0.0, range(3)]
)
def test_builtin_values_look_like_themselves(value: object) -> None:
    assert RENDERER(value) == repr(value)


@given(NESTED)
def test_nothing_is_changed_by_looking_at_it(value: Any) -> None:
    before = copy.deepcopy(value)
    CUTTING(value)
    assert _kinds(value) == _kinds(before)


def test_the_repr_of_a_subclass_is_its_own() -> None:
    class Texts(list):  # type: ignore[type-arg]
        def __repr__(self) -> str:
            return f"Texts({len(self)})"

    class Table(dict):  # type: ignore[type-arg]
        def __repr__(self) -> str:
            return "Table"

    class Number(int):
        def __repr__(self) -> str:
            return f"Number {int(self)}"

    class Color(enum.IntEnum):
        RED = 1

    assert RENDERER([Texts("ab"), Table(), Number(3), Color.RED]) == "[Texts(2), Table, Number 3, <Color.RED: 1>]"
    assert RENDERER(collections.OrderedDict(a=1)) == repr(collections.OrderedDict(a=1))
    assert RENDERER(collections.Counter("aab")) == "Counter({'a': 2, 'b': 1})"
    assert RENDERER(collections.deque([1], maxlen=2)) == "deque([1], maxlen=2)"


def test_dataclasses_and_named_tuples_look_like_themselves() -> None:
    point = collections.namedtuple("point", "x y")
    made = dataclasses.make_dataclass("Made", ["x"])
    assert RENDERER([point(1, "a"), made([1])]) == "[point(x=1, y='a'), Made(x=[1])]"


# -- no addresses, the same in every process


@pytest.mark.parametrize(
    "make",
    [
        object,
        lambda: lambda: 1,
        lambda: [object(), {"k": object()}],
        lambda: object().__init__,
        lambda: iter([]),
        lambda: (x for x in ()),
        lambda: weakref.ref(Shown),
        lambda: threading.Lock(),
        lambda: sys._getframe(),
        lambda: compile("1", "f", "exec"),
        lambda: dataclasses.make_dataclass("Holder", ["x"])(object()),
        lambda: unittest.mock.Mock(name="m"),
        lambda: [unittest.mock.MagicMock()],
        lambda: print,
        lambda: collections.deque([object()]),
        lambda: NumberedByItself(),
    ],
)
def test_no_address_is_shown(make: Callable[[], object]) -> None:
    value = make()
    text = RENDERER(value)
    assert not re.search(r"0x[0-9a-fA-F]{6,}", text)
    assert str(id(value)) not in text
    assert f"{id(value):x}" not in text
    assert not re.search(r"\d{9,}", text)


class NumberedByItself:
    def __repr__(self) -> str:
        return f"<Numbered #{id(self)} {id(self):#x} {hex(id(self)).upper()[:2]}>"


@pytest.mark.parametrize("padding", [0, 60, 400])
@pytest.mark.parametrize("form", ["<Thing at 0x{:x}>", "{:x}", "number {:d}", "<Mock name='a' id='{:d}'>"])
def test_an_address_is_found_in_a_text_of_any_length(form: str, padding: int) -> None:
    class Thing:
        def __repr__(self) -> str:
            return "-" * padding + form.format(id(self)) + "-" * padding

    things = [Thing() for _ in range(3)]
    assert len({RENDERER(thing) for thing in things}) == 1
    assert len({RENDERER([thing]) for thing in things}) == 1


def test_what_looks_like_an_address_in_a_string_stays() -> None:
    assert RENDERER("<x at 0x7f0011223344>") == "'<x at 0x7f0011223344>'"
    assert RENDERER(Shown(lambda: "error at 0x10")) == "error at 0x10"


def test_text_is_the_same_in_every_process() -> None:
    script = """
        import collections, sys
        from cwm_tracer.values import Limits, Renderer

        class Plain:
            pass

        words = [f"word{n}" for n in range(500)]
        values = [
            set(words[:9]), set(words), frozenset(words), {b"a", b"b", b"c"}, {("a", 1), ("b", 2), ("c", 3)},
            {None, "x", 1}, {frozenset("ab"), frozenset("cd")}, {"k": set(words)}, [set(words)] * 300,
            {Plain(), Plain()}, [[[[[set(words)]]]]], {1, 2, 1000, -7}, words, dict.fromkeys(words), Plain(),
            collections.Counter(words), collections.deque(words), {1.5, None, "s"},
        ]
        for renderer in (Renderer(Limits(seconds=30)), Renderer(Limits(items=5, depth=3, characters=200, seconds=30))):
            for value in values:
                print(renderer(value))
    """
    folder = str(Path(cwm_tracer.__path__[0]).parent)

    def run(seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            env={"PYTHONPATH": folder, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    first = run("1")
    assert len(first.splitlines()) == 36
    assert run("2") == first


def test_numbers_in_a_set_stand_as_python_shows_them() -> None:
    values = {1000, -7, 3, 2**40}
    assert RENDERER(values) == repr(values)
    assert RENDERER({(3, 1), (0, 2)}) == repr({(3, 1), (0, 2)})


def test_strings_in_a_set_stand_in_order() -> None:
    assert RENDERER({"b", "a", "c"}) == "{'a', 'b', 'c'}"
    assert RENDERER(frozenset({"b", "a"})) == "frozenset({'a', 'b'})"


# -- records


class Shade(enum.Enum):
    DARK = 1


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = 2
    hidden: int = dataclasses.field(default=3, repr=False)
    shared: ClassVar[int] = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    z: Any


class Below(Point):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Point(1),
        Point("a", [Slotted(None)]),
        Slotted((1,)),
        Below(1),
        {"k": Point({2})},
        Shade.DARK,
        [Shade.DARK, Slotted(Shade)],
    ],
    ids=str,
)
def test_a_record_is_shown_as_its_repr_shows_it(value: object) -> None:
    assert RENDERER(value) == repr(value)


def test_a_record_with_a_repr_of_its_own_keeps_it() -> None:
    @dataclasses.dataclass
    class Own:
        x: int

        def __repr__(self) -> str:
            return "own"

    class Named(collections.namedtuple("Named", "x")):
        def __repr__(self) -> str:
            return "named"

    assert RENDERER([Own(1), Named(1)]) == "[own, named]"


def test_a_half_built_record_shows_what_it_has() -> None:
    half = Point.__new__(Point)
    assert RENDERER(half) == "Point(x=<unset>, y=2)"
    half.x = 1
    assert RENDERER(half) == "Point(x=1, y=2)"
    assert RENDERER(Slotted.__new__(Slotted)) == "Slotted(z=<unset>)"


def test_a_field_that_is_computed_is_left_to_the_repr() -> None:
    class Computed(Point):
        @property
        def x(self) -> int:  # type: ignore[override]
            return 7

        @x.setter
        def x(self, value: int) -> None:
            pass

    assert RENDERER(Computed(1)).endswith("Computed(x=7, y=2)")


def test_a_record_that_holds_itself() -> None:
    point = Point(1)
    point.y = [point]
    assert RENDERER(point) == "Point(x=1, y=[...])"
    long = Point([0] * 50)
    long.x.append(long)
    before = CUTTING(long)
    long.y = 3
    assert CUTTING(long) != before


def test_a_record_is_bounded_and_told_from_others() -> None:
    one, other = Point(list(range(10**5))), Point(list(range(10**5)))
    other.x[77_777] = -1
    assert len(CUTTING(one)) < 400
    assert CUTTING(one) != CUTTING(other)
    assert CUTTING([[[[Point(1)]]]]) != CUTTING([[[[Point(2)]]]])
    deep: Any = 1
    for _ in range(2_000):
        deep = Point(deep)
    assert len(RENDERER(deep)) < 400


def test_what_a_record_holds_under_a_secret_name_is_withheld() -> None:
    login = dataclasses.make_dataclass("Login", ["user", "password"])
    pair = collections.namedtuple("pair", "user token")
    assert RENDERER([login("ann", "hunter2"), pair("ann", 5)]) == (
        "[Login(user='ann', password=<redacted>), pair(user='ann', token=<redacted>)]"
    )
    assert CUTTING([[[[login("ann", "one")]]]]) == CUTTING([[[[login("ann", "two")]]]])


# -- bounds


@given(NESTED.map(lambda value: [value] * 50) | st.text(min_size=300) | st.binary(min_size=300) | st.just(10**9999))
def test_no_text_is_long(value: object) -> None:
    assert len(CUTTING(value)) < 400


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**6,
        b"x" * 10**6,
        bytearray(10**6),
        list(range(10**5)),
        dict.fromkeys(range(10**5)),
        set(range(10**5)),
        [["x" * 900] * 200] * 200,
        collections.deque(range(10**5)),
        collections.OrderedDict.fromkeys(range(10**5)),
        type("Texts", (list,), {})(range(10**5)),
        type("Text", (str,), {})("x" * 10**6),
        range(10**9),
        10**100_000,
        Shown(lambda: "x" * 10**7),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_huge_value_has_a_short_text(value: object) -> None:
    started = time.process_time()
    text = Renderer()(value)
    assert len(text) < 1100
    assert time.process_time() - started < 10


def test_what_is_cut_says_so() -> None:
    assert re.fullmatch(r"\[0, 1, 2, 3, 4, <95 more, [0-9a-f]{12}>\]", CUTTING(list(range(100))))
    assert re.fullmatch(r"\{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, <1 more, [0-9a-f]{12}>\}", CUTTING({n: n for n in range(6)}))
    assert re.fullmatch(r"<str 'x{50}'\.\.\. of 300, [0-9a-f]{12}>", CUTTING("x" * 300))
    assert re.fullmatch(r"<bytes b'x{50}'\.\.\. of 300, [0-9a-f]{12}>", CUTTING(b"x" * 300))
    assert re.fullmatch(r"\[\[\[<list of 1 items, [0-9a-f]{12}>\]\]\]", CUTTING([[[[1]]]]))
    assert re.fullmatch(r"<OrderedDict of 9 items, [0-9a-f]{12}>", CUTTING(collections.OrderedDict.fromkeys(range(9))))
    assert re.fullmatch(r"x{100}\.\.\.<300 characters, [0-9a-f]{12}>", CUTTING(Shown(lambda: "x" * 300)))


LONG = st.integers(6, 40)
SMALL_ITEMS = st.integers(0, 3) | st.sampled_from([True, False, 0.0, -0.0, "0", "a", None, (), [0], {"k": 0}])


@given(st.lists(SMALL_ITEMS, min_size=6, max_size=30), st.lists(SMALL_ITEMS, min_size=6, max_size=30))
def test_lists_that_differ_anywhere_have_different_texts(one: list[Any], other: list[Any]) -> None:
    assert (CUTTING(one) == CUTTING(other)) == (_kinds(one) == _kinds(other))


@given(st.data(), st.sampled_from([list, tuple, collections.deque, type("Mine", (list,), {})]))
def test_one_changed_item_changes_the_text(data: st.DataObject, kind: Callable[[Any], Any]) -> None:
    items = data.draw(st.lists(SMALL_ITEMS, min_size=6, max_size=40))
    at = data.draw(st.integers(0, len(items) - 1))
    changed = [*items[:at], data.draw(SMALL_ITEMS), *items[at + 1 :]]
    assert (CUTTING(kind(items)) == CUTTING(kind(changed))) == (_kinds(items) == _kinds(changed))


def test_an_item_far_behind_changes_the_text() -> None:
    values = list(range(200_000))
    before = RENDERER(values)
    values[150_000] = -1
    assert RENDERER(values) != before
    values[150_000] = 150_000
    assert RENDERER(values) == before


@given(st.data())
def test_one_changed_entry_of_a_dict_changes_the_text(data: st.DataObject) -> None:
    one = data.draw(st.dictionaries(st.integers(0, 99) | st.text(max_size=2), SMALL_ITEMS, min_size=6, max_size=20))
    other = dict(one)
    key = data.draw(st.sampled_from(list(one)))
    other[key] = data.draw(SMALL_ITEMS)
    assert (CUTTING(one) == CUTTING(other)) == (_kinds(one) == _kinds(other))


@given(st.sets(st.integers() | st.text(), min_size=6), st.sets(st.integers() | st.text(), min_size=6))
def test_sets_that_differ_have_different_texts(one: set[Any], other: set[Any]) -> None:
    assert (CUTTING(one) == CUTTING(other)) == (one == other)


@given(st.text(min_size=190, max_size=230), st.data())
def test_one_changed_character_changes_the_text(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    assert (CUTTING(text) == CUTTING(changed)) == (text == changed)
    assert (CUTTING([text]) == CUTTING([changed])) == (text == changed)


@given(st.integers(4, 30), NESTED, NESTED)
def test_values_that_differ_deep_inside_have_different_texts(depth: int, one: Any, other: Any) -> None:
    left, right = one, other
    for _ in range(depth):
        left, right = [left], [right]
    assert (CUTTING(left) == CUTTING(right)) == (_kinds(one) == _kinds(other))


def test_equal_but_different_values_have_different_texts() -> None:
    long = [[0] * 10, [False] * 10, [0.0] * 10, [-0.0] * 10, ["0"] * 10, [b"0"] * 10, [None] * 10, [()] * 10, [[]] * 10]
    assert len({CUTTING(value) for value in long}) == len(long)
    assert CUTTING(tuple(long[0])) != CUTTING(long[0])


@pytest.mark.parametrize("levels", [20, 1_000, 50_000])
def test_deep_nesting_is_cut(levels: int) -> None:
    deep: list[Any] = [1]
    other: list[Any] = [2]
    for _ in range(levels):
        deep, other = [deep], [other]
    assert len(RENDERER(deep)) < 200
    assert RENDERER(deep) != RENDERER(other)
    while deep and isinstance(deep[0], list):  # so that freeing it needs no stack
        deep = deep.pop()
    while other and isinstance(other[0], list):
        other = other.pop()


def test_a_value_that_holds_itself() -> None:
    values: list[Any] = [1]
    values.append(values)
    table: dict[str, Any] = {}
    table["self"] = table
    pair = ([],)  # type: ignore[var-annotated]
    pair[0].append(pair)
    assert RENDERER(values) == repr(values) == "[1, [...]]"
    assert RENDERER(table) == repr(table) == "{'self': {...}}"
    assert RENDERER(pair) == repr(pair) == "([(...)],)"


def test_a_long_value_that_holds_itself() -> None:
    values: list[Any] = list(range(50))
    values.append(values)
    before = CUTTING(values)
    values.append(1)
    assert CUTTING(values) != before
    deep: list[Any] = []
    deep.append([[[[deep]]]])
    assert len(CUTTING(deep)) < 200


def test_a_value_shown_twice_is_not_taken_for_a_cycle() -> None:
    shared = [1]
    assert RENDERER([shared, shared, {"k": shared}]) == "[[1], [1], {'k': [1]}]"


@pytest.mark.parametrize("digits", [4_000, 4_299, 4_301, 100_000])
def test_an_int_beyond_the_limit_on_digits(digits: int) -> None:
    assert CUTTING(10**digits) != CUTTING(10**digits + 1)
    assert CUTTING([-(10**digits)]) != CUTTING([10**digits])
    assert "characters" in CUTTING(10**digits)


def test_the_limit_on_digits_is_not_the_texts() -> None:
    before = sys.get_int_max_str_digits()
    text = RENDERER(10**5000)
    try:
        sys.set_int_max_str_digits(0)
        assert RENDERER(10**5000) == text
    finally:
        sys.set_int_max_str_digits(before)
    assert RENDERER(range(10**5000)) == "<range object>"


def test_a_wide_and_deep_value_takes_little_time() -> None:
    row = [list(range(100))] * 100
    values = [row] * 100  # a million numbers
    other = [row] * 99 + [[*row[:-1], [*row[-1][:-1], -1]]]
    renderer = Renderer()
    assert renderer(values) != renderer(other)
    assert len(renderer(values)) < 1100


def test_many_slow_reprs_are_bounded_together() -> None:
    class Slow(Shown):
        pass

    asked: list[int] = []

    def slow() -> str:
        asked.append(1)
        time.sleep(0.03)
        return "slow"

    Renderer(dataclasses.replace(SHORT, items=200))([Slow(slow) for _ in range(200)])
    assert len(asked) < 40


# -- anybody's code


def _exits() -> NoReturn:
    sys.exit(3)


def _loops() -> NoReturn:
    while True:
        pass


def _swallows() -> NoReturn:
    while True:
        try:
            for _ in iter(int, 1):
                pass
        except BaseException:  # noqa: PERF203
            pass


def _recurses() -> Any:
    return _recurses()


def _raises(error: BaseException) -> Callable[[], Any]:
    def raises() -> NoReturn:
        raise error

    return raises


@pytest.mark.parametrize(
    "make",
    [
        _raises(ValueError("no")),
        _raises(GeneratorExit()),
        _raises(MemoryError()),
        _raises(StopIteration()),
        _exits,
        _loops,
        _swallows,
        _recurses,
        lambda: None,
        lambda: 5,
        lambda: b"bytes",
        lambda: "x" * 10**7,
    ],
    ids=[
        *("raises", "generator exit", "memory error", "stop iteration", "exits", "loops", "swallows", "recurses"),
        *("none", "number", "bytes", "10 MB"),
    ],
)
def test_a_repr_that_misbehaves_gives_a_placeholder(make: Callable[[], Any]) -> None:
    class Odd(Shown):
        pass

    renderer = Renderer(SHORT)
    name = "test_a_repr_that_misbehaves_gives_a_placeholder.<locals>.Odd"
    assert renderer(Odd(make)) == f"<{name} object>"
    assert renderer([1, Odd(make)]).startswith(f"[1, <{name} object>")


def test_a_keyboard_interrupt_is_the_users() -> None:
    with pytest.raises(KeyboardInterrupt):
        RENDERER(Shown(_raises(KeyboardInterrupt())))


def test_a_repr_that_takes_too_long_is_not_asked_again() -> None:
    class Slow(Shown):
        pass

    asked: list[int] = []

    def slow() -> NoReturn:
        asked.append(1)
        _loops()

    renderer = Renderer(SHORT)
    for _ in range(3):
        assert renderer(Slow(slow)).endswith("Slow object>")
    assert asked == [1]


def test_a_repr_that_writes_too_much_is_not_asked_again_but_a_large_container_may_be() -> None:
    class Wordy(Shown):
        pass

    asked: list[int] = []

    def wordy() -> str:
        asked.append(1)
        return "x" * 10**6

    renderer = Renderer(SHORT)
    for _ in range(3):
        assert renderer(Wordy(wordy)).endswith("Wordy object>")
    assert asked == [1]
    assert renderer(collections.deque(range(10**6))).startswith("<deque of 1000000 items, ")
    assert renderer(collections.deque([1])) == "deque([1])"


def test_a_repr_that_raised_once_may_answer_later() -> None:
    class Half:
        def __repr__(self) -> str:
            return f"Half({self.x})"  # type: ignore[attr-defined]

    half = Half()
    assert RENDERER(half).endswith("Half object>")
    half.x = 1  # type: ignore[attr-defined]
    assert RENDERER(half) == "Half(1)"


def test_a_repr_of_a_subclass_of_str_is_text() -> None:
    class Text(str):
        def __str__(self) -> str:
            return "another"

    text = RENDERER(Shown(lambda: Text("shown")))
    assert text == "shown"
    assert type(text) is str


@pytest.mark.parametrize("text", ["..", "...", "'..'"])
def test_only_the_wires_own_word_is_avoided(text: str) -> None:
    assert RENDERER(Shown(lambda: text)) == ("<..>" if text == ".." else text)
    assert RENDERER([Shown(lambda: "..")]) == "[<..>]"


def test_lone_surrogates_of_a_repr_are_escaped() -> None:
    assert RENDERER(Shown(lambda: "a\ud83d\ude00é")) == "a\\ud83d\\ude00é"
    assert RENDERER("\ud800") == repr("\ud800")


class _HostileKey:
    """A key whose hash and comparison raise once it stands in a dict."""

    armed = False

    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        assert not self.armed
        return 1

    def __eq__(self, other: object) -> bool:
        assert not self.armed
        return self is other

    def __repr__(self) -> str:
        return self.name


def test_keys_are_neither_hashed_nor_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {_HostileKey(f"k{n}"): n for n in range(3)}
    many = {_HostileKey(f"k{n}"): n for n in range(9)}
    members = {_HostileKey(f"k{n}") for n in range(9)}
    monkeypatch.setattr(_HostileKey, "armed", True)
    assert RENDERER(table) == "{k0: 0, k1: 1, k2: 2}"
    assert CUTTING(many).startswith("{k0: 0, k1: 1, ")
    assert CUTTING(members).startswith("{k0, k1, ")
    assert CUTTING([[[[many]]]]).startswith("[[[<list of 1 items")


def test_a_subclass_is_not_asked_for_its_items() -> None:
    class Sly(list):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            raise AssertionError

        def __len__(self) -> int:
            raise AssertionError

        @property
        def __class__(self) -> type:  # type: ignore[override]
            raise AssertionError

    assert CUTTING(Sly(range(50))).startswith("<test_a_subclass_is_not_asked_for_its_items.<locals>.Sly of 50 items")
    assert CUTTING([Sly([1, 2])]) == "[[1, 2]]"


def test_a_metaclass_may_define_anything() -> None:
    class Meta(type):
        def __eq__(cls, other: object) -> bool:
            raise AssertionError

        def __hash__(cls) -> int:
            raise AssertionError

        def __repr__(cls) -> str:
            return "Made!"

    class Made(metaclass=Meta):
        def __repr__(self) -> str:
            raise ValueError

    assert RENDERER(Made) == "Made!"
    assert RENDERER([Made()] * 2).count("Made object") == 2
    assert CUTTING([Made()] * 20).startswith("[<")


def test_a_container_that_its_items_repr_changes() -> None:
    table: dict[Any, Any] = {}
    values: list[Any] = []

    def grow() -> str:
        table[len(table)] = 1
        values.append(1)
        return "grown"

    table["x"] = Shown(grow)
    values.append(Shown(grow))
    assert RENDERER(table) == "{'x': grown}"
    assert RENDERER(values) == "[grown, 1]"  # the one that was added before


def test_a_repr_runs_once_for_each_look() -> None:
    looked: list[int] = []
    value = Shown(lambda: str(looked.append(1) or "shown"))
    assert RENDERER([value]) == "[shown]"
    assert looked == [1]


def test_no_value_or_its_type_is_kept() -> None:
    class Passing:
        def __repr__(self) -> str:
            raise ValueError

    value = Passing()
    gone = [weakref.ref(value), weakref.ref(Passing)]
    CUTTING([value] * 20)
    RENDERER(value)
    del value, Passing
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_at_the_end_of_the_stack_the_caller_is_told() -> None:
    def down(n: int) -> str:
        try:
            return down(n + 1)
        except RecursionError:
            return RENDERER([[1], {"a": 2}])

    # Either there was enough stack for the value, or the error went on to a caller that has more.
    assert down(0) == "[[1], {'a': 2}]"


# -- secrets


def test_the_values_of_secret_keys_are_withheld_at_any_depth() -> None:
    shown = RENDERER([{"login": {"password": "hunter2", "user": "ann"}}, ({"api-key": "hunter2"},)])
    assert shown == "[{'login': {'password': <redacted>, 'user': 'ann'}}, ({'api-key': <redacted>},)]"


def test_a_digest_says_nothing_of_a_secret() -> None:
    def table(password: str) -> dict[Any, Any]:
        return {**dict.fromkeys(range(20)), "password": password}

    assert CUTTING(table("one")) == CUTTING(table("two"))
    assert CUTTING([[[[table("one")]]]]) == CUTTING([[[[table("two")]]]])
    assert CUTTING(collections.OrderedDict(table("one"))) == CUTTING(collections.OrderedDict(table("two")))


def test_what_stands_beside_its_secret_name_is_withheld() -> None:
    assert RENDERER(("password", "hunter2")) == "('password', <redacted>)"
    assert RENDERER([("Authorization", "x"), ("n", 1)]) == "[('Authorization', <redacted>), ('n', 1)]"
    assert RENDERER(Shown(lambda: "Login(password='hunter2')")) == "Login(password=<redacted>)"


def test_no_part_of_a_secret_is_left_where_a_value_is_cut() -> None:
    renderer = Renderer(SHORT, Redactor(values=["s3cr3t-value"]))
    for before in range(30, 60):
        text = renderer("x" * before + "s3cr3t-value" + "y" * 300)
        assert "s3c" not in text
        assert "<redacted>" in text


def test_a_cut_value_with_a_secret_in_it_says_so() -> None:
    renderer = Renderer(SHORT, Redactor(values=["s3cr3t-value"]))
    one, other = [*range(20), "s3cr3t-value"], [*range(20), "another"]
    assert "<redacted>" in renderer(one)
    assert "<redacted>" not in renderer(other)
    assert "<redacted>" in renderer([[[[one]]]])


def test_what_a_function_with_a_secret_name_returns_is_withheld_if_it_is_text() -> None:
    assert RENDERER.returned("hunter2", "get_token") == "<redacted>"
    assert RENDERER.returned("hunter2", "get_user") == "'hunter2'"
    assert RENDERER.returned(None, "set_password") == "None"
    assert RENDERER.returned(True, "check_password") == "True"
