"""Whether a cell's numbers are numbers, and whether they are those without a transplant."""

from __future__ import annotations

import torch
from torch import Tensor

from xtransplant.packing import Packing

__all__ = ["keeps_bits", "same"]


def keeps_bits(packing: Packing) -> bool:
    """Whether a variant that changes nothing gives the very bits of the prompt without one.

    It does where all run through one product with the same keys in the same order: over a shared
    prefix, and one per row. In one sequence with a mask each block's keys lie elsewhere in it, and
    are added up in another order (up to 3e-5 nats were seen in float32, 0.2 in bfloat16).
    """
    return packing.shared_prefix or not packing.together


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
