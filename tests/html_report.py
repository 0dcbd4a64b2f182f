"""Reports for the tests of the HTML page, and its data taken out of it again."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

from builders import Raw, call, line, placed, raised, returned, rolled_out, told, verified
from cwm_tracer.model import Choice, Frame, Problem, ProblemKind, Trace
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.html import page

MODULE = """def total(prices):  # << START_OF_TRACE
    sum = 0
    for price in prices:
        sum += price
    return sum
"""
EVIL = "</script><script>window.planted = 1</script><img src=x onerror='window.planted = 2'><!--"


def truth() -> Trace:
    """A loop over two prices."""
    state: dict[str, Any] = {"prices": [3, 4]}
    frames = [call("def total(prices):  # << START_OF_TRACE", **state)]

    def step(source: str) -> None:
        frames.append(line(source, **state))

    step("    sum = 0")
    state["sum"] = 0
    for price in (3, 4):
        step("    for price in prices:")
        state["price"] = price
        step("        sum += price")
        state["sum"] += price
    step("    for price in prices:")
    step("    return sum")
    return placed(MODULE, [*frames, returned("    return sum", 7)], "shop/cart.py")


def both() -> TestReport:
    """Teacher-forced: a wrong value, another line, one that is nowhere, no frame; free-running: a round too few."""
    trace = truth()
    at = trace.frames
    others: dict[int, Choice | Frame | None] = {
        3: line("        sum += price", prices=[3, 4], sum=0, price=33),
        4: line("    return sum", prices=[3, 4], sum=3, price=3),
        5: line("        sum -= price", prices=[3, 4], sum=3, price=4),
        6: Choice(None, (Problem(ProblemKind.INVALID_JSON, 6, "{{"),), 9.0),
    }
    imagined = rolled_out(*at[:4], *at[6:8], told(returned("    return sum", 3)))
    nodeid = "tests/test_cart.py::TestTotal::test_two[a-b]"
    return TestReport.of(nodeid, "failed", "shop.cart:total", trace, verified(trace, others), imagined, ["a note"])


def evil() -> TestReport:
    """Markup wherever text can stand."""
    source = f"    x = '{EVIL}'"
    values = {"x": EVIL, EVIL: Raw(EVIL)}
    frames = [call(f"def f():  # {EVIL}"), line(source, **values), raised(source, ValueError(EVIL))]
    trace = placed(f"def f():  # {EVIL}\n{source}\n", frames, f"{EVIL}.py")
    wrong = line(source, **{**values, "x": EVIL + "!", EVIL + "2": 1})
    guess = verified(trace, {1: wrong}, failure=EVIL, model=EVIL)
    return TestReport.of(f"tests/{EVIL}.py::test[{EVIL}]", EVIL, EVIL, trace, guess, notes=[EVIL])


def report() -> Report:
    """Both of them, and a test of which nothing was recorded."""
    right = TestReport.of("tests/test_cart.py::test_right", "passed", "shop.cart:total", truth(), verified(truth()))
    nothing = TestReport("tests/test_cart.py::test_nothing", "passed", notes=("could not be recorded",))
    fields: dict[str, Any] = {"model": {"name": EVIL}, "notes": [EVIL], "run": {"x": EVIL}, "settings": {EVIL: [EVIL]}}
    return Report.of([both(), evil(), right, nothing], **fields)


def html(of: Report) -> str:
    """The whole page."""
    return "".join(page(of))


def blocks(text: str) -> dict[str, Any]:
    """The data in a page, by name."""
    found = re.findall(r'<script type="application/octet-stream" id="([\w-]+)">([\w+/=]*)</script>', text)
    return {name: json.loads(zlib.decompress(base64.b64decode(packed))) for name, packed in found}
