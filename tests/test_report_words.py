"""A run against recordings is told in its own words in every view; redacted values are counted in each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from builders import Raw, call, line, placed, returned, verified
from cwm_tracer.model import EXPECTATION, Event, Frame, RollOut, Trace
from html_report import blocks, html
from pytest_cwm.cli import main
from pytest_cwm.report.annotations import to_annotations
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.junit import add_to_junit
from pytest_cwm.report.markdown import to_markdown
from pytest_cwm.report.rows import rows_of
from pytest_cwm.report.sarif import to_sarif
from pytest_cwm.report.storage import write_report
from pytest_cwm.report.terminal import render

MODULE = "def f(x):\n    y = x + 1\n    log(y)\n    return y\n"


def _trace(value: int, *, logs: bool, argument: int = 1) -> Trace:
    frames = [call("def f(x):", x=argument), line("    y = x + 1", x=argument)]
    if logs:
        frames.append(line("    log(y)", x=argument, y=value))
    frames += [line("    return y", x=argument, y=value), returned("    return y", value)]
    return placed(MODULE, frames)


def _against(now: Trace, before: Trace) -> TestReport:
    expected = replace(before, meta=replace(before.meta, producer=EXPECTATION))
    return TestReport.of("t.py::test_f", "passed", "m:f", now, None, RollOut(expected, model="the last green run"))


def _report(*tests: TestReport) -> Report:
    name = "the last green run"
    return Report.of(tests, settings={"against": "last-green", "mode": "rollout"}, model={"name": name})


def _page(report: Report) -> str:
    """The page with its data unpacked, without its program and style."""
    text = html(report)
    markup = text[text.index("<body>") :].split("<script>")[0].split('<div id="app"')[1]
    run = blocks(text)["run"]
    return markup + json.dumps({name: run[name] for name in ("title", "label", "headline", "words", "notes")})


def _printed(report: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    write_report(report, tmp_path / "r.json")
    assert main(["report", str(tmp_path / "r.json"), "-vv"]) == 0
    return capsys.readouterr().out


VIEWS: dict[str, Callable[[Report], str]] = {
    "markdown": to_markdown,
    "html": _page,
    "sarif": to_sarif,
    "annotations": lambda report: "\n".join(to_annotations(report)),
}


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_of_a_run_against_recordings_speaks_of_predictions(view: str) -> None:
    report = _report(_against(_trace(3, logs=False), _trace(2, logs=True)))
    text = VIEWS[view](report)
    assert "{{" not in text
    for word in ("predict", "the model", "free-running", "well-formed", "surprise"):
        assert word not in text.lower()


def test_nor_does_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _printed(_report(_against(_trace(3, logs=False), _trace(2, logs=True))), tmp_path, capsys)
    assert "no longer runs `log(y)`" in " ".join(text.split())
    assert text.endswith("\n1 test: not as in the last green run\n")
    assert "predict" not in text


def test_markdown_counts_and_names_what_differs() -> None:
    same = replace(_against(_trace(2, logs=True), _trace(2, logs=True)), nodeid="t.py::test_same")
    text = to_markdown(_report(_against(_trace(3, logs=False), _trace(2, logs=True)), same))
    assert text.startswith(
        "### Execution against the last green run: 1 test differs\n\n"
        "2 tests: 1 as in the last green run, 1 not.\n\n"
        "| test | frames | first difference |\n"
    )
    assert "test_same" not in text
    assert "  before" in text
    same_only = to_markdown(_report(same))
    assert same_only.startswith("### Execution against the last green run: no test differs\n")
    assert "|" not in same_only


def test_other_arguments_of_the_entry_are_a_difference_and_not_given() -> None:
    test = _against(_trace(3, logs=True, argument=2), _trace(2, logs=True))
    assert rows_of(test, "fr")[0].mark == "v"
    model = replace(test.roll_out.trace, meta=replace(test.roll_out.trace.meta, producer="model"))  # type: ignore[union-attr]
    asked = TestReport.of("t", "passed", "m:f", test.trace, None, RollOut(model))
    assert rows_of(asked, "fr")[0].mark == "g"


def test_a_run_against_recordings_has_no_metrics_of_what_a_model_says() -> None:
    names = set(_against(_trace(2, logs=True), _trace(2, logs=True)).metrics)
    assert "fr.trace" in names
    assert not {name for name in names if name == "format" or name.startswith("table9")}


def _secret() -> Report:
    hidden = Raw("<redacted>")
    frames: list[Frame] = [call("def f(x):", x=1), line("    y = x + 1", x=1), line("    log(y)", x=1, y=hidden)]
    truth = placed(MODULE, [*frames, Frame(Event.RETURN, "    return y\n", argument="<redacted>")])
    wrong = {1: line("    y = x + 1", x=2)}
    return Report.of(
        [TestReport.of(f"t.py::test_{name}", "passed", "m:f", truth, verified(truth, wrong)) for name in "ab"]
    )


SAID = "4 values are redacted, and not scored"


def test_every_view_counts_redacted_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = _secret()
    assert f"{SAID} (2 tests, the first t.py::test_a)" in " ".join("\n".join(render(report, width=200)).split())
    assert SAID in to_markdown(report)
    assert SAID in blocks(html(report))["run"]["notes"][0]
    assert json.loads(to_sarif(report))["runs"][0]["properties"]["redacted"] == 4
    assert f"::notice::{SAID}" in list(to_annotations(report))
    (tmp_path / "j.xml").write_text(
        '<testsuites><testsuite><testcase classname="t" name="test_a"/></testsuite></testsuites>'
    )
    add_to_junit(report, tmp_path / "j.xml")
    values = {each.get("name"): each.get("value") for each in ElementTree.parse(tmp_path / "j.xml").iter("property")}
    assert values["cwm.redacted"] == "2"
    against = replace(report, settings={"against": "x"})
    assert "4 values are redacted, and not compared" in _printed(against, tmp_path, capsys)


def test_notes_that_differ_in_a_number_are_one() -> None:
    tests = [
        TestReport(f"t{each}", "passed", notes=(f"verified in {each} windows", f"cart.py:{each} and {each}"))
        for each in (7, 2, 13)
    ]
    text = " ".join("\n".join(render(Report.of(tests), width=200)).split())
    assert "verified in 2 to 13 windows (3 tests, the first t13)" in text
    assert all(f"cart.py:{each} and {each} (t{each})" in text for each in (7, 2, 13))


def test_redacted_values_are_counted_where_nothing_is_predicted() -> None:
    (test,) = list(_secret().tests)[:1]
    assert test.trace is not None
    assert TestReport.of("t", "passed", "m:f", test.trace).redacted == 2
