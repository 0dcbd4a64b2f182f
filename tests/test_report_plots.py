"""Plots: in the HTML page without a library, as pictures on request."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from builders import call, line, placed, verified
from cwm_tracer.compare import Rate
from html_report import EVIL, html
from pytest_cwm.cli import main
from pytest_cwm.history import Point, add
from pytest_cwm.report.accuracy import pasts_of
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.storage import write_report
from sample_suite import CONFTEST, SUITE


def _report(**fields: object) -> Report:
    frames = [call("def f():", x=0), *[line("    x += 1", x=number) for number in range(40)]]
    truth = placed("def f():\n    x += 1\n", frames)
    wrong = verified(truth, {number: line("    x += 1", x=-1) for number in range(20, 40)})
    tests = [TestReport.of(f"t.py::test_{name}", "passed", "m:f", truth, wrong) for name in "ab"]
    return replace(Report.of(tests), **fields)  # type: ignore[arg-type]


def _past(*values: object, model: str = "m") -> list[object]:
    return [
        [f"2026-01-0{day}T10:00:00", "0123456789ab", model, {"tf.frame": value}] for day, value in enumerate(values, 1)
    ]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    for day in range(1, 6):
        add(
            tmp_path / "h.db",
            Point(f"2026-01-0{day}T10:00:00", "", "m", "", "3.11", 2, {"tf.frame": Rate(90 + day, 100)}),
        )
    return tmp_path / "h.db"


def _is_png(path: Path) -> bool:
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    return data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82") and width > 500 < height + 400


def test_the_page_shows_the_course_from_run_to_run() -> None:
    text = html(_report(run={"history": [*_past(0.5, 0.75), *_past(0.9, model=EVIL)]}))
    assert "tf.frame from run to run" in text
    assert text.count("<title>2026-01-0") == 3
    assert text.count('class="break"') == 1
    assert "&lt;/script&gt;" in text
    assert EVIL not in text
    assert "from run to run" not in html(_report(run={"history": _past(0.5)}))


def test_a_history_that_is_none_is_left_out() -> None:
    for nonsense in (None, 3, "x", [1], [[]], [["a", "b", "c", 3]], _past("x", float("inf"), 7, None)):
        assert pasts_of(_report(run={"history": nonsense})) == []


def test_a_run_tells_its_report_of_the_runs_before_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=SUITE)
    for _ in range(2):
        pytester.runpytest_inprocess("-k", "add", "--cwm-history=h.db", "--cwm-html=r.html", "--cwm-report=r.json")
        with closing(sqlite3.connect("h.db")) as connection, connection:
            connection.execute("UPDATE runs SET finished = '2026' || substr(finished, 5)")
            connection.execute("UPDATE runs SET tests = tests + 1")
    assert "tf.frame from run to run" in (pytester.path / "r.html").read_text()


def test_pictures_are_drawn_of_a_report(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_report(_report(run={"history": _past(0.5, None, 0.75)}), tmp_path / "r.json")
    for name in ("a.png", "b.svg", "c.svg"):
        assert main(["report", str(tmp_path / "r.json"), "--plot", str(tmp_path / name)]) == 0
    assert _is_png(tmp_path / "a.png")
    assert (tmp_path / "b.svg").read_bytes() == (tmp_path / "c.svg").read_bytes()
    assert b"free-running" not in (tmp_path / "b.svg").read_bytes()
    write_report(Report.of([]), tmp_path / "empty.json")
    assert main(["report", str(tmp_path / "empty.json"), "--plot", str(tmp_path / "empty.png")]) == 0


def test_pictures_are_drawn_of_a_history(history: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert main(["trend", str(history), "--plot", str(tmp_path / "out" / "t.png")]) == 0
    assert _is_png(tmp_path / "out" / "t.png")


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("p.gif", 2, "a plot ends in .svg, .png, .pdf"),
        ("taken/x.png", 1, "can't write {path}: File exists"),
    ],
)
def test_a_picture_that_can_not_be_is_one_line(
    history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, status: int, says: str
) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "taken").write_text("")
    write_report(_report(), tmp_path / "r.json")
    path = tmp_path / name
    for command in (["report", str(tmp_path / "r.json")], ["trend", str(history)]):
        assert main([*command, "--plot", str(path)]) == status
        error = capsys.readouterr().err
        assert says.format(path=path) in error
        assert error.count("\n") == 1


def test_without_matplotlib_the_way_to_it_is_named(
    history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_cwm.plotting.find_spec", lambda name: None)
    assert main(["trend", str(history), "--plot", str(tmp_path / "t.png")]) == 2
    assert capsys.readouterr().err == "cwm: drawing needs matplotlib: pip install 'pytest-cwm[plots]'\n"
