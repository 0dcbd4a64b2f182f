from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import Raw, call, line, placed, raised, returned, rolled_out, trace, verified
from cwm_tracer.compare import DivergenceKind, Rate
from cwm_tracer.model import (
    Ending,
    Problem,
    ProblemKind,
)
from pytest_cwm.report.document import SCHEMA, VERSION, Report, ReportError, TestReport
from pytest_cwm.report.gate import GateResult
from pytest_cwm.report.storage import read_report, write_report
from pytest_cwm.report.terminal import render
from report_strategies import TEXT, made_tests

MODULE = "def f(x):\n    y = x\n    return y\n"
TRUTH = placed(
    MODULE,
    [
        call("def f(x):", x=1),
        line("    y = x", x=1),
        line("    return y", x=1, y=1),
        returned("    return y", 1),
    ],
)


def sample() -> Report:
    wrong = verified(TRUTH, {2: line("    return y", x=1, y=2), 3: None}, failure="timed out", windows=2, model="m")
    frames = [*TRUTH.frames[:2], raised("    y = x", KeyError("x")), returned("    y = x")]
    free = rolled_out(*frames, problems=(Problem(ProblemKind.TEXT_AFTER_END, 4),))
    tests = [
        TestReport.of("b.py::test_b", "failed", "m:f", TRUTH, wrong, free, notes=["of the caller"]),
        TestReport.of("a.py::test_a", "passed", "m:f", TRUTH, verified(TRUTH)),
        TestReport.of("c.py::test_c", "passed", "m:g", trace(ending=Ending.NEVER_CALLED)),
        TestReport.of("d.py::test_d", "skipped", "m:g", None, notes=["could not be recorded"]),
    ]
    return Report.of(
        tests,
        settings={"mode": "both", "max_frames": 100},
        environment={"python": "3.11.7", "pytest": "9.0"},
        model={"name": "m", "dtype": "float32"},
        gates=[GateResult(False, "tf.frame: no data", "c.py::test_c"), GateResult(True, "fine")],
        notes=["one for all"],
        run={"date": "2026-11-21", "seconds": 1.5},
    )


def test_reading_what_was_written_gives_the_same_report() -> None:
    report = sample()
    again = Report.from_json(report.to_json())
    assert again == report
    assert again.to_json() == report.to_json()


@settings(max_examples=100)
@given(st.lists(made_tests(), max_size=2, unique_by=lambda test: test.nodeid), st.dictionaries(TEXT, TEXT, max_size=2))
def test_any_report_survives_writing_and_reading(made: list[TestReport], run: dict[str, str]) -> None:
    report = Report.of(made, run=run)
    text = report.to_json()
    assert text.isascii()
    assert Report.from_json(text) == report


def test_the_same_inputs_give_the_same_text_but_for_the_run() -> None:
    def texts(run: dict[str, object], backwards: bool) -> dict[str, object]:
        made = sample()
        tests = made.tests[::-1] if backwards else made.tests
        settings = dict(reversed(list(made.settings.items()))) if backwards else made.settings
        report = Report.of(tests, settings=settings, notes=made.notes, run=run)
        text = report.to_json()
        return {"text": text[: text.index('"run":')], "run": json.loads(text)["run"]}

    first, second = texts({"seconds": 1}, False), texts({"seconds": 2}, True)
    assert first["text"] == second["text"]
    assert (first["run"], second["run"]) == ({"seconds": 1}, {"seconds": 2})


def test_tests_are_sorted_and_their_metrics_summed() -> None:
    report = sample()
    assert [test.nodeid for test in report.tests] == ["a.py::test_a", "b.py::test_b", "c.py::test_c", "d.py::test_d"]
    assert report.totals["tf.frame"] == Rate(4, 5)
    assert report.tests[1].missing == 1


def test_agreement_is_stored_as_a_sign_and_unchanged_values_as_dots() -> None:
    data = json.loads(sample().to_json())["tests"][0]
    assert data["verification"]["choices"] == [None, "=", "=", "="]
    assert [frame[2] for frame in data["trace"]["frames"]] == [{"x": "1"}, {"x": ".."}, {"x": "..", "y": "1"}, "1"]
    assert data["trace"]["lines"][1] == ["    y = x\n", "cart.py", 2]
    assert data["trace"]["context"]["places"] == [["cart.py", 1, 4]]


def test_variables_keep_their_binding_order() -> None:
    truth = trace(call("def f(z, a):", z=1, a=2))
    report = Report.from_json(Report.of([TestReport.of("t", "passed", "m:f", truth)]).to_json())
    read = report.tests[0].trace
    assert read is not None
    assert list(read.frames[0].locals or {}) == ["z", "a"]


