"""Which cells of a grid differ from the target without a transplant, all tests counted together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.stats.gains import by_item

__all__ = ["CellTests", "compare_cells"]

Array = np.ndarray[Any, Any]
_BATCH = 500


@dataclass(frozen=True)
class CellTests:
    """One entry per cell.

    Attributes:
        gains: share of right answers over that without a transplant.
        p_family: chance that *any* cell goes as far if none has an effect (family-wise).
        p: the cell's own, as if it were the only one.
        q: Benjamini and Hochberg's: cells below 0.05 are wrong in 5% of cases on average.
    """

    gains: Array
    p_family: Array
    p: Array
    q: Array


def compare_cells(
    before: Array, after: Array, items: Array | None = None, *, draws: int = 9999, seed: int = 0
) -> CellTests:
    """Sign-flip permutation of whole items, with the largest statistic of all cells (two-sided).

    Without an effect an item's change is as likely the other way round. So in each draw the signs
    of whole items are flipped, in all cells and languages at once, and the largest |T| of all cells
    is kept: ``p = (1 + #{max T* >= T}) / (draws + 1)`` (Westfall and Young 1993). T is the sum of
    the items' changes over the root of their squares, so that no cell leads by many flips alone.

    Args:
        before: ``[examples]``, bool, right without a transplant.
        after: ``[examples, cells]``, bool.
        items: as in :func:`~xtransplant.stats.gains.gain`.
        draws: of signs.
        seed: of the draws.
    """
    from scipy.stats import false_discovery_control

    changes = after.astype(np.int8) - before.astype(np.int8)[:, None]
    sums = by_item(changes.astype(np.float64), items)[0]
    scale = np.sqrt((sums**2).sum(axis=0))
    scale[scale == 0] = np.inf  # nothing changes: T is 0 in every draw
    # What is within rounding of the observed is as large as it.
    found = np.abs(sums.sum(axis=0)) / scale - 1e-9
    generator, at_least = np.random.default_rng(seed), np.zeros((2, changes.shape[1]))
    for start in range(0, draws, _BATCH):
        signs = generator.choice([-1.0, 1.0], (min(_BATCH, draws - start), len(sums)))
        drawn = np.abs(signs @ sums) / scale
        largest = np.sort(drawn.max(axis=1, initial=0))
        at_least[0] += len(largest) - np.searchsorted(largest, found)
        at_least[1] += (drawn >= found).sum(axis=0)
    p_family, p = (1 + at_least) / (draws + 1)
    gains = changes.mean(axis=0) if len(changes) else np.full(changes.shape[1], np.nan)
    return CellTests(gains, p_family, p, false_discovery_control(p) if len(p) else p)
