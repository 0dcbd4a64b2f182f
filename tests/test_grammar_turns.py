"""Which element a loop or a comprehension takes next: in order, while it is shown, and none behind the last."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest

pytest.importorskip("sentencepiece")

from cwm_tracer import wire
from cwm_tracer.model import Event, Frame
from cwm_tracer.recorder import Recording
from cwm_tracer.wire import Segment
from guided import context_of, lets, ruled_out
from recorded import PYTHON, record

inlined = pytest.mark.skipif(PYTHON >= (3, 12), reason="comprehensions have no frames of their own")


def encoded(recording: Recording, count: int, last: Frame) -> tuple[list[Segment], list[Segment]]:
    """The first frames of a recording behind its context, and another frame behind them."""
    segments, cursor = list(wire.encode_context(context_of(recording).text)), wire.START
    for frame in recording.frames[:count]:
        segments += wire.encode_frame(frame, cursor)
        cursor = cursor.after(frame)
    return segments, wire.encode_frame(last, cursor)


def possible(recording: Recording, index: int, frame: Frame) -> bool:
    """Whether a frame can stand where a recording has the one with this index."""
    before, after = encoded(recording, index, frame)
    return lets(before, *after)


def held(recording: Recording, name: str, *others: str) -> list[tuple[str, list[str]]]:
    """What a variable held at each LINE or CALL that shows it, and which of some other values it could have held."""
    found = []
    for index, frame in enumerate(recording.frames):
        if frame.locals is not None and name in frame.locals:
            truth = frame.locals[name]
            assert possible(recording, index, frame)
            could = [o for o in others if o != truth and possible(recording, index, with_(frame, {name: o}))]
            found.append((truth, could))
    return found


def with_(frame: Frame, values: Mapping[str, str]) -> Frame:
    return replace(frame, locals={**(frame.locals or {}), **values})


def lines_after(recording: Recording, source: str, *candidates: str) -> list[list[str]]:
    """Of some lines those that could come where a recording goes on behind each line of this text."""
    frames, found = recording.frames, []
    numbers = {frame.source.strip(): frame for frame in frames if frame.event is Event.LINE}
    for index, frame in enumerate(frames[:-1]):
        if frame.event is Event.LINE and frame.source.strip() == source:
            truth = frames[index + 1]
            options = [replace(truth, source=numbers[candidate].source) for candidate in candidates]
            pairs = zip(candidates, options, strict=True)
            found.append([candidate for candidate, option in pairs if possible(recording, index + 1, option)])
    return found


LOOP = """
def main():
    found = None
    for x in ["a", "b", "a"]:
        found = x
    return found
