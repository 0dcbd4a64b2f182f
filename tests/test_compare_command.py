"""`cwm compare`: what it prints and how it exits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cwm.cli import main
from pytest_cwm.report.document import Report
from pytest_cwm.report.storage import write_report
from test_regression import MODEL, many


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`a.json`, the worse `b.json`, and `c.json` by another model, in the working directory."""
    monkeypatch.chdir(tmp_path)
    before, after = (Report.of(many(8, wrong), model=MODEL) for wrong in (0, 3))
    write_report(before, Path("a.json"))
    write_report(after, Path("b.json"))
    write_report(replace(after, model={**MODEL, "name": "other"}), Path("c.json"))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["a.json", "b.json"], 0, "8 tests became worse"),
        (["a.json", "b.json", "--fail-if-worse"], 1, "worse"),
        (["a.json", "b.json", "--fail-if-worse", "tf.frame=0.9"], 0, "not worse"),
        (["b.json", "a.json", "--fail-if-worse"], 0, "not worse"),
        (["a.json", "c.json", "--fail-if-worse"], 0, "not compared: model differs (other, was cwm)"),
        (["a.json", "c.json", "--fail-if-worse", "--across"], 1, "although  model differs"),
        (["a.json", "a.json", "-q"], 0, "compared  8 of 8 tests"),
    ],
)
def test_two_reports_are_compared(
    reports: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    assert main(["compare", *arguments]) == status
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["a.json", "none.json"], 4, "can't read the report none.json: No such file or directory"),
        (["a.json", "bad.json"], 4, "bad.json: this is no report of pytest-cwm"),
        (["a.json", "b.json", "--fail-if-worse", "tf.fame"], 2, "--fail-if-worse: 'tf.fame' is no metric"),
    ],
)
def test_what_can_not_be_compared_is_one_line(
    reports: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    (reports / "bad.json").write_text("no report")
    assert main(["compare", *arguments]) == status
    printed, error = capsys.readouterr()
    assert printed == ""
    assert error.startswith(f"cwm: {said}")
    assert error.count("\n") == 1


def test_reports_of_other_projects_have_nothing_in_common(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(Report.of([replace(test, nodeid=f"other.py::{test.nodeid}") for test in many(8)]), Path("o.json"))
    assert main(["compare", "a.json", "o.json", "--fail-if-worse"]) == 0
    printed = capsys.readouterr().out
    assert "compared  0 of 16 tests" in printed
    assert "8 new" in printed
    assert "8 only in the baseline" in printed
