"""`cwm compare`: did predictions become worse between two reports?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cwm.cli.status import FAILED, OK, UNREADABLE, USAGE, fail, progress_of

if TYPE_CHECKING:
    from pytest_cwm.regression.runs import Run


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    compare = commands.add_parser(
        "compare",
        help="compare two reports: did predictions become worse?",
        description="Compare the report AFTER with the report BEFORE, test by test. A test whose source or execution "
        "changed is listed apart and not compared; nor is anything where the Python version, model, tokenizer, prompt "
        "template or decoding differ.",
        epilog="Exit status: 0; 1 when --fail-if-worse finds that they did; 2 for wrong usage; 4 when a report is "
        "missing or damaged.",
    )
    compare.add_argument("before", metavar="BEFORE")
    compare.add_argument("after", metavar="AFTER")
    compare.add_argument(
        "--fail-if-worse",
        action="append",
        nargs="?",
        const="",
        metavar="METRIC=EFFECT",
        help="exit with 1 when a metric became worse, beyond chance and by at least EFFECT (0.01; more than once)",
    )
    compare.add_argument("--across", action="store_true", help="compare although the models differ: which is better?")
    compare.add_argument("-v", "--verbose", action="count", default=0, help="every test by name")
    compare.add_argument("-q", "--quiet", action="count", default=0, help="only the figures")
    compare.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Compare and print."""
    import shutil
    from datetime import datetime, timezone

    from pytest_cwm.regression.comparison import compare
    from pytest_cwm.regression.measures import parse_measure
    from pytest_cwm.regression.runs import OF_THE_MODEL
    from pytest_cwm.regression.view import render
    from pytest_cwm.report.document import ReportError
    from pytest_cwm.report.paint import paint_for

    try:
        measures = [parse_measure(text) for text in parsed.fail_if_worse or () if text not in ("", "default")]
    except ValueError as error:
        return fail(f"--fail-if-worse: {error}", USAGE)
    try:
        before, after = (_read(Path(name)) for name in (parsed.before, parsed.after))
    except ReportError as error:
        return fail(error, UNREADABLE)
    comparison = compare(before, after, measures, OF_THE_MODEL if parsed.across else ())
    lines = render(
        comparison,
        datetime.now(timezone.utc),
        width=shutil.get_terminal_size().columns,
        paint=paint_for(sys.stdout),
        verbosity=parsed.verbose - parsed.quiet,
        encoding=sys.stdout.encoding,
    )
    for line in lines:
        print(line)
    sys.stdout.flush()
    return FAILED if parsed.fail_if_worse and comparison.worse else OK


def _read(path: Path) -> Run:
    from pytest_cwm.regression.runs import read_run

    with progress_of(path) as progress:
        return read_run(path, progress)
