"""What need not be computed: values that a line copies from its source, or from the frames before."""

from __future__ import annotations

import json
import textwrap

import pytest

pytest.importorskip("sentencepiece")

from cwm_tracer import wire
from cwm_tracer.model import Event
from cwm_tracer.wire import START_MARKER, Segment, Special
from guided import lets, ruled_out
from recorded import record

HELPER = "def helper(a, b=2, *, c=3):\n    return a\n\n"
SEEN = {"x": "1", "items": "[1, 'two', [3]]", "pair": "(4, 5)", "table": "{'k': 7}"}


def frame(event: Special, source: str, **values: str) -> list[Segment]:
    return [event, json.dumps(values), Special.ACTION, f"    {source}\n", Special.FRAME]


def after(source: str, *frames: list[Segment], text: str = HELPER) -> list[Segment]:
    """A trace that stands on the first line of a function, and some frames behind it."""
    body = textwrap.indent(source + "\nlast = 0\n", "    ")
    head = f"def main({', '.join(SEEN)}):"
    return [
        *wire.encode_context(f"{text}{head}  {START_MARKER}\n{body}"),
        *(Special.CALL, json.dumps(SEEN), Special.ACTION, f"{head}\n", Special.FRAME),
        *frame(Special.LINE, source.split("\n")[0], **dict.fromkeys(SEEN, "..")),
        *(segment for each in frames for segment in each),
    ]


def back(source: str, argument: str) -> list[Segment]:
    return [Special.RETURN, Special.ACTION, source, Special.ARGUMENT, json.dumps(argument), Special.FRAME]


CALLED = [*frame(Special.CALL, "", a="1", b="2", c="3")[:3], "def helper(a, b=2, *, c=3):\n", Special.FRAME]
RETURNED = back("def helper(a, b=2, *, c=3):\n", "1")


def holds(before: list[Segment], event: Special, value: str, **values: str) -> bool:
    """Whether the next frame can show `values`, and behind them the last of these with this value."""
    *earlier, last = values
    shown = json.dumps({**{name: values[name] for name in earlier}, last: value})
    return lets(before, event, shown[:-1])


UNCHANGED = dict.fromkeys(SEEN, "..")


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("y = 17", "17", "1"),
        ("y = -1.5", "-1.5", "1.5"),
        ("y = 'it'", "'it'", "'if'"),
        ("y = True", "True", "1"),
        ("y = None", "None", "0"),
        ("y = x", "1", "2"),
        ("y = items", "[1, 'two', [3]]", "[1, 'two']"),
        ("y = []", "[]", "[0]"),
        ("y = [x, (2,)]", "[1, (2,)]", "[1, 2]"),
        ("y = {'a': x}", "{'a': 1}", "{'a': 2}"),
        ("y = items[x]", "'two'", "1"),
        ("y = items[-1][0]", "3", "[3]"),
        ("y = items[1:]", "['two', [3]]", "['two']"),
        ("y = table['k']", "7", "'k'"),
        ("y: int = 3", "3", "int"),
        ("z = 1; y = z", "1", "0"),
        ("y = list()", "[]", "[0]"),
        ("y = dict()", "{}", "set()"),
        ("y = list(pair)", "[4, 5]", "[5, 4]"),
        ("y = tuple(items)", "(1, 'two', [3])", "(1, 'two')"),
        ("y = tuple(list(pair))", "(4, 5)", "[4, 5]"),
        ("y = list('two')", "['t', 'w', 'o']", "['two']"),
        ("y = list(table)", "['k']", "[7]"),
        ("y = list(items[1:])", "['two', [3]]", "[[3], 'two']"),
        ("y = dict(table)", "{'k': 7}", "{}"),
        ("y = items.copy()", "[1, 'two', [3]]", "[3]"),
        ("y = table.copy()", "{'k': 7}", "['k']"),
    ],
)
def test_what_a_line_copies_is_what_its_name_holds_then(source: str, right: str, wrong: str) -> None:
    extra = {"z": "1"} if source.startswith("z") else {}
    assert holds(after(source), Special.LINE, right, **UNCHANGED, **extra, y="")
    assert not holds(after(source), Special.LINE, wrong, **UNCHANGED, **extra, y="")


@pytest.mark.parametrize(
    "source",
    [
        "y = x + 1",
        "y = len(items)",
        "y = f'{x}'",
        "y = x > 2",
        "y = {3, 1}",
        "y = items[9]",
        "y = GLOBAL",
        "y = x or 2",
        "y = list(x)",
        "y = list(map(str, pair))",
        "y = tuple(sorted(pair))",
        "y = list(*pair)",
        "y = dict(table, a=1)",
        "y = set(pair)",
        "y = dict(pair)",
        "y = pair.copy()",
    ],
)
def test_what_has_to_be_computed_is_left_to_the_model(source: str) -> None:
    assert holds(after(source), Special.LINE, "anything", **UNCHANGED, y="")


