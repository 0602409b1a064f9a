"""How far a part is: which example a strategy is at, while nothing of the part is stored yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Steps"]

T = TypeVar("T")


def _ignore(at: str, fraction: float) -> None:
    """Tell nobody."""


@dataclass
class Steps:
    """The work of one part, counted in variants of examples.

    Attributes:
        tell: called before each example and after the last, with what is being done and the
            fraction of the part, 0 to 1, that is done.
        total: variants of examples in all, the prompts without a transplant included.
        done: those that are done.
    """

    tell: Callable[[str, float], None] = _ignore
    total: int = 1
    done: int = 0

    def over(self, name: str, n_variants: int, n_examples: int, found: Iterable[T]) -> list[T]:
        """What is found of examples one after another, each told as it begins.

        Args:
            name: of what is run, such as a strategy.
            n_variants: of each example, its prompts not among them.
            n_examples: how many examples.
            found: gives one result for each.
        """
        kept = list[T]()
        self._tell(name, 1, n_examples)
        for one in found:
            kept.append(one)
            self.done += n_variants + 1
            self._tell(name, min(len(kept) + 1, n_examples), n_examples)
        return kept

    def _tell(self, name: str, number: int, count: int) -> None:
        self.tell(f"{name} on {number} of {count}", min(1.0, self.done / max(self.total, 1)))
