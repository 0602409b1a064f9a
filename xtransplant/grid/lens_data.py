"""A logit lens as data: what three runs make of the answer after every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["RUNS", "LensData"]

RUNS = ("source", "target", "transplanted")
"""The source prompt and the target prompt by themselves, and the target with the transplant."""


@dataclass(frozen=True)
class LensData:
    """Probabilities after every layer, at the token that the answer comes after.

    Attributes:
        model, strategy: their names.
        pair: source and target layer, from 0.
        answer, source_answer: the answer as it is spelled after the target and after the source;
            its first token is what is followed, shown as text in ``tokens``.
        tokens: the first token of either.
        probabilities: by run of :data:`RUNS`, float64 ``[n_layers, 2]``, of the two tokens.
        tops: by run, ``[n_layers]``, the likeliest token after each layer.
    """

    model: str
    strategy: str
    pair: tuple[int, int]
    answer: str
    source_answer: str
    tokens: tuple[str, str]
    probabilities: dict[str, np.ndarray[Any, np.dtype[np.float64]]]
    tops: dict[str, tuple[str, ...]]

    @property
    def n_layers(self) -> int:
        """How many layers the model has."""
        return len(self.tops["target"])
