"""A prediction's coverage data beside what coverage.py records of the same run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import CoverageData

from sample_suite import CONFTEST

MODULE = """
import contextlib
import functools

def logged(function):
    @functools.wraps(function)
    def inner(*values):
        return function(*values)
    return inner

@logged
@logged
def total(prices, limit=10):
    total = 0
    for price in prices:
        if price < 0:
            continue
        total += price
        while total > limit:
            total -= limit
    return total

def pairs(values):
    for value in values:
        yield value
        yield -value

def refuses(value):
    try:
        if value:
            raise KeyError(
                value
            )
    except KeyError:
        return None
    finally:
        value = 0
    return value

def passes_on(value):
    refuses(value)
    [][value]
"""
SUITE = """
import pytest
from shop import *

@pytest.mark.cwm_start
def test_all():
    assert total([6, -1, 12]) == 8
    assert list(pairs([6])) == [6, -6]
    assert refuses(1) is None and refuses(0) == 0
    try:
        passes_on(3)
    except IndexError:
        pass
    else:
        assert False
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite that ran once with each of the two."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop.py").write_text(MODULE)
    (folder / "test_shop.py").write_text(SUITE)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    plain = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_cwm.plugin")
    _run(folder, "coverage", "run", "--branch", "--source=.", "--data-file=.coverage", *plain)
    _run(folder, *plain[1:], "--cwm-trace", "--cwm-coverage=branch:.coverage.cwm")
    return folder


def _run(project: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _data(path: Path) -> CoverageData:
    data = CoverageData(basename=str(path))
    data.read()
    return data


def test_jumps_are_those_that_coverage_sees(project: Path) -> None:
    file = str(project / "shop.py")
    ours, theirs = (set(_data(project / name).arcs(file) or ()) for name in (".coverage.cwm", ".coverage"))
    # What ran before the test: the module, whose lines are not indented, and the decorator's own body.
    lines = MODULE.split("\n")
    before = {number for number, text in enumerate(lines, 1) if not text.startswith("    ")} | {-5, 6, 7, 9}
    assert ours - theirs == set()
    assert all(before & {*arc} for arc in theirs - ours)


def test_branch_data_says_which_jumps_the_model_gets_wrong(project: Path) -> None:
    data = _data(project / ".coverage.cwm")
    contexts = data.contexts_by_lineno(str(project / "shop.py"))
    assert data.has_arcs()
    assert contexts[14] == ["cwm:match"]  # total = 0
    assert "cwm:diverge" in contexts[15]  # for price in prices, where total is 6


def test_branch_data_combines_with_a_run_with_branches(project: Path) -> None:
    _run(project, "coverage", "combine", "--keep", "--data-file=.coverage.all", ".coverage", ".coverage.cwm")
    _run(project, "coverage", "html", "--data-file=.coverage.all", "--show-contexts", "-q")
    (page,) = (project / "htmlcov").glob("shop_py.html")
    assert "cwm:match" in page.read_text()
