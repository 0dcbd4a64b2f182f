"""What a reader of a test's figures must know besides them."""

from __future__ import annotations

from collections.abc import Iterator

from cwm_tracer.model import Ending, RollOut, Trace, Verification


def notes_of(
    trace: Trace | None, verification: Verification | None, roll_out: RollOut | None, missing: int, redacted: int
) -> tuple[str, ...]:
    """One short sentence for everything that a trace and its predictions left out."""
    notes = (*_trace_notes(trace), *_verification_notes(verification, missing), *_roll_out_notes(roll_out))
    if not redacted:
        return notes
    what = f"{redacted} redacted value{'s' if redacted > 1 else ''}"
    if verification is None and roll_out is None:
        return (*notes, what)
    return (*notes, f"{what} {'were' if redacted > 1 else 'was'} not scored")


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
