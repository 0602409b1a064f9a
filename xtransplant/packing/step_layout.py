"""One decoding step: each variant has one token in it, which follows on the prompt."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

__all__ = ["StepLayout"]


@dataclass(frozen=True)
class StepLayout:
    """The tokens of one decoding step.

    Attributes:
        step: its number: 1 is the pass over the first new token.
        running: the variants whose texts go on.
        column: by variant and layer, the column of its token there.
    """

    step: int
    running: Collection[int]
    column: Callable[[int, int], int]

    def later_tokens(self, variant: int, first: int, stop: int | None) -> list[int]:
        """The step, if it is one of those from ``first`` on and the variant has a token in it."""
        within = first <= self.step and (stop is None or self.step < stop)
        return [self.step] if within and variant in self.running else []

    def later_column(self, variant: int, token: int, layer: int) -> int:
        """Column of a variant's token."""
        return self.column(variant, layer)
