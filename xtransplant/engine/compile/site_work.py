"""What happens at one site of one layer, while a program is being compiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from xtransplant.engine.compile.steps import SiteRead
from xtransplant.strategies import Applied, Value

__all__ = ["At", "OneCall", "OneWrite", "SiteWork", "part_of"]


class At(NamedTuple):
    """A variant's tokens that a value is of: an edit's span, or one that comes after the prompt.

    Attributes:
        variant: its number.
        token: after the prompt, as the layout's ``later_tokens`` has it; None for the span.
        width: of the site that is written: a function of numbers alone gives as many.
    """

    variant: int
    token: int | None = None
    width: int = 0


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
        head, dims: which head of the site, and which numbers of the vector; empty for all.
    """

    number: int | None
    at: At
    value: Value
    offset: int
    columns: tuple[int, ...]
    head: int
    dims: tuple[int, ...]


@dataclass
class SiteWork:
    """What happens at one site of one layer, while a program is being compiled."""

    read_rows: list[int] = field(default_factory=list)
    read_places: list[tuple[int, int]] = field(default_factory=list)
    calls: list[OneCall] = field(default_factory=list)
    writes: list[OneWrite] = field(default_factory=list)

    def read(self) -> SiteRead | None:
        """What is read there."""
        if not self.read_rows:
            return None
        column, head = torch.tensor(self.read_places).unbind(-1)
        return SiteRead(rows=torch.tensor(self.read_rows), column=column, head=head)


def part_of(dims: Sequence[tuple[int, ...]], width: int) -> Tensor | None:
    """Of each vector, the numbers that are written; None where all of all are."""
    if not any(dims):
        return None
    pairs = [(cell, dim) for cell, own in enumerate(dims) for dim in own or range(width)]
    return torch.tensor(pairs).T.contiguous()
