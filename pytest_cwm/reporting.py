"""The end of a run: wait for predictions, judge them, write the report, print it."""

from __future__ import annotations

import platform
import time

import pytest

from pytest_cwm import __version__
from pytest_cwm.options import Settings
from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.report.paint import MARKUP, Style
from pytest_cwm.report.storage import write_report
from pytest_cwm.report.terminal import render
from pytest_cwm.session import PredictionSession

_REPORT = pytest.StashKey[Report]()
_PROBLEM = pytest.StashKey[str]()


def finish(config: pytest.Config, session: PredictionSession, settings: Settings) -> int:
    """Complete the report of a run and write it where asked; the result is the number of gates that failed."""
    _await_predictions(config, session)
    report = session.report({"pytest": pytest.__version__, "pytest_cwm": __version__, "system": platform.system()})
    config.stash[_REPORT] = report
    if settings.report is not None:
        try:
            write_report(report, settings.report)
        except ReportError as error:
            config.stash[_PROBLEM] = str(error)
            return 1
    return sum(not gate.passed for gate in report.gates)


def summarize(terminal: pytest.TerminalReporter, config: pytest.Config, session: PredictionSession) -> None:
    """Print the report as a section of the terminal summary."""
    report = config.stash.get(_REPORT, None)
    if report is None:
        terminal.section("cwm")
        terminal.line(
            "No test was recorded: mark one with @pytest.mark.cwm_start, or record all of them with --cwm-all."
            if not len(session)
            else "The run was interrupted: nothing was predicted."
        )
        return
    writer = config.get_terminal_writer()

    def paint(text: str, style: Style) -> str:
        return writer.markup(text, **MARKUP[style])

    terminal.section("cwm")
    encoding = getattr(writer._file, "encoding", None) or "utf-8"
    verbosity = config.get_verbosity()
    for line in render(report, width=writer.fullwidth, paint=paint, verbosity=verbosity, encoding=encoding):
        terminal.line(line)
    problem = config.stash.get(_PROBLEM, None)
    if problem is not None:
        terminal.line(problem, red=True)


def _await_predictions(config: pytest.Config, session: PredictionSession) -> None:
    """Wait until nothing is pending, and show that it goes on: a line that is rewritten, or one every ten seconds."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    session.wait(0.2)
    total, pending = len(session), session.pending()
    if not pending:
        return
    tty = terminal is not None and terminal._tw.hasmarkup and terminal.isatty
    if terminal is not None:
        terminal.ensure_newline()
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
