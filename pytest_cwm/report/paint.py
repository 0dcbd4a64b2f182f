"""How a view gets its colours: text and a style go in, text for one kind of terminal comes out."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, Literal

Style = Literal["plain", "title", "dim", "good", "bad", "note", "truth", "predicted"]
Paint = Callable[[str, Style], str]

# In the words of the `markup` method of pytest's terminal writer.
MARKUP: dict[Style, dict[str, bool]] = {
    "plain": {},
    "title": {"bold": True},
    "dim": {"light": True},
    "good": {"green": True},
    "bad": {"red": True},
    "note": {"yellow": True},
    "truth": {"green": True},
    "predicted": {"red": True},
}
_CODES = {"bold": 1, "light": 2, "red": 31, "green": 32, "yellow": 33}


def plain(text: str, style: Style) -> str:
    """No colours."""
    return text


def ansi(text: str, style: Style) -> str:
    """ANSI escape sequences."""
    codes = ";".join(str(_CODES[name]) for name in MARKUP[style])
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def paint_with(markup: Callable[..., str]) -> Paint:
    """The colours of pytest's terminal writer, given its `markup` method; none where it has none."""
    return lambda text, style: markup(text, **MARKUP[style])


def paint_for(stream: IO[str]) -> Paint:
    """Colours for a terminal that has them; `NO_COLOR` and `FORCE_COLOR` decide where they are set."""
    if os.environ.get("NO_COLOR"):
        return plain
    if os.environ.get("FORCE_COLOR"):
        return ansi
    return ansi if stream.isatty() and os.environ.get("TERM") != "dumb" else plain
