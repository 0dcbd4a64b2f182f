"""What a model is evaluated on: recorded traces, from a data set, a corpus or a report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cwm_tracer import wire
from cwm_tracer.model import Context, Ending, Meta, Trace

KINDS = "mbpp:DIRECTORY, heldout:DIRECTORY or report:PATH"
PYTHON = "3.11"  # data sets are recorded with this version's semantics, which CWM was trained on


class SuiteError(Exception):
    """A suite that can't be had; its text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Program:
    """One recorded program. `name` is unique in its suite."""

    name: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class Suite:
    """Programs in a fixed order; `left_out` counts those that the data holds besides, by the reason.

    With `windows`, programs longer than the model's context count too, verified in windows as the plugin does it;
    without, only those do that the model sees whole.
    """

    name: str
    programs: tuple[Program, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    windows: bool = False


def load_suite(spec: str, limit: int | None = None) -> Suite:
    """The suite that `KIND:PATH` names, its first `limit` programs. Raises SuiteError."""
    kind, _, path = spec.partition(":")
    load = {"mbpp": _mbpp, "heldout": _heldout, "report": _report}.get(kind)
    if load is None or not path:
        raise SuiteError(f"unknown suite {spec!r}: choose {KINDS}")
    try:
        suite = load(Path(path), limit)
    except OSError as error:
        raise SuiteError(f"{error.filename or path}: {error.strerror or error}") from None
    if not suite.programs:
        raise SuiteError(f"{spec} holds no program that could be recorded")
    return suite


def _mbpp(directory: Path, limit: int | None) -> Suite:
    """MBPP's test split, tasks 11 to 510: `main` returns the call of each task's first assertion."""
    from cwm_server.training.programs import mbpp
    from cwm_server.training.programs.base import Program as Source
    from cwm_server.training.workers import run

    sources: list[tuple[int, Source]] = []
    for task in mbpp.tasks(directory):
        if task["task_id"] in mbpp.TEST and (limit is None or len(sources) < limit):
            subject = mbpp.subject(mbpp.module(task), task["test_list"][0], heldout=True)
            if subject is not None:
                text = f"{subject.text}\n\ndef main():\n    return {subject.name}({subject.arguments})\n"
                sources.append((task["task_id"], Source("mbpp-test", text, "main", "main()", subject.name, True)))
    programs = []
    for (number, _), (_, result) in zip(sources, run([source for _, source in sources], workers=2), strict=True):
        trace = None if result.rejected or not result.complete else trace_of(result.segments)
        if trace is not None:
            programs.append(Program(f"mbpp/{number}", trace))
    return Suite("MBPP test split", tuple(programs), {"not recorded in full": len(sources) - len(programs)})


def _heldout(directory: Path, limit: int | None) -> Suite:
    """The documents of a corpus that were kept out of training."""
    shards = sorted(directory.glob("*.jsonl"))
    if not shards:
        raise SuiteError(f"{directory}: no shards (*.jsonl) in it; make the data first")
    programs: list[Program] = []
    incomplete = 0
    for name, segments in _documents(shards):
        if limit is not None and len(programs) >= limit:
            break
        trace = trace_of(segments)
        if trace is None:
            incomplete += 1
        else:
            programs.append(Program(name, trace))
    return Suite("held-out documents", tuple(programs), {"not complete": incomplete})


def _report(path: Path, limit: int | None) -> Suite:
    """The tests that a report holds."""
    from pytest_cwm.report.document import ReportError
    from pytest_cwm.report.storage import read_report

    try:
        tests = list(read_report(path).tests)
    except ReportError as error:
        raise SuiteError(str(error)) from None
    traced = [Program(test.nodeid, test.trace) for test in tests if test.trace is not None and test.trace.frames]
    without = {"without a trace": len(tests) - len(traced)}
    return Suite(f"tests of {path.name}", tuple(traced[:limit]), without, windows=True)


def trace_of(segments: Sequence[int | str]) -> Trace | None:
    """The trace of a document of a corpus; None where it is cut short or unreadable."""
    specials = list(wire.Special)
    pieces = [specials[piece] if isinstance(piece, int) else piece for piece in segments]
    if len(pieces) < 5 or pieces[:2] != [wire.Special.BEGIN, wire.Special.CONTEXT] or not isinstance(pieces[2], str):
        return None
    decoded = wire.decode(pieces[4:])
    if decoded.problems or not decoded.ended:
        return None
    context = pieces[2]
    lines = {wire.strip_marker(line + "\n") for line in context.split("\n")}
    complete = all(frame.source in lines for frame in decoded.frames)
    return Trace(decoded.frames, Context(context, complete=complete), Meta(PYTHON, Ending.RETURNED))


def _documents(shards: Sequence[Path]) -> Iterator[tuple[str, list[int | str]]]:
    for shard in shards:
        with shard.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                document = _parsed(line)
                if document is None:
                    raise SuiteError(f"{shard}, line {number} is no document of a corpus; make the data again")
                if document["split"] == "heldout":
                    yield document["id"], document["segments"]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(document, dict) and {"id", "split", "segments"} <= document.keys()
    return document if whole else None
