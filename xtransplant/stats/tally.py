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
        judged: how many examples another answer can be given to, so that they have a null.
    """

    right: int
    null: float
    cells: int
    judged: int


@dataclass(frozen=True)
class Tally:
    """One strategy in one language, or in several together, at one level of correctness.

    Attributes:
        n: how many examples.
        hits: right answers by layer pair; in the order of the pairs.
        n_by_pair: examples that were run with a pair.
        null_by_pair: of them those that the pair gets right by other examples' answers, as
            :attr:`Bound.null`.
        judged: examples that have a null.
        overall: the bound over all pairs.
        by_source: by source layer, the bound over its target layers.
        by_target: by target layer, the bound over its source layers.
    """

    n: int
    hits: Hits
    n_by_pair: dict[Pair, int]
    null_by_pair: dict[Pair, float]
    judged: int
    overall: Bound
    by_source: dict[int, Bound]
    by_target: dict[int, Bound]

    def rate(self, pair: Pair) -> Rate:
        """How often a pair is right."""
        return Rate(self.hits[pair], self.n_by_pair[pair])

    def null(self, pair: Pair) -> Rate:
        """How often it is right by another example's answer: what chance gives."""
        n = self.n_by_pair[pair]
        return Rate(self.null_by_pair[pair], n, judged=min(n, self.judged))

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
    derangements: np.ndarray[Any, Any] | None = None,
    among: np.ndarray[Any, Any] | None = None,
) -> Tally:
    """Count rows of records, one per example and pair.

    Args:
        examples: ``[rows]``, numbers of the examples.
        source_layers: ``[rows]``, from 0.
        target_layers: ``[rows]``, from 0.
        right: ``[rows]``, bool: right by the example's own answer.
        other: ``[rows]``, uint8: bit r is set where it is right by the answer of the example that
            the r-th derangement gives.
        derangements: ``[rows]``, uint8: bit r is set where the null goes by the r-th derangement;
            all by default.
        among: ``[rows]``, bool: the rows to count; all by default. Pairs that only others have
            stay, with no example.
    """
    counted = slice(None) if among is None else among
    numbers, at = np.unique(examples[counted], return_inverse=True)
    sources, source_at = np.unique(source_layers, return_inverse=True)
    targets, target_at = np.unique(target_layers, return_inverse=True)
    pair_at, n_cells = source_at * len(targets) + target_at, len(sources) * len(targets)
    ran = np.bincount(pair_at, minlength=n_cells).reshape(len(sources), len(targets)) > 0
    # [examples, sources, targets]; pairs that were not run stay 0.
    places = at, source_at[counted], target_at[counted]
    shape = len(numbers), len(sources), len(targets)
    own, others = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.uint8)
    own[places], others[places] = right[counted], other[counted]
    there = np.bincount(pair_at[counted], minlength=n_cells).reshape(shape[1:])
    hits = own.sum(axis=0)
    drawn = np.full(len(numbers), 255, dtype=np.uint8)
    drawn[at] = 255 if derangements is None else derangements[counted]

    def bounds(*axes: int) -> list[Bound]:
        """Union over these axes (1: sources, 2: targets); a bound for each layer of the other."""
        cells = ran.sum(axis=tuple(axis - 1 for axis in axes)).reshape(-1)
        rights = np.logical_or.reduce(own, axis=axes).reshape(len(numbers), len(cells))
        masks = np.bitwise_or.reduce(others, axis=axes).reshape(len(numbers), len(cells))
        columns = zip(rights.sum(axis=0), _null(masks, drawn), cells, strict=True)
        return [Bound(int(a), float(b), int(c), _judged(drawn)) for a, b, c in columns]

    nulls = _null(others.reshape(len(numbers), n_cells), drawn).reshape(shape[1:])
    # Pairs in the order of their layers.
    cells = {(int(sources[a]), int(targets[b])): (a, b) for a, b in np.argwhere(ran).tolist()}
    return Tally(
        n=len(numbers),
        hits={pair: int(hits[cell]) for pair, cell in cells.items()},
        n_by_pair={pair: int(there[cell]) for pair, cell in cells.items()},
        null_by_pair={pair: float(nulls[cell]) for pair, cell in cells.items()},
        judged=_judged(drawn),
        overall=bounds(1, 2)[0],
        by_source=dict(zip(sources.tolist(), bounds(2), strict=True)),
        by_target=dict(zip(targets.tolist(), bounds(1), strict=True)),
    )


def _judged(drawn: np.ndarray[Any, Any]) -> int:
    return int((drawn > 0).sum())


def _null(
    masks: np.ndarray[Any, Any], drawn: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``[columns]``: examples that are right by another's answer, the mean over derangements.

    Args:
        masks: ``[examples, columns]``, uint8.
        drawn: ``[examples]``, uint8: bit r is set where the r-th derangement counts.
    """
    n_drawn = int(np.unpackbits(drawn).sum())
    if len(masks) and not n_drawn:
        return np.full(masks.shape[1], np.nan)
    some = drawn > 0
    bits = np.unpackbits((masks[some] & drawn[some, None])[:, :, None], axis=2)
    return np.asarray(bits.sum(axis=(0, 2)) * (len(masks) / max(1, n_drawn)), dtype=np.float64)


def combine(tallies: Sequence[Tally]) -> Tally:
    """Several languages as one: their sums, of the pairs and layers that each of them has."""
    return Tally(
        n=sum(one.n for one in tallies),
        hits=sum_hits([one.hits for one in tallies]),
        n_by_pair=sum_hits([one.n_by_pair for one in tallies]),
        null_by_pair=sum_hits([one.null_by_pair for one in tallies]),
        judged=sum(one.judged for one in tallies),
        overall=_sum([one.overall for one in tallies]),
        by_source=_sum_by_layer([one.by_source for one in tallies]),
        by_target=_sum_by_layer([one.by_target for one in tallies]),
    )


def _sum_by_layer(languages: Sequence[dict[int, Bound]]) -> dict[int, Bound]:
    layers = set.intersection(*map(set, languages))
    return {layer: _sum([one[layer] for one in languages]) for layer in sorted(layers)}


def _sum(bounds: Sequence[Bound]) -> Bound:
    return Bound(
        right=sum(b.right for b in bounds),
        null=sum(b.null for b in bounds),
        cells=max(b.cells for b in bounds),
        judged=sum(b.judged for b in bounds),
    )