"""


def test_a_loop_takes_one_element_after_the_other() -> None:
    recording = record(LOOP)
    first, *rest = held(recording, "x", "'a'", "'b'", "'c'")
    assert [truth for truth, _ in [first, *rest]] == ["'a'", "'a'", "'b'", "'b'", "'a'", "'a'", "'a'"]
    assert all(could == [] for _, could in [first, *rest])


def test_a_loop_runs_while_there_are_elements_and_ends_behind_the_last() -> None:
    after = lines_after(record(LOOP), 'for x in ["a", "b", "a"]:', "found = x", "return found")
    assert after[:3] == [["found = x"]] * 3
    assert "found = x" not in after[3]


def test_a_list_that_grows_while_it_is_gone_through_is_followed() -> None:
    recording = record(
        """
        def main():
            items = [1, 2]
            for x in items:
                if x < 2:
                    items.append(x + 2)
            return x
        """
    )
    assert [truth for truth, could in held(recording, "x", "7", "2", "3") if could == []][-3:] == ["3", "3", "3"]
    assert ruled_out(recording) == []


def test_a_slice_is_made_when_its_loop_is_entered() -> None:
    recording = record(
        """
        def main():
            items = [1, 2, 3]
            for x, y in zip(items, items[1:]):
                items.append(y)
                last = y
            return last
        """
    )
    shown = held(recording, "y", "1", "2", "3", "7")
    assert [*dict.fromkeys(truth for truth, _ in shown)] == ["2", "3"]
    assert all(could == [] for _, could in shown)
    assert ruled_out(recording) == []


def test_the_parts_of_an_element_go_to_their_names() -> None:
    recording = record(
        """
        def main():
            for key, value in [("a", 1), ("b", 2)]:
                pair = key
            return pair
        """
    )
    assert {could == [] for _, could in held(recording, "key", "'a'", "'b'", "1")} == {True}
    assert {could == [] for _, could in held(recording, "value", "1", "2", "'a'")} == {True}


@pytest.mark.parametrize(
    ("head", "turns"),
    [
        ("range(3)", ["0", "1", "2"]),
        ("range(n, 1, -2)", ["5", "3"]),
        ("range(1, len(text))", ["1", "2"]),
        ("range(n * 2 // 3 - len(items) + 1)", ["0", "1"]),
        ("range(n, n)", []),
    ],
)
def test_the_ends_of_a_range_are_worked_out_when_its_loop_is_entered(head: str, turns: list[str]) -> None:
    recording = record(
        f"""
        def main():
            n, text, items = 5, "abc", [1, 2]
            for i in {head}:
                items.append(n)
                n = len(items)
                found = i
            return n
        """
    )
    shown = [(truth, could) for truth, could in held(recording, "i", "0", "1", "2", "3", "4", "5", "6", "7")]
    assert [*dict.fromkeys(truth for truth, _ in shown)] == turns
    assert all(could == [] for _, could in shown)
    after = lines_after(recording, f"for i in {head}:", *(["items.append(n)"] if turns else []), "return n")
    assert after == [["items.append(n)"]] * len(turns) + [["return n"]]


def test_a_loop_in_a_loop_is_entered_anew() -> None:
    recording = record(
        """
        def main():
            total = 0
            for i in range(3):
                for j in range(i):
                    total += j
            return total
        """
    )
    assert all(could == [] for _, could in held(recording, "j", "0", "1", "2"))
    assert ruled_out(recording) == []
    after = lines_after(recording, "for j in range(i):", "for i in range(3):", "total += j")
    body, out = ["total += j"], ["for i in range(3):"]
    assert after == [out, body, out, body, body, out]


@pytest.mark.parametrize(
    ("head", "name", "turns"),
    [
        ("i, x in enumerate(items)", "i", ["0", "1"]),
        ("i, x in enumerate(items)", "x", ["'a'", "'b'"]),
        ("i, x in zip(items, (7, 8, 9))", "i", ["'a'", "'b'"]),
        ("i, x in zip(items, (7, 8, 9))", "x", ["7", "8"]),
        ("i, x in found.items()", "i", ["'k'", "'m'"]),
        ("i, x in found.items()", "x", ["3", "4"]),
        ("i in found.keys()", "i", ["'k'", "'m'"]),
        ("i in found.values()", "i", ["3", "4"]),
    ],
)
def test_what_goes_along_with_elements_that_are_shown_is_told(head: str, name: str, turns: list[str]) -> None:
    recording = record(
        f"""
        def main():
            items, found = ["a", "b"], {{"k": 3, "m": 4}}
            for {head}:
                last = i
            return last
        """
    )
    shown = held(recording, name, "0", "1", "'a'", "'b'", "7", "8", "3", "'k'")
    assert [*dict.fromkeys(truth for truth, _ in shown)] == turns
    assert all(could == [] for _, could in shown)
    assert lines_after(recording, f"for {head}:", "last = i", "return last") == [["last = i"]] * 2 + [["return last"]]


@pytest.mark.parametrize(
    ("function", "iterable"),
    [
        ("range(end):\n    return [5, 6]", "range(2)"),
        ("enumerate(given):\n    return [5, 6]", "enumerate([1, 2])"),
        ("len(given):\n    return 1", "range(len([1, 2]))"),
    ],
)
def test_a_builtins_name_that_means_something_else_tells_nothing(function: str, iterable: str) -> None:
    loop = f"    for i in {iterable}:\n        last = i\n    return last\n"
    recording = record(f"def {function}\n\ndef main():\n{loop}")
    assert ruled_out(recording) == []
    assert any(could for _, could in held(recording, "i", "9"))


@pytest.mark.parametrize(
    "iterable",
    ["reversed(items)", "range(3 ** 2)", "items[1:]", "(y for y in items)", "thing.items"],
)
def test_what_is_made_anew_or_not_shown_is_left_to_the_model(iterable: str) -> None:
    recording = record(
        f"""
        class Thing:
            items = [1, 2, 3]

        thing = Thing()

        def main():
            items = [1, 2, 3]
            for x in {iterable}:
                found = x
            return found
        """
    )
    assert any(could for _, could in held(recording, "x", "9"))


@inlined
def test_a_comprehension_takes_one_element_after_the_other_and_then_returns() -> None:
    recording = record("def main():\n    items = ('a', 'b')\n    return [x for x in items if x]\n")
    assert held(recording, "x", "'a'", "'b'", "9") == [("'a'", []), ("'b'", [])]
    frames = recording.frames
    ends = [index for index, frame in enumerate(frames) if frame.event is Event.RETURN]
    lines = [index for index, frame in enumerate(frames) if ".0" in (frame.locals or {}) and frame.event is Event.LINE]
    assert not any(possible(recording, index, frames[ends[0]]) for index in lines[1:])
    assert not possible(recording, ends[0], frames[lines[-1]])


@inlined
def test_a_comprehension_begins_with_what_it_goes_through_and_what_it_reads_from_outside() -> None:
    recording = record(
        "def main():\n    low, other = 1, 2\n    items = [1, 2]\n    return [x for x in items if x > low]\n"
    )
    index = next(i for i, frame in enumerate(recording.frames) if ".0" in (frame.locals or {}))
    call = recording.frames[index]
    assert possible(recording, index, call)
    assert not possible(recording, index, with_(call, {"low": "2"}))
    assert not possible(recording, index, with_(call, {"other": "2"}))
    assert not possible(recording, index, with_(call, {".0": "<tuple_iterator object>"}))
    assert not possible(recording, index, replace(call, locals={".0": "<list_iterator object>"}))


@inlined
@pytest.mark.parametrize(
    ("expression", "iterator", "elements"),
    [
        ("[i * i for i in range(1, n)]", "<range_iterator object>", ["1", "2"]),
        ("{i: x for i, x in enumerate(text)}", "<enumerate object>", ["0", "1", "2"]),
        ("[i for i, x in zip(range(n), text)]", "<zip object>", []),
        ("max(i for i in range(len(text)))", "<range_iterator object>", ["0", "1", "2"]),
    ],
)
def test_a_comprehension_counts_as_a_loop_does(expression: str, iterator: str, elements: list[str]) -> None:
    recording = record(f"def main():\n    n, text = 3, 'abc'\n    return {expression}\n")
    others = ("<range_iterator object>", "<enumerate object>", "<zip object>", "<list_iterator object>")
    assert held(recording, ".0", *others)[0] == (iterator, [])
    shown = held(recording, "i", "0", "1", "2", "3")
    known = [truth for truth, could in shown if could == []]
    assert [*dict.fromkeys(known)] == elements
    assert elements == [] or len(known) == len(shown)
    assert ruled_out(recording) == []


@inlined
@pytest.mark.parametrize(
    ("expression", "made", "wrong"),
    [
        ("[x for x in text]", "['a', 'b']", "['a']"),
        ("[row[0] for row in rows]", "[3, 5]", "[4, 6]"),
        ("[[n, i] for i in range(n)]", "[[2, 0], [2, 1]]", "[[2, 1], [2, 2]]"),
        ("{key: value for key, value in rows}", "{3: 4, 5: 6}", "{4: 3, 6: 5}"),
    ],
)
@pytest.mark.parametrize("statement", ["return {}", "made = {}", "made: object = {}"])
def test_what_a_comprehension_only_moves_is_what_it_makes_and_what_is_bound_to_it(
    statement: str, expression: str, made: str, wrong: str
) -> None:
    source = statement.format(expression)
    recording = record(f"def main():\n    n, text, rows = 2, 'ab', [(3, 4), (5, 6)]\n    {source}\n    return n\n")
    shown = 0
    for index, frame in enumerate(recording.frames):
        assert possible(recording, index, frame)
        if frame.argument == made:
            shown += 1
            assert not possible(recording, index, replace(frame, argument=wrong))
        if (frame.locals or {}).get("made") == made:
            shown += 1
            assert not possible(recording, index, with_(frame, {"made": wrong}))
    assert shown >= 2


@inlined
@pytest.mark.parametrize("expression", ["[x * 2 for x in rows]", "[x for x in rows if x]", "[x for x in set(rows)]"])
def test_what_a_comprehension_computes_is_bound_as_it_returned_it(expression: str) -> None:
    recording = record(f"def main():\n    rows = [1, 2]\n    made = {expression}\n    return rows\n")
    back = next(index for index, frame in enumerate(recording.frames) if frame.event is Event.RETURN)
    assert possible(recording, back, replace(recording.frames[back], argument="[9]"))
    assert not possible(recording, back + 1, with_(recording.frames[back + 1], {"made": "[9]"}))
    assert ruled_out(recording) == []


def test_a_statement_whose_line_comes_again_has_not_bound_what_its_comprehension_made() -> None:
    recording = record("def main():\n    made = 1\n    made = (\n        [x for x in 'ab']\n    )\n    return made\n")
    assert ruled_out(recording) == []


GENERATOR = "def main():\n    low, items = 1, [5, 6]\n    return sum(x for x in items if x > low)\n"


def test_a_generator_expression_goes_on_as_it_was_left() -> None:
    recording = record(GENERATOR)
    again = [i for i, f in enumerate(recording.frames) if f.event is Event.CALL and "x" in (f.locals or {})]
    assert [(recording.frames[index].locals or {})["x"] for index in again] == ["5", "6"]
    for index in again:
        call = recording.frames[index]
        assert possible(recording, index, call)
        assert not possible(recording, index, with_(call, {"x": "7"}))
        assert not possible(recording, index, with_(call, {"low": "7"}))


def test_a_generator_expression_hands_out_what_it_names_and_none_at_its_end() -> None:
    recording = record(GENERATOR)
    handed = [i for i, f in enumerate(recording.frames) if f.event is Event.RETURN and " for x in " in f.source]
    assert [recording.frames[index].argument for index in handed] == ["5", "6", "None", "11"]
    for index in handed[:3]:
        assert possible(recording, index, recording.frames[index])
        assert not possible(recording, index, replace(recording.frames[index], argument="7"))
    assert possible(recording, handed[3], replace(recording.frames[handed[3]], argument="7"))


@pytest.mark.parametrize(("condition", "filtered"), [("", False), (" if x > low", True)])
def test_a_generator_expression_without_a_filter_hands_out_each_element(condition: str, filtered: bool) -> None:
    recording = record(f"def main():\n    low, items = 1, [5, 6]\n    return sum(x for x in items{condition})\n")
    assert ruled_out(recording) == []
    frames = recording.frames
    inside = [i for i, f in enumerate(frames) if f.event is Event.RETURN and " for x in " in f.source][:2]
    for index in inside:
        taken = with_(frames[index - 1], {"x": str(recording.frames[index].argument)})
        assert possible(recording, index, taken) is filtered
        nothing = replace(frames[index], argument="None")
        assert not possible(recording, index - 1, nothing)  # its line comes first


TURNING = """
def again(items):
    count = 0
    while True:
        for x in items:
            count += 1
            break
        if count > 2:
            return x

