"""Counts of a grid over examples: per layer pair, and for any pair (the upper bound).

The upper bound counts an example if any pair gets it right (arXiv 2412.12686, section 5). It is an
oracle: it picks the pair after seeing the answer. With many pairs some are right by chance, so each
bound comes with its null: the same count with every example judged by the next one's answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.stats.rates import Rate

__all__ = ["Bound", "Tally", "choose_pair", "tally", "together"]

Pair = tuple[int, int]
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Bound:
    """Examples that some pair gets right.

    Attributes:
        right: how many.
        null: how many would be, by the next example's answer.
        cells: how many pairs there were to pick from; of several languages the most.
    """

    right: int
    null: int
    cells: int


@dataclass(frozen=True)
class Tally:
    """One strategy in one language, or in several together, at one level of correctness.

    Attributes:
        n: how many examples.
        hits: right answers by layer pair; in the order of the pairs.
        n_by_pair: examples that were run with a pair.
        overall: some pair at all.
        by_source: some pair with this source layer (union over target layers).
        by_target: some pair with this target layer (union over source layers).
    """

    n: int
    hits: dict[Pair, int]
    n_by_pair: dict[Pair, int]
    overall: Bound
    by_source: dict[int, Bound]
    by_target: dict[int, Bound]

    def rate(self, pair: Pair) -> Rate:
        """How often a pair is right."""
        return Rate(self.hits[pair], self.n_by_pair[pair])

    @property
    def best(self) -> Pair:
        """The pair chosen with the answers in sight; see :func:`choose_pair`."""
        return choose_pair(self.hits)

    @property
    def is_grid(self) -> bool:
        """Whether there is more than one pair to pick from."""
        return len(self.hits) > 1


def tally(
    examples: np.ndarray[Any, Any],
    source_layers: np.ndarray[Any, Any],
    target_layers: np.ndarray[Any, Any],
    right: np.ndarray[Any, Any],
    other: np.ndarray[Any, Any],
) -> Tally:
    """Count rows of records, one per example and pair.

    Args:
        examples, source_layers, target_layers: ``[rows]``.
        right: ``[rows]`` by the example's answer.
        other: ``[rows]`` by the next example's.
    """
    numbers, at = np.unique(examples, return_inverse=True)
    width = int(target_layers.max()) + 1
    codes, pair_at = np.unique(
        source_layers.astype(np.int64) * width + target_layers, return_inverse=True
    )
    pairs = [(int(code) // width, int(code) % width) for code in codes]
    hits = np.bincount(pair_at, weights=right, minlength=len(pairs)).astype(np.int64)
    there = np.bincount(pair_at, minlength=len(pairs))

    def bound(rows: np.ndarray[Any, Any] | slice) -> Bound:
        found = (np.bincount(at[rows], weights=flag[rows]) for flag in (right, other))
        own, null = (int(np.count_nonzero(counts)) for counts in found)
        cells = np.count_nonzero(np.bincount(pair_at[rows], minlength=len(pairs)))
        return Bound(own, null, int(cells))

    return Tally(
        n=len(numbers),
        hits=dict(zip(pairs, hits.tolist(), strict=True)),
        n_by_pair=dict(zip(pairs, there.tolist(), strict=True)),
        overall=bound(slice(None)),
        by_source={int(i): bound(source_layers == i) for i in np.unique(source_layers)},
        by_target={int(j): bound(target_layers == j) for j in np.unique(target_layers)},
    )


def together(tallies: Sequence[Tally]) -> Tally:
    """Several languages as one; only pairs that each of them has."""
    common = set.intersection(*(set(one.hits) for one in tallies))

    def add(name: str) -> dict[int, Bound]:
        layers = set.intersection(*(set(getattr(one, name)) for one in tallies))
        return {k: _sum([getattr(one, name)[k] for one in tallies]) for k in sorted(layers)}

    return Tally(
        n=sum(one.n for one in tallies),
        hits={pair: sum(one.hits[pair] for one in tallies) for pair in sorted(common)},
        n_by_pair={pair: sum(one.n_by_pair[pair] for one in tallies) for pair in sorted(common)},
        overall=_sum([one.overall for one in tallies]),
        by_source=add("by_source"),
        by_target=add("by_target"),
    )


def choose_pair(hits: dict[Pair, int]) -> Pair:
    """The pilot protocol's choice: most correct; ties: smallest target, then largest source."""
    return min(hits, key=lambda pair: (-hits[pair], pair[1], -pair[0]))


def _sum(bounds: Sequence[Bound]) -> Bound:
    return Bound(
        sum(b.right for b in bounds), sum(b.null for b in bounds), max(b.cells for b in bounds)
    )
