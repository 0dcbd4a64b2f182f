"""Lists that hold one another, which are as large as they like on the way down, and long lists, told by their items."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import recorded
from recorded import Program, states
from test_recorder_reference import assert_equal_to_naive

pytestmark = pytest.mark.usefixtures("backend")

ORDERED_SET = """
def main():
    end = []
    end += [None, end, end]
    for key in "abcdefgh":
        last = end[1]
        last[2] = end[1] = [key, last, end]
    shown, node = [], end[2]
    while node is not end:
        shown.append(node[0])
        node = node[2]
    return shown
"""
DOUBLED = """
def main():
    both = []
    for _ in range(60):
        both = [both, both]
    return 60
"""
GRAPH = """
def main():
    nodes = [[] for _ in range(30)]
    for node in nodes:
        node += nodes
    first = nodes[0]
    return len(first)
"""
PARENTS = """
def main():
    root = {"name": "root", "parent": None, "below": []}
    for name in "abcdefgh":
        child = {"name": name, "parent": root, "below": []}
        root["below"].append(child)
    return len(root["below"])
"""
RECORD = """
import sys
import recorded

recorded.backend = {backend!r}
recording = recorded.Program(sys.stdin.read()).record(max_frames={frames})
print(len(recording.frames), recording.frames[-1].argument)
"""


@pytest.mark.parametrize(
    ("program", "frames", "said"),
    [
        (ORDERED_SET, 100, "['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']"),
        (DOUBLED, 200, "60"),
        (GRAPH, 80, None),
        (PARENTS, 60, "8"),
    ],
    ids=["a linked list", "the same twice at each level", "a graph", "a tree that knows its parents"],
)
def test_lists_that_hold_one_another_do_not_hold_up_a_program(program: str, frames: int, said: str | None) -> None:
    # In another process: where time doubles with each level nothing ends it but to kill it.
    source = RECORD.format(backend=recorded.backend, frames=frames)
    command = [sys.executable, "-c", source]
    done = subprocess.run(
        command,
        input=textwrap.dedent(program),
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        timeout=90,
        check=True,
        text=True,
    )
    count, _, last = done.stdout.strip().partition(" ")
    assert 20 < int(count) <= frames
    assert said is None or last == said


def test_a_list_that_holds_itself_is_shown_as_it_is() -> None:
    recording = Program(ORDERED_SET).record()
    assert states(recording, "last = end[1]")[:2] == [
        {"end": "[None, [...], [...]]", "key": "'a'"},
        {
            "end": "[None, ['a', [...], [...]], ['a', [...], [...]]]",
            "key": "'b'",
            "last": "[None, ['a', [...], [...]], ['a', [...], [...]]]",
        },
    ]


@pytest.mark.parametrize(
    "change",
    [
        *(
            "values[3] = True",
            "values[3] = 1.0",
            "values[3] = '1'",
            "values[3] = values[3] + 0",
            "values[3] = [values[4]]",
        ),
        *("values.append(7)", "values.pop()", "del values[2:]", "values.clear()", "values.sort()", "values += [7, 8]"),
        *("values[0], values[1] = values[1], values[0]", "values = values[:]", "values = [5] * len(values)"),
        *("values = tuple(values)", "values[3] = None; values[3] = 3", "values[3] = {}; values[3][1] = 2"),
    ],
)
@pytest.mark.parametrize("length", [5, 16, 17, 63, 64, 150])
def test_what_changes_in_a_list_is_seen(length: int, change: str) -> None:
    assert_equal_to_naive(f"""
        def main():
            values = [9 - n for n in range({length})]
            values[3] = 1
            again = 0
            {change}
            again = 1
            {change}
            return len(values)
    """)


def test_a_list_in_a_list_is_seen_to_change() -> None:
    assert_equal_to_naive("""
        def main():
            rows = [[n, -n] for n in range(40)]
            row = rows[3]
            row[0] = "x"
            rows[4].append(rows[3])
            rows[3] = None
            flat = list(range(1000, 1040))
            flat[5] = rows[5]
            rows[5].pop()
            flat[5] = 1005
            return 0
    """)
