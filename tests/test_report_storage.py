"""Reports as files: size, disks that are full, and what is no report."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import call, line, trace, verified
from cwm_tracer.model import Trace
from pytest_cwm import spool
from pytest_cwm.cli import main
from pytest_cwm.report import reading
from pytest_cwm.report.document import VERSION, Report, ReportError, TestReport
from pytest_cwm.report.storage import read_report, write_report
from pytest_cwm.report.store import TestStore
from test_report_document import sample

TRUTH: Trace = trace(call("def f():"), *[line(f"    x = {n}", x=f"{n:0200}") for n in range(100)])


def _many(count: int) -> Iterator[TestReport]:
    return (TestReport.of(f"t.py::test_{n:04}", "passed", "m:f", TRUTH, verified(TRUTH)) for n in range(count))


def _peak(tests: int, path: Path) -> int:
    tracemalloc.start()
    try:
        write_report(Report.of(_many(tests)), path)
        for _ in read_report(path).tests:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY", 0)
    small, large = _peak(4, tmp_path / "small.json"), _peak(40, tmp_path / "large.json")
    grown = (tmp_path / "large.json").stat().st_size - (tmp_path / "small.json").stat().st_size
    assert large - small < grown / 10


def test_tests_come_back_from_disk_as_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = list(Report.of(_many(3)).tests)
    monkeypatch.setattr(spool, "_IN_MEMORY", 0)
    on_disk = Report.of(_many(3)).tests
    assert list(on_disk) == in_memory
    assert on_disk[-1] == in_memory[-1]
    assert on_disk[:2] == tuple(in_memory[:2])


def test_without_a_place_for_temporary_files_nothing_is_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert len(list(Report.of(_many(3)).tests)) == 3


def test_a_test_that_is_added_again_replaces_itself() -> None:
    tests = TestStore()
    tests.add(TestReport("b", "failed"))
    tests.add(TestReport("a", "passed"))
    tests.add(TestReport("b", "passed"))
    assert [(test.nodeid, test.outcome) for test in tests] == [("a", "passed"), ("b", "passed")]
    tests.discard("a")
    assert len(tests) == 1


FILL = """
import resource, sys
from pathlib import Path
sys.path[:0] = {path!r}
from test_report_storage import _many
from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.report.storage import write_report
report = Report.of(_many(20))
if {limit}:
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    write_report(report, Path({target!r}))
except ReportError as error:
    print(error)
"""


@pytest.fixture(params=["a small disk", "a limit"])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A folder in which no report fits, and the limit that makes it so."""
    pytest.importorskip("resource")
    if request.param == "a limit":
        yield tmp_path, 20_000
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount a disk")
    try:
        yield tmp_path, 0
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("name", ["report.json"])
def test_a_full_disk_leaves_the_old_report_and_nothing_else(full: tuple[Path, int], name: str) -> None:
    folder, limit = full
    (folder / name).write_text("old")
    program = FILL.format(path=sys.path, limit=limit, target=str(folder / name))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"can't write the report {folder / name}: ")
    assert "No space left" in done.stdout or "too large" in done.stdout
    assert (folder / name).read_text() == "old"
    assert os.listdir(folder) == [name]


VIEWS = """
import resource, sys
from pathlib import Path
sys.path[:0] = {path!r}
from test_report_storage import _many
from pytest_cwm.history import HistoryError, add, point_of
from pytest_cwm.report.document import Report
from pytest_cwm.report.outputs import write_outputs
from pytest_cwm.views import parse_output
report = Report.of(_many(20), notes=["x" * 30_000] * 9)
folder = Path({folder!r})
texts = [("html", "old"), ("markdown", "append:old"), ("coverage", "c.db"), ("sarif", "s" * 300)]
if {limit}:
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit} // 4, {limit} // 4))
for problem in write_outputs(report, [parse_output(view, text, folder) for view, text in texts], folder):
    print(problem)
try:
    add(folder / "h.db", point_of(report))
except HistoryError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_half_written_of_any_view(full: tuple[Path, int]) -> None:
    folder, limit = full
    if not limit:
        (folder / "fill").write_bytes(b"x" * 56 * 1024)
    (folder / "old").write_text("old")
    program = VIEWS.format(path=sys.path, limit=limit, folder=str(folder))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 5, done.stdout + done.stderr
    assert (folder / "old").read_text() == "old"
    assert set(os.listdir(folder)) <= {"old", "fill"}


def test_a_report_of_two_gigabytes_of_something_else_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(ReportError, match=r"report\.json: this is not JSON"):
        read_report(path)


def test_only_a_report_laid_out_otherwise_has_to_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 200_000)
    report = Report.of(_many(10))
    path = tmp_path / "report.json"
    write_report(report, path)
    assert path.stat().st_size > 200_000
    assert read_report(path) == report
    path.write_text(json.dumps(json.loads(report.to_json()), indent=1))
    with pytest.raises(ReportError, match="not laid out as pytest-cwm writes it"):
        read_report(path)


@pytest.mark.parametrize("name", ["report.json", "report.json.gz"])
def test_reading_tells_how_far_it_is(tmp_path: Path, name: str) -> None:
    write_report(Report.of(_many(30)), tmp_path / name)
    shares: list[float] = []
    read_report(tmp_path / name, shares.append)
    assert shares == sorted(shares)
    assert shares[0] <= 1
    assert shares[-1] == 1


@pytest.mark.parametrize("command", ["report", "compare"])
def test_a_report_that_takes_long_to_read_says_so_from_the_first_second_on(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    write_report(Report.of(_many(30)), path)
    arguments = [str(path)] * (2 if command == "compare" else 1)
    assert main([command, *arguments]) == 0
    quick = capsys.readouterr()
    assert quick.err == ""
    clock = itertools.count()
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    assert main([command, *arguments]) == 0
    slow = capsys.readouterr()
    assert slow.out == quick.out
    assert slow.err.startswith("cwm: reading report.json, ")
    assert "% of 1 MB\n" in slow.err


def test_the_layout_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    document = json.loads(sample().to_json())
    for text in (json.dumps(document), json.dumps(document, indent=2), json.dumps(document, ensure_ascii=False)):
        path.write_text(text, encoding="utf-8")
        assert read_report(path) == sample()


def test_a_test_that_is_there_twice_is_refused() -> None:
    document = json.loads(sample().to_json())
    document["tests"].append(document["tests"][0])
    with pytest.raises(ReportError, match=r"'a\.py::test_a' is in it twice"):
        Report.from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text[: len(text) // 2], "the report is truncated"),
        (lambda text: text.replace('"version": 1', f'"version": {VERSION + 1}'), "written by a newer pytest-cwm"),
        (lambda text: "Traceback (most recent call last):", "this is not JSON"),
        (lambda text: text.replace('"index": 2', '"index": 99'), "the report is damaged"),
    ],
)
def test_the_command_refuses_what_is_no_report_with_one_line_and_exit_code_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: object, says: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(change(sample().to_json()))  # type: ignore[operator]
    assert main(["report", str(path)]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"cwm: {path}: ")
    assert says in said.err
    assert said.err.count("\n") == 1
