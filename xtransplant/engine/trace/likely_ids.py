"""Ids that are likely after the prompt's own candidates, of which upper bounds are made.

A log-probability among some ids is never below the one among all. After the same beginning of a
candidate a variant finds likely what the prompt without a transplant does, so of 262,144 ids a few
thousand hold nearly all of the probability: on Gemma 3 270M the bounds of whole candidates of up to
six tokens were 0.0 to 0.3 nats above their log-likelihoods, which lie 5 to 20 nats apart. In half
precision a logit's rounding could take a bound below: there it is not done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from xtransplant.engine.trace.projection import highest_ids
from xtransplant.model.head import Head

__all__ = ["LikelyIds"]

# So many after each token; of more than this share of all ids a bound saves too little.
_N_LIKELY = 1024
_MOST = 0.2


@dataclass
class LikelyIds:
    """First found, while the prompt's own candidates run; then used.

    Attributes:
        found: tensors ``[n_ids]`` of ids.
        chosen: ``[n_ids]``, sorted: these and every token of the candidates; None before.
        head: the projection onto these alone.
    """

    found: list[Tensor] = field(default_factory=list)
    chosen: Tensor | None = None
    head: dict[str, Any] = field(default_factory=dict)

    def close(self, candidates: Sequence[Sequence[int]], head: Head) -> bool:
        """What has been found is all there will be; whether it is few enough to be used."""
        tokens = torch.tensor([token for one in candidates for token in one])
        self.chosen = torch.cat([*self.found, tokens]).unique()
        if not self.found or len(self.chosen) > _MOST * len(head.weight):
            return False
        there = self.chosen.to(head.weight.device)
        bias = None if head.bias is None else head.bias[there]
        self.head = {**head.plain(), "weight": head.weight[there], "bias": bias}
        return True

    def look(self, hidden: Tensor, head: dict[str, Any]) -> Tensor:
        """Ids likely after hidden states ``[n_rows, d_model]``; to be called inside a trace."""
        return highest_ids(hidden, head, _N_LIKELY)

    def place(self, tokens: Tensor) -> Tensor:
        """Where ids ``[n_tokens]`` of candidates stand among the chosen ones."""
        assert self.chosen is not None
        return torch.searchsorted(self.chosen, tokens)