def straight(items, n):
    while True:
        for x in items:
            n -= 1
            if n < 0:
                return x
            break

def nested(rows):
    total = 0
    for row in rows:
        for x in row:
            if x == 2:
                continue
            total += x
        else:
            total += 1
    return total

def silent(items):
    for x in items:
        pass
    for x in items:
        "nothing"
    for x in items: y = x
    return x

def caught(items):
    for x in items:
        try:
            if x == 2:
                raise KeyError(x)
        except KeyError:
            continue
        finally:
            y = x
    return y

def outside(items):
    for _ in range(2):
        try:
            for x in items:
                if x == 2:
                    raise KeyError(x)
        except KeyError:
            pass
    return x

def growing(items):
    for x in items:
        if len(items) < 5:
            items.insert(0, x)
    for x in items:
        items.pop()
    return items

def same(items):
    for x in items:
        y = x
    for x in items:
        y = x
    for (a, b) in {(1, 2): 3, (4, 5): 6}:
        y = a
    for a in "é'x":
        y = a
    return y

def uneven():
    for a, b in [(1, 2), (3,)]:
        y = a
    return y

def empty():
    for x in ():
        y = x
    for x in "":
        y = x
    return [z for z in []]

def resumed(items):
    for x in items:
        yield x
        y = x

