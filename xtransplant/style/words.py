"""Numbers and short phrases, written alike in every table and figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xtransplant.style.escape import visible

__all__ = [
    "ANOTHER_DTYPE",
    "NOT_FINITE",
    "highest",
    "in_sample",
    "model_label",
    "percent",
    "points",
    "quoted",
    "say_not_finite",
    "unit_of",
]

NOT_FINITE = "(not finite)"
"""Shown instead of an answer whose log-probabilities are NaN or infinite."""

ANOTHER_DTYPE = "another --dtype helps: bfloat16 or float32"


def quoted(text: str, width: int | None = None) -> str:
    """Text in quotation marks, so that spaces at its ends show; cut to ``width`` characters."""
    shown = visible(text)
    if width is not None and len(shown) > width:
        shown = shown[: width - 1] + "…"
    return f"“{shown}”"


def percent(probability: float) -> str:
    """``12.3%``; below 0.05% ``1.2e-05``; ``–`` for NaN.

    Args:
        probability: between 0 and 1.
    """
    if math.isnan(probability):
        return "–"
    small = 0 < probability < 0.0005
    return f"{probability:.1e}" if small else f"{100 * probability:.1f}%"


def points(difference: float) -> str:
    """A difference of probabilities, ``+12.3 points``; below 0.05 points ``+1.2e-05``."""
    if math.isnan(difference):
        return "–"
    small = 0 < abs(difference) < 0.0005
    return f"{difference:+.1e}" if small else f"{100 * difference:+.1f} points"


def model_label(name: str) -> str:
    """A repository's name as it is, an absolute path as its last two parts."""
    path = Path(name)
    return visible("/".join(path.parts[-2:]) if path.is_absolute() else name)


def highest(values: np.ndarray[Any, Any]) -> float:
    """The highest finite number; 0 where there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0


def in_sample(names: Sequence[str]) -> str:
    """That strategies were fitted on the very example they are tried on."""
    verb = "was" if len(names) == 1 else "were"
    return visible(
        f"in-sample (†): {' and '.join(names)} {verb} fitted on this example, so that what it "
        "shows is no held-out result; take one of another split"
    )


def say_not_finite(count: int, total: int) -> str:
    """``7 of 64 cells are not finite``."""
    verb = "is" if count == 1 else "are"
    return f"{count:,} of {total:,} cell{'s' * (total != 1)} {verb} not finite"


def unit_of(most: float) -> float:
    """What probabilities are multiplied by to be read: 100, or a power of 10 for tiny ones.

    Args:
        most: the highest of them, 0 to 1.
    """
    if most >= 0.01 or most <= 0:
        return 100.0
    return float(10.0 ** (math.ceil(-math.log10(most)) + 1))