def test_a_name_that_may_tell_a_secret_can_hold_what_hides_it() -> None:
    hidden = after("y = 'swordfish'", text="def login(password):\n    return password\n\n")
    assert holds(hidden, Special.LINE, "<redacted>", **UNCHANGED, y="")
    assert not holds(after("y = 'swordfish'"), Special.LINE, "<redacted>", **UNCHANGED, y="")


def test_what_a_function_with_a_secrets_name_has_returned_is_known_under_other_names_only_to_its_caller() -> None:
    recording = record(
        """
        def order_tokens(xs):
            return ' '.join(sorted(xs))

        def main():
            y = order_tokens(['b', 'longer', 'a'])
            return order_tokens([y])
        """
    )
    assert "<redacted>" in [frame.argument for frame in recording.frames]
    assert ruled_out(recording) == []


def test_a_name_that_is_bound_to_what_it_holds_has_not_changed() -> None:
    assert lets(after("x = 1"), Special.LINE, '{"x": ".."')
    assert not lets(after("x = 1"), Special.LINE, '{"x": "1"')
    assert lets(after("x = 2"), Special.LINE, '{"x": "2"')
    assert not lets(after("x = 2"), Special.LINE, '{"x": ".."')


def test_all_that_a_line_copies_is_there_then() -> None:
    assert not lets(after("y = 1; z = x"), Special.LINE, json.dumps({**UNCHANGED, "y": "1"}))
    assert lets(after("y = 1; z = x"), Special.LINE, json.dumps({**UNCHANGED, "y": "1", "z": "1"}))


def test_names_change_places_at_once() -> None:
    swapped = '{"x": "(4, 5)", "items": "..", "pair": "1"'
    assert lets(after("x, pair = pair, x"), Special.LINE, swapped)
    assert not lets(after("x, pair = pair, x"), Special.LINE, swapped.replace('"1"', '"(4, 5)"'))
    assert holds(after("y, z = pair"), Special.LINE, "5", **UNCHANGED, y="4", z="")
    assert not holds(after("y, z = pair"), Special.LINE, "4", **UNCHANGED, y="4", z="")


@pytest.mark.parametrize(
    ("source", "name", "right", "wrong"),
    [
        ("items[0] = 7", "items", "[7, 'two', [3]]", "[1, 7, [3]]"),
        ("items[-1] = pair[1]", "items", "[1, 'two', 5]", "[1, 'two', [5]]"),
        ("table['k'] = x", "table", "{'k': 1}", "{'k': 7}"),
        ("table[x] = 'one'", "table", "{'k': 7, 1: 'one'}", "{1: 'one', 'k': 7}"),
        ("items[0], items[1] = items[1], items[0]", "items", "['two', 1, [3]]", "['two', 'two', [3]]"),
        ("x, items[x] = 0, None", "items", "[None, 'two', [3]]", "[1, None, [3]]"),
        ("items[0] = pair", "items", "[(4, 5), 'two', [3]]", "[4, 'two', [3]]"),
        ("items.append(x)", "items", "[1, 'two', [3], 1]", "[1, 'two', [3]]"),
        ("items.insert(x, 'new')", "items", "[1, 'new', 'two', [3]]", "[1, 'two', [3], 'new']"),
        ("items.extend(pair)", "items", "[1, 'two', [3], 4, 5]", "[1, 'two', [3], (4, 5)]"),
        ("items.reverse()", "items", "[[3], 'two', 1]", "[1, 'two', [3]]"),
        ("items.clear()", "items", "[]", "[1]"),
        ("items.pop()", "items", "[1, 'two']", "['two', [3]]"),
        ("items.append((x, pair))", "items", "[1, 'two', [3], (1, (4, 5))]", "[1, 'two', [3], 1]"),
    ],
)
def test_what_takes_the_place_of_an_element_stands_there_then(source: str, name: str, right: str, wrong: str) -> None:
    changed = {"x": "0"} if source.startswith("x") else {}
    values = {**UNCHANGED, **changed, name: ""}
    ordered = {each: values[each] for each in list(SEEN)[: list(SEEN).index(name)]} | {name: ""}
    assert holds(after(source), Special.LINE, right, **ordered)
    assert not holds(after(source), Special.LINE, wrong, **ordered)


