"""Divergences as SARIF 2.1.0, the format of static analysers that code hosts show beside the code.

Format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from cwm_tracer.compare import DivergenceKind
from pytest_cwm.report.document import Report
from pytest_cwm.report.findings import Finding, Wanted, findings
from pytest_cwm.report.words import PREDICTED, words_of

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HELP = (
    "On this line a test's recorded execution parted from what was expected of it. The message names the test and the "
    "step; `cwm report REPORT.json` shows both sides around it, with `--html PAGE.html` the whole execution."
)
# What a code host takes of one file.
MAX_RESULTS = 5000


def to_sarif(report: Report, wanted: Wanted | None = None) -> str:
    """The document. Only the commonest findings are in it where there are too many for a code host."""
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(report)},
                "columnKind": "unicodeCodePoints",
                "results": _results(findings(report, wanted)[:MAX_RESULTS]),
                "properties": {
                    "missing": sum(test.missing for test in report.summaries),
                    "redacted": sum(test.redacted for test in report.summaries),
                },
            }
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _driver(report: Report) -> dict[str, Any]:
    driver: dict[str, Any] = {"name": "pytest-cwm"}
    version = report.environment.get("pytest_cwm")
    if isinstance(version, str):
        driver["version"] = version
    driver["rules"] = [
        {
            "id": _id(kind),
            "name": kind.value.title().replace(" ", ""),
            "shortDescription": {"text": text},
            "fullDescription": {"text": text[:1].upper() + text[1:] + "."},
            "help": {"text": _HELP},
            "defaultConfiguration": {"level": "note"},
        }
        for kind, text in words_of(report).rules.items()
    ]
    return driver


def _results(found: Sequence[Finding]) -> list[dict[str, Any]]:
    rules = {kind: number for number, kind in enumerate(PREDICTED.rules)}
    return [
        {
            "ruleId": _id(each.kind),
            "ruleIndex": rules[each.kind],
            "level": "note",
            "message": {"text": _text(each.message)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(each.file), "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": each.line},
                    }
                }
            ],
            "partialFingerprints": {"cwm/v1": _fingerprint(each)},
            "properties": {"times": each.times, "tests": each.tests},
        }
        for each in found
    ]


def _id(kind: DivergenceKind) -> str:
    return f"cwm-{kind.value.replace(' ', '-')}"


def _text(text: str) -> str:
    """Brackets are links in a SARIF message."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _fingerprint(finding: Finding) -> str:
    """The same while the line only moves."""
    text = "\0".join((finding.file, finding.source, finding.kind.value))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