def twice(items):
    return list(zip((x for x in items), (y for y in items)))

def made(items):
    return (x for x in items)

def both(items):
    return list(zip(made(items), made(items[1:])))

def stopped(items):
    found = any(x > 1 for x in items)
    return found, any(x > 1 for x in items)

def first_of(items):
    for _ in items:
        found = next(x for x in items)
    return found

def double(x):
    return x * 2

def calling(items):
    found = [double(x) for x in items]
    pairs = {x: double(x) for x in items}
    return max((double(x) for x in items), key=double), found, pairs, {double(x) for x in (1, 2)}

def given(numbers):
    total = 0
    for x in numbers:
        total += x
    return total + sum(numbers)

def quiet(items):
    def len(thing):
        items[:] = [5, 6]
        return 0
    return [x for x in items if len(items) > 9 or x < 9]

def sized(rows):
    return [row for row in rows if len(row) > 1], min(len(row) for row in rows)

def mutating(items):
    return [items.append(x) for x in items if len(items) < 6]

def before(items):
    return [items.pop(), [x for x in items], items.pop()]

def closing(items):
    def inner():
        return [x for x in items if x]
    items = [*items, 3]
    return inner() + [y for y in items] + [[x, y] for x in items for y in items]

def lambdas(items):
    return sorted(items, key=lambda v: [w for w in (v,)]), (lambda: [v for v in items])()

