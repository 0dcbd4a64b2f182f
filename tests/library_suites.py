"""Other people's test suites, from their source distributions: how every test of one ends, prints and warns."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

RECORDED = ("--cwm-all", "--cwm-mode=none", "--cwm-report=out.json.gz")
_INSTALL = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
_OWN_PLUGINS = ("asyncio", "randomly", "cov", "xdist", "rerunfailures", "cacheprovider", "anyio", "timeout", "repeat")
_PLUGIN = """
import json, os, re
import pytest

ended = {}

def _plain(text):
    return re.sub(r"0x[0-9a-fA-F]+|[0-9.]+ ?m?s\\b|pytest-\\d+", "#", text)

def pytest_runtest_logreport(report):
    crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", "")
    said = [crash, *("\\n".join(part) for part in report.sections)]
    how = report.outcome + (" xfail" if hasattr(report, "wasxfail") else "")
    ended.setdefault(report.nodeid, []).append([report.when, how, _plain("\\n".join(said)), report.duration])

def pytest_warning_recorded(warning_message, when, nodeid):
    said = f"{warning_message.category.__name__}: {warning_message.message}"
    ended.setdefault(nodeid, []).append([when, "warning", _plain(said), 0.0])

def pytest_sessionfinish():
    with open(os.environ["CWM_ENDED"], "w") as file:
        json.dump(ended, file)
"""


@dataclass(frozen=True, slots=True)
class Library:
    """A release on PyPI, where its tests and its package lie in the source distribution, and what they need besides."""

    name: str
    version: str
    tests: tuple[str, ...]
    source: str = "."
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}"


LIBRARIES = {
    library.name: library
    for library in (
        Library("more-itertools", "11.2.1", ("tests",)),
        Library("toolz", "1.2.0", ("toolz/tests",)),
        Library("attrs", "26.1.0", ("tests",), "src", ("attrs==26.1.0", "hypothesis", "cloudpickle", "pympler")),
        Library("click", "8.5.1", ("tests",), "src", ("click==8.5.1",)),
        Library("jinja2", "3.1.6", ("tests",), "src", ("markupsafe", "trio")),
        Library(
            "networkx",
            "3.6.1",
            ("networkx/classes/tests", "networkx/algorithms/shortest_paths", "networkx/algorithms/flow"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a suite. `ended` maps a test's nodeid to what was reported of it, in order: phase, outcome, and what
    it said (its error, output and warnings, without addresses and durations). Times are seconds, `peak` is MiB.
    `frames` are those in the report, if one was written.
    """

    ended: Mapping[str, tuple[tuple[str, str, str], ...]]
    seconds: float
    in_tests: float
    peak: float
    frames: int = 0


def fetch(libraries: Iterable[Library], folder: Path) -> None:
    """Download and unpack what is not there yet (wheels carry no tests), with what the suites import."""
    for library in libraries:
        if not (folder / library.folder).exists():
            release = f"{library.name}=={library.version}"
            command = [*_INSTALL, "download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), release]
            subprocess.run(command, check=True)
            with tarfile.open(folder / f"{library.folder}.tar.gz") as archive:
                if hasattr(tarfile, "data_filter"):
                    archive.extractall(folder, filter="data")
                else:
                    archive.extractall(folder)
        needed = folder / f"{library.name}-needs-{sys.version_info[0]}.{sys.version_info[1]}"
        if library.needs and not needed.exists():
            subprocess.run([*_INSTALL, "install", "--target", str(needed), *library.needs], check=True)


def run(library: Library, folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> Run:
    """Run the suite of a fetched library in a process of its own, with the configuration it comes with."""
    project = folder / library.folder
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    needs = folder / f"{library.name}-needs-{python}"
    (folder / "cwm_ended_plugin.py").write_text(_PLUGIN)
    result = folder / f"{library.name}-{python}.json"
    report = project / "out.json.gz"
    for earlier in (result, report):
        earlier.unlink(missing_ok=True)
    paths = [str(project / library.source), str(folder), str(needs)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "cwm_ended_plugin", "--rootdir", str(project)]
    command += [part for name in _OWN_PLUGINS for part in ("-p", f"no:{name}")]
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [*command, *library.options, *options, *library.tests],
            cwd=project,
            env={
                **os.environ,
                **(environment or {}),
                "PYTHONHASHSEED": "0",
                "PYTHONPATH": os.pathsep.join(paths),
                "CWM_ENDED": str(result),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read()[-4000:]
    seconds = time.perf_counter() - began
    if code not in (0, 1) or not result.exists():
        raise RuntimeError(f"{library.name} ended with {code}:\n{said}")
    data = json.loads(result.read_text())
    ended = {nodeid: tuple((when, how, said) for when, how, said, _ in parts) for nodeid, parts in data.items()}
    in_tests = sum(taken for parts in data.values() for when, _, _, taken in parts if when == "call")
    return Run(ended, seconds, in_tests, used.ru_maxrss / 1024, _frames(report))


def _frames(report: Path) -> int:
    """How many frames a report holds, which has one test a line."""
    if not report.exists():
        return 0
    with gzip.open(report, "rt", encoding="ascii") as lines:
        tests = (json.loads(line.rstrip().rstrip(",")) for line in lines if line.startswith('{"nodeid"'))
        return sum(len(test["trace"]["frames"]) for test in tests if test["trace"] is not None)


def differences(plain: Run, recorded: Run) -> dict[str, tuple[str, str]]:
    """The tests that did not end alike, with how they ended without and with recording."""
    found = {}
    for nodeid in sorted({*plain.ended, *recorded.ended}):
        one, other = plain.ended.get(nodeid, ()), recorded.ended.get(nodeid, ())
        if one != other:
            found[nodeid] = _told(one), _told(other)
    return found


def _told(parts: tuple[tuple[str, str, str], ...]) -> str:
    return "; ".join(re.sub(r"\s+", " ", f"{when} {how} {said}")[:300] for when, how, said in parts) or "did not run"
