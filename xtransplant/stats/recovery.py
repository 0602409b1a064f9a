"""How much of the source's advantage a transplant recovers, in log-probability of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Recovery", "recovery"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Recovery:
    """Of one cell or several.

    Attributes:
        values: ``[examples, ...]``, 0: as the target alone, 1: as the source; NaN where undefined.
        undefined: how many examples have a source that is no likelier to give the answer than the
            target is, or a number that is not finite there.
    """

    values: Array
    undefined: int

    @property
    def n(self) -> int:
        """How many examples it is defined for."""
        return len(self.values) - self.undefined

    @property
    def quartiles(self) -> Array:
        """``[3, ...]``: a quarter lies below the first, half below the second (the median), ...

        NaN where nothing is defined.
        """
        there = np.isfinite(self.values)
        some = there.any(axis=0)
        # A mean, and so a spread by squares, would follow the smallest denominator.
        filled = np.where(there | ~some, np.nan_to_num(self.values), np.nan)
        found = np.nanquantile(filled, [0.25, 0.5, 0.75], axis=0) if len(filled) else np.full(
            (3, *self.values.shape[1:]), np.nan
        )  # fmt: skip
        return np.asarray(np.where(some, found, np.nan))


def recovery(patched: Array, target: Array, source: Array) -> Recovery:
    """``(patched - target) / (source - target)`` where the source is likelier to give the answer.

    As faithfulness in MIB (arXiv 2504.13151), example by example.

    Args:
        patched: ``[examples]`` or ``[examples, cells]``, log-probability of the answer with a
            transplant, in nats.
        target: ``[examples]``, of the target prompt without one.
        source: ``[examples]``, of the source prompt.
    """
    with np.errstate(invalid="ignore"):
        distance = np.asarray(source, dtype=np.float64) - target
    defined = np.isfinite(distance) & (distance > 0)
    shape = (-1,) + (1,) * (np.ndim(patched) - 1)
    base, step = np.where(defined, target, 0), np.where(defined, distance, 1)
    values = (np.asarray(patched, dtype=np.float64) - base.reshape(shape)) / step.reshape(shape)
    values = np.where(defined.reshape(shape) & np.isfinite(values), values, np.nan)
    return Recovery(values, int((~defined).sum()))
