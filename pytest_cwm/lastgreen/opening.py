"""From settings to what tests are expected to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cwm.lastgreen.expectations import Expectations, FromReport, LastGreen
from pytest_cwm.options import LAST_GREEN, Settings
from pytest_cwm.report.document import ReportError
from pytest_cwm.report.storage import read_report


def open_expectations(settings: Settings, root: Path, folder: Path) -> Expectations | None:
    """What the user asked to compare with, None for a model; `folder` is where pytest was called.

    Raises `pytest.UsageError` where there is no such report.
    """
    if settings.against is None:
        return None
    if settings.against == LAST_GREEN:
        return LastGreen(settings.green, root, settings.refresh)
    if settings.refresh:
        raise pytest.UsageError(f"--cwm-refresh goes with --cwm-against={LAST_GREEN}: a report is not written to")
    path = folder / settings.against
    if not path.exists():
        raise pytest.UsageError(
            f"--cwm-against: there is no report {path}: write one with --cwm-report, or say {LAST_GREEN}"
        )
    try:
        return FromReport(read_report(path), settings.against, root)
    except ReportError as error:
        raise pytest.UsageError(f"--cwm-against: {error}") from None
