"""Tests of reports make runs without a model: see ``made_runs``; some open a page."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def browser():
    from in_browser import open_browser

    with open_browser() as driver:
        yield driver


@pytest.fixture
def show(browser, tmp_path):
    """Opens runs' page; see ``in_browser``."""
    from in_browser import showing

    with showing(browser, tmp_path / "page.html") as open_page:
        yield open_page
