"""The end of a run: wait for predictions, judge them, write the report, print it."""

from __future__ import annotations

import platform
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from pytest_cwm import __version__
from pytest_cwm.baseline import Judged, judge
from pytest_cwm.cassettes.closing import conclude, told
from pytest_cwm.history import HistoryError, add, course, point_of, read
from pytest_cwm.options import Settings
from pytest_cwm.predictors.cassette import CassettePredictor
from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.report.outputs import write_outputs
from pytest_cwm.report.paint import MARKUP, Style
from pytest_cwm.report.storage import write_report
from pytest_cwm.report.terminal import render
from pytest_cwm.revision import revision_of
from pytest_cwm.session import PredictionSession

if TYPE_CHECKING:
    from pytest_cwm.regression.runs import Run

_REPORT = pytest.StashKey[Report]()
_PROBLEMS = pytest.StashKey[list[str]]()
_JUDGED = pytest.StashKey[Judged]()


def finish(
    config: pytest.Config,
    session: PredictionSession,
    settings: Settings,
    baseline: Run | None = None,
    collected: Collection[str] | None = None,
) -> int:
    """Complete the report of a run and write it where asked; the result is the number of gates that failed.

    `baseline` is the run to compare with; `collected` are the tests of a complete run, None for any other.
    """
    _await_predictions(config, session)
    report = session.report({"pytest": pytest.__version__, "pytest_cwm": __version__, "system": platform.system()})
    if settings.cassette != "off" and session.predictor is not None:
        report = conclude(report, cast(CassettePredictor, session.predictor), collected)
    if session.expectations is not None:
        from pytest_cwm.lastgreen.closing import conclude as renew

        report = renew(report, session.expectations, session.failed)
    if settings.report is not None or baseline is not None or settings.history is not None:
        report = replace(report, run={**report.run, "commit": revision_of(config.rootpath)})
    if baseline is not None:
        config.stash[_JUDGED] = judge(report, baseline, settings)
        report = config.stash[_JUDGED].report
    report, problems = _remember(report, settings)
    config.stash[_REPORT] = report
    problems = config.stash[_PROBLEMS] = problems + _write(report, settings, config.rootpath)
    return len(problems) + sum(gate.passed is False for gate in report.gates)


def _remember(report: Report, settings: Settings) -> tuple[Report, list[str]]:
    """Add the run to the history where there is one, and tell the report of the runs before it."""
    if settings.history is None:
        return report, []
    try:
        add(settings.history, point_of(report))
        return replace(report, run={**report.run, "history": course(read(settings.history))}), []
    except HistoryError as error:
        return report, [str(error)]


def _write(report: Report, settings: Settings, root: Path) -> list[str]:
    """Write the report and its views where asked; the result says what could not be written."""
    problems = []
    if settings.report is not None:
        try:
            write_report(report, settings.report)
        except ReportError as error:
            problems.append(str(error))
    return problems + write_outputs(report, settings.outputs, root, settings.changed_since)


def complete_junit(config: pytest.Config) -> None:
    """Put the figures into the JUnit file, once pytest has written it."""
    from pytest_cwm.report.junit import add_to_junit

    path, report = config.getoption("xmlpath", None), config.stash.get(_REPORT, None)
    if not path or report is None:
        return
    prefix = config.getoption("junitprefix", None) or ""
    try:
        add_to_junit(report, config.invocation_params.dir / Path(path).expanduser(), prefix)
    except ReportError as error:
        config.stash.setdefault(_PROBLEMS, []).append(str(error))


def summarize(
    terminal: pytest.TerminalReporter, config: pytest.Config, session: PredictionSession, *, interrupted: bool = False
) -> None:
    """Print the report as a section of the terminal summary. An interrupted run may have none."""
    report = config.stash.get(_REPORT, None)
    if report is None:
        terminal.section("cwm")
        terminal.line(
            "No test was recorded: mark one with @pytest.mark.cwm_start, or record all of them with --cwm-all."
            if not len(session) and not interrupted
            else "The run was interrupted: nothing was predicted."
        )
        return
    writer = config.get_terminal_writer()

    def paint(text: str, style: Style) -> str:
        return writer.markup(text, **MARKUP[style])

    view = render
    if session.expectations is not None:
        from pytest_cwm.lastgreen.view import render as view
    terminal.section("cwm")
    encoding = getattr(writer._file, "encoding", None) or "utf-8"
    verbosity = config.get_verbosity()
    for line in view(report, width=writer.fullwidth, paint=paint, verbosity=verbosity, encoding=encoding):
        terminal.line(line)
    judged = config.stash.get(_JUDGED, None)
    if judged is not None:
        terminal.section("cwm: against the baseline")
        for line in judged.lines(width=writer.fullwidth, paint=paint, verbosity=verbosity, encoding=encoding):
            terminal.line(line)
    if (cassettes := told(report)) is not None:
        if verbosity >= -1:
            terminal.line("")
        terminal.line(cassettes)
    _tell_of_files(terminal, config, session.settings)


def _tell_of_files(terminal: pytest.TerminalReporter, config: pytest.Config, settings: Settings) -> None:
    """What was written and what could not be, and the notes for GitHub Actions, which have to begin their lines."""
    problems = config.stash.get(_PROBLEMS, [])
    written = [path for path in (settings.report, *(output.path for output in settings.outputs)) if path is not None]
    if written and not problems and config.get_verbosity() >= 0:
        terminal.line("")
        here = config.invocation_params.dir
        names = [path.relative_to(here) if path.is_relative_to(here) else path for path in written]
        terminal.line(f"written: {', '.join(map(str, names))}")
    if settings.annotations:
        from pytest_cwm.report.annotations import to_annotations
        from pytest_cwm.report.changed import wanted_lines

        try:
            for line in to_annotations(config.stash[_REPORT], wanted_lines(settings.changed_since, config.rootpath)):
                terminal.line(line)
        except ReportError as error:
            problems = [*problems, str(error)]
    for problem in problems:
        terminal.line(problem, red=True)


def _await_predictions(config: pytest.Config, session: PredictionSession) -> None:
    """Wait until nothing is pending, and show that it goes on: a line that is rewritten, or one every ten seconds."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    session.wait(0.2)
    total, pending = len(session), session.pending()
    if not pending:
        return
    tty = terminal is not None and terminal._tw.hasmarkup and terminal.isatty
    if terminal is not None and terminal._tw.width_of_current_line:
        terminal.write_line("")  # `ensure_newline` does not know of the dots that -q writes
    shown = 0.0
    while pending:
        now = time.monotonic()
        text = f"cwm: predicting, {total - pending} of {total} tests done"
        if terminal is not None and tty:
            terminal.rewrite(text, erase=True)
        elif terminal is not None and now - shown > 10:
            terminal.write_line(text)
            shown = now
        session.wait(0.2)
        pending = session.pending()
    if terminal is not None and tty:
        terminal.rewrite("", erase=True)
