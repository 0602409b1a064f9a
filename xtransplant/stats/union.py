"""The upper bound against the number of cells it picks from: the union-size curve."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["sampled_curve", "union_curve", "union_of_counts"]

Floats = np.ndarray[Any, np.dtype[np.float64]]


def union_curve(right: np.ndarray[Any, Any]) -> Floats:
    """Expected share of examples that some of k cells gets right, the k drawn without replacement.

    Of an example that c of n cells get right it is ``1 - C(n-c, k) / C(n, k)``, exact for every k
    (pass@k of Chen et al., arXiv 2107.03374). At k = 1 it is the mean cell, at k = n the upper
    bound.

    Args:
        right: ``[examples, cells]``, bool.

    Returns:
        ``[cells]``, k from 1; NaN without an example.
    """
    return union_of_counts(right.sum(axis=1), right.shape[1])


def union_of_counts(counts: np.ndarray[Any, Any], n_cells: int) -> Floats:
    """:func:`union_curve`, where only the number of right cells of each example is known.

    Args:
        counts: ``[examples]``, from 0 to ``n_cells``.
        n_cells: how many cells each example has.
    """
    if not len(counts):
        return np.full(n_cells, np.nan)
    found, how_often = np.unique(np.asarray(counts, dtype=np.int64), return_counts=True)
    k = np.arange(n_cells)
    # The chance that all k miss, one draw after the other: factors between 0 and 1, so that
    # neither binomials of 1,024 cells nor differences of nearly equal numbers occur.
    misses = np.cumprod(np.maximum(n_cells - found[:, None] - k, 0) / (n_cells - k), axis=1)
    return np.asarray(1 - how_often @ misses / len(counts), dtype=np.float64)


def sampled_curve(shares: np.ndarray[Any, Any], sizes: np.ndarray[Any, Any]) -> Floats:
    """Expected share of examples that some of k answers gets right, the k drawn at temperature 1.

    Of an example whose right answer has the probability p it is ``1 - (1 - p)^k``: what as many
    tries give without a transplant.

    Args:
        shares: ``[examples]``, p.
        sizes: ``[sizes]``, each a k, 1 or more.

    Returns:
        ``[sizes]``; NaN without an example.
    """
    if not len(shares):
        return np.full(len(sizes), np.nan)
    with np.errstate(divide="ignore"):  # a sure answer's is minus infinity
        missed = np.log1p(-np.asarray(shares, dtype=np.float64))
    found: Floats = -np.expm1(missed[:, None] * np.asarray(sizes)[None]).mean(axis=0)
    return found
