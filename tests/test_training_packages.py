"""Test suites of packages become documents: downloaded as source, run, recorded, and cut into calls."""

from __future__ import annotations

import json
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

pytest.importorskip("sentencepiece")
pytest.importorskip("pytest_timeout")

from cwm_server.training.package_list import PACKAGES, Package
from cwm_server.training.packages import PackageError, bounded, collect, main
from pytest_cwm.evaluation.suites import trace_of

BACKEND = """
import zipfile

def get_requires_for_build_wheel(settings=None):
    return []

def build_wheel(directory, settings=None, metadata=None):
    with zipfile.ZipFile(f"{directory}/pairs-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pairs.py", open("pairs.py").read())
        info = "pairs-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: pairs\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "pairs-1.0-py3-none-any.whl"
"""
CHECKS = """
from pairs import swapped

def test_swapped():
    assert swapped((1, 2)) == (2, 1)

def test_more():
    assert swapped("ab") == ("b", "a")
"""
SOURCE = {
    "PKG-INFO": "Metadata-Version: 2.1\nName: pairs\nVersion: 1.0\n",
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": BACKEND,
    "pairs.py": "def swapped(pair):\n    first, second = pair\n    return second, first\n",
    "setup.cfg": "[tool:pytest]\naddopts = --no-such-option\n",
    "checks/test_pairs.py": CHECKS,
    "checks/test_broken.py": "import nothing_like_it\n",
}
PAIRS = Package("pairs", "1.0", "MIT", ("checks",))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip finds packages: it holds the source of one."""
    folder = tmp_path / "index"
    folder.mkdir()
    with tarfile.open(folder / "pairs-1.0.tar.gz", "w:gz") as archive:
        for name, text in SOURCE.items():
            entry = tarfile.TarInfo(f"pairs-1.0/{name}")
            entry.size = len(text)
            archive.addfile(entry, BytesIO(text.encode()))
    for name, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(folder)), ("EXTRA_INDEX_URL", ""), ("CONSTRAINT", "")):
        monkeypatch.setenv(f"PIP_{name}", value)
    task = {"task_id": 11, "test_setup_code": "", "code": "def twice(x):\n    return x * 2", "test_list": []}
    (tmp_path / "mbpp.jsonl").write_text(json.dumps(task) + "\n")
    return folder


def test_the_tests_of_a_package_and_the_calls_in_them_become_a_shard(index: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    out.mkdir()
    assert collect(PAIRS, out, tmp_path, limit=9, seed=0) == 4
    lines = (out / "package-pairs.jsonl").read_text().splitlines()
    traces = [trace_of(json.loads(line)["segments"]) for line in lines]
    entries = sorted(trace.frames[0].source for trace in traces if trace is not None)
    assert entries == [*["def swapped(pair):\n"] * 2, "def test_more():\n", "def test_swapped():\n"]
    assert [*out.iterdir()] == [out / "package-pairs.jsonl"]


def test_a_package_that_is_not_to_be_had_is_named_in_a_line(index: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"^none-such==3: pip download failed: .*none-such") as caught:
        collect(Package("none-such", "3", "MIT"), tmp_path, tmp_path, limit=9, seed=0)
    assert "\n" not in str(caught.value)


def test_an_unknown_package_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["nothing-like-it", "--out", str(tmp_path), "--shared", str(tmp_path)])
    assert caught.value.code == 2
    assert "no such package: nothing-like-it" in capsys.readouterr().err


def test_a_suite_that_takes_too_long_ends_and_what_it_recorded_counts(index: Path, tmp_path: Path) -> None:
    assert collect(PAIRS, tmp_path, tmp_path, limit=9, seed=0, seconds=0.001) == 2


def test_a_command_that_takes_too_long_is_killed() -> None:
    assert bounded([sys.executable, "-c", "import time\nprint('on', flush=True)\ntime.sleep(60)\n"], 3.0) == (-9, "on")


def test_what_models_are_evaluated_on_is_no_training_data() -> None:
    names = [package.name for package in PACKAGES]
    assert not {"toolz", "more-itertools", "attrs"}.intersection(names)
    assert names == sorted(set(names))
