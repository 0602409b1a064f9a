"""Which of a pass's logits are read."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Readout"]


@dataclass(frozen=True)
class Readout:
    """What of a pass's logits is read: the same places of every block.

    Attributes:
        keep: int64 ``[n_kept]``, columns within a row whose logits are wanted.
        n_blocks: how many blocks these divide into, once the rows are laid end to end.
        order: block of the prompt, if it has one, and of each variant.
        nodes: int64 ``[n_examples, n_edges]``, place among a block's kept columns that predicts an
            edge.
        end: place of the last prompt token among them.
        normed: bool ``[n_examples, n_places]``, where log-probabilities are wanted; elsewhere the
            ids asked for are only ranked.
    """

    keep: Tensor
    n_blocks: int
    order: tuple[int, ...]
    nodes: Tensor
    end: int
    normed: Tensor
