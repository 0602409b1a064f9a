"""Judgements of one strategy as an array of examples and cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xtransplant.stats.selection import Pair

__all__ = ["Answers", "arrange"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Answers:
    """Which cells are right, by example.

    Attributes:
        examples: ``[examples]``, their numbers, ascending.
        pairs: of the cells; a prompt without a transplant has one.
        right: ``[examples, cells, levels]``, bool; a pair that an example has not is wrong.
        parsed: ``[examples, cells, 1]``, bool, whether a text is an answer at all; None of scores,
            and where it is not known.
        chosen: ``[examples, cells]``, the number of the option chosen; -1 where none, -2 where
            there is nothing to choose from, or where it is not known.
        other: ``[examples, cells, levels]``, uint8: bit r is set where a cell is right by the
            answer of the example that the r-th derangement gives; None where that is not kept.
        known: ``[examples]``, bool: whether any other answer can be given to it; likewise.
    """

    examples: Array
    pairs: tuple[Pair, ...]
    right: Array
    parsed: Array | None = None
    chosen: Array | None = None
    other: Array | None = None
    known: Array | None = None

    @property
    def of_parsed(self) -> Answers | None:
        """The same cells, of which at level 0 those are right that are an answer at all."""
        return None if self.parsed is None else replace(self, right=self.parsed, parsed=None)

    def at(self, pair: Pair, level: int) -> Array:
        """``[examples]``, right at a pair."""
        found: Array = self.right[:, self.pairs.index(pair), level]
        return found

    def some(self, level: int, *, source: int | None = None, target: int | None = None) -> Array:
        """``[examples]``, right at any pair, or at any of one source or target layer."""
        chosen = [  # [cells]
            source in (None, i) and target in (None, j) for i, j in self.pairs
        ]  # fmt: skip
        found: Array = np.logical_or.reduce(self.right[:, chosen, level], axis=1)
        return found

    def by_other(self, derangement: int) -> Answers:
        """The same cells, of which those are right that are by another example's answer."""
        assert self.other is not None
        return replace(self, right=(self.other >> derangement & 1).astype(np.bool_), other=None)


def arrange(
    examples: Array, source_layers: Array, target_layers: Array, right: Array, *,
    parsed: Array | None = None, chosen: Array | None = None,
    other: tuple[Array, Array] | None = None,
) -> Answers:  # fmt: skip
    """Rows of records, one per example and pair, as an array.

    Args:
        examples: ``[rows]``, numbers of the examples.
        source_layers: ``[rows]``, from 0; -1 without a transplant.
        target_layers: likewise.
        right: ``[rows, levels]``, bool.
        parsed: ``[rows]``, as of :class:`Answers`.
        chosen: likewise.
        other: ``[rows, levels]`` and ``[rows]``, ``other`` and ``known`` of it.
    """
    numbers, at = np.unique(examples, return_inverse=True)
    width = 2 + int(target_layers.max(initial=-1))
    codes, cell = np.unique(
        (source_layers.astype(np.int64) + 1) * width + target_layers + 1, return_inverse=True
    )
    shape = len(numbers), len(codes)

    def spread(values: Array | None, missing: int, *more: int) -> Array | None:
        if values is None:
            return None
        found = np.full((*shape, *more), missing, dtype=values.dtype)
        found[at, cell] = values.reshape(-1, *more)
        return found

    found = np.zeros((*shape, right.shape[1]), dtype=np.bool_)
    found[at, cell] = right
    pairs = tuple((code // width - 1, code % width - 1) for code in codes.tolist())
    own = Answers(numbers, pairs, found, spread(parsed, 0, 1), spread(chosen, -2))
    if other is None:
        return own
    known = np.zeros(len(numbers), dtype=np.bool_)
    known[at] = other[1]
    return replace(own, other=spread(other[0], 0, right.shape[1]), known=known)
