"""The HTML page without a browser: what is in the file, and what can't get out of it."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from hypothesis import given, settings

from builders import call, line, trace, verified
from cwm_tracer.model import Ending, Frame
from html_report import EVIL, blocks, both, evil, html, report, truth
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.rows import rows_of
from report_strategies import made_tests


def _scripts(text: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", text, re.DOTALL)


def _replayed(raw: list[Any], lines: list[Any]) -> list[tuple[str, str, dict[str, str] | None, str | None]]:
    last: dict[int, dict[str, str]] = {}
    found = []
    for event, at, values, gone, scope in raw:
        state = None
        if event in "CL":
            state = {name: value for name, value in last.get(scope, {}).items() if name not in gone} | values
            last[scope] = state
        found.append((event, lines[at][0], state, None if event in "CL" else values))
    return found


def _as_shown(frame: Frame) -> tuple[str, str, dict[str, str] | None, str | None]:
    state = None if frame.locals is None else dict(frame.locals)
    return frame.event.value[0].upper(), frame.source, state, frame.argument


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = html(Report.of([both()]))
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?[^"'>]*""", text.split("<script>")[0]) == ['href="data:,']
    assert not re.search(r"https?:|//\w+\.\w+|import\(|fetch\(|XMLHttpRequest", text)
    assert text.count("<script>") == 1


def test_the_policy_allows_this_script_and_this_style_and_nothing_else() -> None:
    text = html(report())
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    (script,), (style,) = _scripts(text), re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    for kind, content in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_nothing_from_the_report_becomes_markup() -> None:
    text = html(Report.of([evil()], model={"name": EVIL}, notes=[EVIL], run={"x": EVIL}))
    assert "window.planted" not in text.replace("&lt;script&gt;window.planted = 1", "").replace(
        "onerror=&#x27;window.planted = 2", ""
    )
    assert blocks(text)["index"][0]["nodeid"] == evil().nodeid
    assert blocks(text)["run"]["notes"][0] == EVIL


def test_the_script_puts_in_text_only() -> None:
    (script,) = _scripts(html(report()))
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script)


@settings(max_examples=60)
@given(made_tests())
def test_every_frame_of_any_test_can_be_put_together_again(test: TestReport) -> None:
    data = blocks(html(Report.of([test])))
    assert test.trace is not None
    shown = data["test-0"]
    if not test.trace.frames:
        assert shown is None
        return
    assert _replayed(shown["frames"], shown["lines"]) == list(map(_as_shown, test.trace.frames))
    if test.roll_out is not None:
        told = list(map(_as_shown, test.roll_out.trace.frames))
        assert _replayed(shown["fr"]["frames"], shown["lines"]) == told
        places = [row[1] for row in shown["fr"]["rows"] if row[1] is not None]
        assert test.roll_out.failure is not None or places == list(range(len(told)))
    for question in ("tf", "fr"):
        if question in shown:
            places = [row[0] for row in shown[question]["rows"] if row[0] is not None]
            assert places == list(range(len(test.trace.frames)))
            assert data["index"][0]["marks"][question] == "".join(row[2] for row in shown[question]["rows"])


def test_rows_tell_how_each_frame_fared() -> None:
    test = both()
    assert "".join(row.mark for row in rows_of(test, "tf")) == "g==vccf=="
    assert [(row.truth, row.predicted, row.mark) for row in rows_of(test, "fr")] == [
        (0, 0, "g"),
        (1, 1, "="),
        (2, 2, "="),
        (3, 3, "="),
        (4, None, "c"),
        (5, None, "c"),
        (6, 4, "="),
        (7, 5, "="),
        (8, 6, "v"),
    ]


def test_what_goes_on_beyond_a_truth_that_was_cut_is_neither_right_nor_wrong() -> None:
    from builders import rolled_out

    whole = truth()
    cut = trace(*whole.frames[:5], ending=Ending.TRUNCATED)
    rows = rows_of(TestReport.of("t", "passed", "m:f", cut, None, rolled_out(*whole.frames)), "fr")
    assert "".join(row.mark for row in rows) == "g====????"


def test_the_same_report_gives_the_same_page() -> None:
    assert html(report()) == html(Report.from_json(report().to_json()))


def test_a_long_run_stays_small() -> None:
    """20 tests with 4 000 frames; the bound is that of 1 000 tests with 200 000 frames in 15 MB."""
    own = len(html(Report.of([])))
    tests = []
    for number in range(20):
        frames = [call("def f():")]
        for step in range(199):
            values = {f"v{each}": {"item": step * number, "name": f"n{step - each}"} for each in range(6)}
            frames.append(line(f"    v{step % 40} = g(v{step % 7})", **values))
        whole = trace(*frames)
        others = {at: line("    wrong", a=at) for at in range(1, 200, 7)}
        tests.append(TestReport.of(f"t.py::test_{number}", "passed", "m:f", whole, verified(whole, others)))
    assert len(html(Report.of(tests))) - own < 15_000_000 / 50


def test_accuracy_is_drawn_over_step_and_length() -> None:
    drawn = html(report())
    assert drawn.count("<svg") == 3
    assert "right frames by length of the trace, free-running" in drawn
    assert '<svg viewBox="0 0 520 220" role="img" aria-label="' in drawn
    assert "<svg" not in html(Report.of([]))


def test_every_control_has_a_name_and_every_key_is_documented() -> None:
    text = html(Report.of([]))
    for control in re.findall(r"<(?:button|input|select)\b[^>]*>(?:[^<]*)", text):
        assert re.search(r'aria-label="[^"]+"|>\s*[\w ]{3,}|title="', control) or "order" in control, control
    (script,) = _scripts(text)
    keys = {"j", "k", "o", "d", "/", "?", "n", "p", "u", "s", "f", "q", "Home", "End"}
    assert all(f"<kbd>{key}</kbd>" in text for key in keys)
    assert all(re.search(rf'^  "?{re.escape(key)}"?:', script, re.MULTILINE) or f"  {key}," in script for key in keys)
