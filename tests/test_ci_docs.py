"""docs/ci.md and its workflows name only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_cwm.cli import main

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "ci.md", *sorted((DOCS / "workflows").glob("*.yml"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_flag_exists(page: Path, pytestconfig: pytest.Config) -> None:
    flags = set(re.findall(r"--cwm-[a-z-]+", page.read_text(encoding="utf-8")))
    assert flags
    for flag in flags:
        pytestconfig.getoption(flag)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page.read_text(encoding="utf-8")
    for command, flags in re.findall(r"^[ `\-a-z:]*\bcwm ([a-z]+)\b[^`\n]*?((?: --[a-z-]+)*)", text, re.MULTILINE):
        with pytest.raises(SystemExit) as done:
            main([command, "--help"])
        assert done.value.code == 0
        usage = capsys.readouterr().out
        assert all(flag in usage for flag in flags.split())


def test_the_workflows_are_yaml_that_runs_pytest() -> None:
    yaml = pytest.importorskip("yaml")
    for page in PAGES[1:]:
        (job,) = yaml.safe_load(page.read_text(encoding="utf-8"))["jobs"].values()
        assert any("pytest --cwm-cassette=" in step.get("run", "") for step in job["steps"])


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", (DOCS / "ci.md").read_text(encoding="utf-8")):
        assert (DOCS / target).exists()
