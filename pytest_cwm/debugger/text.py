"""Text from a model or a recording, made safe and short enough for a terminal."""

from __future__ import annotations

import os

from cwm_tracer.wire import strip_marker


def printable(text: str) -> str:
    """`text` with escapes for what a terminal acts on or can't write: controls, direction marks, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shorten(text: str, width: int = 200) -> str:
    """`text`, cut to `width` characters with a count of those left out."""
    return text if len(text) <= width else f"{text[:width]}… (+{len(text) - width} characters)"


def source_line(source: str) -> str:
    """A source line without its newline and the start marker, tabs as spaces."""
    return printable(strip_marker(source).rstrip("\r\n").expandtabs(8))


def file_name(file: str) -> str:
    """A file's path relative to the current directory where it lies below it."""
    try:
        relative = os.path.relpath(file)
    except ValueError:  # another drive
        return printable(file)
    return printable(file if relative.startswith("..") else relative)
