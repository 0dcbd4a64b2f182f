"""`cwm report`: views of a report that was written earlier."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cwm.cli.status import FAILED, OK, UNREADABLE, USAGE, fail, progress_of

if TYPE_CHECKING:
    from pytest_cwm.report.document import Report


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    from pytest_cwm.views import VIEWS

    report = commands.add_parser(
        "report",
        help="show a report that `pytest --cwm-report` wrote, or make other views of it",
        description="Print a report that `pytest --cwm-report` wrote, or write other views of it.",
    )
    report.add_argument("file", metavar="FILE", type=Path)
    report.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="every test and the first divergence of each; -vv: every divergence",
    )
    report.add_argument("-q", "--quiet", action="count", default=0, help="only the figures; -qq: only the gates")
    views = report.add_argument_group("views", "With one of these, the report is not printed.")
    for view, text in VIEWS.items():
        views.add_argument(f"--{view}", metavar="PATH", help=text)
    views.add_argument("--annotations", action="store_true", help="print divergences as notes for GitHub Actions")
    views.add_argument(
        "--changed-since", metavar="REV", help="only lines that changed since a git revision, in SARIF and annotations"
    )
    views.add_argument(
        "--root", metavar="DIR", type=Path, default=Path(), help="the folder that pytest ran in (here); its rootdir"
    )
    report.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Print the report, or write the views that were asked for."""
    from pytest_cwm.report.document import ReportError
    from pytest_cwm.report.outputs import write_outputs
    from pytest_cwm.report.storage import read_report
    from pytest_cwm.views import VIEWS, parse_output

    try:
        asked = [(view, getattr(parsed, view)) for view in VIEWS]
        outputs = [parse_output(view, text, Path()) for view, text in asked if text is not None]
    except ValueError as error:
        return fail(error, USAGE)
    try:
        with progress_of(parsed.file) as progress:
            report = read_report(parsed.file, progress)
        if not outputs and not parsed.annotations:
            return _print(report, parsed.verbose - parsed.quiet)
        root = parsed.root.resolve()
        problems = write_outputs(report, outputs, root, parsed.changed_since)
        if parsed.annotations:
            _annotate(report, root, parsed.changed_since)
    except ReportError as error:
        named = str(error) if str(parsed.file) in str(error) else f"{parsed.file}: {error}"
        return fail(named, UNREADABLE)
    for problem in problems:
        fail(problem)
    return FAILED if problems else OK


def _print(report: Report, verbosity: int) -> int:
    import shutil

    from pytest_cwm.report.paint import paint_for

    if report.settings.get("against"):
        from pytest_cwm.lastgreen.view import render
    else:
        from pytest_cwm.report.terminal import render

    lines = render(
        report,
        width=shutil.get_terminal_size().columns,
        paint=paint_for(sys.stdout),
        verbosity=verbosity,
        encoding=sys.stdout.encoding,
    )
    # All of it before the first line is printed: a report may turn out to be damaged anywhere.
    for line in list(lines):
        print(line)
    sys.stdout.flush()
    return OK


def _annotate(report: Report, root: Path, changed: str | None) -> None:
    from pytest_cwm.report.annotations import to_annotations
    from pytest_cwm.report.changed import wanted_lines

    for line in to_annotations(report, wanted_lines(changed, root)):
        print(line)
    sys.stdout.flush()