@pytest.mark.parametrize(
    "source",
    [
        *("items[9] = 7", "items[0] = x + 1", "items[0] = items", "items[x + 1] = 0", "pair[0] = 1"),
        *(
            "items.append(x + 1)",
            "items.append(items)",
            "items.append(*pair)",
            "items.extend(table.values())",
            "items.extend([items])",
            "items.insert(0, items)",
            "items.pop(x + 1)",
            "items.pop(7)",
            "items = items.pop()",
            "items.sort()",
            "table.pop('k')",
            "items[2].append(1)",
        ),
    ],
)
def test_an_element_that_is_computed_or_has_no_place_is_left_to_the_model(source: str) -> None:
    assert holds(after(source), Special.LINE, "[8, 8, 8]", x="..", items="")


def test_what_is_taken_out_of_a_list_is_held_by_its_name() -> None:
    left = {"x": "..", "items": "[1, [3]]", "pair": "..", "table": ".."}
    before = after("y = items.pop(x)")
    assert holds(before, Special.LINE, "'two'", **left, y="")
    assert not holds(before, Special.LINE, "[3]", **left, y="")
    assert not holds(before, Special.LINE, "[1, 'two']", x="..", items="")
    assert holds(after("y = items.pop(9)"), Special.LINE, "[3]", **UNCHANGED, y="")


def test_what_a_call_may_change_is_not_known_behind_it() -> None:
    assert lets(after("y = items.sort(); return items"), *back("    y = items.sort(); return items\n", "[]"))
    assert lets(after("y = other.copy(); return items"), *back("    y = other.copy(); return items\n", "[]"))
    assert not lets(after("y = items.copy(); return y"), *back("    y = items.copy(); return y\n", "[]"))
    assert not lets(after("y = 1; return items"), *back("    y = 1; return items\n", "[]"))


def test_what_takes_the_place_of_an_element_may_change_anything() -> None:
    assert holds(after("x[0] = y = 5"), Special.LINE, "6", **{**UNCHANGED, "items": "[5]"}, y="")


def test_lists_of_a_class_of_their_own_are_not_taken_apart() -> None:
    text = "class Reversed(list):\n    def __getitem__(self, place):\n        return 0\n\n"
    assert holds(after("y = items[0]", text=text), Special.LINE, "0", **UNCHANGED, y="")
    assert holds(after("for y in items:\n    pass", text=text), Special.LINE, "0", **UNCHANGED, y="")
    assert not holds(after("y = x", text=text), Special.LINE, "0", **UNCHANGED, y="")


def test_what_is_called_like_a_builtin_copies_nothing() -> None:
    assert holds(after("y = list(pair)", text="list = str\n"), Special.LINE, "0", **UNCHANGED, y="")
    assert holds(after("y = list(pair)", text="from somewhere import *\n"), Special.LINE, "0", **UNCHANGED, y="")
    text = "class Table(dict):\n    def copy(self):\n        return 0\n\n"
    assert holds(after("y = table.copy()", text=text), Special.LINE, "0", **UNCHANGED, y="")


def test_a_loop_goes_through_what_is_shown() -> None:
    loop = "for y in items:\n    pass"
    for element in ("1", "'two'", "[3]"):
        assert holds(after(loop), Special.LINE, element, **UNCHANGED, y="")
    assert not holds(after(loop), Special.LINE, "3", **UNCHANGED, y="")
    assert lets(after("for x in pair:\n    pass"), Special.LINE, '{"x": ".."')
    rebound = "for y in items:\n    items = 1"
    assert holds(after(rebound), Special.LINE, "3", **UNCHANGED, y="")


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("return x", "1", "2"),
        ("return", "None", "0"),
        ("return items, 'x'", "([1, 'two', [3]], 'x')", "([1, 'two'], 'x')"),
        ("return items[1]", "'two'", "'one'"),
        ("y = 1; return y", "1", "2"),
    ],
)
def test_a_function_returns_what_its_return_names(source: str, right: str, wrong: str) -> None:
    before = after(source)
    assert lets(before, *back(f"    {source}\n", right))
    assert not lets(before, *back(f"    {source}\n", wrong))


def test_a_function_that_is_left_at_its_end_returns_none() -> None:
    before = [*after("x = 2"), *frame(Special.LINE, "last = 0", **{**UNCHANGED, "x": "2"})]
    assert lets(before, *back("    last = 0\n", "None"))
    assert not lets(before, *back("    last = 0\n", "0"))


