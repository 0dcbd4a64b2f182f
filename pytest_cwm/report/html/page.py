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
from pytest_cwm.report.accuracy import METRICS, Accuracy, pasts_of
from pytest_cwm.report.document import Report
from pytest_cwm.report.html.payload import all_rows, details, index_entry
from pytest_cwm.report.html.plots import plots
from pytest_cwm.report.notes import shared_notes
from pytest_cwm.report.summary import is_detail
from pytest_cwm.report.terminal import named, percent
from pytest_cwm.report.words import (
    AGAINST,
    PREDICTED,
    Words,
    differing,
    is_against,
    main_metric,
    name_of,
    plural,
    words_of,
)

_SCRIPTS = ("text", "data", "source", "timeline", "list", "panels", "overview", "main")
_STYLES = ("base", "layout", "views")
_LEVEL = 9
_SHOWN_NOTES = 50
# What only a report of predictions has.
_MALFORMED = '<li><i class="key malformed"></i>no well-formed frame</li>'
_SWITCH = '<tr><th scope="row"><kbd>q</kbd></th><td>teacher-forced or free-running</td></tr>'
_QUESTIONS = (
    '<p class="dim">Teacher-forced: given the true execution up to here, what comes next? '
    "Free-running: what does the model imagine from the start?</p>"
)


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
    words = words_of(report)
    yield head.replace("{{policy}}", policy).replace("{{style}}", style).replace("{{title}}", escape(title))
    accuracies = {question: Accuracy(metric) for question, metric in METRICS.items()}
    index = []
    for number, (summary, test) in enumerate(zip(report.summaries, report.tests, strict=True)):
        rows = all_rows(test)
        for question, each in rows.items():
            accuracies[question].add(summary, each)
        index.append(index_entry(summary, rows))
        yield _block(f"test-{number}", details(test, rows))
    yield _block("run", _run(report, title))
    yield _block("index", index)
    # Of a run against recordings there is no accuracy.
    drawings = [] if words is AGAINST else plots(accuracies, pasts_of(report))
    drawn = "".join(
        f"<figure><figcaption>{escape(title)}</figcaption>{drawing}</figure>" for title, drawing in drawings
    )
    yield _worded(middle, words).replace("{{plots}}", drawn)
    yield f"<script>{script}</script>"
    yield tail


def _title(report: Report) -> str:
    name = name_of(report)
    return f"{name} · pytest-cwm" if name else "pytest-cwm"


def _worded(markup: str, words: Words) -> str:
    """The markup with the words of the report."""
    both = len(words.questions) > 1
    texts = {
        "real": words.sides[0],
        "expected": words.sides[1],
        "right": words.page["right"],
        "unknown": words.page["unknown"],
        "malformed": _MALFORMED if both else "",
        "switch": _SWITCH if both else "",
        "questions": _QUESTIONS if both else "",
    }
    for name, text in texts.items():
        markup = markup.replace(f"{{{{{name}}}}}", text)
    return markup


def _run(report: Report, title: str) -> Any:
    words = words_of(report)
    whole, others = shared_notes(report.notes, report.summaries, named)
    return {
        "title": title,
        "name": name_of(report),
        "label": f"against {name_of(report)}" if words is AGAINST else name_of(report),
        "headline": _headline(report),
        "words": {
            **words.page,
            "kinds": {kind.value: text for kind, text in words.kinds.items()},
            "questions": words.questions,
        },
        "model": dict(report.model),
        "settings": dict(report.settings),
        "environment": dict(report.environment),
        "run": {name: value for name, value in report.run.items() if name != "history"},
        "notes": [*whole, *others[:_SHOWN_NOTES]],
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


def _headline(report: Report) -> str:
    if is_against(report):
        compared, different = differing(report.summaries)
        return f"{len(different)} of {plural(len(compared), 'test')} differ{'s' * (len(different) == 1)}"
    share = percent(main_metric(report))
    return f"{share} {PREDICTED.page['share']}" if share else ""


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
