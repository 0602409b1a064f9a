"""Whether a cell's numbers are numbers, and whether they are those without a transplant."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["same"]


def same(found: Tensor, plain: Tensor, dtype: torch.dtype, *, bits: bool) -> Tensor:
    """Where log-probabilities (nats) are those of a run without a transplant.

    Args:
        dtype: the model's precision.
        bits: to the bit; else within its rounding, which grows with the number.

    Returns:
        Bool, of the shape that the two broadcast to; False where either is not finite.
    """
    if bits:
        return (found == plain) & found.isfinite()
    # Sums in half precision are kept in float32 and rounded once; in float32 at every step.
    epsilon = max(torch.finfo(dtype).eps, 16 * torch.finfo(torch.float32).eps)
    room = epsilon * plain.abs().clamp(min=1.0)
    return ((found - plain).abs() <= room) & found.isfinite()
