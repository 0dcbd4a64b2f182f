"""The shipped model, served by a child process, under the plugin and the command line, as a newcomer meets it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

for needed in ("numpy", "sentencepiece", "safetensors", "starlette", "uvicorn"):
    pytest.importorskip(needed)

FIXTURES = Path(__file__).parent.parent / "fixtures"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], str]:
    """The report of a run on the demo project, and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    shutil.copytree(FIXTURES / "demo", folder)
    command = [sys.executable, "-m", "pytest", "--tb=no", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    command += ["--cwm-trace", "--cwm-report=out.json", "tests/test_words.py", "tests/test_known_bugs.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1, done.stdout + done.stderr  # the known bugs
    return json.loads((folder / "out.json").read_text()), done.stdout


def test_every_true_frame_gets_a_prediction(demo: tuple[dict[str, object], str]) -> None:
    report, printed = demo
    assert (report["model"]["name"], report["model"]["constrained"]) == ("cwm-embedded", True)
    assert "outside of what constrained decoding allows" not in printed
    assert all(test["missing"] == 0 for test in report["tests"])
    assert "predictions are missing" not in printed


def test_the_model_has_learned_to_predict(demo: tuple[dict[str, object], str]) -> None:
    totals = demo[0]["totals"]
    for metric, least in (("tf.event", 0.8), ("tf.action", 0.35), ("tf.variable", 0.4)):
        rate = totals[metric]["correct"] / totals[metric]["total"]
        assert rate > least, f"{metric} is {rate:.3f}"


def test_a_report_is_printed_again_as_the_run_printed_it(demo: tuple[dict[str, object], str], tmp_path: Path) -> None:
    report, printed = demo
    path = tmp_path / "out.json"
    path.write_text(json.dumps(report))
    command = [sys.executable, "-m", "pytest_cwm", "report", str(path)]
    again = subprocess.run(command, capture_output=True, text=True, env={"COLUMNS": "80"}, timeout=60).stdout
    table = [line for line in again.splitlines() if "test_words.py" in line or line.startswith("tf.")]
    assert table
    assert set(table) <= set(printed.splitlines())


def debug(commands: str, *options: str) -> str:
    command = [sys.executable, "-m", "pytest_cwm", "debug", str(FIXTURES / "strawberry.py"), *options]
    done = subprocess.run(command, input=commands, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_model_invents_the_argument_and_reset_invents_another_from_a_seed() -> None:
    def invented(seed: str) -> list[str]:
        output = debug("print c\n" + "reset\nprint c\n" * 9 + "quit\n", "--seed", seed)
        lines = [line.removeprefix("(cwm) ") for line in output.splitlines()]
        return [line for line in lines if line.startswith("c = ")]

    first = invented("1")
    assert len(set(first)) > 1
    assert invented("1") == first


def test_going_back_and_forward_again_shows_the_same() -> None:
    output = debug("step\nback\nstep\nquit\n")
    entered, stepped, back, again = (line for line in output.splitlines() if "->" in line)
    assert (back, again) == (entered, stepped)
