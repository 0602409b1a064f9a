"""What a strategy has to index before it can compute with it, such as a site without a layer."""

from __future__ import annotations

from typing import NoReturn

from xtransplant.errors import InvalidStrategy

__all__ = ["SYMBOLIC", "Unfinished"]

SYMBOLIC = (
    "a strategy is recorded before the model runs, and what it reads has no numbers yet; a "
    "function of them is apply(function, value), a choice by them a raw strategy "
    "(docs/strategies.md)"
)
"""What an author is told who computes with a symbolic value what only numbers can say."""


class Unfinished:
    """Arithmetic with it says what to write instead, where Python would say ``TypeError``."""

    __slots__ = ()

    @property
    def finished(self) -> str:
        """What its author meant to write, as in ``target.ffn[j]``."""
        raise NotImplementedError

    def refuse(self, *others: object) -> NoReturn:
        """Refuse to compute with it.

        Raises:
            InvalidStrategy: always.
        """
        raise InvalidStrategy(f"there is nothing to compute with yet; write {self.finished}")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = refuse
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __neg__ = __bool__ = refuse
    # By identity, a comparison would be false whatever the two are.
    __eq__ = __ne__ = refuse
