"""State that isn't read again since nothing of the program can have run: what that must never hide."""

from __future__ import annotations

import pytest

from cwm_tracer.recorder.inert import _KNOWN, InertLines


def _choose(x, y, z, flag):
    if x is None:
        z = 1
    elif y is True:
        z = 2
    elif flag:
        z = 3
    elif x in y:
        z = 4
    elif x == y is z:
        z = 5
    try:
        z += 1
    finally:
        z += 2
    return z


@pytest.mark.skipif(not _KNOWN, reason="jumps are not known there")
def test_only_lines_that_run_nobodys_code_are_inert() -> None:
    code = _choose.__code__
    first = {}
    for start, _, line in code.co_lines():
        first.setdefault(line, start)
    inert = InertLines(code)
    told = {line - code.co_firstlineno for line, start in first.items() if line and inert.has(start)}
    assert told == {1, 3, 11}
