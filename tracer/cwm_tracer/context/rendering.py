"""Selected pieces as lines of text that know where they stand: blank lines, elided literals, the entry's marker."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from cwm_tracer.context.literals import Span
from cwm_tracer.context.outline import Kind, Outline, Piece
from cwm_tracer.context.selection import Detail
from cwm_tracer.source import SourceLines
from cwm_tracer.wire import START_MARKER, strip_marker

_BLANKS = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a context without its newline, and its file and 1-based number, None for one that stands in no file."""

    text: str
    place: tuple[str, int] | None


def render(outline: Outline, pieces: Collection[Piece], detail: Detail) -> list[Line]:
    """The lines of some pieces of one file, in file order."""
    kept: set[int] = set()
    after: dict[int, str] = {}  # lines of ours, by the line that they follow
    chosen = set(pieces)
    for piece in list(chosen):
        if piece.kind is Kind.CLASS and not chosen.intersection(piece.children):
            if piece.filler is not None:
                chosen.add(piece.filler)
            elif isinstance(piece.node, ast.ClassDef):
                after[piece.end] = " " * piece.node.body[0].col_offset + "..."
    for piece in chosen:
        kept.update(range(piece.comments, piece.end + 1))
    if detail >= Detail.UNDOCUMENTED:
        for piece in chosen:
            for first, last in piece.docstrings:
                kept.difference_update(range(first, last + 1))
        kept = {lineno for lineno in kept if not outline.comment(lineno)}
    elided: list[Span] = []
    if detail >= Detail.ELIDED:
        for piece in chosen:
            elided += piece.elidable(outline.lines)
        for first, last in elided:
            kept.difference_update(range(first, last + 1))
    shown = sorted(lineno for lineno in kept if not outline.blank(lineno))
    before = {shown[bisect.bisect(shown, first)]: " " * _indent(outline, first) + "# ..." for first, _ in elided}
    return list(_laid_out(outline, shown, before, after))


def listing(sources: SourceLines, file: str, lines: dict[int, str]) -> list[Line]:
    """Single lines of a file that can't be parsed or read, in order."""
    found = ((lineno, sources.line(file, lineno) or text) for lineno, text in sorted(lines.items()))
    return [Line(text.rstrip("\n"), (file, lineno)) for lineno, text in found if text.strip()]


def joined(files: Iterable[list[Line]]) -> list[Line]:
    """The lines of several files below each other."""
    result: list[Line] = []
    for lines in files:
        if result and lines:
            result += [Line("", None)] * _BLANKS
        result += lines
    return result


def marked(lines: list[Line], entry: tuple[str, int] | None) -> tuple[list[Line], int | None]:
    """The lines with the start marker on the entry's and on no other, and the entry's index."""
    index = next((i for i, line in enumerate(lines) if line.place is not None and line.place == entry), None)
    result = [Line(strip_marker(line.text), line.place) if START_MARKER in line.text else line for line in lines]
    if index is not None:
        result[index] = Line(f"{result[index].text.rstrip()}  {START_MARKER}", entry)
    return result, index


def _laid_out(outline: Outline, kept: list[int], before: dict[int, str], after: dict[int, str]) -> Iterator[Line]:
    previous = 0
    for lineno in kept:
        if lineno in before:
            yield Line(before[lineno], None)
        elif previous in after:
            yield from _numbered(outline, _run(outline, lineno - 1, -1, previous)[:_BLANKS])
        elif previous:
            yield from _numbered(outline, _between(outline, previous, lineno))
        yield from _numbered(outline, (lineno,))
        if lineno in after:
            yield Line(after[lineno], None)
        previous = lineno


def _numbered(outline: Outline, linenos: Iterable[int]) -> Iterator[Line]:
    return (Line(outline.lines[lineno - 1].rstrip("\n"), (outline.file, lineno)) for lineno in linenos)


def _between(outline: Outline, previous: int, lineno: int) -> list[int]:
    """The blank lines to keep between two lines with, perhaps, something left out between them."""
    above = _run(outline, previous + 1, 1, lineno)
    if len(above) == lineno - previous - 1:
        return above[:_BLANKS]
    if _indent(outline, lineno) > _indent(outline, previous):
        return []
    below = _run(outline, lineno - 1, -1, previous)
    return max(above, below, key=len)[:_BLANKS]


def _run(outline: Outline, start: int, step: int, stop: int) -> list[int]:
    """The blank lines from `start` on in one direction, in file order."""
    run = []
    while start != stop and outline.blank(start):
        run.append(start)
        start += step
    return run if step > 0 else run[::-1]


def _indent(outline: Outline, lineno: int) -> int:
    text = outline.lines[lineno - 1]
    return len(text) - len(text.lstrip())
