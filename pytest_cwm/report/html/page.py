"""The page, piece by piece: markup, the packed tests, their index, and the program that shows them."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Any

from cwm_tracer.compare import DEFINITIONS, Rate
from pytest_cwm.report.document import Report
from pytest_cwm.report.html.payload import all_rows, details, index_entry
from pytest_cwm.report.html.plots import Accuracy, plots
from pytest_cwm.report.summary import is_detail

_SCRIPTS = ("text", "data", "source", "timeline", "list", "panels", "overview", "main")
_STYLES = ("base", "layout", "views")
_LEVEL = 9


def page(report: Report) -> Iterator[str]:
    """The text of the file, in pieces of about one test, so that writing it takes the memory of one."""
    style = "\n".join(_asset(f"{name}.css") for name in _STYLES)
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(f"{name}.js") for name in _SCRIPTS) + "\n})();\n"
    head, middle, tail = _asset("page.html").split("<!-- split -->")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = _title(report)
    yield head.replace("{{policy}}", policy).replace("{{style}}", style).replace("{{title}}", escape(title))
    accuracies = {"tf": Accuracy("tf.frame"), "fr": Accuracy("fr.prefix")}
    index = []
    for number, (summary, test) in enumerate(zip(report.summaries, report.tests, strict=True)):
        rows = all_rows(test)
        for question, each in rows.items():
            accuracies[question].add(summary, each)
        index.append(index_entry(summary, rows))
        yield _block(f"test-{number}", details(test, rows))
    yield _block("run", _run(report, title))
    yield _block("index", index)
    drawn = "".join(
        f"<figure><figcaption>{escape(title)}</figcaption>{drawing}</figure>" for title, drawing in plots(accuracies)
    )
    yield middle.replace("{{plots}}", drawn)
    yield f"<script>{script}</script>"
    yield tail


def _title(report: Report) -> str:
    name = str(report.model.get("name") or "")
    return f"{name} · pytest-cwm" if name else "pytest-cwm"


def _run(report: Report, title: str) -> Any:
    return {
        "title": title,
        "model": dict(report.model),
        "settings": dict(report.settings),
        "environment": dict(report.environment),
        "run": dict(report.run),
        "notes": report.notes,
        "gates": [[gate.passed, gate.text, gate.nodeid] for gate in report.gates],
        "totals": [
            [
                name,
                _finite(metric.value),
                f"{metric.correct}/{metric.total}" if isinstance(metric, Rate) else str(metric.count),
                DEFINITIONS[name].counted if name in DEFINITIONS else "",
                isinstance(metric, Rate),
                is_detail(name),
            ]
            for name, metric in report.totals.items()
            if metric.value is not None
        ],
    }


def _finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None


def _block(name: str, data: Any) -> str:
    """Data that the page unpacks when it needs it: base64 has no character that could end the element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).encode("ascii")
    packed = base64.b64encode(zlib.compress(text, _LEVEL)).decode("ascii")
    return f'<script type="application/octet-stream" id="{name}">{packed}</script>\n'


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")