def long(items):
    return [
        x
        for x in items
        if x
    ]

def failing(items):
    try:
        return [1 / x for x in items]
    except ZeroDivisionError:
        return [x for x in items]

def displayed():
    return [x for x in ["a", "b"]], [x for x in [1, [2]]], sum(x for x in [1, 2])

def hiding(items):
    cookie = None
    for x in items:
        cookie = x
    return cookie

def hidden(items):
    password = "swordfish"
    return [(x, password) for x in items if password]

def deep(tree):
    return sum(deep(x) if isinstance(x, list) else x for x in tree)

class Table:
    rows = [1, 2]
    doubled = [x * 2 for x in rows]

    def __init__(self):
        self.rows = [__x for __x in [3, 4]]
        for self.row in self.rows:
            pass

def walrus(items):
    return [y := x for x in items], y

def main():
    again([1, 2, 3])
    straight([1, 2], 3)
    nested([[1, 2], [], [3]])
    silent([1, 2])
    caught([1, 2, 3])
    outside([1, 2, 3])
    growing([1, 2])
    same([1, 1])
    try:
        uneven()
    except ValueError:
        pass
    try:
        empty()
    except UnboundLocalError:
        pass
    list(resumed([1, 2]))
    twice([1, 2])
    both([1, 2, 3])
    stopped([1, 2, 3])
    first_of([1, 2])
    calling([1, 2])
    given(x for x in [1, 2])
    quiet([1])
    sized([[1], [2, 3]])
    mutating([1, 2])
    before([1, 2, 3])
    closing([1])
    lambdas([2, 1])
    long([1, 2])
    failing([1, 0])
    displayed()
    hiding(["a", "b"])
    hidden([1, 2])
    deep([1, [2, [3]]])
    Table()
    walrus([1, 2])
