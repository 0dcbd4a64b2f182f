"""A test's figures as properties in pytest's JUnit file.

Predictions are made after a test has ended, when `user_properties` no longer reach the file: so they are put into it
once pytest has written it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from cwm_tracer.compare import Metric
from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.report.storage import replacing
from pytest_cwm.report.summary import TestSummary

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add_to_junit(report: Report, path: Path, prefix: str = "") -> None:
    """Add properties to the file at `path`; `prefix` is pytest's `--junit-prefix`. Raises `ReportError`."""
    try:
        tree = ElementTree.parse(path)
        properties = {_address(summary.nodeid, prefix): list(_properties(summary)) for summary in report.summaries}
        for case in tree.iter("testcase"):
            found = properties.get((case.get("classname", ""), case.get("name", "")))
            if found:
                _put(case, found)
        totals = [(f"cwm.{name}", _figure(metric)) for name, metric in report.totals.items() if metric.count]
        for suite in list(tree.iter("testsuite"))[:1]:
            _put(suite, totals)
        with replacing(path) as file:
            tree.write(file, encoding="utf-8", xml_declaration=True)
    except (OSError, ElementTree.ParseError) as error:
        raise ReportError(f"can't add the figures to {path}: {error}") from None


def _put(element: ElementTree.Element, values: list[tuple[str, str]]) -> None:
    properties = element.find("properties")
    if properties is None:
        properties = ElementTree.Element("properties")
        element.insert(0, properties)
    for name, value in values:
        ElementTree.SubElement(properties, "property", name=name, value=_NOT_XML.sub("?", value))


def _properties(summary: TestSummary) -> Iterator[tuple[str, str]]:
    yield "cwm.frames", str(summary.frames)
    for name, metric in summary.metrics.items():
        if metric.count:
            yield f"cwm.{name}", _figure(metric)
    yield "cwm.divergences", str(summary.divergences)
    first = summary.first
    if first is not None:
        yield "cwm.first_divergence", ", ".join(filter(None, (f"step {first.index}", first.place, first.sentence)))
    if summary.missing:
        yield "cwm.missing", str(summary.missing)
    if summary.redacted:
        yield "cwm.redacted", str(summary.redacted)


def _figure(metric: Metric) -> str:
    return f"{metric.value:.4f}"


def _address(nodeid: str, prefix: str) -> tuple[str, str]:
    """Class and name of a test in the file, as pytest makes them of a node id."""
    path, bracket, parameters = nodeid.partition("[")
    first, *names = path.split("::")
    names = [re.sub(r"\.py$", "", first.replace("/", ".")), *names]
    names[-1] += bracket + parameters
    return ".".join([prefix] * bool(prefix) + names[:-1]), names[-1]