def test_what_is_returned_through_a_finally_or_from_a_generator_is_not_told_by_the_last_line() -> None:
    late = "try:\n    return x\nfinally:\n    y = 2"
    before = [
        *after(late),
        *frame(Special.LINE, "    return x", **UNCHANGED),
        *frame(Special.LINE, "    y = 2", **UNCHANGED),
    ]
    assert lets(before, *back("        y = 2\n", "1"))
    assert lets(after("yield x"), *back("    yield x\n", "1"))


def test_what_a_call_has_returned_is_bound_or_returned_again() -> None:
    before = after("y = helper(x)", CALLED, RETURNED)
    assert holds(before, Special.LINE, "1", **SEEN, y="")
    assert not holds(before, Special.LINE, "2", **SEEN, y="")
    before = after("return helper(x)", CALLED, RETURNED)
    assert lets(before, *back("    return helper(x)\n", "1"))
    assert not lets(before, *back("    return helper(x)\n", "2"))
    assert holds(after("y = helper(x) + 1", CALLED, RETURNED), Special.LINE, "2", **SEEN, y="")


@pytest.mark.parametrize(
    ("call", "right"),
    [
        ("helper(x)", {"a": "1", "b": "2", "c": "3"}),
        ("helper('s', c=pair, b=items[0])", {"a": "'s'", "b": "1", "c": "(4, 5)"}),
        ("helper([x, x])", {"a": "[1, 1]", "b": "2", "c": "3"}),
    ],
)
def test_a_call_passes_what_its_arguments_and_defaults_name(call: str, right: dict[str, str]) -> None:
    for source in (f"y = {call}", f"return {call}", f"y = 1 + {call}", f"if {call}:\n    pass"):
        assert lets(after(source), Special.CALL, json.dumps(right))
        for name in right:
            assert not lets(after(source), Special.CALL, json.dumps({**right, name: "9"}))


def test_what_is_spread_out_leaves_the_arguments_before_it_known() -> None:
    before = after("y = helper(x, **pair)")
    assert lets(before, Special.CALL, json.dumps({"a": "1", "b": "9", "c": "9"}))
    assert not lets(before, Special.CALL, json.dumps({"a": "2"}))


DEFAULTS = f"""
MISSING = "__missing__"
LATER = 1
LATER = 2
EMPTY = []
def pick(x, default=MISSING, kind=dict, *, key=len, low=-1, pair=(1, "a"), later=LATER, empty=EMPTY, made=set()):
    return x

def main(x):  {START_MARKER}
    pick(x)
    return 0
"""


def test_a_default_that_a_name_or_a_tuple_stands_for_is_what_it_was_when_the_function_was_made() -> None:
    before: list[Segment] = [
        *wire.encode_context(DEFAULTS),
        *(Special.CALL, '{"x": "1"}', Special.ACTION, "def main(x):\n", Special.FRAME),
        *(Special.LINE, '{"x": ".."}', Special.ACTION, "    pick(x)\n", Special.FRAME),
    ]
    sure = {"default": "'__missing__'", "kind": "<class 'dict'>", "key": "<built-in function len>", "low": "-1"}
    shown = {"x": "1", **sure, "pair": "(1, 'a')", "later": "7", "empty": "[3]", "made": "{9}"}
    assert lets(before, Special.CALL, json.dumps(shown), Special.ACTION)
    for name in (*sure, "pair"):
        assert not lets(before, Special.CALL, json.dumps({**shown, name: "7"}), Special.ACTION)
    hidden = DEFAULTS.replace("def main(x)", "def dict():\n    pass\ndef main(x)")
    before[2] = hidden
    assert lets(before, Special.CALL, json.dumps({**shown, "kind": "<function dict>"}), Special.ACTION)


def test_what_is_passed_to_parameters_that_an_inner_function_uses_is_known_as_well() -> None:
    text = DEFAULTS[: DEFAULTS.index("def pick")] + (
        "def pick(x, low=-1):\n    def inside():\n        return x, low\n    return inside\n\n"
    )
    before: list[Segment] = [
        *wire.encode_context(text + DEFAULTS[DEFAULTS.index("def main") :]),
        *(Special.CALL, '{"x": "1"}', Special.ACTION, "def main(x):\n", Special.FRAME),
        *(Special.LINE, '{"x": ".."}', Special.ACTION, "    pick(x)\n", Special.FRAME),
    ]
    for shown in ({"x": "1", "low": "-1"}, {"low": "-1", "x": "1"}):  # Python 3.10 sorts them
        assert lets(before, Special.CALL, json.dumps(shown), Special.ACTION)
        for name in shown:
            assert not lets(before, Special.CALL, json.dumps({**shown, name: "7"}), Special.ACTION)


