"""Views of a report for other tools: Markdown, SARIF, annotations, coverage data, JUnit properties."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from coverage import CoverageData
from hypothesis import given, settings

from builders import call, line, placed, verified
from html_report import EVIL, both, report
from pytest_cwm.cli import main
from pytest_cwm.report.annotations import to_annotations
from pytest_cwm.report.changed import changed_since
from pytest_cwm.report.document import Report, ReportError, TestReport
from pytest_cwm.report.findings import findings
from pytest_cwm.report.gate import GateResult
from pytest_cwm.report.markdown import to_markdown
from pytest_cwm.report.sarif import to_sarif
from pytest_cwm.report.storage import write_report
from report_strategies import made_tests
from sample_suite import CONFTEST, SUITE

GOLD = Path(__file__).parent / "gold"


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=SUITE)
    return pytester


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    write_report(Report.of([both()], model={"name": "m"}), path)
    return path


def test_the_markdown_reads_as_it_should() -> None:
    gates = [GateResult(True, "tf.frame 0.9 is at least 0.8"), GateResult(False, "strict: 1 divergence", both().nodeid)]
    text = to_markdown(Report.of([both()], model={"name": "cwm_embedded"}, gates=gates))
    path = GOLD / "report.md"
    assert text == path.read_text(encoding="utf-8")


def test_markdown_has_no_markup_of_the_report() -> None:
    text = to_markdown(report())
    without_code = re.sub(r"(`+)[^`].*?\1", "", text, flags=re.DOTALL)
    assert set(re.findall(r"(?<!\\)<(/?\w+)", without_code)) <= {
        "code",
        "/code",
        "details",
        "/details",
        "summary",
        "/summary",
    }


@settings(max_examples=50)
@given(made_tests())
def test_a_row_of_a_markdown_table_is_one_line_with_its_cells(test: TestReport) -> None:
    rows = [each for each in to_markdown(Report.of([test])).split("\n") if each.startswith("|")]
    test_rows = rows[next(number for number, each in enumerate(rows) if each.startswith("| test")) :]
    assert len(test_rows) == 3
    assert len({len(re.findall(r"(?<!\\)\|", each)) for each in test_rows}) == 1


def test_findings_gather_what_happens_on_one_line() -> None:
    found = findings(Report.of([both()]), lambda file, number: number == 4)
    assert [(each.file, each.line, each.kind.value) for each in found] == [
        ("shop/cart.py", 4, "control flow"),
        ("shop/cart.py", 4, "state"),
    ]
    truth = placed("def f():\n    x = 1\n", [call("def f():"), line("    x = 1"), line("    x = 1")])
    wrong = verified(truth, {1: line("    y"), 2: line("    y")})
    tests = [TestReport.of(f"t{number}", "passed", "m:f", truth, wrong) for number in (1, 2)]
    (only,) = findings(Report.of(tests))
    assert (only.times, only.tests, only.nodeid, only.step, only.source) == (4, 2, "t1", 1, "x = 1")
    assert only.message.endswith("(4 times here, in 2 tests); first in t1, step 1")


def test_sarif_points_at_lines_and_names_rules_that_it_declares() -> None:
    (run,) = json.loads(to_sarif(report()))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for rule in run["tool"]["driver"]["rules"]:  # what GitHub's code scanning wants of each
        assert re.fullmatch(r"[A-Z]\w+", rule["name"])
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        (place,) = result["locations"]
        place = place["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert re.fullmatch(r"[\w/.%~-]+", place["artifactLocation"]["uri"])
        assert not re.search(r"(?<!\\)[\[\]]", result["message"]["text"])
    prints = [result["partialFingerprints"]["cwm/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_a_finding_keeps_its_fingerprint_when_its_line_moves() -> None:
    def made(before: str) -> str:
        truth = placed(f"{before}def f():\n    x = 1\n", [call("def f():"), line("    x = 1", x=1)])
        test = TestReport.of("t", "passed", "m:f", truth, verified(truth, {1: line("    x = 1", x=2)}))
        (result,) = json.loads(to_sarif(Report.of([test])))["runs"][0]["results"]
        return str(result["partialFingerprints"])

    assert made("") == made("import os\n\n")


def test_annotations_are_commands_of_one_line() -> None:
    lines = list(to_annotations(report()))
    assert all(re.fullmatch(r"::notice( file=[^:,]+,line=\d+,title=[^:,]+)?::.+", each) for each in lines)
    assert any("file=shop/cart.py,line=4" in each for each in lines)


def test_only_the_ten_commonest_are_annotated() -> None:
    module = "def f():\n" + "".join(f"    x{number} = 1\n" for number in range(15))
    frames = [call("def f():"), *[line(f"    x{number} = 1") for number in range(15)]]
    truth = placed(module, frames)
    wrong = verified(truth, {number: line("    y") for number in range(1, 16)})
    lines = list(to_annotations(Report.of([TestReport.of("t", "passed", "m:f", truth, wrong)])))
    assert lines[-1] == "::notice::5 more lines were predicted wrong"
    assert len(lines) == 11


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "cart.py").write_text("a = 1\nb = 2\nc = 3\n")
    (tmp_path / "gone.py").write_text("x = 1\n")
    try:
        git("init", "-q")
    except OSError:
        pytest.skip("there is no git")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    (tmp_path / "shop" / "cart.py").write_text("a = 1\nb = 22\nc = 3\nd = 4\n")
    (tmp_path / "shop" / "né w.py").write_text("y = 1\n")
    (tmp_path / "gone.py").unlink()
    return tmp_path


def test_changed_lines_are_those_of_git(repository: Path) -> None:
    wanted = changed_since("HEAD", repository)
    assert [number for number in range(1, 6) if wanted("shop/cart.py", number)] == [2, 4]
    assert wanted("shop/né w.py", 1)
    assert not wanted("gone.py", 1)
    assert not wanted("other.py", 1)
    assert changed_since("HEAD", repository / "shop")("cart.py", 2)


def test_a_revision_that_git_does_not_know_is_one_line(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for revision, root in (
        ("nowhere", repository),
        ("--output=x", repository),
        ("HEAD", tmp_path_factory.mktemp("none")),
    ):
        with pytest.raises(ReportError, match=r"^git can't tell which lines changed: .+$"):
            changed_since(revision, root)


def _contexts(path: Path, file: str) -> dict[int, list[str]]:
    data = CoverageData(basename=str(path))
    data.read()
    found = {number: sorted(names) for number, names in data.contexts_by_lineno(file).items()}
    data.close()
    return found


def test_coverage_data_says_which_lines_the_model_gets_wrong(written: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / ".coverage"
    assert main(["report", str(written), "--coverage", str(target), "--root", str(tmp_path)]) == 0
    assert _contexts(target, str(tmp_path / "shop" / "cart.py")) == {
        2: ["cwm:match"],
        3: ["cwm:diverge", "cwm:match"],
        4: ["cwm:diverge"],
        5: ["cwm:match"],
    }
    assert [each.name for each in target.parent.iterdir()] == [".coverage"]


def test_without_coverage_the_data_is_refused_in_one_line(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "coverage", None)
    assert main(["report", str(written), "--coverage", str(tmp_path / "c")]) == 1
    assert (
        capsys.readouterr().err
        == f"cwm: can't write {tmp_path / 'c'}: coverage is not installed (pip install coverage)\n"
    )


def test_all_views_are_made_of_a_report_that_was_written(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    views = {"html": "<!doctype html>", "markdown": "### Predicted execution", "sarif": "{"}
    arguments = [each for view in views for each in (f"--{view}", str(tmp_path / view))]
    assert main(["report", str(written), *arguments]) == 0
    assert all((tmp_path / view).read_text().startswith(begins) for view, begins in views.items())
    assert capsys.readouterr().out == ""
    assert main(["report", str(written), "--annotations"]) == 0
    assert capsys.readouterr().out.startswith("::notice file=shop/cart.py")


def test_markdown_can_be_added_to_a_file(written: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    for _ in range(2):
        assert main(["report", str(written), "--markdown", f"append:{summary}"]) == 0
    assert summary.read_text().startswith("before\n### Predicted")
    assert summary.read_text().count("### Predicted") == 2


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--markdown", "append:"], 2, "'append:' names no file (is the variable set?)"),
        (["--html", "{folder}"], 1, "can't write {folder}: Is a directory"),
        (["--sarif", "{folder}/s", "--changed-since", "nowhere"], 1, "git can't tell which lines changed: "),
    ],
)
def test_a_view_that_can_not_be_written_is_one_line(
    written: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    says: str,
) -> None:
    named = [each.format(folder=tmp_path) for each in arguments]
    assert main(["report", str(written), "--root", str(tmp_path), *named]) == status
    error = capsys.readouterr().err
    assert error.startswith("cwm: " + says.format(folder=tmp_path))
    assert error.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


def test_a_run_writes_every_view_and_says_so(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess(
        *("--cwm-report=r.json.gz", "--cwm-html=r.html", "--cwm-markdown=r.md", "--cwm-sarif=r.sarif"),
        *("--cwm-coverage=out/.coverage", "--cwm-annotations", "--junitxml=junit.xml", "--cwm-mode=verify"),
    )
    names = ["r.json.gz", "r.html", "r.md", "r.sarif", "out/.coverage"]
    result.stdout.fnmatch_lines(
        [f"written: {', '.join(names)}", "::notice file=test_suite.py,line=*`total` is 6, predicted 7*"]
    )
    assert all((suite.path / name).stat().st_size for name in names)
    contexts = _contexts(suite.path / "out" / ".coverage", str(suite.path / "test_suite.py"))
    assert contexts[5] == ["cwm:diverge", "cwm:match"]  # for number in numbers
    assert contexts[6] == ["cwm:match"]  # total += number


@pytest.mark.parametrize("workers", [[], ["-n1"]])
def test_figures_are_properties_in_the_junit_file(suite: pytest.Pytester, workers: list[str]) -> None:
    result = suite.runpytest_inprocess("--cwm-trace", "--junitxml=junit.xml", "--junit-prefix=p", *workers)
    assert result.ret == 1
    cases = {case.get("name"): case for case in ElementTree.parse(suite.path / "junit.xml").iter("testcase")}
    values = {each.get("name"): each.get("value", "") for each in cases["test_add"].iter("property")}
    assert int(values["cwm.frames"]) > 10
    assert 0.7 < float(values["cwm.tf.frame"]) < 1
    assert re.match(r"step \d+, test_suite\.py:5, `total` is 6, predicted 7", values["cwm.first_divergence"])
    assert cases["test_fails"].find("failure") is not None
    assert cases["test_unmarked"].find("properties") is None


def test_a_view_that_fails_fails_the_run_and_not_the_others(suite: pytest.Pytester) -> None:
    suite.mkdir("taken")
    result = suite.runpytest_inprocess("-k", "add", "--cwm-html=taken", "--cwm-markdown=r.md")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["can't write *taken: Is a directory"])
    assert (suite.path / "r.md").exists()


def test_an_empty_append_is_a_usage_error(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess("--cwm-markdown=append:")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--cwm-markdown: 'append:' names no file (is the variable set?)"])


def test_markup_in_names_reaches_no_view_unescaped(tmp_path: Path) -> None:
    write_report(report(), tmp_path / "r.json")
    assert main(["report", str(tmp_path / "r.json"), "--sarif", str(tmp_path / "s")]) == 0
    assert EVIL not in json.dumps(
        [each["locations"] for each in json.loads((tmp_path / "s").read_text())["runs"][0]["results"]]
    )
