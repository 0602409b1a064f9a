"""What happens at one site of one layer, while a program is being compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from xtransplant.strategies import Applied, Value

__all__ = ["At", "OneCall", "OneWrite", "SiteWork"]


class At(NamedTuple):
    """A variant's tokens that a value is of: an edit's span, or one that comes after the prompt.

    Attributes:
        variant: its number.
        token: after the prompt, as the layout's ``later_tokens`` has it; None for the span.
    """

    variant: int
    token: int | None = None


class OneCall(NamedTuple):
    """A function that one variant calls at a site; its result fills ``rows``, one per token."""

    applied: Applied
    rows: list[int]
    at: At


class OneWrite(NamedTuple):
    """One token that one variant writes at a site.

    Attributes:
        number: its place among all writes of the layout; None after the prompt, where what is
            written is not measured.
        at: whose, and where.
        value: what is written.
        offset: which token of the edit's span it is.
        columns: where it is written; several where the variant has several batch rows.
    """

    number: int | None
    at: At
    value: Value
    offset: int
    columns: tuple[int, ...]
    head: int


@dataclass
class SiteWork:
    """What happens at one site of one layer, while a program is being compiled."""

    read_rows: list[int] = field(default_factory=list)
    read_places: list[tuple[int, int]] = field(default_factory=list)
    calls: list[OneCall] = field(default_factory=list)
    writes: list[OneWrite] = field(default_factory=list)