@pytest.mark.parametrize(
    "call", ["helper(x + 1)", "helper(*pair)", "helper(items, items.pop())", "helper(items, helper(x))"]
)
def test_an_argument_that_is_computed_or_may_change_meanwhile_is_left_to_the_model(call: str) -> None:
    assert lets(after(f"y = {call}"), Special.CALL, '{"a": "[]"')


MOVING = """
import contextlib

def swap(a, b, *rest, key=None, **more):
    a, b = b, a
    (c, d), e = (a, b), [a, b]
    return e, key

def late(x):
    try:
        return x
    finally:
        x = 0

def managed(x):
    with contextlib.suppress(KeyError):
        return x
    return None

def nothing(x):
    if x:
        x = None

def failing(x):
    x = {}["missing"]
    return x

def loops(items):
    found = []
    for item in items:
        for part in [item, 1, 1]:
            found = [*found, part]
            if part:
                items = items
    for letter in "aab":
        last = letter
    for key in {"a": 1, "b": 2}:
        items.append(key)
        break
    for item in items:
        if len(items) < 9:
            items.append(item)
    return last

count = 0

def outside():
    global count
    count = 5
    x = count
    return x

def several(x, y):
    x = x + 1; y = x
    y = len("abc"); z = y; z = z
    a = late(1); b = late(2)
    c, d = late(3), late(4)
    e = f = late(5)
    x = late(x); return x

def abandoning(items):
    def first():
        numbers = (item for item in items)
        return next(numbers)
    return first()

def abandoned(items):
    numbers = (item for item in items)
    return next(numbers)

def passing(items):
    return abandoned(items)

def rebinding(items):
    def change():
        nonlocal items
        items = ["other"]
    for item in items:
        change()
    return item

class Private:
    def method(self, items):
        __a = 1; __b = __a
        for __i in items:
            __b = __i
        return __b

def dunder(items):
    __i = 0; __b = __i
    for __i in items:
        __b = __i
    return __b

def changing(x=1):
    def inner():
        nonlocal x
        x = 5
        return 2
    y = inner()
    z = x
    return z

def storing(items):
    alias, table, rows = items, {}, [[0] * 2] * 2
    holder = [items, 1]
    items[0] = 5
    items[0], items[1] = items[1], items[0]
    i = items[i := 1] = 3 ; alias[0] = 9
    items[-1:] = []
    copied = list(items) ; twice = tuple(list(copied)) ; copied.append(1) ; items = copied.copy() ; other = dict(table)
    for item in list(items):
        items.append(item) ; last = list(items) ; none = list()
    for place, item in enumerate(tuple(items)):
        items = list(items[1:])
    table["k"] = 1 ; table["l"] = table["k"] ; table["k"] = None
    table[1] = 0 ; table[True] = 7
    rows[0][1] = 4
    rows[0] = rows
    try:
        items[9] = 1
    except IndexError:
        holder[1] = 2.5
    return items, alias, table, holder

def stacking(items):
    items.append(1); items.extend("ab"); items.insert(0, None); alias = items
    last = items.pop()
    first = items.pop(0); last = first
    alias.reverse() ; items = alias
    for item in items:
        if len(items) > 1:
            last = items.pop()
    alias.extend(items); alias.clear()
    rows = [items, items]; rows.pop() ; items.append(rows)
    return alias, first, last, items

class Stack:
    def pop(self, *places):
        return self
    def append(self, value):
        self.kept = value

def own(stack):
    stack.append(1)
    last = stack.pop()
    y = [3, 1]; z = y.sort(); return y

def main():
    storing([1, 2])
    stacking([3, 4])
    own(Stack())
    text = 'é "quoted" \\n' ; password = "swordfish"
    first, second = swap(1, [2], 3, key="k")
    pair = swap(first, second)
    low = late(1) ; low = late(low)
    kept = managed(pair)
    none = nothing(True)
    try:
        failing(1)
    except KeyError as error:
        none = str(error)
    big = 1e22 ; small = -0.0 ; many = [0.1, True, None, b"x", (1,), {1: "one"}]
    loops(many)
    value = changing()
    several(3, 1)
    rebinding(["a", "b"])
    abandoning(["a", "b"])
    passing(["a", "b"])
    Private().method([3, 4])
    dunder([3, 4])
    outside()
    many[0] = value = 7
    return [text, many[1:3], {"k": low}, kept]
"""


def test_recordings_of_code_that_moves_values_lie_inside() -> None:
    recording = record(MOVING)
    assert sum(frame.event is Event.RETURN for frame in recording.frames) > 25
    assert ruled_out(recording) == []
