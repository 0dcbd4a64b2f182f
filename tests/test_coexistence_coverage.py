"""What coverage measures in a recorded run is what it measures in an unrecorded one, whichever way it is run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

coverage = pytest.importorskip("coverage")
pytest.importorskip("pytest_cov")
pytest.importorskip("xdist")

PROGRAM = """
import asyncio
import contextlib
import functools
import subprocess
import sys
import threading


def area(kind, n):
    if kind == "square":
        return n * n
    elif kind == "row":
        return sum(x for x in range(n) if x % 2)
    return 0


def countdown(n):
    try:
        while n:
            sent = yield n
            n -= 2 if sent else 1
    finally:
        if n:
            n = -1


def delegating(n):
    rest = yield from countdown(n)
    return rest


def attempts(values):
    done = []
    for value in values:
        try:
            done.append(1 // value)
        except ZeroDivisionError as error:
            done.append(str(error))
            continue
        else:
            done.append(
                value
            )
        finally:
            if value == 9:
                return done
    return done


@contextlib.contextmanager
def quiet(*kinds):
    try:
        yield
    except kinds:
        pass


def logged(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)
    return inner


class Shape:
    sides = [n for n in range(3)]

    @property
    def names(self):
        return {str(side): [s for s in self.sides if s < side] for side in self.sides}

    @logged
    def fails(self, how):
        with quiet(KeyError):
            match how:
                case "key":
                    {}["missing"]
                case "index":
                    [][1]
        return how


async def ticks(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def gathered():
    async def total(n):
        return sum([i async for i in ticks(n)])
    return await asyncio.gather(total(2), total(3))


def in_threads(n):
    found = []
    def work(i):
        if i % 2:
            found.append(area("row", i))
        else:
            found.append(area("square", i))
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def deep(n):
    return deep(n + 1)


def in_a_child():
    return subprocess.run([sys.executable, "shapes.py"]).returncode


def main():
    if len(sys.argv) > 5:
        return 1
    return 7


if __name__ == "__main__":
    sys.exit(main())
"""
TESTS = """
import asyncio

import pytest

from shapes import *
from shapes import area, attempts, countdown, deep, delegating, gathered, in_a_child, in_threads


@pytest.fixture
def shape():
    shape = Shape()
    yield shape
    if shape.sides:
        shape.sides = []


@pytest.mark.parametrize("kind", ["square", "row"])
def test_area(kind):
    assert area(kind, 2) > 0


@pytest.mark.cwm_start(max_frames=12)
def test_generators():
    generator = countdown(5)
    assert next(generator) == 5
    assert generator.send(True) == 3
    generator.close()
    assert list(delegating(2)) == [2, 1]


@pytest.mark.cwm_start(entry="shapes:area")
def test_entry_is_not_called():
    assert attempts([1, 0, 9, 2])


@pytest.mark.cwm_start(entry="shapes:attempts")
def test_entry_within():
    assert area("square", 3)
    assert attempts([1, 0, 2])
    assert area("none", 3) == 0


def test_classes(shape):
    assert shape.names["2"] == [0, 1]
    assert shape.fails("key")
    with pytest.raises(IndexError):
        shape.fails("index")


def test_async():
    assert asyncio.run(gathered()) == [1, 3]


def test_threads():
    assert in_threads(3) == [0, 0, 4]


def test_stack():
    with pytest.raises(RecursionError):
        deep(0)
    after = 1
    assert after


def test_child():
    assert in_a_child() == 7


def test_fails():
    for i in range(2):
        assert i == 0


def test_after_all():
    if area("square", 1):
        assert True
"""
LAUNCHERS = ("pytest-cov", "pytest-cov-xdist", "coverage-run")
MATRIX = [
    (launcher, core, branch)
    for launcher in LAUNCHERS
    for core in ("ctrace", "pytrace", "sysmon")
    for branch in (False, True)
    # Coverage measures branches with `sys.monitoring` from 3.14 on, and `sys.monitoring` is there from 3.12 on.
    if core != "sysmon" or sys.version_info >= ((3, 14) if branch else (3, 12))
]
# What every run of the tests has time for: each launcher, core and kind of data at least once.
QUICK = {
    ("pytest-cov", "ctrace", True),
    ("coverage-run", "pytrace", True),
    ("pytest-cov-xdist", "sysmon" if sys.version_info >= (3, 12) else "ctrace", False),
}


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makepyfile(shapes=PROGRAM, test_shapes=TESTS)
    plugins = "-p no:cacheprovider -p pytest_cov.plugin -p pytest_cwm.plugin -p xdist.plugin"
    pytester.makeini(f"[pytest]\npythonpath = .\naddopts = {plugins}\n")
    for name in list(os.environ):
        if name.startswith("COV"):  # the measuring of this very run
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other plugins' imports take most of the time
    return pytester


@pytest.mark.parametrize(
    ("launcher", "core", "branch"), MATRIX if os.environ.get("CWM_COVERAGE_MATRIX") else sorted(QUICK)
)
def test_coverage_is_exact(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, launcher: str, core: str, branch: bool
) -> None:
    monkeypatch.setenv("COVERAGE_CORE", core)
    plain, outcomes = measured(suite, launcher, branch, "plain")
    recorded, same = measured(
        suite, launcher, branch, "recorded", "--cwm-all", "--cwm-report=r.json", "--cwm-mode=none"
    )
    assert outcomes == same == {"passed": 11, "failed": 1}
    assert recorded == plain
    assert len(plain["shapes.py"][0]) > 60
    assert bool(plain["shapes.py"][1]) == branch
    tests = json.loads((suite.path / "r.json").read_text())["tests"]
    endings = {test["nodeid"].split("::")[1]: test["trace"]["meta"]["ending"] for test in tests}
    assert endings.pop("test_generators") == "truncated"
    assert endings.pop("test_entry_is_not_called") == "never called"
    endings.pop("test_stack")  # where the stack is full there may be none left to record with
    assert set(endings.values()) == {"returned"}


def measured(
    suite: pytest.Pytester, launcher: str, branch: bool, name: str, *options: str
) -> tuple[dict[str, tuple[list[int], list[tuple[int, int]]]], dict[str, int]]:
    """The lines and arcs that were covered, by file, and how many tests ended how."""
    data_file = suite.path / f"{name}.data"
    (suite.path / ".coveragerc").write_text(
        f"[run]\nbranch = {branch}\ndata_file = {data_file}\npatch = subprocess\nparallel = true\nsource = .\n"
    )
    if launcher == "coverage-run":
        suite.run(sys.executable, "-m", "coverage", "erase")
        result = suite.run(sys.executable, "-m", "coverage", "run", "-m", "pytest", *options)
        suite.run(sys.executable, "-m", "coverage", "combine", "-q")
    else:
        workers = ["-n", "1"] if launcher.endswith("xdist") else []
        result = suite.runpytest_subprocess("--cov", "--cov-report=", *workers, *options)
    data = coverage.CoverageData(str(data_file))
    data.read()
    found = {
        Path(file).name: (sorted(data.lines(file) or ()), sorted(data.arcs(file) or ()))
        for file in data.measured_files()
    }
    return found, result.parseoutcomes()
