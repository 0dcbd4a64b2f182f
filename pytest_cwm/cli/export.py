"""`cwm export`: recorded runs as a corpus to train a world model on."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_cwm.cli.status import FAILED, OK, UNREADABLE, USAGE, fail


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = commands.add_parser(
        "export",
        help="write the traces of recorded runs as a corpus to train on",
        description="Write the traces in reports of `pytest --cwm-report` (`--cwm-all --cwm-mode=none` records every "
        "test and asks no model) as shards of documents, which `python -m cwm_server.training train --data DIR` reads.",
        epilog="Exit status: 0, 1 when no trace could be used, 2 for wrong usage, 4 when a report can't be read.",
    )
    parser.add_argument("reports", metavar="REPORT", type=Path, nargs="+")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="directory for the shards; new or empty")
    parser.add_argument("--source", default="recorded", help="what the documents are said to come from (recorded)")
    parser.add_argument("--frames", type=int, default=400, metavar="N", help="at most so many frames of a trace (400)")
    parser.add_argument(
        "--keep-out", metavar="DIR", type=Path, help="leave out functions of MBPP's test split (DIR has mbpp.jsonl)"
    )
    parser.add_argument(
        "--calls",
        type=int,
        default=0,
        metavar="N",
        help="also write the calls inside of tests as traces of their own, at most N of a function (0)",
    )
    parser.add_argument(
        "--root", metavar="DIR", type=Path, default=Path(), help="where the recorded files lie, for --calls (here)"
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Write the shards and say what was left out."""
    from pytest_cwm.calls import Calls
    from pytest_cwm.evaluation.suites import SuiteError, load_suite
    from pytest_cwm.export import export

    out: Path = parsed.out
    if parsed.frames < 1:
        return fail("--frames: at least 1", USAGE)
    if parsed.calls < 0:
        return fail("--calls: at least 0", USAGE)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        return fail(f"{out} is not empty; name a new directory", USAGE)
    if parsed.keep_out is not None and not (parsed.keep_out / "mbpp.jsonl").is_file():
        return fail(f"--keep-out: {parsed.keep_out / 'mbpp.jsonl'} is not there", USAGE)
    try:
        suites = [load_suite(f"report:{path}") for path in parsed.reports]
    except SuiteError as error:
        return fail(error, UNREADABLE)
    traces = ((program.name, program.trace) for suite in suites for program in suite.programs)
    calls = Calls(parsed.root, parsed.calls, parsed.frames) if parsed.calls > 0 else None
    corpus = export(traces, parsed.source, out, parsed.keep_out, parsed.frames, calls)
    print(f"{corpus.documents} documents, {corpus.characters} characters in {out}")
    for reason, count in sorted(corpus.rejected[parsed.source].items()):
        print(f"  left out: {count} {reason}")
    if calls is not None and calls.changed:
        print(f"  left out: {calls.changed} calls whose files are not in {parsed.root} as they were recorded (--root)")
    return OK if corpus.documents else FAILED
