"""Schemathesis against a server, by its command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# 410: the earlier answer that a request refers to is looked up before the rest of it can be judged.
_CONFIGURATION = "[checks.negative_data_rejection]\nexpected-statuses = [400, 404, 405, 410, 413, 415]\n"
_RUN = "from schemathesis.cli import schemathesis; schemathesis()"


def run(url: str, directory: Path, examples: int, paths: Sequence[str] = (), token: str | None = None) -> str:
    """Send generated requests, good and bad, to every operation, or to those of some paths; what it says of them.

    Besides so many random ones for each operation it tries every keyword of every schema. Its files go to `directory`.
    Raises AssertionError for an answer of another shape or status than the document says, an error of the server, or a
    bad request that is taken. A good one may be refused: prompt and answer together have to fit into the context.
    """
    (directory / "schemathesis.toml").write_text(_CONFIGURATION)
    command = [sys.executable, "-c", _RUN, "run", f"{url}/openapi.json", "--phases", "coverage,fuzzing", "--no-color"]
    command += ["--request-timeout", "60"]  # a loaded machine is no defect of the server
    command += ["--max-examples", str(examples), "--generation-deterministic", "--continue-on-failure"]
    command += ["--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "all"]
    for path in paths:
        command += ["--include-path", path]
    if token is not None:
        command += ["--header", f"Authorization: Bearer {token}"]
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout
