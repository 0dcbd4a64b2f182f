"""Where a model goes wrong: rates of frames by their event, by the statement that ran, and by how late they come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from cwm_tracer.compare import Pair, Rate
from cwm_tracer.model import Event, Frame

EVENT, STATEMENT, POSITION, ACTION, LATE = "event", "statement", "position", "next line after", "without the start"
START = 3  # frames at the start of every trace that are alike: the call and the first lines
_POSITIONS = (3, 10, 30, 100, 300)
_KEYWORD = re.compile(
    r"(?:async\s+)?(if|elif|else|while|for|with|try|except|finally|return|yield|raise|def|class|del|assert|match|case"
    r"|lambda|import|from|pass|break|continue)\b"
)
_AUGMENTED = re.compile(r"[\w.\[\]'\"]+\s*(\+|-|\*|/|//|%|\*\*|>>|<<|&|\||\^|@)=")
_ASSIGNMENT = re.compile(r"[^=!<>]+(:\s*[\w\[\], .|]+)?=[^=]")
_COMPREHENSION = re.compile(r"\bfor\b.+\bin\b")
_WORDS = {"elif": "if", "from": "import", "case": "match"}


def breakdown(frames: Sequence[Frame], pairs: Sequence[Pair]) -> dict[tuple[str, str], Rate]:
    """Teacher-forced pairs of one trace, as rates of right frames by (what is grouped by, group).

    Under "next line after" it is events on their source line that are counted, not whole frames.
    """
    rates: dict[tuple[str, str], Rate] = {}
    for key, right in _judged(frames, pairs):
        rates[key] = rates.get(key, Rate()) + Rate(int(right), 1)
    return rates


def statement_of(source: str) -> str:
    """The kind of statement that a physical line begins with, as far as the line alone tells."""
    text = source.strip()
    keyword = _KEYWORD.match(text)
    if keyword is not None:
        return _WORDS.get(keyword[1], keyword[1])
    if _AUGMENTED.match(text):
        return "augmented assignment"
    if _ASSIGNMENT.match(text):
        return "comprehension" if _COMPREHENSION.search(text) else "assignment"
    return "expression"


def _judged(frames: Sequence[Frame], pairs: Sequence[Pair]) -> Iterator[tuple[tuple[str, str], bool]]:
    ran = ["", *(_ran(before) for before, _ in pairwise(frames))]
    for pair in pairs:
        if pair.score is None:
            continue
        right = pair.score.frame
        yield (EVENT, pair.truth.event.value), right
        yield (POSITION, _position(pair.index)), right
        if pair.index >= START:
            yield (LATE, f"from frame {START} on"), right
        if ran[pair.index]:
            yield (STATEMENT, ran[pair.index]), right
            yield (ACTION, ran[pair.index]), pair.score.action


def _ran(frame: Frame) -> str:
    """What runs after a frame: the statement of a line, or nothing that has a name."""
    return statement_of(frame.source) if frame.event is Event.LINE else ""


def _position(index: int) -> str:
    low = 1
    for high in _POSITIONS:
        if index < high:
            return f"{low} to {high - 1}"
        low = high
    return f"{low} and later"
