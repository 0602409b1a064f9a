"""Fonts that cover the world's scripts, and saving figures that are drawn with them."""

from __future__ import annotations

import logging
import re
import unicodedata
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["installed_fonts", "save_figure"]

_log = logging.getLogger("xtransplant")
# Tried in this order, character by character; only the installed ones are asked for.
_FONTS = (
    "DejaVu Sans", "Noto Sans", "Noto Sans Arabic", "Noto Naskh Arabic", "Noto Sans Devanagari",
    "Noto Sans Ethiopic", "Noto Sans Thai", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC",
    "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Hebrew", "Noto Sans Khmer", "Noto Sans KR",
    "Arial Unicode MS", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "SimHei", "Nirmala UI",
    "Nyala", "Kefa", "Ebrima", "Leelawadee UI", "Thonburi", "Abyssinica SIL", "Loma", "Garuda",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Lohit Devanagari",
    "FreeSans", "FreeSerif", "Unifont",
)  # fmt: skip
_HINT = (
    "install one and run again (Debian: apt install fonts-noto-core fonts-noto-cjk; macOS and "
    "Windows have their own)"
)


def installed_fonts() -> list[str]:
    """Names for matplotlib's ``fontfamily``: of the known fonts those that are installed."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return [name for name in _FONTS if name in installed] or ["sans-serif"]


def save_figure(figure: Figure, path: str | Path) -> None:
    """Save a figure, and warn of scripts that no installed font has: they are drawn as boxes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(path, dpi=160)
    scripts: dict[str, None] = {}
    for warning in caught:
        found = re.match(r"Glyph (\d+) .*missing from", str(warning.message))
        if found:
            scripts[unicodedata.name(chr(int(found[1])), "?").partition(" ")[0].title()] = None
    if scripts:
        _log.warning("no installed font has %s letters: %s", ", ".join(scripts), _HINT)
