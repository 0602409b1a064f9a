"""What the report's page costs to make and to open.

    python -m xtransplant.benchmarks.perf.page [--records 100000] [--score] [--json]

The run is made up, as in ``records``. With selenium, chromium and chromedriver there, the page is
opened without a window: seconds to the first paint, until the heatmap stands, and from a click on a
cell to its examples.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from xtransplant.benchmarks.perf.records import make_run
from xtransplant.report.page.render import to_html
from xtransplant.report.summary import summarise
from xtransplant.runs.columns import Mode

__all__ = ["measure", "open_page"]

# In the page: a click on the middle cell, and when what it opens has been drawn.
_CLICK = """
const done = arguments[0], cells = document.querySelectorAll("#maps td > button");
const started = performance.now();
cells[cells.length >> 1].click();
requestAnimationFrame(() => setTimeout(() => done((performance.now() - started) / 1000)));
"""


def measure(n_records: int, mode: Mode) -> dict[str, Any]:
    """Seconds to make a page, its size in bytes, and seconds in a browser where there is one."""
    with tempfile.TemporaryDirectory() as folder:
        run, _ = make_run(Path(folder) / "run", n_records, mode=mode)
        started = time.perf_counter()
        text = to_html([summarise(run)])
        seconds = time.perf_counter() - started
        page = Path(folder) / "page.html"
        page.write_text(text, "utf-8")
        found = {
            "records": n_records,
            "mode": mode,
            "seconds": seconds,
            "bytes": len(text.encode()),
        }
        return {**found, **open_page(page)}


def open_page(page: Path) -> dict[str, float]:
    """Seconds in a browser: ``paint``, ``ready`` and ``click``; nothing where there is none."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        return {}
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"):
        options.add_argument(flag)
    options.binary_location = chromium
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        started = time.perf_counter()
        browser.get(page.as_uri())
        wait = WebDriverWait(browser, 60, poll_frequency=0.02)
        wait.until(lambda one: one.find_elements(By.CSS_SELECTOR, "#maps td > button"))
        ready = time.perf_counter() - started
        entries = browser.execute_script("return performance.getEntriesByType('paint')")
        first = next(one for one in entries if one["name"] == "first-contentful-paint")
        click = browser.execute_async_script(_CLICK)
        return {"paint": first["startTime"] / 1000, "ready": ready, "click": click}
    finally:
        browser.quit()


def main() -> None:
    """Measure, and print lines or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--score", action="store_true", help="scores of candidates, not texts")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    found = measure(given.records, "score" if given.score else "generate")
    if given.json:
        print(json.dumps(found))
        return
    print(
        f"{found['records']:,} records ({found['mode']}): page made in {found['seconds']:.1f} s, "
    )
    print(f"{found['bytes'] / 1e6:.2f} MB")
    if "paint" in found:
        print(f"first paint {found['paint']:.2f} s, heatmap there {found['ready']:.2f} s,")
        print(f"click to examples {1000 * found['click']:.0f} ms")


if __name__ == "__main__":
    main()
