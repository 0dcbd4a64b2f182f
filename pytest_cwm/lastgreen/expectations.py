"""What tests are expected to do because they did it before: in the last green run, or in any report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from cwm_tracer.model import EXPECTATION, Ending, RollOut, Trace
from pytest_cwm.lastgreen.code import CodeDigests
from pytest_cwm.lastgreen.edits import translated
from pytest_cwm.lastgreen.files import Green, GreenError, read_green, write_green
from pytest_cwm.lastgreen.learning import first_green, learn, masked
from pytest_cwm.report.document import Report
from pytest_cwm.report.words import ABSENT, CHANGED, MASKED, NEW

_NAMES = 4


@dataclass(frozen=True, slots=True)
class Expected:
    """What one test was expected to do, None where nothing is known, and what the user must know of it."""

    roll_out: RollOut | None
    notes: tuple[str, ...] = ()


class Expectations(Protocol):
    """A source of what tests are expected to do."""

    name: str

    def of(self, nodeid: str, outcome: str, trace: Trace) -> Expected:
        """What a test that was just recorded had been expected to do."""

    def renew(self, nodeid: str, trace: Trace) -> None:
        """Take in what a test did that passed."""

    @property
    def problems(self) -> dict[str, str]:
        """What could not be read or written, by test."""


class LastGreen:
    """The last passing recordings, in a folder. With `refresh` what was known to vary is forgotten."""

    name = "the last green run"

    def __init__(self, folder: Path, root: Path, refresh: bool = False) -> None:
        self._folder = folder
        self._code = CodeDigests(root)
        self._refresh = refresh
        self.problems: dict[str, str] = {}

    def of(self, nodeid: str, outcome: str, trace: Trace) -> Expected:
        """The last green execution; of the same code that passes again, values that differ are learned at once."""
        green = self._read(nodeid)
        if green is None:
            return Expected(None, () if nodeid in self.problems else (NEW,))
        changed = self._code.changed(green.code)
        notes = [*_version_note(green.trace, trace)]
        expected = green.trace
        learned = ""
        if changed:
            expected, edited = translated(green.trace, trace, self._code.lines)
            notes.append(f"{CHANGED}{_few(_changes(edited, green.trace, trace, changed))}")
        elif outcome == "passed" and not notes:
            news = learn(green.trace, trace, same_code=True)
            if news.varying:
                # Frames stay those of the last green run; only their values are masked.
                expected = learn(news.trace, green.trace, same_code=True).trace
                first: dict[str, str] = {}
                for name, frame in news.varying:
                    first.setdefault(name, _place(frame.file, frame.line))
                places = [f"{name} ({place})" for name, place in first.items()]
                learned = f" from now on, since the code is the same: {_few(places)}"
        count, total, varying = masked(expected)
        if count:
            which = "" if learned else f"{_few(varying)}: "
            notes.append(f"{which}{count} of {total} values {MASKED}{learned}")
        return Expected(RollOut(expected, model=self.name), tuple(notes))

    def renew(self, nodeid: str, trace: Trace) -> None:
        """Make this the last green run of a test, unless its recording is damaged."""
        if not trace.frames or nodeid in self.problems:
            return
        try:
            green = None if self._refresh else read_green(self._folder, nodeid)
            known = first_green(trace)
            if green is not None:
                same_code = not self._code.changed(green.code) and green.trace.meta.python == trace.meta.python
                known = learn(green.trace, trace, same_code).trace
            write_green(self._folder, Green(nodeid, self._code.of(_files(trace)), known))
        except GreenError as error:
            self.problems[nodeid] = str(error)

    def _read(self, nodeid: str) -> Green | None:
        try:
            return read_green(self._folder, nodeid)
        except GreenError as error:
            self.problems[nodeid] = str(error)
            return None


class FromReport:
    """The recordings of an earlier run's report, which stays as it is."""

    def __init__(self, report: Report, name: str, root: Path) -> None:
        self.name = name
        self._code = CodeDigests(root)
        self.problems: dict[str, str] = {}
        self._report = report
        self._known = {summary.nodeid for summary in report.summaries}

    def of(self, nodeid: str, outcome: str, trace: Trace) -> Expected:
        """What the report says that the test did."""
        test = self._report.tests.named(nodeid) if nodeid in self._known else None
        if test is None or test.trace is None or not test.trace.frames:
            return Expected(None, (f"{ABSENT}{self.name}",))
        expected = replace(test.trace, meta=replace(test.trace.meta, producer=EXPECTATION))
        notes = [*_version_note(expected, trace)]
        unedited, (expected, edited) = expected, translated(expected, trace, self._code.lines)
        if edited:
            notes.append(f"{CHANGED}{_few(_changes(edited, unedited, trace, []))}")
        return Expected(RollOut(expected, model=self.name), tuple(notes))

    def renew(self, nodeid: str, trace: Trace) -> None:
        """Nothing: a report is not written to."""


def _files(trace: Trace) -> set[str]:
    return {frame.file.replace("\\", "/") for frame in trace.frames if frame.file}


def _version_note(before: Trace, now: Trace) -> Iterator[str]:
    if before.meta.python != now.meta.python:
        yield f"expected on Python {before.meta.python}, recorded on {now.meta.python}"
    if before.meta.ending not in (Ending.RETURNED, now.meta.ending):
        yield f"what is expected was cut short after {len(before.frames)} frames"


def _changes(edited: list[tuple[str, int]], before: Trace, now: Trace, files: list[str]) -> list[str]:
    """The lines that were edited, or else those that did not run before, and the changed files without any."""
    places = edited or _new_lines(before, now)
    shown = {file for file, _ in places}
    return [
        *(_place(*place) for place in places),
        *(f"{file} (in lines that do not run here)" for file in files if file not in shown),
    ]


def _new_lines(before: Trace, now: Trace) -> list[tuple[str, int]]:
    known = {(frame.file, frame.source) for frame in before.frames}
    return sorted(
        {(frame.file or "", frame.line or 0) for frame in now.frames if (frame.file, frame.source) not in known}
    )


def _place(file: str | None, line: int | None) -> str:
    return f"{file}:{line}".replace("\\", "/")


def _few(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
