"""A program to debug without running it: a file whose entry carries the start marker."""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

from cwm_tracer.model import Context
from cwm_tracer.wire import START_MARKER, strip_marker

_DEFINITION = re.compile(r"\s*(async\s+)?def\s+\w+")


class ProgramError(Exception):
    """A file that can't be debugged; its text is one line for the user: which file, why, what to do."""


def read_program(path: str | Path) -> Context:
    """The whole text of a Python file as a context, its entry at the one `def` line that ends in the start marker.

    The text is decoded as Python decodes it (PEP 263), with universal newlines. Raises `ProgramError`.
    """
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except (OSError, SyntaxError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ProgramError(f"{path}: can't be read: {reason}") from None
    lines = text.split("\n")
    marked = [number for number, line in enumerate(lines, 1) if strip_marker(line) != line]
    if not marked:
        raise ProgramError(
            f"{path}: no line ends in `{START_MARKER}`; put it on the `def` line of the function to start in"
        )
    if len(marked) > 1:
        numbers = ", ".join(map(str, marked))
        raise ProgramError(f"{path}: lines {numbers} end in `{START_MARKER}`; keep it on one `def` line")
    if not _DEFINITION.match(lines[marked[0] - 1]):
        raise ProgramError(f"{path}: line {marked[0]} ends in `{START_MARKER}` but is no `def` line")
    return Context(text, tuple((str(path), number) for number in range(1, len(lines) + 1)), marked[0] - 1)
