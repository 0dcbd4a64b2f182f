"""Lines that were edited in place between two recordings: what ran before, told in the words of the present source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from cwm_tracer.compare.align import align
from cwm_tracer.model import Trace

_ALIKE = 0.6  # difflib's own measure for a good match
_MAX_PAIRS = 400

Lines = Mapping[str | None, Mapping[int, str]]
ReadLines = Callable[[str], Sequence[str]]


def translated(before: Trace, now: Trace, read: ReadLines) -> tuple[Trace, list[tuple[str, int]]]:
    """`before`, its frames on lines that were edited in place standing on what these have become; and where these are.

    Lines that ran before are looked for in the present file, which `read` gives line by line. Between those that are
    found, as many new lines that ran as there are old ones are these, edited; of more or fewer those that look alike.
    So an edited line is no other way through the code, and values are compared beyond it.
    """
    olds, news = _ran(before), _ran(now)
    became: dict[tuple[str | None, int], tuple[str, int]] = {}
    for file, old in olds.items():
        present = dict(enumerate((line.rstrip() for line in read(file)), 1)) if file else {}
        for number, other in _edited(old, present or news.get(file, {}), news.get(file, {})):
            became[file, number] = news[file][other], other
    frames = [
        replace(frame, source=edit[0], line=edit[1]) if (edit := became.get((frame.file, frame.line or 0))) else frame
        for frame in before.frames
    ]
    places = {
        (file, to) for (file, at), (text, to) in became.items() if file and text.rstrip() != olds[file][at].rstrip()
    }
    return replace(before, frames=tuple(frames)), sorted(places)


def _edited(old: Mapping[int, str], present: Mapping[int, str], ran: Mapping[int, str]) -> Iterator[tuple[int, int]]:
    """Numbers of lines that ran before and of those that they became; `present` and `ran` are those of the file now."""
    numbers, others = sorted(old), sorted(present)
    blocks = align([old[number].rstrip() for number in numbers], [present[number].rstrip() for number in others])
    for block in blocks:
        if not block.equal:
            gone = numbers[block.truth.start : block.truth.stop]
            new = [number for number in others[block.predicted.start : block.predicted.stop] if number in ran]
            if len(gone) == len(new):
                yield from zip(gone, new, strict=True)
            elif len(gone) * len(new) <= _MAX_PAIRS:
                yield from _alike(gone, new, old, ran)


def _alike(
    gone: Sequence[int], new: Sequence[int], old: Mapping[int, str], ran: Mapping[int, str]
) -> Iterator[tuple[int, int]]:
    """Each old line with the new one that is most like it, in order."""
    new = list(new)
    for number in gone:
        likeness = [SequenceMatcher(None, old[number].strip(), ran[other].strip()).ratio() for other in new]
        best = max(likeness, default=0.0)
        if best >= _ALIKE:
            at = likeness.index(best)
            yield number, new[at]
            new = new[at + 1 :]


def _ran(trace: Trace) -> Lines:
    """The lines that ran, by file and number."""
    found: dict[str | None, dict[int, str]] = defaultdict(dict)
    for frame in trace.frames:
        if frame.line is not None:
            found[frame.file][frame.line] = frame.source
    return found
