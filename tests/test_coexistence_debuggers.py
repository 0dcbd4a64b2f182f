"""Debuggers work in recorded tests as in others; where one takes over, the trace ends and says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

pexpect = pytest.importorskip("pexpect", reason="pexpect drives the terminal")

TESTS = """
import pdb
import pytest

pytestmark = pytest.mark.cwm_start

def total(n):
    result = 0
    for i in range(n):
        result += i
    return result

def test_before():
    assert total(2) == 1

def test_breakpoint():
    a = total(2)
    breakpoint()
    b = total(a)
    assert b == 0

def test_own_debugger():
    a = total(3)
    pdb.Pdb(nosigint=True).set_trace()
    assert a == 3

def test_fails():
    b = total(3)
    assert b == 4

def test_after():
    assert total(1) == 0
"""
DEBUGGER = "pdb.Pdb(nosigint=True).set_trace()"
PROMPT = r"\(Pdb\) "


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makepyfile(test_suite=TESTS)
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider -p pytest_cwm.plugin --cwm-mode=none\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("TERM", "dumb")
    return pytester


def traces(suite: pytest.Pytester) -> dict[str, tuple[str, str, list[str]]]:
    """Of each test: how its trace ended, the line of its last frame, and its notes."""
    found = {}
    for test in json.loads((suite.path / "out.json").read_text())["tests"]:
        trace = test["trace"]
        last = trace["lines"][trace["frames"][-1][1]][0].strip() if trace["frames"] else ""
        found[test["nodeid"].split("::")[1]] = trace["meta"]["ending"], last, test["notes"]
    return found


def drive(child: Any, *commands: str) -> str:
    """Give a debugger commands, each at its prompt, and say what it shows."""
    shown = ""
    for command in commands:
        child.expect(PROMPT)
        shown += child.before.decode()
        child.sendline(command)
    return shown


def test_the_trace_ends_where_pdb_takes_over(suite: pytest.Pytester) -> None:
    child = suite.spawn_pytest("--cwm-report=out.json -s --pdb", expect_timeout=60)
    assert "103" in drive(child, "next", "next", "p total(3) + 100", "step", "continue")
    assert "303" in drive(child, "p a + 300", "next", "continue")
    assert "403" in drive(child, "p b + 400", "continue")
    child.expect("1 failed, 4 passed")
    child.expect(pexpect.EOF)
    found = traces(suite)
    assert {name: (ending, last) for name, (ending, last, _) in found.items()} == {
        "test_before": ("returned", "assert total(2) == 1"),
        "test_breakpoint": ("displaced", "breakpoint()"),
        "test_own_debugger": ("displaced", DEBUGGER),
        "test_fails": ("returned", "assert b == 4"),
        "test_after": ("returned", "assert total(1) == 0"),
    }
    assert "a debugger took over; the trace ends there" in found["test_breakpoint"][2]
    assert any("the trace ends there" in note for note in found["test_own_debugger"][2])
    assert not found["test_fails"][2]


def test_a_test_that_is_debugged_from_its_start_is_not_recorded_and_says_so(suite: pytest.Pytester) -> None:
    child = suite.spawn_pytest("--cwm-report=out.json --trace -k 'before or after'", expect_timeout=60)
    for _ in range(2):
        assert "test_suite.py" in drive(child, "next", "continue")
    child.expect("a debugger took over; the trace ends there")
    child.expect("2 passed")
    child.expect(pexpect.EOF)
    assert [ending for ending, _, _ in traces(suite).values()] == ["displaced", "displaced"]


def test_leaving_the_debugger_ends_the_run(suite: pytest.Pytester) -> None:
    child = suite.spawn_pytest("--cwm-report=out.json -k breakpoint", expect_timeout=60)
    drive(child, "quit")
    child.expect("The run was interrupted")
    child.expect("Quitting debugger")
    child.expect(pexpect.EOF)
