"""Which lines of a git checkout differ from a revision."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from pytest_cwm.report.findings import Wanted
from pytest_cwm.report.one_test import ReportError

_FILE = re.compile(r"^\+\+\+ (?:b/(.*)|/dev/null)$")
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def wanted_lines(revision: str | None, root: Path) -> Wanted | None:
    """Those that changed since `revision`, or all where there is none. Raises `ReportError`."""
    return changed_since(revision, root) if revision else None


def changed_since(revision: str, root: Path) -> Wanted:
    """Is a line, of a file named from `root` on, added or changed since `revision`, or in a file git does not know?

    Raises `ReportError` where git can't tell.
    """
    diff = _git(
        root,
        *("-c", "core.quotePath=false", "diff", "--unified=0", "--no-color", "--no-ext-diff", "--src-prefix=a/"),
        *("--dst-prefix=b/", "--relative", "--end-of-options", revision, "--", "."),
    )
    lines = _changed_lines(diff)
    untracked = set(_git(root, "ls-files", "-z", "--others", "--exclude-standard").split("\0"))

    def wanted(file: str, line: int) -> bool:
        name = file.replace("\\", "/")
        return name in untracked or line in lines.get(name, ())

    return wanted


def _changed_lines(diff: str) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    file = ""
    for line in diff.split("\n"):
        if match := _FILE.match(line):
            file = (match[1] or "").rstrip("\t")
        elif (match := _HUNK.match(line)) and file:
            first, count = int(match[1]), int(match[2] or 1)
            found.setdefault(file, set()).update(range(first, first + count))
    return found


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ReportError(f"can't ask git which lines changed: {error.strerror or error}") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().partition("\n")[0]
        raise ReportError(f"git can't tell which lines changed: {said}") from None
    return done.stdout
