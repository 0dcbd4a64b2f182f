"""Text that is safe and fits: control characters shown, not sent; widths counted in terminal cells."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_cwm.report.paint import Paint, Style

Span = tuple[str, Style]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters beyond ASCII that a view uses."""

    ellipsis: str = "…"
    none: str = "–"
    separator: str = "·"
    rule: str = "─"
    passed: str = "✓"
    failed: str = "✗"
    undecided: str = "?"


UNICODE = Glyphs()
ASCII = Glyphs("...", "-", "-", "-", "ok", "FAILED")


@dataclass(frozen=True, slots=True)
class Screen:
    """What a view is drawn on: `width` in cells, its colours, and the encoding of the stream."""

    width: int
    paint: Paint
    encoding: str = "utf-8"

    @property
    def glyphs(self) -> Glyphs:
        """The characters that the encoding can carry."""
        return UNICODE if _can_carry(self.encoding, "…–·─✓✗") else ASCII

    def visible(self, text: str) -> str:
        """`text` with everything escaped that a terminal would act on, or that the encoding can't carry."""
        if text.isascii() and text.isprintable():
            return text
        text = text.expandtabs(4)
        if self.glyphs is ASCII:
            text = text.replace("…", ASCII.ellipsis)
        return "".join(
            char if char.isprintable() and _can_carry(self.encoding, char) else _escaped(char) for char in text
        )

    def cut(self, text: str, width: int) -> str:
        """Visible text in at most `width` cells; what is too long loses its end."""
        if cells(text) <= width:
            return text
        mark = self.glyphs.ellipsis
        if width <= len(mark):
            return mark[: max(0, width)]
        return _head(text, width - len(mark)) + mark

    def cut_start(self, text: str, width: int) -> str:
        """The same, but what is too long loses its start."""
        if cells(text) <= width:
            return text
        mark = self.glyphs.ellipsis
        if width <= len(mark):
            return mark[: max(0, width)]
        return mark + _head(text[::-1], width - len(mark))[::-1]

    def line(self, spans: Iterable[Span]) -> str:
        """One painted line that is never wider than the screen and has no space at its end."""
        shown: list[Span] = []
        left = self.width
        for text, style in spans:
            piece = self.cut(text, left)
            left -= cells(piece)
            shown.append((piece, style))
        while shown and not shown[-1][0].strip():
            shown.pop()
        if shown:
            shown[-1] = (shown[-1][0].rstrip(), shown[-1][1])
        return "".join(self.paint(text, style) if text.strip() else text for text, style in shown)


def cells(text: str) -> int:
    """How many cells of a terminal visible text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cell, text))


def pad(text: str, width: int, right: bool = False) -> str:
    """Visible text filled with spaces up to `width` cells."""
    space = " " * max(0, width - cells(text))
    return space + text if right else text + space


def _cell(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _head(text: str, width: int) -> str:
    for position, char in enumerate(text):
        width -= _cell(char)
        if width < 0:
            return text[:position]
    return text


def _escaped(char: str) -> str:
    code = ord(char)
    if char == "\n":
        return "\\n"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _can_carry(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True
