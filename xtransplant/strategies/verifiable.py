"""Which strategies ``--verify`` can hold against themselves, one variant at a time."""

from __future__ import annotations

from xtransplant.errors import XTransplantError
from xtransplant.strategies.definition import Strategy

__all__ = ["check_verifiable"]


def check_verifiable(strategy: Strategy) -> None:
    """Refuse ``--verify`` of a raw strategy: it compares packed variants with single ones.

    Raises:
        XTransplantError: the strategy is raw, so that its variants are run singly anyway.
    """
    if strategy.raw:
        raise XTransplantError(
            f"raw strategy {strategy} runs one variant after another as it is, so there is nothing "
            "to hold it against; leave --verify off"
        )
