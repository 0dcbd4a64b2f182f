"""What a reader of a test's figures must know besides them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from cwm_tracer.compare.values import is_redacted
from cwm_tracer.model import Ending, RollOut, Trace, Verification

if TYPE_CHECKING:
    from pytest_cwm.report.summary import TestSummary


def notes_of(
    trace: Trace | None, verification: Verification | None, roll_out: RollOut | None, missing: int, redacted: int
) -> tuple[str, ...]:
    """One short sentence for everything that a trace and its predictions left out."""
    hidden = (redacted_note(redacted),) if redacted else ()
    return (*_trace_notes(trace), *_verification_notes(verification, missing), *_roll_out_notes(roll_out), *hidden)


def shared_notes(
    own: Sequence[str], tests: Sequence[TestSummary], named: Callable[[Sequence[str]], str]
) -> tuple[list[str], list[str]]:
    """The notes of a run: those that concern all of it, in figures, and those of tests, each once.

    `own` are the run's, `named` names the tests that share a note.
    """
    whole = [*own, *_missing(tests, named), *_redacted(tests, named)]
    sharing: dict[str, list[str]] = {}
    for test in tests:
        said = {missing_note(test.failure)} if test.missing else set()
        if test.redacted:
            said.add(redacted_note(test.redacted))
        for note in test.notes:
            if note not in said:
                sharing.setdefault(note, []).append(test.nodeid)
    return whole, [f"{note} ({named(nodeids)})" for note, nodeids in _ranges(sharing)]


def _ranges(sharing: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    """Notes that differ in one number only become one, with the least and the largest."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for note in sharing:
        alike.setdefault(tuple(re.split(r"\d+", note)), []).append(note)
    for words, notes in alike.items():
        columns = [*zip(*([int(number) for number in re.findall(r"\d+", note)] for note in notes), strict=True)]
        varying = [place for place, column in enumerate(columns) if len({*column}) > 1]
        if len(varying) != 1:
            yield from ((note, sharing[note]) for note in notes)
            continue
        texts = [f"{min(each)} to {max(each)}" if len({*each}) > 1 else str(each[0]) for each in columns]
        joined = "".join(part for pair in zip(words, [*texts, ""], strict=True) for part in pair)
        yield joined, sorted(nodeid for note in notes for nodeid in sharing[note])


def redacted_in(trace: Trace) -> int:
    """How many values of a recording were withheld."""
    return sum(
        sum(map(is_redacted, frame.locals.values())) if frame.locals is not None else is_redacted(frame.argument or "")
        for frame in trace.frames
    )


def redacted_note(count: int, used: str = "scored") -> str:
    """That values were withheld."""
    return f"{count} value{'s are' if count > 1 else ' is'} redacted, and not {used}"


def missing_note(failure: str | None) -> str:
    """Why predictions are missing."""
    return f"predictions are missing: {failure or 'no reason given'}"


def _trace_notes(trace: Trace | None) -> Iterator[str]:
    if trace is None:
        return
    ending, count = trace.meta.ending, len(trace.frames)
    if ending is Ending.NEVER_CALLED:
        yield "the entry was never called"
    elif ending is Ending.TRUNCATED:
        yield f"truncated after {count} frames"
    elif ending is Ending.DISPLACED:
        yield f"recording ended early, after {count} frames"
    elif ending is Ending.OPEN:
        yield f"the trace was cut after {count} frames, while the entry was still running"


def _verification_notes(verification: Verification | None, missing: int) -> Iterator[str]:
    if verification is None:
        return
    if missing:
        yield missing_note(verification.failure)
    if verification.windows > 1:
        yield f"verified in {verification.windows} windows: the trace is longer than the model's context"
    if verification.outside:
        what = "a true token lies" if verification.outside == 1 else f"{verification.outside} true tokens lie"
        yield f"{what} outside of what constrained decoding allows: a defect of pytest-cwm"
    if verification.ties:
        what = "a true token is" if verification.ties == 1 else f"{verification.ties} true tokens are"
        yield f"{what} as probable as another, which counts as agreement: the engine does not show its choice"


def _roll_out_notes(roll_out: RollOut | None) -> Iterator[str]:
    if roll_out is not None:
        if roll_out.failure is not None:
            yield f"the roll-out is missing: {roll_out.failure}"
        elif roll_out.trace.meta.ending is Ending.TRUNCATED:
            yield f"the roll-out was stopped after {len(roll_out.trace.frames)} frames"


def _missing(tests: Sequence[TestSummary], named: Callable[[Sequence[str]], str]) -> Iterator[str]:
    """How many predictions are missing, reason by reason."""
    frames = sum(max(0, test.frames - 1) for test in tests)
    reasons: dict[str, list[TestSummary]] = {}
    for test in tests:
        if test.missing:
            reasons.setdefault(missing_note(test.failure), []).append(test)
    for reason, affected in reasons.items():
        missing = sum(test.missing for test in affected)
        yield f"{missing} of {frames} {reason} ({named([test.nodeid for test in affected])})"


def _redacted(tests: Sequence[TestSummary], named: Callable[[Sequence[str]], str]) -> Iterator[str]:
    affected = [test for test in tests if test.redacted]
    if affected:
        yield f"{redacted_note(sum(test.redacted for test in affected))} ({named([test.nodeid for test in affected])})"
