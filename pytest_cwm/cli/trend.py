"""`cwm trend`: how predictions went from run to run."""

from __future__ import annotations

import argparse
import sys

from pytest_cwm.cli.status import FAILED, OK, UNREADABLE, USAGE, fail


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    trend = commands.add_parser(
        "trend",
        help="show how predictions went from run to run",
        description="Show the runs in a history that `pytest --cwm-history=FILE` wrote.",
        epilog="Exit status: 0; 1 when a plot can't be written; 2 for wrong usage; 4 when the history is unreadable.",
    )
    trend.add_argument("file", metavar="FILE")
    trend.add_argument(
        "--metric", action="append", default=[], metavar="ID", help="which (may be given more than once)"
    )
    trend.add_argument("--last", type=_count, default=20, metavar="N", help="runs in the table (20)")
    trend.add_argument("--plot", metavar="PATH", help="draw them instead, as .png, .svg or .pdf (needs matplotlib)")
    trend.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Read and print."""
    import shutil
    from pathlib import Path

    from pytest_cwm.history import HistoryError, read
    from pytest_cwm.plotting import PlotError, check
    from pytest_cwm.report.paint import paint_for
    from pytest_cwm.trend import plot, render

    try:
        if parsed.plot is not None:
            check(parsed.plot)
        points = read(Path(parsed.file))
    except HistoryError as error:
        return fail(error, UNREADABLE)
    except PlotError as error:
        return fail(error, USAGE)
    if parsed.plot is not None:
        try:
            plot(points, parsed.metric, parsed.plot)
        except PlotError as error:
            return fail(error, FAILED)
        return OK
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
