"""Divergences by the line of source that they stand on: a loop that is predicted wrong a hundred times is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cwm_tracer.compare import DivergenceKind
from pytest_cwm.report.document import Report

# Says of a file and a line number whether it matters.
Wanted = Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of divergence on one line. `nodeid`, `step` and `sentence` are those of the first.

    `source` is the text of the line, `times` counts divergences, `tests` the tests they are in.
    """

    file: str
    line: int
    source: str
    kind: DivergenceKind
    nodeid: str
    step: int
    sentence: str
    times: int
    tests: int

    @property
    def message(self) -> str:
        """A line for the user."""
        often = ""
        if self.times > 1:
            often = f" ({self.times} times here{f', in {self.tests} tests' if self.tests > 1 else ''})"
        return f"{self.sentence}{often}; first in {self.nodeid}, step {self.step}"


def findings(report: Report, wanted: Wanted | None = None) -> list[Finding]:
    """All findings on lines that are wanted, those that occur most often first."""
    found: dict[tuple[str, int, DivergenceKind], Finding] = {}
    for test in report.tests:
        seen: set[tuple[str, int, DivergenceKind]] = set()
        frames = test.trace.frames if test.trace is not None else ()
        for _, divergence in test.divergences:
            if not frames:
                continue
            frame = frames[min(divergence.index, len(frames) - 1)]
            if not frame.file or not frame.line or (wanted is not None and not wanted(frame.file, frame.line)):
                continue
            key = (frame.file.replace("\\", "/"), frame.line, divergence.kind)
            before = found.get(key)
            found[key] = Finding(
                file=key[0],
                line=key[1],
                source=frame.source.strip(),
                kind=divergence.kind,
                nodeid=before.nodeid if before is not None else test.nodeid,
                step=before.step if before is not None else divergence.index,
                sentence=before.sentence if before is not None else divergence.sentence,
                times=(before.times if before is not None else 0) + 1,
                tests=(before.tests if before is not None else 0) + (key not in seen),
            )
            seen.add(key)
    return sorted(found.values(), key=lambda each: (-each.tests, -each.times, each.file, each.line, each.kind.value))
