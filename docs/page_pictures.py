"""The pictures of a report's page: report-words.png, report-difference.png and report-cell.png.

    xtp pilot --task babel --strategy attn-swap,ffn-swap,resid-swap --upper-bound
    xtp report runs/* --html babel.html
    python docs/page_pictures.py babel.html docs

With a strategy's name study-null.png alone, of a pilot: its map beside that of its null grid.

    xtp report study/klar-* --html klar.html
    python docs/page_pictures.py klar.html docs attn-swap

It needs Debian's chromium and chromium-driver; nothing is asked of any network.
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

WIDTH = 1100
TWO_MAPS = 1220  # of 18 layers, side by side
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")


def browser() -> webdriver.Chrome:
    """A window of a fixed size, light whatever the desktop is."""
    options = webdriver.ChromeOptions()
    for flag in _FLAGS:
        options.add_argument(flag)
    options.binary_location = str(shutil.which("chromium"))
    service = webdriver.ChromeService(str(shutil.which("chromedriver")))
    driver = webdriver.Chrome(options=options, service=service)
    widen(driver, WIDTH)
    light = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", light)
    return driver


def widen(driver: webdriver.Chrome, width: int) -> None:
    """Another width of the page."""
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def top_of(driver: webdriver.Chrome, element: Any) -> float:
    """How far below the page's top an element begins."""
    return float(
        driver.execute_script("return arguments[0].getBoundingClientRect().top + scrollY", element)
    )


def take(driver: webdriver.Chrome, path: Path, top: float, height: float) -> None:
    """A picture of the page's width."""
    width = driver.execute_script("return document.documentElement.clientWidth")
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    what = {"format": "png", "captureBeyondViewport": True, "clip": clip}
    shown = driver.execute_cdp_cmd("Page.captureScreenshot", what)
    image = Image.open(io.BytesIO(base64.b64decode(shown["data"]))).convert("RGB")
    image.quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def whole_lines(driver: webdriver.Chrome, most: float) -> float:
    """Where the last of the page's sentences ends that is all above ``most``."""
    ends = driver.execute_script(
        "return [...document.querySelectorAll('li')].map(one => one.getBoundingClientRect().bottom)"
    )
    return float(max(end for end in ends if end <= most)) + 2


def choose(driver: webdriver.Chrome, name: str, text: str) -> None:
    """One of the page's lists, by what it says."""
    options = Select(driver.find_element(By.ID, name))
    options.select_by_visible_text(next(one.text for one in options.options if text in one.text))


def beside_null(driver: webdriver.Chrome, path: Path, strategy: str) -> None:
    """A strategy's map and its null grid's, without their difference below."""
    widen(driver, TWO_MAPS)
    choose(driver, "group", "pilot")
    choose(driver, "strategy", strategy)
    choose(driver, "beside", f"{strategy} [null other]")
    maps = driver.find_elements(By.CSS_SELECTOR, "#maps > *")
    top, below = top_of(driver, maps[0]) - 10, top_of(driver, maps[2])
    take(driver, path, top, below - top - 20)


def main(page: Path, folder: Path, strategy: str = "") -> None:
    """Take the three pictures of a page into a folder, or that of a strategy's null grid."""
    driver = browser()
    try:
        driver.get(page.resolve().as_uri())
        driver.implicitly_wait(20)
        if strategy:
            beside_null(driver, folder / "study-null.png", strategy)
            return
        take(driver, folder / "report-words.png", 0, whole_lines(driver, 760))
        choose(driver, "group", "babel pilot")
        choose(driver, "strategy", "resid-swap")
        choose(driver, "beside", "ffn-swap")
        maps = driver.find_element(By.ID, "maps")
        height = maps.size["height"] + 20
        take(driver, folder / "report-difference.png", top_of(driver, maps) - 10, height)
        choose(driver, "beside", "nothing")
        choose(driver, "strategy", "ffn-swap")
        cells = driver.find_elements(By.CSS_SELECTOR, "#maps td > button")
        next(one for one in cells if one.get_attribute("aria-label").startswith("7→7:")).click()
        heading = driver.find_element(By.ID, "look")
        take(driver, folder / "report-cell.png", top_of(driver, heading) - 10, 900)
    finally:
        driver.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
