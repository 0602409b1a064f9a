"""A report's page, opened in a browser."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from xtransplant.report.document import write_report

__all__ = ["open_page"]


def open_page(paths: Sequence[str | Path], level: str = "match") -> Path:
    """Write the page of runs to a temporary file and open it, where there is a browser.

    Args:
        paths: folders of runs.
        level: ``strict``, ``match`` or ``lenient``.

    Returns:
        The file; it stays until the machine tidies its temporary folder.

    Raises:
        XTransplantError: as :func:`write_report`.
    """
    page = Path(tempfile.mkdtemp(prefix="xtransplant-")) / "report.html"
    write_report(paths, page=page, level=level)
    if _has_screen():
        webbrowser.open(page.as_uri())
    return page


def _has_screen() -> bool:
    """Whether a window can open; without one, what is found may be a browser in the terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
