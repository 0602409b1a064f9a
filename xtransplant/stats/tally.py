"""Counts of a grid over examples: per layer pair, and for any pair (the upper bound).

The upper bound counts an example if any pair gets it right (arXiv 2412.12686, section 5). It is an
oracle: it picks the pair after seeing the answer. With many pairs some are right by chance, so each
bound comes with its null: the same count with every example judged by another one's answer, the
mean over several seeded derangements of the language's examples (``tasks.derangements``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.stats.rates import Rate
from xtransplant.stats.selection import Hits, Pair, choose_pair, sum_hits
from xtransplant.tasks.derangements import N_DERANGEMENTS

__all__ = ["Bound", "Tally", "tally", "together"]


@dataclass(frozen=True)
class Bound:
    """Examples that some pair gets right.

    Attributes:
        right: how many.
        null: how many would be by other examples' answers, the mean over derangements; where some
            have no other answer to go by, as many as the rest gives for all. NaN where none has.
        cells: how many pairs there were to pick from; of several languages the most.
    """

    right: int
    null: float
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
    hits: Hits
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
    known: np.ndarray[Any, Any] | None = None,
) -> Tally:
    """Count rows of records, one per example and pair.

    Args:
        examples, source_layers, target_layers: ``[rows]``.
        right: ``[rows]`` by the example's answer.
        other: ``[rows]``, uint8, by others': bit r by the r-th derangement's.
        known: ``[rows]``, whether the example has such others; all by default.
    """
    numbers, at = np.unique(examples, return_inverse=True)
    sources, source_at = np.unique(source_layers, return_inverse=True)
    targets, target_at = np.unique(target_layers, return_inverse=True)
    # [examples, sources, targets]: a byte for each, whether or not it was run.
    places, shape = (at, source_at, target_at), (len(numbers), len(sources), len(targets))
    own, others = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.uint8)
    own[places], others[places] = right, other
    pair_at = source_at * len(targets) + target_at
    there = np.bincount(pair_at, minlength=len(sources) * len(targets)).reshape(shape[1:])
    hits = own.sum(axis=0)
    has_null = np.ones(len(numbers), dtype=np.bool_)
    if known is not None:
        has_null[at] = known

    def bounds(*axes: int) -> list[Bound]:
        """Some pair along these axes (1: sources, 2: targets), a bound for each of the rest."""
        rights = np.logical_or.reduce(own, axis=axes).reshape(len(numbers), -1)
        masks = np.bitwise_or.reduce(others, axis=axes).reshape(len(numbers), -1)
        cells = (there > 0).sum(axis=tuple(axis - 1 for axis in axes)).reshape(-1)
        bits = np.unpackbits(masks[has_null, :, None], axis=2).sum(axis=(0, 2))
        scale = len(numbers) / max(1, int(has_null.sum())) / N_DERANGEMENTS
        null = bits * scale if has_null.any() else np.full(len(cells), np.nan)
        columns = zip(rights.sum(axis=0), null, cells, strict=True)
        return [Bound(int(a), float(b), int(c)) for a, b, c in columns]

    pairs = [(int(i), int(j), a, b) for a, i in enumerate(sources) for b, j in enumerate(targets)]
    return Tally(
        n=len(numbers),
        hits={(i, j): int(hits[a, b]) for i, j, a, b in pairs if there[a, b]},
        n_by_pair={(i, j): int(there[a, b]) for i, j, a, b in pairs if there[a, b]},
        overall=bounds(1, 2)[0],
        by_source=dict(zip(sources.tolist(), bounds(2), strict=True)),
        by_target=dict(zip(targets.tolist(), bounds(1), strict=True)),
    )


def together(tallies: Sequence[Tally]) -> Tally:
    """Several languages as one; only pairs that each of them has."""

    def add(name: str) -> dict[int, Bound]:
        layers = set.intersection(*(set(getattr(one, name)) for one in tallies))
        return {k: _sum([getattr(one, name)[k] for one in tallies]) for k in sorted(layers)}

    return Tally(
        n=sum(one.n for one in tallies),
        hits=sum_hits([one.hits for one in tallies]),
        n_by_pair=sum_hits([one.n_by_pair for one in tallies]),
        overall=_sum([one.overall for one in tallies]),
        by_source=add("by_source"),
        by_target=add("by_target"),
    )


def _sum(bounds: Sequence[Bound]) -> Bound:
    return Bound(
        sum(b.right for b in bounds), sum(b.null for b in bounds), max(b.cells for b in bounds)
    )
