"""The command `cwm`: subcommands, their options and what they say when they can't work."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import pytest_cwm.predictors
from pytest_cwm.cli import main
from pytest_cwm.debugger.program import ProgramError, read_program
from pytest_cwm.predictors.base import PredictionError
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.storage import write_report
from scripted_predictor import STRAWBERRY, ScriptedPredictor, record_strawberry


class Made:
    """Stands in for `make_predictor`: keeps what it was asked for and the predictor that it made."""

    def __init__(self) -> None:
        self.options: dict[str, object] = {}
        self.predictor = ScriptedPredictor(record_strawberry().frames)
        self.error: PredictionError | None = None

    def __call__(self, **options: object) -> ScriptedPredictor:
        self.options = options
        if self.error is not None:
            raise self.error
        return self.predictor


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    made = Made()
    monkeypatch.setattr(pytest_cwm.predictors, "make_predictor", made, raising=False)
    monkeypatch.delenv("CWM_SERVER", raising=False)
    monkeypatch.delenv("CWM_TOKEN", raising=False)
    return made


def pipe(monkeypatch: pytest.MonkeyPatch, *commands: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{each}\n" for each in commands)))


def test_debug_runs_the_strawberry_example(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, "print", "reset", "print", "n", "n", "n", "p num", "q")
    assert main(["debug", str(STRAWBERRY)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        f"{STRAWBERRY}, as a script predicts it (seed 0). Nothing is run; `help` lists the commands.\n"
    )
    assert "-> def f(c):\n" in printed
    assert "num = 3\n" in printed
    assert made.predictor.closed


def invented_letters(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str
) -> str:
    pipe(monkeypatch, *["p c", "reset"] * 6)
    assert main(["debug", str(STRAWBERRY), *options]) == 0
    return capsys.readouterr().out


def test_the_seed_decides_what_reset_invents(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, again, other = (invented_letters(made, monkeypatch, capsys, "--seed", seed) for seed in "778")
    assert one == again
    assert one.split("\n", 1)[1] != other.split("\n", 1)[1]


def test_the_invented_call_is_sampled_and_later_frames_are_greedy(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "step")
    main(["debug", str(STRAWBERRY)])
    first, second = (sampling for _, _, sampling in made.predictor.asked)
    assert (first.temperature, first.top_p, second.temperature) == (0.8, 0.8, 0.0)


def test_temperatures_can_be_given(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "step")
    main(["debug", str(STRAWBERRY), "--temperature", "0.3", "--step-temperature", "0.2"])
    assert [sampling.temperature for _, _, sampling in made.predictor.asked] == [0.3, 0.2]


def test_the_server_comes_from_options_or_the_environment_and_the_token_from_the_environment_only(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe(monkeypatch)
    main(["debug", str(STRAWBERRY)])
    usual = {"engine": "auto", "model": None, "tokenizer": None, "allow_http": False}
    assert made.options == {**usual, "server": None, "token": None}
    monkeypatch.setenv("CWM_SERVER", "http://one:8000")
    monkeypatch.setenv("CWM_TOKEN", "hidden")
    main(["debug", str(STRAWBERRY), "--cwm-model", "cwm"])
    assert made.options["server"] == "http://one:8000"
    assert (made.options["token"], made.options["model"]) == ("hidden", "cwm")
    main(["debug", str(STRAWBERRY), "--cwm-server", "http://two:8000", "--cwm-engine", "vllm"])
    assert (made.options["server"], made.options["engine"]) == ("http://two:8000", "vllm")


def test_a_predictor_that_cannot_be_had_is_one_line(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.error = PredictionError("torch is not installed: pip install 'pytest-cwm[server]'")
    assert main(["debug", str(STRAWBERRY)]) == 1
    assert capsys.readouterr() == ("", "cwm: torch is not installed: pip install 'pytest-cwm[server]'\n")


def test_a_session_whose_server_is_down_still_opens(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made.predictor.acts[0] = [PredictionError("http://one:8000: no answer")]
    pipe(monkeypatch, "reset", "q")
    assert main(["debug", str(STRAWBERRY)]) == 0
    printed = capsys.readouterr().out
    assert "*** http://one:8000: no answer\n(cwm) " in printed
    assert "-> def f(c):" in printed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f():\n    pass\n", "no line ends in `# << START_OF_TRACE`; put it on the `def` line of the function"),
        ("s = 'x  # << START_OF_TRACE'\n", "no line ends in"),
        (
            "def f():  # << START_OF_TRACE\n    pass\n\ndef g():  # << START_OF_TRACE\n    pass\n",
            "lines 1, 4 end in `# << START_OF_TRACE`; keep it on one `def` line",
        ),
        ("x = 1\ny = 2  # << START_OF_TRACE\n", "line 2 ends in `# << START_OF_TRACE` but is no `def` line"),
        ("# coding: nonsense\n", "can't be read: "),
    ],
)
def test_a_file_without_exactly_one_marked_def_is_one_line(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    assert main(["debug", str(path)]) == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert error.startswith(f"cwm: {path}: {said}")
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["missing.py", "."])
def test_a_file_that_cannot_be_read_is_one_line(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["debug", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_program_is_read_as_python_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_bytes(b"# coding: latin-1\r\ns = '\xe9\x0c'\r\nasync def f():  # << START_OF_TRACE\r\n    pass\r\n")
    context = read_program(path)
    assert context.text == "# coding: latin-1\ns = 'é\x0c'\nasync def f():  # << START_OF_TRACE\n    pass\n"
    assert context.entry == 2
    assert context.places[2] == (str(path), 3)
    assert len(context.places) == len(context.text.split("\n"))


def test_undecodable_bytes_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_bytes(b"s = '\xff'\n")
    with pytest.raises(ProgramError, match=r"program\.py: can't be read"):
        read_program(path)


@pytest.mark.parametrize(
    "arguments",
    [[], ["dance"], ["debug"], ["debug", "x.py", "--temperature", "hot"], ["debug", "x.py", "--max-frames", "0"]],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "usage: cwm" in capsys.readouterr().err


def test_ctrl_c_while_the_model_starts_leaves_quietly(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.error = KeyboardInterrupt()  # type: ignore[assignment]
    assert main(["debug", str(STRAWBERRY)]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    trace = record_strawberry()
    test = TestReport.of("test_fruit.py::test_letters", "passed", "strawberry:f", trace)
    path = tmp_path / "report.json"
    write_report(Report.of([test]), path)
    return path


def test_report_prints_what_a_run_wrote(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(report)]) == 0
    assert "test_letters" in capsys.readouterr().out
    assert main(["report", "-q", str(report)]) == 0
    assert "test_letters" not in capsys.readouterr().out


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_report_that_cannot_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main(["report", str(path)]) == 4
    printed, error = capsys.readouterr()
    assert printed == ""
    assert error.startswith("cwm: ")
    assert error.count("\n") == 1


def test_a_reader_that_leaves_early_gets_no_traceback(report: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_cwm", "report", str(report)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) == 1


def test_serve_hands_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    module = types.ModuleType("cwm_server.serve")
    module.main = lambda arguments: seen.append(arguments) or 3
    monkeypatch.setitem(sys.modules, "cwm_server.serve", module)
    assert main(["serve", "--port", "0", "--help"]) == 3
    assert seen == [["--port", "0", "--help"]]


def test_serve_without_its_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def serve(arguments: list[str]) -> int:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    module = types.ModuleType("cwm_server.serve")
    module.main = serve
    monkeypatch.setitem(sys.modules, "cwm_server.serve", module)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err == "cwm: serving needs torch: pip install 'pytest-cwm[server]'\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pytest_cwm.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'deepdiff', 'requests', 'pytest', 'cwm_server', 'cwm_tracer'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "heavy: []" in done.stdout
    assert all(name in done.stdout for name in ("serve", "debug", "report"))


def test_the_package_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_cwm", "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0
    assert done.stdout.startswith("usage: cwm")
