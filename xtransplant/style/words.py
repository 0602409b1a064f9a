"""Words and numbers that the table and the plot share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xtransplant.style.escape import visible

if TYPE_CHECKING:
    from xtransplant.grid.data import Grid

__all__ = [
    "ANOTHER_DTYPE",
    "NOT_FINITE",
    "changed",
    "highest",
    "languages",
    "model_label",
    "not_finite",
    "percent",
    "points",
    "quoted",
    "remarks",
    "vanilla_says",
]

NOT_FINITE = "(not finite)"
"""In the place of an answer that was told by numbers which are NaN or infinite."""

ANOTHER_DTYPE = "another --dtype helps: bfloat16 or float32"


def quoted(text: str, width: int | None = None) -> str:
    """Text in quotation marks, so that spaces at its ends show; cut to ``width`` characters."""
    shown = visible(text)
    if width is not None and len(shown) > width:
        shown = shown[: width - 1] + "…"
    return f"“{shown}”"


def percent(probability: float) -> str:
    """``12.3%``; far below a tenth of a percent ``1.2e-05``; of NaN ``–``."""
    if math.isnan(probability):
        return "–"
    small = 0 < probability < 0.0005
    return f"{probability:.1e}" if small else f"{100 * probability:.1f}%"


def points(difference: float) -> str:
    """A difference of probabilities, said like :func:`percent`: ``+12.3 points``."""
    if math.isnan(difference):
        return "–"
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
    candidates = grid.example_of(prompt).candidates
    if said is None:
        return NOT_FINITE, None
    if grid.scores is None or said not in candidates:
        return said, None
    row = grid.scores.vanilla if prompt == "target" else grid.scores.source
    return said, math.exp(row[candidates.index(said)])


def changed(grid: Grid) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each cell answers otherwise than the target without a transplant.

    A cell that is not finite answers nothing.
    """
    same = grid.vanilla_answer()
    said = np.array([answer not in (None, same) for answer in grid.answers()])
    return said.reshape(len(grid.source_layers), len(grid.target_layers))


def highest(values: np.ndarray[Any, Any]) -> float:
    """The highest number; 0 where there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0


def remarks(grid: Grid) -> list[str]:
    """What has to be known of a grid before it is believed: a sentence each."""
    found, n_cells = [], len(grid.pairs)
    bad = int((~grid.finite).sum())
    if bad:
        found.append(f"{not_finite(bad, n_cells)}; {ANOTHER_DTYPE}")
    if grid.vanilla_answer() is None:
        found.append(f"without a transplant the target is not finite either; {ANOTHER_DTYPE}")
    if grid.unchanged and grid.strategy != "none":
        what = "every log-probability" if grid.scores else "every text, and its first probability,"
        exact = "to the bit" if grid.packing.keeps_bits else "within rounding"
        found.append(
            f"{visible(grid.strategy)} changes nothing: {what} is the target's own {exact}, in "
            f"{'all ' if n_cells > 1 else ''}{n_cells:,} cell{'s' * (n_cells != 1)}"
        )
    return found


def not_finite(count: int, total: int) -> str:
    """``7 of 64 cells are not finite``."""
    verb = "is" if count == 1 else "are"
    return f"{count:,} of {total:,} cell{'s' * (total != 1)} {verb} not finite"
