"""How far the options that are chosen are from those that are right, over a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from xtransplant.stats.gains import by_item

__all__ = ["OptionBias", "option_bias"]

Array = np.ndarray[Any, Any]
N_DRAWS = 9999
_BATCH = 4_000_000  # numbers in memory


@dataclass(frozen=True)
class OptionBias:
    """Options chosen and right, of the examples in which one is chosen.

    Attributes:
        chosen: ``[options]``, how often each is chosen.
        right: ``[options]``, how often each is right, of the same examples.
        none: how many further examples there are in which none is chosen.
        sums: ``[items, options]``, chosen minus right of each item.
        counts: ``[items]``, how many examples (languages) it has.
    """

    chosen: Array
    right: Array
    none: int
    sums: Array
    counts: Array

    @property
    def n(self) -> int:
        """Examples in which an option is chosen."""
        return int(self.counts.sum())

    @property
    def distance(self) -> float:
        """Total variation distance between the two: ``1/2 * sum |chosen - right| / n``, 0 to 1.

        Levin, Peres and Wilmer, Markov Chains and Mixing Times, proposition 4.2.
        """
        return float(np.abs(self.chosen - self.right).sum()) / 2 / self.n if self.n else math.nan

    @cached_property
    def ci95(self) -> tuple[float, float]:
        """95% by the bootstrap over items (percentile, 9,999 seeded draws); NaN below two items.

        A distance is never below 0, so its lower end is above 0 without any bias: see :attr:`p`.
        """
        n_items = len(self.counts)
        if n_items < 2:
            return math.nan, math.nan
        kinds, members = self._kinds
        dice, found = np.random.default_rng(0), []
        for size in _sizes(len(members)):
            drawn = dice.multinomial(n_items, members / n_items, size=size).astype(np.float64)
            found.append(np.abs(drawn @ kinds[:, :-1]).sum(1) / 2 / (drawn @ kinds[:, -1]))
        low, high = np.quantile(np.concatenate(found), [0.025, 0.975])
        return float(low), float(high)

    @cached_property
    def _kinds(self) -> tuple[Array, Array]:
        """``[kinds, options + 1]`` and ``[kinds]``: items that are alike, and how many they are.

        Items of a kind are drawn, and swapped, as one number: many items have few kinds.
        """
        rows = np.column_stack([self.sums, self.counts])
        kinds, members = np.unique(rows, axis=0, return_counts=True)
        return kinds.astype(np.float64), members

    @cached_property
    def _swapped(self) -> Array:
        """``[draws]``: distances with chosen and right swapped in items that a coin picks."""
        kinds, members = self._kinds
        dice, found = np.random.default_rng(0), []
        for size in _sizes(len(members)):
            signs = 2 * dice.binomial(members, 0.5, size=(size, len(members))) - members
            found.append(np.abs(signs @ kinds[:, :-1]).sum(1) / 2 / self.n)
        return np.concatenate(found)

    @property
    def by_chance(self) -> float:
        """The distance that there would be on average without a bias: the swapped ones' mean."""
        return float(self._swapped.mean()) if self.n else math.nan

    @property
    def p(self) -> float:
        """Whether both have one distribution: ``(1 + #{swapped >= distance}) / (draws + 1)``.

        A permutation test of marginal homogeneity (Stuart 1955, Maxwell 1970), whole items swapped.
        """
        if not self.n:
            return math.nan
        reached = int((self._swapped >= self.distance - 1e-12).sum())
        return (1 + reached) / (1 + len(self._swapped))


def option_bias(
    chosen: Array, right: Array, n_options: int, items: Array | None = None
) -> OptionBias:
    """Count the options chosen and right.

    Args:
        chosen: ``[examples]``, the number of the option chosen; negative where none is.
        right: ``[examples]``, the number of the right one.
        n_options: how many options there are.
        items: as in :func:`xtransplant.stats.gain`.
    """
    some = chosen >= 0
    own, gold = (np.eye(n_options, dtype=np.int64)[one[some]] for one in (chosen, right))
    sums, counts = by_item(own - gold, None if items is None else items[some])
    return OptionBias(own.sum(0), gold.sum(0), int((~some).sum()), sums, counts)


def _sizes(width: int) -> list[int]:
    """Draws at a time, so that memory holds them."""
    size = max(1, min(N_DRAWS, _BATCH // max(1, width)))
    whole, rest = divmod(N_DRAWS, size)
    return [size] * whole + [rest] * bool(rest)
