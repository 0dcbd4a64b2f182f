"""`cwm trend`: how predictions went from run to run."""

from __future__ import annotations

import argparse
import sys

from pytest_cwm.cli.status import OK, UNREADABLE, fail


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    trend = commands.add_parser(
        "trend",
        help="show how predictions went from run to run",
        description="Show the runs in a history that `pytest --cwm-history=FILE` wrote.",
        epilog="Exit status: 0; 2 for wrong usage; 4 when the history is missing or damaged.",
    )
    trend.add_argument("file", metavar="FILE")
    trend.add_argument(
        "--metric", action="append", default=[], metavar="ID", help="which (may be given more than once)"
    )
    trend.add_argument("--last", type=_count, default=20, metavar="N", help="runs in the table (20)")
    trend.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Read and print."""
    import shutil
    from pathlib import Path

    from pytest_cwm.history import HistoryError, read
    from pytest_cwm.report.paint import paint_for
    from pytest_cwm.trend import render

    try:
        points = read(Path(parsed.file))
    except HistoryError as error:
        return fail(error, UNREADABLE)
    lines = render(
        points,
        parsed.metric,
        last=parsed.last,
        width=shutil.get_terminal_size().columns,
        paint=paint_for(sys.stdout),
        encoding=sys.stdout.encoding,
    )
    for line in lines:
        print(line)
    sys.stdout.flush()
    return OK


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)
