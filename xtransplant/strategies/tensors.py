"""Numbers that a strategy writes, adds or multiplies by, and that were there before the run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["Fixed", "make_fixed"]


@dataclass(frozen=True)
class Fixed:
    """A vector, or a matrix that rows are multiplied by: fitted, or made by a strategy's author.

    Attributes:
        name: what it is called where edits are printed, such as ``fit.direction[j]``.
        digest: of what it holds; two of one digest are the same term.
        values: ``[width]``; of a map ``[width, width]``, of a basis ``[n, width]``; on the CPU.
            None where a strategy is only printed.
    """

    name: str = field(compare=False)
    digest: str
    values: Any = field(compare=False, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values; empty where there are none."""
        return () if self.values is None else tuple(self.values.shape)

    @property
    def width(self) -> int | None:
        """Length of its rows; None where there are no values."""
        return self.shape[-1] if self.shape else None

    def __str__(self) -> str:
        return self.name


def make_fixed(values: Any, name: str, digest: str = "") -> Fixed:
    """A tensor as a term.

    Args:
        values: floating-point numbers, ``[width]`` or ``[n, width]``. They are copied, since a view
            would travel with all that it is a view of.
        name: as in :class:`Fixed`.
        digest: of the values; made from them if empty.

    Raises:
        XTransplantError: no tensor, another shape, or numbers that are not finite.
    """
    if not hasattr(values, "is_floating_point") or not values.is_floating_point():
        raise XTransplantError(f"{name} should be a tensor of floating-point numbers")
    if values.dim() not in (1, 2) or not values.numel():
        raise XTransplantError(
            f"{name} has shape {list(values.shape)}; one layer's numbers are [width] or [n, width]"
        )
    own = values.detach().cpu().float().contiguous().clone()
    if not own.isfinite().all():
        raise XTransplantError(f"{name} holds numbers that are not finite")
    if not digest:
        content = hashlib.sha256(str(list(own.shape)).encode())
        content.update(own.numpy().tobytes())
        digest = content.hexdigest()
    return Fixed(name, digest, own)
