"""Exit statuses, and how a subcommand says what went wrong or what takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# UNREADABLE is what pytest calls a usage error: an input that is missing or damaged.
OK, FAILED, USAGE, UNREADABLE, INTERRUPTED = 0, 1, 2, 4, 130


def fail(message: object, status: int = FAILED) -> int:
    """Say it on stderr; the result is the exit status."""
    print(f"cwm: {message}", file=sys.stderr)
    return status


@contextmanager
def progress_of(path: Path) -> Iterator[Callable[[float], None]]:
    """Says on stderr how far a file was read once that takes more than a second: a line that is rewritten.

    Where stderr is no terminal it is a line every ten seconds.
    """
    tty = sys.stderr.isatty()
    due, shown = time.monotonic() + 1, False

    def tell(share: float) -> None:
        nonlocal due, shown
        now = time.monotonic()
        if now < due:
            return
        text = f"cwm: reading {path.name}, {share:.0%} of {path.stat().st_size / 1e6:,.0f} MB"
        print(f"\r{text}" if tty else text, end="" if tty else "\n", file=sys.stderr, flush=True)
        due, shown = now + (0.2 if tty else 10), True

    try:
        yield tell
    finally:
        if shown and tty:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
