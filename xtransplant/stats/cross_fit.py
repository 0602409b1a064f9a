"""Choosing a pair and counting it on the same data, without fooling oneself.

The best of many pairs looks better on the examples that chose it than it is: the winner's curse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.stats.gains import Gain, by_item, gain
from xtransplant.stats.selection import Pair

__all__ = ["CrossFit", "choice_frequencies", "cross_fit"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class CrossFit:
    """What choosing a pair is worth.

    Attributes:
        held_out: each example by the pair that the other folds chose, over no transplant.
        in_sample: by the pair that is best on all of them: an oracle's.
        winners_curse: the second over the first: by how much the pair that is best here looks
            better than choosing it is worth.
        best: that pair.
        chosen: the pair of each fold.
        folds: ``[examples]``, which fold each is in.
    """

    held_out: Gain
    in_sample: Gain
    winners_curse: Gain
    best: Pair
    chosen: tuple[Pair, ...]
    folds: Array


def cross_fit(
    before: Array, after: Array, pairs: Sequence[Pair], items: Array | None = None,
    *, folds: int = 5, seed: int = 0,
) -> CrossFit:  # fmt: skip
    """Choose on all folds but one, count on that one, and so on.

    Items are dealt to folds whole, with all their languages; what chooses is the pilot's protocol
    (:func:`~xtransplant.stats.selection.choose_pair`).

    Args:
        before: ``[examples]``, bool, right without a transplant.
        after: ``[examples, cells]``, bool.
        pairs: of the cells.
        items: as in :func:`~xtransplant.stats.gains.gain`.
        folds: how many, 2 or more; as many as there are items if these are fewer.
        seed: of the deal.

    Raises:
        ValueError: fewer than two items or folds.
    """
    names, at = np.unique(np.arange(len(before)) if items is None else items, return_inverse=True)
    folds = min(folds, len(names))
    if folds < 2:
        raise ValueError(f"{len(names)} items in {folds} folds: both have to be 2 or more")
    dealt = np.random.default_rng(seed).permutation(len(names))[at] % folds
    by_fold = np.stack([after[dealt == fold].sum(axis=0) for fold in range(folds)])
    order, every = _by_tie(pairs), by_fold.sum(axis=0)
    cells = [_first_best(every - own, order) for own in by_fold]
    best = _first_best(every, order)
    held_out = after[np.arange(len(after)), np.array(cells)[dealt]]
    return CrossFit(
        gain(before, held_out, items), gain(before, after[:, best], items),
        gain(held_out, after[:, best], items),
        pairs[best], tuple(pairs[cell] for cell in cells), dealt,
    )  # fmt: skip


def choice_frequencies(
    after: Array, pairs: Sequence[Pair], items: Array | None = None,
    *, draws: int = 999, seed: int = 0,
) -> dict[Pair, float]:  # fmt: skip
    """How often each pair would be chosen if items were drawn anew (bootstrap), the most first.

    Args:
        after: ``[examples, cells]``, bool.
        pairs: of the cells.
        items: as in :func:`~xtransplant.stats.gains.gain`.
        draws: of items, with replacement.
        seed: of the draws.
    """
    hits = by_item(after.astype(np.int64), items)[0]
    weights = np.random.default_rng(seed).multinomial(
        len(hits), np.full(len(hits), 1 / len(hits)), size=draws
    )
    order = _by_tie(pairs)
    # Counts are whole and small: products of floats are exact, and fast.
    counts = weights.astype(np.float64) @ hits[:, order].astype(np.float64)
    often = np.bincount(counts.argmax(axis=1), minlength=len(pairs)) / draws
    places = sorted(np.flatnonzero(often), key=lambda place: (-often[place], place))
    return {pairs[order[place]]: float(often[place]) for place in places}


def _by_tie(pairs: Sequence[Pair]) -> Array:
    """Cells in the order in which ties are resolved, as ``choose_pair`` does."""
    return np.array(sorted(range(len(pairs)), key=lambda k: (pairs[k][1], -pairs[k][0])))


def _first_best(hits: Array, order: Array) -> int:
    return int(order[hits[order].argmax()])
