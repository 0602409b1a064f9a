"""Which set an example is in, by what the model answers without a transplant.

A transplant can mend what the source answers and the target does not, and break what both answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["GAP", "NEITHER", "SETS", "SHARED", "TARGET", "UNASKED", "UNKNOWN", "sets_of"]

SETS = ("gap", "shared", "target", "neither")
"""Right after the source alone, after both prompts, after the target alone, after neither."""

GAP, SHARED, TARGET, NEITHER = range(len(SETS))
UNKNOWN = -1
"""Of an example whose source nothing says the right answer for."""

UNASKED = -2
"""Of an example of a run that an older xtransplant began, which did not ask."""

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Codes = np.ndarray[Any, np.dtype[np.int8]]


def sets_of(source_right: Bools, target_right: Bools) -> Codes:
    """The set of each example, as an index of :data:`SETS`.

    Args:
        source_right: bool, whether the source prompt is answered, by its own answer.
        target_right: bool, of the same shape, whether the target prompt is.
    """
    with_source = np.where(target_right, SHARED, GAP)
    return np.where(source_right, with_source, np.where(target_right, TARGET, NEITHER)).astype(
        np.int8
    )
