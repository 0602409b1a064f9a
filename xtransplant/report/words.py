"""Words and numbers that the table and the plot share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xtransplant.report.escape import visible

if TYPE_CHECKING:
    from xtransplant.grid import Grid

__all__ = [
    "changed",
    "languages",
    "model_label",
    "percent",
    "points",
    "quoted",
    "vanilla_says",
    "visible",
]


def quoted(text: str, width: int | None = None) -> str:
    """Text in quotation marks, so that spaces at its ends show; cut to ``width`` characters."""
    shown = visible(text)
    if width is not None and len(shown) > width:
        shown = shown[: width - 1] + "…"
    return f"“{shown}”"


def percent(probability: float) -> str:
    """``12.3%``; far below a tenth of a percent ``1.2e-05``."""
    small = 0 < probability < 0.0005
    return f"{probability:.1e}" if small else f"{100 * probability:.1f}%"


def points(difference: float) -> str:
    """A difference of probabilities, said like :func:`percent`: ``+12.3 points``."""
    small = 0 < abs(difference) < 0.0005
    return f"{difference:+.1e}" if small else f"{100 * difference:+.1f} points"


def model_label(name: str) -> str:
    """A repository's name as it is; of a folder's path its last two parts."""
    path = Path(name)
    return visible("/".join(path.parts[-2:]) if path.is_absolute() else name)


def languages(grid: Grid) -> str:
    """``en → sw``, or nothing where the languages are not known."""
    example = grid.example
    if not (example.source_lang or example.target_lang):
        return ""
    return visible(f"{example.source_lang or '?'} → {example.target_lang or '?'}")


def vanilla_says(grid: Grid, prompt: Literal["source", "target"]) -> tuple[str, float | None]:
    """What the model answers to a prompt without a transplant, and its probability if scored."""
    said = grid.vanilla_answer(prompt)
    own = grid.example.source_candidates if prompt == "source" else ()
    candidates = own or grid.example.candidates
    if grid.scores is None or said not in candidates:
        return said, None
    row = grid.scores.vanilla if prompt == "target" else grid.scores.source
    return said, math.exp(row[candidates.index(said)])


def changed(grid: Grid) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each cell answers otherwise than the target without a transplant."""
    same = grid.vanilla_answer()
    said = np.array([answer != same for answer in grid.answers()])
    return said.reshape(len(grid.source_layers), len(grid.target_layers))
