"""Ids that are likely after the prompt's own candidates, of which upper bounds are made.

A log-probability among some ids is never below the one among all. After the same beginning of a
candidate a variant finds likely what the prompt without a transplant does, so of 262,144 ids a few
thousand hold nearly all of the probability: on Gemma 3 270M the bounds of whole candidates of up to
six tokens were 0.0 to 0.3 nats above their log-likelihoods, which lie 5 to 20 nats apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from xtransplant.engine.trace.projection import highest_ids

__all__ = ["LikelyIds"]

# So many after each token.
_N_LIKELY = 1024


@dataclass
class LikelyIds:
    """First found, while the prompt's own candidates run; then used.

    Attributes:
        found: tensors ``[n_ids]`` of ids.
        chosen: ``[n_ids]``, sorted: these and every token of the candidates; None before.
    """

    found: list[Tensor] = field(default_factory=list)
    chosen: Tensor | None = None

    def close(self, candidates: Sequence[Sequence[int]]) -> None:
        """What has been found is all there will be."""
        tokens = torch.tensor([token for one in candidates for token in one])
        self.chosen = torch.cat([*self.found, tokens]).unique()

    def look(self, hidden: Tensor, head: dict[str, Any]) -> Tensor:
        """Ids likely after hidden states ``[n_rows, d_model]``; to be called inside a trace."""
        return highest_ids(hidden, head, _N_LIKELY)

    def restrict(self, head: dict[str, Any], tokens: Tensor) -> tuple[dict[str, Any], Tensor]:
        """A projection onto the chosen ids alone, and where some of them stand among its rows.

        Args:
            head: the projection (:class:`xtransplant.model.head.Head`).
            tokens: ``[n_tokens]``, ids of candidates.
        """
        assert self.chosen is not None
        there = self.chosen.to(head["weight"].device)
        bias = None if head["bias"] is None else head["bias"][there]
        own = {**head, "weight": head["weight"][there], "bias": bias}
        return own, torch.searchsorted(self.chosen, tokens)
