"""Exit statuses, and how a subcommand says what went wrong."""

from __future__ import annotations

import sys

# UNREADABLE is what pytest calls a usage error: an input that is missing or damaged.
OK, FAILED, USAGE, UNREADABLE, INTERRUPTED = 0, 1, 2, 4, 130


def fail(message: object, status: int = FAILED) -> int:
    """Say it on stderr; the result is the exit status."""
    print(f"cwm: {message}", file=sys.stderr)
    return status
