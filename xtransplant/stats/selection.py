"""Choosing a layer pair by how often each is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

__all__ = ["Hits", "Pair", "choose_pair", "count_hits", "sum_hits", "tie_order"]

Pair = tuple[int, int]
"""Source layer i and target layer j, from 0."""
Number = TypeVar("Number", int, float)
Hits = dict[Pair, int]
"""Right answers by layer pair."""


def count_hits(
    source_layers: np.ndarray[Any, Any],
    target_layers: np.ndarray[Any, Any],
    right: np.ndarray[Any, Any],
) -> Hits:
    """Right answers by layer pair, in the order of the pairs.

    Args:
        source_layers: ``[rows]``, one row per example and pair, layers from 0.
        target_layers: ``[rows]``.
        right: ``[rows]``, bool.
    """
    if not len(right):
        return {}
    width = int(target_layers.max()) + 1
    numbers = source_layers.astype(np.int64) * width + target_layers
    codes, at = np.unique(numbers, return_inverse=True)
    counts = np.bincount(at, weights=right, minlength=len(codes))
    pairs = (divmod(int(code), width) for code in codes)
    return {pair: int(count) for pair, count in zip(pairs, counts, strict=True)}


def sum_hits(languages: Sequence[Mapping[Pair, Number]]) -> dict[Pair, Number]:
    """Counts by pair over several languages; only of pairs that each of them has."""
    common = set.intersection(*(set(hits) for hits in languages)) if languages else set()
    return {pair: sum(hits[pair] for hits in languages) for pair in sorted(common)}


def choose_pair(hits: Mapping[Pair, int]) -> Pair:
    """The pair that is right most often; ties: smallest target layer, then largest source layer.

    This is the pilot protocol of the paper (arXiv 2412.12686).
    """
    return min(hits, key=lambda pair: (-hits[pair], pair[1], -pair[0]))


def tie_order(pairs: Sequence[Pair]) -> list[int]:
    """Numbers of pairs in the order in which :func:`choose_pair` takes those that are as good."""
    return sorted(range(len(pairs)), key=lambda k: (pairs[k][1], -pairs[k][0]))
