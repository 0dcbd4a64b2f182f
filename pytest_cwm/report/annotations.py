"""Divergences as workflow commands, which GitHub Actions turns into notes beside the changed lines of a pull request.

Format: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cwm.report.document import Report
from pytest_cwm.report.findings import Wanted, findings
from pytest_cwm.report.notes import redacted_note
from pytest_cwm.report.words import words_of

# GitHub shows so many of a step and drops the others.
MAX_ANNOTATIONS = 10


def to_annotations(report: Report, wanted: Wanted | None = None) -> Iterator[str]:
    """Lines for the standard output of a workflow step, those first that concern most tests."""
    found = findings(report, wanted)
    words = words_of(report)
    for each in found[:MAX_ANNOTATIONS]:
        title = _property(f"{words.annotation}: {words.kind(each.kind)}")
        yield f"::notice file={_property(each.file)},line={each.line},title={title}::{_data(each.message)}"
    if len(found) > MAX_ANNOTATIONS:
        yield f"::notice::{len(found) - MAX_ANNOTATIONS} {words.more_lines}"
    redacted = sum(test.redacted for test in report.summaries)
    if redacted:
        yield f"::notice::{redacted_note(redacted)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
