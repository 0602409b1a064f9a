"""How much of the source's advantage a transplant recovers, in log-probability of the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Recovery", "median_ci95", "recovery"]

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


def median_ci95(
    values: Array, items: Array | None = None, *, draws: int = 999, seed: int = 0
) -> tuple[float, float]:
    """95% of a median by bootstrap of items, each with all its languages (percentiles).

    NaN of fewer than two items.

    Args:
        values: ``[examples]``; NaN is left out.
        items: ``[examples]``, what tells items apart; by default each is its own.
        draws: how many.
        seed: of the draws.
    """
    there = np.isfinite(values)
    order = np.argsort(values[there], kind="stable")
    ranked = values[there][order]
    names = np.arange(len(values)) if items is None else items
    at = np.unique(names[there], return_inverse=True)[1][order]
    n = 1 + int(at.max(initial=-1))
    if n < 2:
        return math.nan, math.nan
    dice, medians = np.random.default_rng(seed), []
    batch = max(1, 5_000_000 // len(ranked))
    for start in range(0, draws, batch):
        weights = dice.multinomial(n, np.full(n, 1 / n), size=min(batch, draws - start))
        reached = weights[:, at].cumsum(axis=1)
        # Of an even number it is the mean of the two in the middle, which may be one.
        lower, upper = (
            ranked[own.argmax(axis=1)]
            for own in (2 * reached >= reached[:, -1:], 2 * reached > reached[:, -1:])
        )
        medians.append((lower + upper) / 2)
    low, high = np.quantile(np.concatenate(medians), [0.025, 0.975])
    return float(low), float(high)
