"""The history of runs and `cwm trend`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cwm_tracer.compare import Mean, Rate
from pytest_cwm.cli import main
from pytest_cwm.history import HistoryError, Point, add, read
from pytest_cwm.trend import render
from stand_in import CONFTEST, suite_of


def point(day: int, frames: int = 80, model: str = "cwm", commit: str = "") -> Point:
    metrics = {"tf.frame": Rate(frames, 100), "tf.bits": Mean(float("inf") if frames == 0 else 20.0, 100)}
    return Point(f"2026-11-{day:02}T09:30:00+00:00", commit, model, "a" * 64, "3.11.7", 12, metrics)


def test_runs_are_read_as_they_were_added_oldest_first(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "history.db"
    points = [point(3), point(1, 0), point(2, commit="c" * 40)]
    for each in points:
        add(path, each)
    assert read(path) == [points[1], points[2], points[0]]


def test_a_run_is_not_added_twice(tmp_path: Path) -> None:
    for _ in range(2):
        add(tmp_path / "history.db", point(1))
    assert len(read(tmp_path / "history.db")) == 1


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()


def newer(path: Path) -> None:
    add(path, point(1))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()


def truncated(path: Path) -> None:
    add(path, point(1))
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_text("no database " * 100), "not a database"),
        (foreign, "no history of pytest-cwm, but another SQLite database"),
        (newer, "written by a newer pytest-cwm"),
        (truncated, "malformed"),
        (Path.mkdir, "unable to open"),
    ],
    ids=["text", "foreign", "newer", "truncated", "directory"],
)
def test_what_is_no_history_is_one_line_and_left_as_it_is(
    tmp_path: Path, damage: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.db"
    damage(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(HistoryError, match=said) as error:
        add(path, point(2))
    assert str(path) in str(error.value)
    assert main(["trend", str(path)]) == 4
    message = capsys.readouterr().err
    assert str(path) in message
    assert message.count("\n") == 1
    assert path.is_dir() if before is None else path.read_bytes() == before


def test_a_history_that_is_not_there_is_not_made_by_looking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "history.db"
    assert main(["trend", str(path)]) == 4
    assert "write one with pytest --cwm-history" in capsys.readouterr().err
    assert not path.exists()


def test_the_view() -> None:
    points = [point(day, frames) for day, frames in enumerate((80, 82, 81, 70, 75, 90), 1)]
    points.append(point(8, 95, "other", "0123456789abcdef+changes"))
    shown = "\n".join(render(points, ["tf.frame", "tf.bits", "fr.trace"], last=4)) + "\n"
    assert shown == (Path(__file__).parent / "gold" / "trend.txt").read_text(encoding="utf-8")


def test_the_view_in_ascii() -> None:
    lines = list(render([point(1, 10), point(2, 90)], encoding="ascii"))
    assert "09" in lines[0]
    assert all(line.isascii() for line in lines)


def test_an_empty_history_says_so() -> None:
    assert list(render([])) == ["The history is empty."]


def test_one_run_is_no_course_yet() -> None:
    assert next(iter(render([point(1, 90)], ["tf.frame"]))) == "tf.frame  90.0% in the only run"


def test_runs_add_themselves_where_that_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=suite_of(2))
    pytester.makeini("[pytest]\npythonpath = .\n")
    assert pytester.runpytest("--cwm-history=history.db").ret == pytest.ExitCode.OK
    (found,) = read(Path("history.db"))
    assert (found.model, found.tests, found.metrics["tf.frame"].value) == ("stand-in", 2, 1.0)
    Path("history.db").write_text("damaged " * 100)
    result = pytester.runpytest("--cwm-history=history.db")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "can't be added to: file is not a database" in " ".join(result.stdout.str().split())
