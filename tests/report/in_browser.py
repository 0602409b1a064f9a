"""The report's page in a real browser: opening it, its lists and its cells."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from xtransplant.report.page.render import to_html
from xtransplant.report.summary import summarise
from xtransplant.runs.store import Run

pytest.importorskip("selenium")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Debian's chromium and chromium-driver"
)
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1280,1600",
)  # fmt: skip


@contextmanager
def open_browser() -> Iterator[Any]:
    """A window without a screen, that keeps a log of what it was asked for."""
    options = webdriver.ChromeOptions()
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.binary_location = str(CHROMIUM)
    service = webdriver.ChromeService(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def showing(browser: Any, path: Path) -> Iterator[Callable[..., Any]]:
    """Open runs' page; afterwards nothing was requested but it, and nothing went wrong in it."""
    opened: list[str] = []

    def open_page(*runs: Run) -> Any:
        path.write_text(to_html([summarise(run) for run in runs]), "utf-8")
        opened.append(path.as_uri())
        browser.get(path.as_uri())
        WebDriverWait(browser, 20).until(lambda _: cells(browser))
        return browser

    browser.get_log("performance")
    yield open_page
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [one["params"] for one in events if one["method"] == "Network.requestWillBeSent"]
    assert [one["request"]["url"] for one in asked] == opened
    assert browser.get_log("browser") == []


def cells(browser: Any) -> Any:
    """The buttons of all maps."""
    return browser.find_elements(By.CSS_SELECTOR, "#maps td > button")


def said_and_painted(browser: Any) -> list[tuple[str, str]]:
    """What is said of each of them and the colour of its ground: asked for at once, of many."""
    found = browser.execute_script(
        "return [...document.querySelectorAll('#maps td > button')].map(one =>"
        " [one.getAttribute('aria-label'), getComputedStyle(one).backgroundColor])"
    )
    return [(label, colour) for label, colour in found]


def choose(browser: Any, name: str, value: str) -> None:
    """One of the page's lists, by an option's value."""
    Select(browser.find_element(By.ID, name)).select_by_value(value)


def press(browser: Any, pair: str) -> None:
    """The first cell of a layer pair, ``3→1``."""
    next(
        one for one in cells(browser) if one.get_attribute("aria-label").startswith(f"{pair}:")
    ).click()
