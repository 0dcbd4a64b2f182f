"""The example workflows do what they say: their shell steps are run, in order, in a repository of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stand_in import CONFTEST, suite_of

yaml = pytest.importorskip("yaml")
FOLDER = Path(__file__).parents[1] / "docs" / "workflows"
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(not (BASH and shutil.which("git")), reason="needs bash and git")


class Runner:
    """Runs a job's shell steps as GitHub does, but for those that install."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary = folder / "summary.md"
        commands = folder / "bin"
        commands.mkdir()
        for name, module in (("pytest", "pytest"), ("cwm", "pytest_cwm")):
            (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
            (commands / name).chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(commands), os.environ["PATH"]]),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "HOME": str(folder),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p pytest_cwm.plugin -p no:cacheprovider",
        }

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        shell = [str(BASH), "--noprofile", "--norc", "-eo", "pipefail", "-c", command]
        return subprocess.run(shell, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)

    def job(self, workflow: str) -> subprocess.CompletedProcess[str]:
        """The first step that fails, or else the last."""
        (job,) = yaml.safe_load((FOLDER / workflow).read_text(encoding="utf-8"))["jobs"].values()
        commands = [step["run"] for step in job["steps"] if "run" in step and not step["run"].startswith("pip install")]
        assert len(commands) > 1
        for command in commands:
            assert "${{" not in command
            done = self.run(command)
            if done.returncode:
                break
        return done


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    runner = Runner(tmp_path)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_suite.py").write_text(suite_of(8))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = runner.run("pytest --cwm-cassette=record")
    assert done.returncode == 0, done.stdout
    runner.git("init", "-q", "-b", "main")
    runner.git("add", "-f", ".cwm", "test_suite.py", "conftest.py")
    runner.git("commit", "-q", "-m", "first")
    runner.git("update-ref", "refs/remotes/origin/main", "HEAD")
    return runner


def _said(done: subprocess.CompletedProcess[Any]) -> str:
    return f"{done.stdout}\n{done.stderr}"


def test_the_replay_passes_keeps_a_baseline_and_fails_once_predictions_are_worse(runner: Runner) -> None:
    (runner.folder / "asked.txt").unlink()
    for _ in range(2):
        done = runner.job("replay.yml")
        assert done.returncode == 0, _said(done)
    assert not (runner.folder / "asked.txt").exists()
    assert (runner.folder / ".cwm" / "baseline.json.gz").exists()
    assert runner.summary.read_text().count("### Predicted execution: 100% of frames") == 2

    (runner.folder / "wrong").touch()
    assert runner.run("pytest --cwm-cassette=rewrite").returncode == 0
    suite = runner.folder / "test_suite.py"
    suite.write_text(suite.read_text() + "\n# changed\n")
    done = runner.job("replay.yml")
    assert done.returncode == 1, _said(done)
    assert "worse" in done.stdout
    assert "❌" in runner.summary.read_text()
    assert "::notice file=" not in done.stdout  # no line that diverges has changed


def test_the_recording_asks_for_what_changed_and_keeps_a_history(runner: Runner) -> None:
    (runner.folder / "asked.txt").unlink()
    suite = runner.folder / "test_suite.py"
    suite.write_text(suite.read_text().replace("sum(range(3))", "sum([0, 1, 2])"))
    done = runner.job("gpu-host.yml")
    assert done.returncode == 0, _said(done)
    assert (runner.folder / "asked.txt").read_text().count("\n") == 1
    assert runner.run("cwm trend .cwm/history.db").stdout.startswith("tf.frame")
    assert (runner.folder / ".cwm" / "baseline.json.gz").exists()
