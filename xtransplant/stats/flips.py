"""Flips divided: what a wrong answer that becomes right owes to its form, and what to knowledge.

``match`` and ``strict`` take an answer in a form alone. An example is fixed *in format* if what was
said before was no answer at all, or was right at ``lenient`` already; the rest is *knowledge*.
Likewise an example is broken in format if what is said after is none, or still right at
``lenient``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.stats.gains import Gain, gain

__all__ = ["Said", "knowledge_gain"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Said:
    """What was said of some examples.

    Attributes:
        right: ``[examples]``, bool, at the level that is counted.
        lenient: ``[examples]``, bool, right at ``lenient``.
        parsed: ``[examples]``, bool, whether it is an answer at all.
    """

    right: Array
    lenient: Array
    parsed: Array

    @property
    def wrong(self) -> Array:
        """``[examples]``, an answer, and wrong at every level."""
        found: Array = self.parsed & ~self.right & ~self.lenient
        return found


def knowledge_gain(before: Said, after: Said, items: Array | None = None) -> Gain:
    """The gain by flips of knowledge alone; all other examples count as unchanged.

    Args:
        before: what was said before.
        after: what was said after, of the same examples.
        items: as in :func:`xtransplant.stats.gain`.
    """
    fixed, broken = after.right & before.wrong, before.right & after.wrong
    return gain(broken, fixed, items)
