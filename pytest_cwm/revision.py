"""Which revision of the code under test ran."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def revision_of(root: Path) -> str | None:
    """The commit checked out at `root`, with "+changes" where tracked files differ; None where nothing says it."""
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA") or None
    return f"{commit}+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else commit


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            # Another git process of the user's must not find the index locked.
            ["git", "--no-optional-locks", *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
