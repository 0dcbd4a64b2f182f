"""Whole test suites of other people's libraries, every test recorded: each must end as it ends without recording."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest

LIBRARIES = {"more-itertools": "more_itertools-11.2.1/tests", "toolz": "toolz-1.2.0/toolz/tests"}

pytestmark = pytest.mark.skipif(
    not os.environ.get("CWM_LIBRARIES"), reason="CWM_LIBRARIES is not set: it allows a minute per library"
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distributions: wheels carry no tests."""
    folder = tmp_path_factory.mktemp("sources")
    for suite in LIBRARIES.values():
        name, _, version = suite.split("/")[0].rpartition("-")
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", f"{name}=={version}"],
            cwd=folder,
            check=True,
        )
    for archive in folder.glob("*.tar.gz"):
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else opened.extractall(folder)
    return folder


def outcomes(suite: Path, *options: str) -> Counter[tuple[str, str]]:
    """How each test (and subtest) of a suite ends, by its name."""
    project = next(parent for parent in (suite, *suite.parents) if (parent / "pyproject.toml").exists())
    result = project / "result.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-o", "filterwarnings="]
    command += [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-p",
        "no:randomly",
        "--rootdir",
        str(project),
        f"--junit-xml={result}",
    ]
    done = subprocess.run([*command, *options, str(suite)], cwd=project, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    counted: Counter[tuple[str, str]] = Counter()
    for case in ElementTree.parse(result).iter("testcase"):
        ends = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        counted[f"{case.get('classname')}::{case.get('name')}", "".join(ends) or "passed"] += 1
    return counted


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_recorded_suite_ends_as_it_ends_unrecorded(library: str, sources: Path) -> None:
    suite = sources / LIBRARIES[library]
    plain = outcomes(suite)
    recorded = outcomes(
        suite, "--cwm-trace", "--cwm-all", "--cwm-mode=none", "--cwm-max-frames=3000", "--cwm-report=out.json.gz"
    )
    assert sum(plain.values()) > 100
    assert recorded == plain
    assert any((parent / "out.json.gz").exists() for parent in suite.parents)
