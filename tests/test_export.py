"""Recorded runs become documents that a model is trained on, as the recorder saw them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cwm_tracer import wire
from cwm_tracer.model import Event
from pytest_cwm.cli import main
from pytest_cwm.evaluation.suites import trace_of

SUITE = """
def double(n):
    return n * 2

def test_double():
    assert double(4) == 8

def test_double_again():
    assert double(5) == 10

def test_fails():
    assert double(1) == 3

def test_nothing():
    pass
"""


@pytest.fixture
def report(pytester: pytest.Pytester) -> Path:
    pytester.makepyfile(SUITE)
    pytester.runpytest_inprocess("--cwm-all", "--cwm-mode=none", "--cwm-report=run.json.gz")
    return pytester.path / "run.json.gz"


def documents(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_each_test_is_a_document_that_reads_as_its_trace(report: Path, tmp_path: Path) -> None:
    assert main(["export", str(report), "--out", str(tmp_path / "corpus"), "--source", "shop"]) == 0
    found = documents(tmp_path / "corpus")
    assert [document["source"] for document in found] == ["shop"] * 4
    trace = trace_of(found[0]["segments"])  # type: ignore[arg-type]
    assert trace is not None
    assert "def double(n):" in trace.context.text
    assert [frame.event for frame in trace.frames][:4] == [Event.CALL, Event.LINE, Event.CALL, Event.LINE]
    assert trace.frames[-1].event is Event.RETURN


def test_a_long_trace_is_cut_and_has_no_end(report: Path, tmp_path: Path) -> None:
    assert main(["export", str(report), "--out", str(tmp_path / "corpus"), "--frames", "3"]) == 0
    end = list(wire.Special).index(wire.Special.END)
    cut = [document for document in documents(tmp_path / "corpus") if "double" in str(document["segments"])]
    assert [end in document["segments"] for document in cut] == [False] * 3  # type: ignore[operator]


def test_the_same_trace_twice_is_one_document(report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(report), str(report), "--out", str(tmp_path / "corpus")]) == 0
    assert len(documents(tmp_path / "corpus")) == 4
    assert "left out: 4 duplicate" in capsys.readouterr().out


def test_functions_of_an_evaluation_set_are_left_out(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = {"task_id": 11, "test_setup_code": "", "code": "def twice(x):\n    return x * 2", "test_list": []}
    (tmp_path / "mbpp.jsonl").write_text(json.dumps(task) + "\n")
    out = tmp_path / "corpus"
    assert main(["export", str(report), "--out", str(out), "--keep-out", str(tmp_path)]) == 0
    assert "double" not in str(documents(out))
    assert "left out: 3 in an evaluation set" in capsys.readouterr().out


CALLING = """
def each_doubled(numbers):
    found = []
    for number in numbers:
        found.append(doubled(number))
    return found

def doubled(n):
    token = "hunter2-for-everybody"
    twice = n * 2
    return twice

def counted(n):
    for number in range(n):
        yield number

def test_all():
    assert each_doubled([3]) == [6]
    assert each_doubled([3]) == [6]
    assert [doubled(n) for n in range(9)][-1] == 16
    assert list(counted(2)) == [0, 1]
"""


def test_calls_inside_of_tests_are_documents_with_their_own_source(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_all=CALLING)
    pytester.runpytest_inprocess("--cwm-all", "--cwm-mode=none", "--cwm-report=run.json.gz")
    assert main(["export", "run.json.gz", "--out", "corpus", "--calls", "3"]) == 0
    traces = [trace_of(document["segments"]) for document in documents(Path("corpus"))]  # type: ignore[arg-type]
    entries = [trace.frames[0].source for trace in traces if trace is not None]
    assert len(traces) == len(entries)
    # No call twice, at most three of a function, and none that a generator is only resumed with.
    assert entries == [
        "def test_all():\n",
        *["def doubled(n):\n", "def each_doubled(numbers):\n"],
        *["def doubled(n):\n"] * 2,
    ]
    inner = traces[1]
    assert inner is not None
    assert inner.context.text.split("\n")[0] == "def doubled(n):  # << START_OF_TRACE"
    assert "each_doubled" not in inner.context.text
    assert "hunter2" not in str(inner)
    assert (inner.frames[0].locals, inner.frames[-1].argument) == ({"n": "3"}, "6")


def test_calls_are_left_out_where_the_files_have_changed(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    pytester.makepyfile(test_all=CALLING)
    pytester.runpytest_inprocess("--cwm-all", "--cwm-mode=none", "--cwm-report=run.json.gz")
    pytester.makepyfile(test_all=CALLING.replace("n * 2", "n + n"))
    assert main(["export", "run.json.gz", "--out", "corpus", "--calls", "3"]) == 0
    assert len(documents(Path("corpus"))) == 1
    said = "calls whose files are not in . as they were recorded (--root)"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere.json", "--out", "new"], 4, "nowhere.json"),
        (["run.json.gz", "--out", "."], 2, ". is not empty"),
        (["run.json.gz", "--out", "new", "--keep-out", "."], 2, "mbpp.jsonl is not there"),
        (["run.json.gz", "--out", "new", "--frames", "0"], 2, "at least 1"),
        (["run.json.gz", "--out", "new", "--calls", "-1"], 2, "at least 0"),
        (["run.json.gz", "--out", "new", "--frames", "2"], 0, ""),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    report: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str
) -> None:
    assert main(["export", *arguments]) == status
    assert message in capsys.readouterr().err
