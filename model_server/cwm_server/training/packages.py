"""Documents from the test suites of packages: `python -m cwm_server.training.packages --out DIR --shared DATA`.

Each package is downloaded from PyPI as source, since few wheels hold tests; its suite runs under pytest with every test
recorded by the plugin, and the traces, of the tests and of the calls inside of them, become documents of a corpus, one
shard a package. What is downloaded runs as it is, without a sandbox. Needs pytest-timeout.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cwm_server.training.package_list import PACKAGES, Package

SECONDS = 240  # after which no more tests of a suite begin; any other command is killed then
_OF_A_TEST = 20  # seconds
RECORDED_FRAMES = 300  # of a test
DOCUMENT_FRAMES = 60
CALLS = 6  # of a function
CHARACTERS = 6_500  # of a document: about what fits 2 048 tokens
_OTHER_PLUGINS = ("asyncio", "randomly", "cov", "xdist", "rerunfailures", "cacheprovider", "anyio")


class PackageError(Exception):
    """A package that gives no documents; its text says why in one line."""


def record(package: Package, folder: Path, seconds: float = SECONDS) -> tuple[Path, Path]:
    """Run the suite of a package in `folder`, with what it needs installed beside it: the report, the source's root.

    Raises PackageError.
    """
    needed, report = folder / "needs", folder / "run.json.gz"
    _pip(package, "download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), package.release)
    _pip(package, "install", "--target", str(needed), package.release, *package.needs)
    archives = [*folder.glob("*.tar.gz")]
    if not archives:
        raise PackageError(f"{package.release}: its source is no .tar.gz")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder / "source", filter="data")
    project = next((folder / "source").iterdir())
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "--continue-on-collection-errors"]
    command += [f"--session-timeout={seconds}", f"--timeout={_OF_A_TEST}"]
    command += [f"-pno:{name}" for name in _OTHER_PLUGINS]
    command += f"--cwm-all --cwm-mode=none --cwm-max-frames={RECORDED_FRAMES}".split()
    command += ["--override-ini=addopts=", f"--rootdir={project}", f"--cwm-report={report}", *package.tests]
    paths = os.pathsep.join((str(project / package.source), str(needed)))
    _, said = bounded(command, seconds + SECONDS, project, {"PYTHONPATH": paths, "PYTHONHASHSEED": "0"})
    if not report.exists():
        raise PackageError(f"{package.release}: the tests left no report: {said}")
    return report, project


def export(package: Package, report: Path, project: Path, corpus: Path, shared: Path) -> list[str]:
    """The documents of a report that are not too long, as the lines of a shard. Raises PackageError."""
    options = f"--frames={DOCUMENT_FRAMES} --calls={CALLS} --source={package.name}".split()
    paths = [str(report), f"--root={project}", f"--keep-out={shared}", f"--out={corpus}"]
    status, said = bounded([sys.executable, "-m", "pytest_cwm", "export", *options, *paths], SECONDS)
    if status != 0:
        raise PackageError(f"{package.release}: {said}")
    lines = (line for shard in sorted(corpus.glob("*.jsonl")) for line in shard.read_text("utf-8").splitlines())
    return [line for line in lines if _characters(line) <= CHARACTERS]


def _characters(line: str) -> int:
    """How much text a document has."""
    return sum(len(segment) for segment in json.loads(line)["segments"] if isinstance(segment, str))


def bounded(
    command: list[str], seconds: float, folder: Path | None = None, variables: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run a command, and kill it when it takes too long.

    Returns its status and what it said last, of errors if there were any, in one line.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower()] or lines
    return process.returncode, " | ".join(told[-2:])[-300:]


def _pip(package: Package, *arguments: str) -> None:
    status, said = bounded([sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments], SECONDS)
    if status != 0:
        raise PackageError(f"{package.release}: pip {arguments[0]} failed: {said}")


def collect(package: Package, out: Path, shared: Path, limit: int, seed: int, seconds: float = SECONDS) -> int:
    """Write at most `limit` documents of a package, drawn at random, into `out`. Returns how many there are.

    When its suite has run for `seconds`, no more tests begin, and what was recorded counts.

    Raises PackageError.
    """
    with tempfile.TemporaryDirectory(prefix="cwm-package-") as temporary:
        folder = Path(temporary)
        lines = export(package, *record(package, folder, seconds), folder / "corpus", shared)
    chosen = random.Random(f"{seed}:{package.name}").sample(lines, min(limit, len(lines)))
    if not chosen:
        raise PackageError(f"{package.release}: no trace could be used")
    shard = out / f"package-{package.name}.jsonl"
    shard.with_suffix(".part").write_text("".join(line + "\n" for line in chosen), "utf-8")
    shard.with_suffix(".part").rename(shard)
    return len(chosen)


def main(arguments: list[str] | None = None) -> int:
    """The command: 1 where a package gave nothing."""
    parser = argparse.ArgumentParser(prog="python -m cwm_server.training.packages", description=__doc__.split("\n")[0])
    parser.add_argument("packages", nargs="*", metavar="NAME", help=f"of {', '.join(each.name for each in PACKAGES)}")
    parser.add_argument("--out", type=Path, required=True, help="directory for the shards; may be that of a corpus")
    parser.add_argument("--shared", type=Path, required=True, help="directory with mbpp.jsonl, whose tests stay out")
    parser.add_argument("--documents", type=int, default=300, help="at most so many of a package (300)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for the tests of a package ({SECONDS})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="packages at a time")
    options = parser.parse_args(arguments)
    known = {each.name: each for each in PACKAGES}
    unknown = sorted(set(options.packages) - known.keys())
    if unknown:
        parser.error(f"no such package: {', '.join(unknown)}")
    options.out.mkdir(parents=True, exist_ok=True)
    failed = 0

    def collected(package: Package) -> str | PackageError:
        shared = options.shared.resolve()
        try:
            count = collect(package, options.out, shared, options.documents, options.seed, options.seconds)
        except PackageError as error:
            return error
        return f"{package.release}: {count} documents"

    wanted = [known[name] for name in options.packages] or list(PACKAGES)
    with ThreadPoolExecutor(options.workers) as pool:
        for answer in pool.map(collected, wanted):
            failed += isinstance(answer, PackageError)
            print(answer, file=sys.stderr if isinstance(answer, PackageError) else sys.stdout, flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
