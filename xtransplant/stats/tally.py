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

__all__ = ["Bound", "Tally", "combine", "tally"]


@dataclass(frozen=True)
class Bound:
    """Examples that some pair gets right.

    Attributes:
        right: how many.
        null: how many would be right by other examples' answers, the mean over derangements.
            Examples that no other answer can be given to are taken to do as the rest; NaN where
            there are only such.
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
        overall: the bound over all pairs.
        by_source: by source layer, the bound over its target layers.
        by_target: by target layer, the bound over its source layers.
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
        """The pair that is right most often, chosen on these very answers: an oracle."""
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
        examples: ``[rows]``, numbers of the examples.
        source_layers: ``[rows]``, from 0.
        target_layers: ``[rows]``, from 0.
        right: ``[rows]``, bool: right by the example's own answer.
        other: ``[rows]``, uint8: bit r is set where it is right by the answer of the example that
            the r-th derangement gives.
        known: ``[rows]``, bool: whether the derangements give the example another answer; true by
            default.
    """
    numbers, at = np.unique(examples, return_inverse=True)
    sources, source_at = np.unique(source_layers, return_inverse=True)
    targets, target_at = np.unique(target_layers, return_inverse=True)
    # [examples, sources, targets]; pairs that were not run stay 0.
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
        """Union over these axes (1: sources, 2: targets); a bound for each layer of the other."""
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


def combine(tallies: Sequence[Tally]) -> Tally:
    """Several languages as one: their sums, of the pairs and layers that each of them has."""
    return Tally(
        n=sum(one.n for one in tallies),
        hits=sum_hits([one.hits for one in tallies]),
        n_by_pair=sum_hits([one.n_by_pair for one in tallies]),
        overall=_sum([one.overall for one in tallies]),
        by_source=_sum_by_layer([one.by_source for one in tallies]),
        by_target=_sum_by_layer([one.by_target for one in tallies]),
    )


def _sum_by_layer(languages: Sequence[dict[int, Bound]]) -> dict[int, Bound]:
    layers = set.intersection(*map(set, languages))
    return {layer: _sum([one[layer] for one in languages]) for layer in sorted(layers)}


def _sum(bounds: Sequence[Bound]) -> Bound:
    return Bound(
        sum(b.right for b in bounds), sum(b.null for b in bounds), max(b.cells for b in bounds)
    )
