"""The HTML page in a real browser; skipped where there is no Chromium with its driver."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from html_report import EVIL, both, html, report

webdriver = pytest.importorskip("selenium.webdriver")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver")

ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
NODEID = both().nodeid
EVIL_ID = f"tests/{EVIL}.py::test[{EVIL}]"


class Page:
    """The page as a reader sees it."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver = driver
        self.address = address

    def open(self, fragment: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(self.address + fragment)
        self.until("document.documentElement.dataset.ready")

    def until(self, condition: str) -> None:
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, 60, 0.02).until(lambda driver: driver.execute_script(f"return {condition}"))

    def run(self, script: str, *values: object) -> Any:
        return self.driver.execute_script(script, *values)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def text(self, id_: str) -> str:
        return str(self.run("return document.getElementById(arguments[0]).innerText", id_))

    def select(self, nodeid: str) -> None:
        self.run("location.hash = new URLSearchParams({test: arguments[0]})", nodeid)
        self.until(f"document.title.startsWith({nodeid[:20]!r})")
        self.until("document.getElementById('step').innerText !== ''")

    @property
    def step(self) -> str:
        return self.text("step")

    @property
    def now(self) -> list[str]:
        """The line that is marked on each side."""
        find = "return [...document.querySelectorAll('.source .now .code')].map((each) => each.innerText)"
        return list(self.run(find))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    except WebDriverException as error:
        pytest.skip(f"Chromium does not start: {error.msg}")
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "out.html"
    path.write_text(html(report()), encoding="utf-8", errors="backslashreplace")
    return path.as_uri()


@pytest.fixture
def page(driver: Any, address: str) -> Iterator[Page]:
    page = Page(driver, address)
    page.open()
    yield page
    # Neither a mistake of ours nor anything that the policy had to stop.
    assert driver.get_log("browser") == []
    assert page.run("return window.planted") is None


def test_the_overview_shows_figures_notes_and_tests(page: Page) -> None:
    overview = page.text("overview")
    assert "tf.frame" in overview
    assert EVIL in overview
    assert "4 tests" in page.text("found")
    assert page.run("return document.querySelectorAll('.test-row').length") == 4
    assert page.run("return document.images.length") == 0


def test_time_goes_by_key_button_and_scrubber(page: Page) -> None:
    page.select(NODEID)
    assert page.step == "step 3 of 8"  # the first divergence
    assert page.now == ["        sum += price"] * 2
    assert "33" in page.text("values")
    assert page.run("return [...document.querySelectorAll('#values mark')].map((each) => each.innerText)") == ["3"]
    page.press("n")
    assert page.now == ["    for price in prices:", "    return sum"]
    page.press("n")
    assert page.now[1] == "        sum -= price"
    assert "no line of the known source" in page.text("told-place")
    page.press("n")
    assert "no well-formed frame" in page.text("verdict")
    page.press("p", "\ue012")  # arrow left
    assert page.step == "step 4 of 8"
    page.press("\ue010")  # End
    assert page.step == "step 8 of 8"
    assert page.run("return document.getElementById('forward').disabled")
    page.run("document.getElementById('first').click()")
    assert page.step == "step 0 of 8"
    page.run(
        "const slider = document.getElementById('scrubber'); slider.value = 7; slider.dispatchEvent(new Event('input'))"
    )
    assert page.step == "step 7 of 8"
    assert "step=7" in page.run("return location.hash")
    assert page.run("return document.getElementById('scrubber').getAttribute('aria-valuetext')").startswith(
        "step 7 of 8"
    )


def test_the_roll_out_stands_beside_the_truth(page: Page) -> None:
    page.select(NODEID)
    page.press("q")
    page.until("location.hash.includes('view=fr')")
    assert page.step == "step 4 of 8"
    assert page.text("told-place") == "nothing here"
    page.press("n")
    assert page.text("verdict").startswith("return value")
    assert page.step == "step 8 of 8"


def test_an_address_leads_back_to_the_same_moment(page: Page) -> None:
    page.select(NODEID)
    page.press("q", "n")
    page.until("location.hash.includes('view=fr') && location.hash.includes('step=8')")
    fragment = page.run("return location.hash")
    page.open(fragment)
    assert page.step == "step 8 of 8"
    assert page.text("verdict").startswith("return value")


def test_search_narrows_the_list_and_find_goes_through_the_trace(page: Page) -> None:
    page.press("/", "two", "\ue007")  # Enter opens the first
    page.until("document.getElementById('step').innerText !== ''")
    assert page.text("found") == "1 test, 1 diverges"
    page.press("f", "sum = 0")
    assert page.text("find-count") == "1 place"
    page.press("\ue007")
    assert page.step == "step 1 of 8"


def test_markup_in_the_report_stays_text(page: Page) -> None:
    page.select(EVIL_ID)
    for part in ("test-name", "test-notes", "verdict", "values", "ran-source", "ran-place", "tests"):
        assert ".planted = 2" in page.text(part), part
    assert page.run("return document.querySelectorAll('img, body script:not([type]) ~ script').length") == 0


def test_a_test_without_a_recording_says_so(page: Page) -> None:
    page.run("location.hash = 'test=tests/test_cart.py::test_nothing'")
    page.until("document.getElementById('test-notes').innerText.includes('could not be recorded')")
    page.press("n", "\ue014")
    assert not page.run("return document.querySelector('.time').checkVisibility()")


def test_light_and_dark_and_a_narrow_screen(page: Page) -> None:
    page.select(NODEID)
    background = "return getComputedStyle(document.body).backgroundColor"
    before = page.run(background)
    page.press("d")
    assert page.run(background) != before
    page.press("d")
    assert page.run(background) == before
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        page.until("document.documentElement.scrollWidth <= 390")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_help_opens_and_closes_by_key(page: Page) -> None:
    page.press("?")
    assert page.run("return document.getElementById('help').open")
    page.press("\ue00c")  # Escape
    assert not page.run("return document.getElementById('help').open")