def test_divergences_point_at_the_frames_of_the_trace_and_the_predictions() -> None:
    (_, state), (_, formatted), *_ = Report.from_json(sample().to_json()).tests[1].divergences
    assert state.kind is DivergenceKind.STATE
    assert (state.truth, state.predicted) == (TRUTH.frames[2], line("    return y", x=1, y=2))
    assert formatted.predicted_index is not None


def test_a_test_says_what_its_figures_leave_out() -> None:
    notes = {test.nodeid: test.notes for test in sample().tests}
    assert notes["a.py::test_a"] == ()
    assert notes["b.py::test_b"] == (
        "of the caller",
        "predictions are missing: timed out",
        "verified in 2 windows: the trace is longer than the model's context",
    )
    assert notes["c.py::test_c"] == ("the entry was never called",)
    secret = trace(call("def f(token):", token=Raw("<redacted>")), line("    pass", token=Raw("<redacted>")))
    cut = trace(*secret.frames, ending=Ending.TRUNCATED)
    assert TestReport.of("t", "passed", "m:f", cut, verified(cut)).notes == (
        "truncated after 2 frames",
        "2 values are redacted, and not scored",
    )


def test_a_roll_out_that_its_server_broke_off_is_not_scored() -> None:
    broken = rolled_out(TRUTH.frames[0], ending=Ending.OPEN, failure="connection reset")
    test = TestReport.of("t", "passed", "m:f", TRUTH, None, broken)
    assert test.metrics == {}
    assert test.divergences == ()
    assert test.notes == ("the roll-out is missing: connection reset",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("<html>", "not JSON"),
        ("[1, 2]", "no report of pytest-cwm"),
        ('{"schema": "other", "version": 1}', "no report of pytest-cwm (schema 'other'"),
        (json.dumps({"schema": SCHEMA, "version": VERSION + 1}), "newer pytest-cwm (version 2"),
        (json.dumps({"schema": SCHEMA, "version": "1"}), "damaged"),
        (json.dumps({"schema": SCHEMA, "version": 1}), "damaged: the report has no 'settings'"),
        (sample().to_json().replace('[true, "fine", null]', "3"), "the report.gates[1] is no array"),
        ('{"a":' * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(ReportError) as error:
        Report.from_json(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_truncated_report_is_refused_wherever_it_was_cut() -> None:
    text = sample().to_json()
    for length in (60, len(text) // 3, len(text) // 2, len(text) - 3):
        with pytest.raises(ReportError, match="truncated"):
            Report.from_json(text[:length])


@given(st.data())
@settings(max_examples=100)
def test_a_damaged_report_is_refused_or_can_be_shown(data: st.DataObject) -> None:
    document = json.loads(sample().to_json())
    place = document
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and data.draw(st.booleans()):
            place = inner
            continue
        place[key] = data.draw(st.sampled_from([None, 7, "x", [], {}, [[]], -1, 1e9]))
        break
    message = ""
    try:
        list(render(Report.from_json(json.dumps(document)), verbosity=1))
    except ReportError as error:
        message = str(error)
    assert "\n" not in message


def test_unknown_fields_are_ignored() -> None:
    document = json.loads(sample().to_json())
    document["later"] = 1
    document["tests"][0]["later"] = {}
    assert Report.from_json(json.dumps(document)) == sample()


@pytest.mark.parametrize("name", ["report.json", "sub/dir/report.json.gz"])
def test_a_file_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_report(sample(), path)
    assert read_report(path) == sample()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    first = path.read_bytes()
    write_report(sample(), path)
    assert path.read_bytes() == first
    assert (gzip.decompress(first) if name.endswith("gz") else first).decode("ascii") == sample().to_json()


def test_a_failed_write_leaves_the_old_report_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    broken = Report.of([], run={"never": object()})
    with pytest.raises(TypeError):
        write_report(broken, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"can't write the report .*report\.json"):
        write_report(sample(), tmp_path / "file" / "report.json")
    with pytest.raises(ReportError, match="can't write the report"):
        write_report(sample(), tmp_path)


def test_errors_of_reading_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json.gz"
    with pytest.raises(ReportError, match=r"can't read .*report\.json\.gz: No such file"):
        read_report(path)
    write_report(sample(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ReportError, match=r"report\.json\.gz: the report is truncated"):
        read_report(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReportError, match="not JSON"):
        read_report(path)
