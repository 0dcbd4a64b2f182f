"""Hypothesis strategies for whole test reports, with hostile text everywhere."""

from __future__ import annotations

from hypothesis import strategies as st

from builders import told
from cwm_tracer.model import (
    Choice,
    Context,
    Ending,
    Event,
    Frame,
    Meta,
    Problem,
    ProblemKind,
    RollOut,
    Trace,
    Verification,
)
from pytest_cwm.report.document import TestReport

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\x1b\n\x00…<"), max_size=8)
VALUES = st.sampled_from(["1", "2", "'a'", "..", "...", "<redacted>", "\\"]) | TEXT
NAMES = st.sampled_from(["x", "y", ".0", "__x", "é"]) | TEXT


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    event = draw(st.sampled_from(Event))
    stateful = event in (Event.CALL, Event.LINE)
    return Frame(
        event,
        draw(st.sampled_from(["    x = 1\n", "return x", ""]) | TEXT),
        draw(st.dictionaries(NAMES, VALUES, max_size=3)) if stateful else None,
        None if stateful else draw(VALUES),
        draw(st.integers(0, 3)),
        draw(st.none() | st.just("a.py") | TEXT),
        draw(st.none() | st.integers(1, 99)),
    )


PLACES = st.lists(st.none() | st.tuples(st.sampled_from(["a.py", "b.py"]), st.integers(1, 5)), max_size=6).map(tuple)
CONTEXTS = st.builds(Context, TEXT, PLACES, st.none() | st.integers(0, 5))
METAS = st.builds(Meta, st.none() | st.just("3.11"), st.sampled_from(Ending), TEXT)
TRACES = st.builds(Trace, st.lists(frames(), max_size=6).map(tuple), CONTEXTS, METAS)
PROBLEMS = st.lists(st.builds(Problem, st.sampled_from(ProblemKind), st.integers(0, 6), TEXT), max_size=2).map(tuple)
BITS = st.none() | st.floats(0, allow_nan=False)
ROLL_OUTS = st.builds(RollOut, TRACES, PROBLEMS, st.none() | TEXT, TEXT)


@st.composite
def made_tests(draw: st.DrawFn) -> TestReport:
    truth = draw(TRACES)
    choices: list[Choice | None] = []
    for index in range(draw(st.integers(0, len(truth.frames) + 1))):
        true = truth.frames[index] if index < len(truth.frames) else None
        same = st.just(true) if true is None else st.sampled_from([true, told(true)])
        made = st.builds(Choice, same | frames() | st.none(), PROBLEMS, BITS, st.booleans())
        choices.append(draw(st.none() | made))
    verification = Verification(tuple(choices), draw(st.integers(1, 3)), draw(st.none() | TEXT), draw(TEXT))
    return TestReport.of(
        draw(TEXT),
        draw(st.sampled_from(["passed", "failed"])),
        draw(TEXT),
        truth,
        draw(st.none() | st.just(verification)),
        draw(st.none() | ROLL_OUTS),
        draw(st.lists(TEXT, max_size=2)),
    )
