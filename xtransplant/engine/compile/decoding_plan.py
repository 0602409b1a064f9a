"""Which rows run through which layer in one decoding step.

Variants that have generated the same tokens so far are the same below the layers they write at. So
each *history* (a sequence of tokens generated so far) runs there once: a step's input begins with
one column per history, each variant's column joins at the layer the variant writes at, and a
history's column leaves when the last of its variants has joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Bools", "Ints", "LayerRows", "StepPlan", "plan_step"]

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class LayerRows:
    """What runs through one layer: columns of histories, then of variants.

    Attributes:
        histories: the histories that do.
        n_own: how many of the variants do: the first, as they join in order.
        index: ``[n_columns]``, which column of the layer before each of these starts out as; None
            where they are the same.
    """

    histories: Ints
    n_own: int
    index: Ints | None

    @property
    def n_columns(self) -> int:
        """Tokens that run through the layer."""
        return len(self.histories) + self.n_own


@dataclass(frozen=True)
class StepPlan:
    """One decoding step.

    Attributes:
        layers: what runs through each.
        tokens: ``[n_columns of the first layer]``, the input.
    """

    layers: Sequence[LayerRows]
    tokens: Ints

    @property
    def token_forwards(self) -> float:
        """How often a token goes through the whole model."""
        return sum(layer.n_columns for layer in self.layers) / len(self.layers)


def plan_step(
    start: Ints, history: Ints, token: Ints, alive: Bools, *, n_histories: int, n_layers: int
) -> StepPlan:
    """Plan a step of some rows, one per variant, in the order in which they join.

    Args:
        start: ``[n_rows]``, layer at which each row joins.
        history: ``[n_rows]``, the history of each row.
        token: ``[n_rows]``, the last token of each row.
        alive: ``[n_rows]``, whether its text goes on.
        n_histories: how many histories there are; 0 where they are not shared.
        n_layers: of the model.
    """
    # A history is needed up to the layer at which the last of its variants joins.
    need = np.zeros(n_histories, dtype=np.int64)
    if n_histories:
        np.maximum.at(need, history[alive], start[alive])
    shared = np.argsort(-need, kind="stable")
    shared = shared[need[shared] > 0]
    needed = need[shared]
    place = np.zeros(max(len(shared), int(history.max()) + 1), dtype=np.int64)
    place[shared] = np.arange(len(shared))
    layers: list[LayerRows] = []
    for layer in range(n_layers):
        n_shared, n_own = int((needed > layer).sum()), int((start <= layer).sum())
        index = None
        if layers and (len(layers[-1].histories), layers[-1].n_own) != (n_shared, n_own):
            before, n_before = len(layers[-1].histories), layers[-1].n_own
            # A row that joins starts out as its history stands in the layer before.
            joining = place[history[n_before:n_own]]
            stay = np.arange(n_shared), np.arange(before, before + n_before)
            index = np.concatenate([*stay, joining])
        layers.append(LayerRows(shared[:n_shared], n_own, index))
    # All rows of a history have the same last token.
    last = np.zeros(len(place), dtype=np.int64)
    last[history[alive]] = token[alive]
    first = layers[0]
    return StepPlan(layers, np.concatenate([last[first.histories], token[: first.n_own]]))
