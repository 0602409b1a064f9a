"""Choosing a pair and counting it on the same data, without fooling oneself.

The best of many pairs looks better on the examples that chose it than it is: the winner's curse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from xtransplant.stats.gains import Gain, by_item, gain
from xtransplant.stats.selection import Pair, tie_order

__all__ = ["CrossFit", "choice_frequencies", "choosing_errors", "cross_fit", "deal"]

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
    own = np.arange(len(before)) if items is None else items
    n_items = len(np.unique(own))
    folds = min(folds, n_items)
    if folds < 2:
        raise ValueError(f"{n_items} items in {folds} folds: both have to be 2 or more")
    dealt = deal(own, folds, seed)
    by_fold = np.stack([after[dealt == fold].sum(axis=0) for fold in range(folds)])
    order, every = np.array(tie_order(pairs)), by_fold.sum(axis=0)
    cells = [_first_best(every - own, order) for own in by_fold]
    best = _first_best(every, order)
    held_out = after[np.arange(len(after)), np.array(cells)[dealt]]
    errors = cache(lambda: choosing_errors(before, after, pairs, items, folds=folds, seed=seed))
    return CrossFit(
        replace(gain(before, held_out, items), error=lambda: errors()[0]),
        gain(before, after[:, best], items),
        replace(gain(held_out, after[:, best], items), error=lambda: errors()[1]),
        pairs[best], tuple(pairs[cell] for cell in cells), dealt,
    )  # fmt: skip


def deal(items: Array, folds: int, seed: int = 0) -> Array:
    """``[examples]``, the fold of each: items are dealt whole, with all their languages.

    Args:
        items: ``[examples]``, what tells items apart.
        folds: how many, at most as many as there are items.
        seed: of the deal.
    """
    names, at = np.unique(items, return_inverse=True)
    found: Array = np.random.default_rng(seed).permutation(len(names))[at] % folds
    return found


def choosing_errors(
    before: Array, after: Array, pairs: Sequence[Pair], items: Array | None = None,
    *, folds: int = 5, draws: int = 400, seed: int = 0,
) -> tuple[float, float]:  # fmt: skip
    """Standard errors of a cross-fitted gain and of its winner's curse.

    A cell that is lucky in one fold is chosen for the others, and the other way round, so folds go
    together and errors over items are too small. Here items are drawn anew for each fold, and pairs
    chosen anew. The first error is of what each draw is off what its own pairs gain on all items,
    the second of the curse.

    Args:
        before: ``[examples]``, or ``[examples, cells]`` where it is another grid at the same pairs.
        after: ``[examples, cells]``, bool.
        pairs: of the cells.
        items: as in :func:`~xtransplant.stats.gains.gain`.
        folds: as many as the cross-fit has.
        draws: how many.
        seed: of the draws.
    """
    order, draw = np.array(tie_order(pairs)), np.random.default_rng(seed).multinomial
    hits, counts = by_item(after.astype(np.int32), items)
    others = by_item(before.reshape(len(before), -1).astype(np.int32), items)[0]
    hits = hits[:, order].astype(np.float32)  # counts are whole and small: exact
    others = (others if others.shape[1] == 1 else others[:, order]).astype(np.float32)
    n = len(hits)
    by_fold = []  # right after, right before, and how many: [draws, cells], ..., [draws, 1]
    for fold in range(folds):
        weights = draw(len(range(fold, n, folds)), np.full(n, 1 / n), size=draws)
        weights = weights.astype(np.float32)
        sizes = (weights @ counts.astype(np.float32))[:, None]
        by_fold.append((weights @ hits, weights @ others, sizes))
    every = sum(one for one, _, _ in by_fold)
    gained = held_out = expected = total = np.zeros((draws, 1))
    means = (hits.sum(axis=0) - others.sum(axis=0)) / counts.sum()
    for own, plain, sizes in by_fold:
        chosen = (every - own).argmax(axis=1)[:, None]
        right = np.take_along_axis(own, chosen, axis=1)
        base = plain if plain.shape[1] == 1 else np.take_along_axis(plain, chosen, axis=1)
        held_out, gained = held_out + right, gained + right - base
        expected, total = expected + means[chosen] * sizes, total + sizes
    curse = (every.max(axis=1, keepdims=True) - held_out) / total
    return float(((gained - expected) / total).std()), float(curse.std())


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
    order = np.array(tie_order(pairs))
    # Counts are whole and small: products of floats are exact, and fast.
    counts = weights.astype(np.float64) @ hits[:, order].astype(np.float64)
    often = np.bincount(counts.argmax(axis=1), minlength=len(pairs)) / draws
    places = sorted(np.flatnonzero(often), key=lambda place: (-often[place], place))
    return {pairs[order[place]]: float(often[place]) for place in places}


def _first_best(hits: Array, order: Array) -> int:
    return int(order[hits[order].argmax()])
