"""What goes before the trace: the source that ran, what its names mean, and where each line of it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from cwm_tracer.context.outline import Piece
from cwm_tracer.context.rendering import joined, listing, marked, render
from cwm_tracer.context.selection import Detail, Modules, select
from cwm_tracer.model import Context, Frame
from cwm_tracer.source import SourceLines

__all__ = ["build_context", "estimate_tokens"]


def estimate_tokens(text: str) -> int:
    """Roughly how many tokens of a byte-pair vocabulary some source is, three characters to one."""
    return len(text) // 3


def build_context(
    frames: Sequence[Frame],
    entry: tuple[str, int] | None,
    sources: SourceLines,
    *,
    count_tokens: Callable[[str], int] = estimate_tokens,
    budget: int = 1024,
    may_read: Callable[[str], bool] | None = None,
) -> Context:
    """The source of everything that ran, for a model to read before the trace of it.

    It holds each function that a frame stands in, whole (an inner function comes with its outermost one); the headers
    of their classes; and the imports, constants and classes that their names mean, in file order. Files come in
    the order in which they first ran, the entry's last. `entry` is the file and line of its `def` or first decorator.

    Over `budget` tokens it leaves out, in this order and only as far as needed: docstrings and comments; what only
    annotations mention, and unused members; the bodies of long literals; functions, those with the fewest frames
    first. The entry's own function always stays, so the text may end above the budget.

    Definitions that are imported from a file that no frame stands in are shown where `may_read` allows that file.
    Every line keeps its text, but for the marker, and its place. Of a file that can't be parsed, the lines that ran are
    listed.
    """
    program = _program(frames, entry, sources, may_read)
    droppable = program.droppable()
    # Most of a large program is not to be shown: then nothing larger than a few times the budget is ever rendered.
    if count_tokens(program.least()) <= budget:
        for detail in Detail:
            context = program.context(droppable, detail)
            if count_tokens(context.text) <= budget:
                return context
    context = program.context([], Detail.ELIDED)
    fits, too_many, step = 0, len(droppable), 1
    while too_many - fits > 1:
        middle = min(fits + step, (fits + too_many) // 2)
        tried = program.context(droppable[:middle], Detail.ELIDED)
        if count_tokens(tried.text) <= budget:
            fits, context, step = middle, tried, step * 2
        else:
            too_many = middle
    return context


@dataclass(slots=True)
class _Program:
    """What ran: pieces and, for files without an outline, single lines, with the number of frames that each had."""

    modules: Modules
    files: tuple[str, ...]
    entry: tuple[str, int] | None
    ran: frozenset[tuple[str, int]] = frozenset()
    pieces: dict[Piece, int] = field(default_factory=dict)
    unparsed: dict[str, dict[int, str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def droppable(self) -> list[Piece | str]:
        """Pieces, and files without an outline, that may be left out; the most important first."""
        ranked: list[tuple[int, Piece | str]] = [(-count, piece) for piece, count in self.pieces.items()]
        ranked += [(-self.counts[file], file) for file in self.unparsed]
        ranked.sort(key=lambda item: item[0])
        always = (self._entry_piece(), self._entry_file())
        return [item for _, item in ranked if item not in always]

    def least(self) -> str:
        """What is shown of the pieces that ran even where the least is shown, without what they need."""
        outlines = ((piece, self.modules.outline(piece.file)) for piece in self.pieces)
        return "".join(piece.least(outline) for piece, outline in outlines if outline is not None)

    def context(self, kept: Sequence[Piece | str], detail: Detail) -> Context:
        """What is kept, the entry, and what they need."""
        ran = [item for item in kept if isinstance(item, Piece)]
        entry_piece = self._entry_piece()
        if entry_piece is not None:
            ran.append(entry_piece)
        chosen = select(self.modules, ran, detail)
        listed = {item for item in kept if isinstance(item, str)} | {self._entry_file()}
        parts = []
        for file in self._ordered(chosen):
            outline = self.modules.outline(file)
            if outline is not None and file in chosen:
                parts.append(render(outline, chosen[file], detail))
            elif outline is None and file in listed:
                parts.append(listing(self.modules.sources, file, self.unparsed.get(file, {})))
        lines, index = marked(joined(parts), self.entry)
        places = (*(line.place for line in lines), None) if lines else ()
        return Context("".join(f"{line.text}\n" for line in lines), places, index, self.ran <= set(places))

    def _ordered(self, chosen: Iterable[str]) -> list[str]:
        files = dict.fromkeys((*self.files, *sorted(set(chosen) - set(self.files))))
        # What no frame stands in is only imported: it comes before all that uses it.
        return sorted(files, key=lambda file: (file == self._entry_file(), file in self.files))

    def _entry_file(self) -> str | None:
        return self.entry[0] if self.entry is not None else None

    def _entry_piece(self) -> Piece | None:
        if self.entry is None:
            return None
        outline = self.modules.outline(self.entry[0])
        return outline.owners.get(self.entry[1]) if outline is not None else None


def _program(
    frames: Sequence[Frame],
    entry: tuple[str, int] | None,
    sources: SourceLines,
    may_read: Callable[[str], bool] | None,
) -> _Program:
    ran: dict[tuple[str, int], int] = {}
    texts: dict[tuple[str, int], str] = {}
    for frame in frames:
        if frame.file is not None and frame.line is not None:
            place = (frame.file, frame.line)
            ran[place] = ran.get(place, 0) + 1
            texts.setdefault(place, frame.source)
    if entry is not None:
        entry = (entry[0], sources.definition_line(*entry))
        ran.setdefault(entry, 0)
        texts.setdefault(entry, sources.line(*entry))
    files = tuple(dict.fromkeys(file for file, _ in ran))
    program = _Program(Modules(sources, frozenset(files), may_read), files, entry, frozenset(ran))
    for (file, lineno), count in ran.items():
        program.counts[file] = program.counts.get(file, 0) + count
        outline = program.modules.outline(file)
        if outline is None:
            program.unparsed.setdefault(file, {})[lineno] = texts[file, lineno]
            continue
        piece = outline.owners.get(lineno)
        if piece is not None:
            program.pieces[piece] = program.pieces.get(piece, 0) + count
    return program
