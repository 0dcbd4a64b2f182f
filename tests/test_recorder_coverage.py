"""Coverage is the same with and without recording."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import golden
from recorded import PYTHON, TRACED

pytestmark = pytest.mark.usefixtures("backend")


COVERED = """
import sys
from cwm_tracer.recorder import Entry, make_recorder
import coverage

core, recorded, backend = sys.argv[1:]
cov = coverage.Coverage(data_file=None, branch=True, include=["*/covered_program.py"])
cov.start()
import covered_program
recorder = make_recorder(
    Entry(covered_program.main.__code__), lambda name: name.endswith("covered_program.py"), backend=backend
)
if recorded == "yes":
    recorder.start()
try:
    covered_program.main()
except ZeroDivisionError:
    pass
frames = len(recorder.stop().frames) if recorded == "yes" else 0
covered_program.after()
cov.stop()
data = cov.get_data()
(file,) = data.measured_files()
print(sorted(data.lines(file)), sorted(data.arcs(file)))
print(frames, file=sys.stderr)
"""


COVERED_PROGRAM = (
    textwrap.dedent(TRACED)
    + """
def after():
    if len("a"):
        return 1
    return 2

def deep(n):
    return deep(n + 1)

def deep_in_c(n):
    return list(map(deep_in_c, [n]))

def library(x):
    import json
    return json.loads("[1]", object_hook=after)

inner = main

def main():
    inner()
    library(1)
    for recursive in (deep, deep_in_c):
        try:
            recursive(0)
        except RecursionError:
            x = 1
    after()
    return 1 / 0
"""
)


@pytest.mark.parametrize("core", ["ctrace", "pytrace", "sysmon"])
def test_coverage_is_the_same_with_and_without_recording(core: str, backend: str, tmp_path: Path) -> None:
    pytest.importorskip("coverage")
    if core == "sysmon" and PYTHON < (3, 12):
        pytest.skip("sys.monitoring is there from 3.12 on")
    (tmp_path / "covered_program.py").write_text(COVERED_PROGRAM)
    (tmp_path / "run.py").write_text(COVERED)
    tracer = Path(inspect.getfile(golden.wire)).parent.parent
    environment = {**os.environ, "COVERAGE_CORE": core, "PYTHONPATH": f"{tmp_path}{os.pathsep}{tracer}"}
    environment.pop("COVERAGE_PROCESS_START", None)

    def run(recorded: str) -> tuple[str, int]:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(tmp_path / "run.py"), core, recorded, backend],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, int(done.stderr.split()[-1])

    plain, _ = run("no")
    covered, frames = run("yes")
    assert frames > 50
    assert covered == plain