"""


def test_recordings_of_code_that_loops_lie_inside() -> None:
    recording = record(TURNING)
    assert sum(frame.event is Event.RETURN for frame in recording.frames) > 60
    assert ruled_out(recording) == []


def closed(recording: Recording) -> list[int]:
    """Where a generator expression is called once more to be closed."""
    frames = recording.frames
    pairs = enumerate(itertools.pairwise(frames))
    return [i for i, (frame, after) in pairs if frame.event is Event.CALL and after.event is Event.EXCEPTION]


STOPPING = [
    ("next(x for x in [5, 6])", 1),
    ("next((x for x in [5, 6]), 0)", 1),
    ("any(x for x in [0, 5, 6])", 1),
    ("all(x for x in [5, 0, 6])", 1),
    ("any(x for x in [0, ''])", 0),
    ("all(x for x in [5, 6])", 0),
    ("sum(x for x in [5, 6])", 0),
]


@pytest.mark.parametrize(("expression", "count"), STOPPING)
def test_a_generator_expression_of_which_no_more_is_taken_is_closed(expression: str, count: int) -> None:
    recording = record(f"def main():\n    return {expression}\n")
    assert ruled_out(recording) == []
    assert len(closed(recording)) == (count if PYTHON < (3, 13) else 0)  # from 3.13 on without running it once more
    frames = recording.frames
    line = next(frame for frame in frames if frame.event is Event.LINE and ".0" in (frame.locals or {}))
    for index in closed(recording):
        assert not possible(recording, index + 1, replace(line, locals=frames[index].locals))
        assert not possible(recording, index + 1, replace(line, event=Event.RETURN, locals=None, argument="None"))


TAKING = """\
def main(xs=[2, 1, 3]):
    odd = next((x for x in xs if x % 2), -1)
    even = next((x for x in xs if not x % 2), -1)
    return odd, even, OTHER
"""


@pytest.mark.parametrize(
    ("other", "known"),
    [
        ("sum(x for x in xs)", True),
        ("','.join(str(x) for x in xs)", True),
        ("max((x for x in xs), default=0)", True),
        ("[*(x for x in xs)]", False),
        ("map(str, (x for x in xs))", False),
        ("(x for x in xs)", False),
        ("zip(x for x in xs)", False),
        ("xs.join(x for x in xs) if not xs else 1", False),
    ],
)
def test_a_generator_expression_is_followed_where_no_other_is_kept(other: str, known: bool) -> None:
    recording = record(TAKING.replace("OTHER", other))
    assert ruled_out(recording) == []
    frames = recording.frames
    for index, frame in enumerate(frames):
        if "odd =" in frame.source and frame.event is Event.LINE and "x" in (frame.locals or {}):
            assert possible(recording, index, with_(frame, {"x": "3"})) is not known
            break
    else:
        pytest.fail("no element was taken")


SUSPENDED = """\
class Odd:
    def __init__(self, n):
        self.n = n
    def __lt__(self, other):
        return any(n < 3 for n in [self.n, other.n])
    def __hash__(self):
        return sum(n for n in [self.n])

def key(x):
    return sum(y for y in [x, 1])

def nested(rows):
    return any(sum(x for x in row) > 3 for row in rows)

def down(n):
    return n if n < 1 else max(down(n - k) for k in [1, 2])

def failing(xs):
    try:
        return min(x for x in xs)
    except TypeError:
        return [x for x in xs]

def main():
    best = max((x for x in [3, 1, 2]), key=key)
    odds = sorted(Odd(n) for n in [4, 2, 3]), set(Odd(n) for n in [1, 1])
    return best, len(odds), nested([[1, 2], [3, 4], [5]]), down(3), failing([1, "a", 2])
"""


def test_recordings_of_code_that_runs_while_a_generator_expression_waits_lie_inside() -> None:
    recording = record(SUSPENDED)
    assert sum(frame.event is Event.CALL for frame in recording.frames) > 40
    assert ruled_out(recording) == []


def test_a_function_that_only_has_the_name_of_a_builtin_may_take_more() -> None:
    recording = record("def next(xs):\n    return list(xs)\n\ndef main():\n    return next(x for x in [5, 6])\n")
    assert ruled_out(recording) == []
    assert closed(recording) == []
