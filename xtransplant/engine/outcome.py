"""What is measured of a cell beside its answer: its writes, whether it is finite and unchanged."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Writes", "same"]


@dataclass(frozen=True)
class Writes:
    """What was written into the target's run and what it replaced, variant by variant.

    A write is one edit at one token. The writes of all variants lie one after the other in flat
    arrays of ``n = counts.sum()`` values.

    Attributes:
        counts: int ``[n_variants]``, how many writes each variant has, in the order of its edits
            and, within an edit, of its tokens.
        written_norm: float32 ``[n]``, Euclidean norm of the vector written.
        replaced_norm: float32 ``[n]``, Euclidean norm of the vector that stood there.
        cosine: float32 ``[n]``, cosine of the angle between the two, -1 to 1; NaN where a norm is
            0 or not finite.
    """

    counts: np.ndarray[Any, np.dtype[np.int64]]
    written_norm: np.ndarray[Any, np.dtype[np.float32]]
    replaced_norm: np.ndarray[Any, np.dtype[np.float32]]
    cosine: np.ndarray[Any, np.dtype[np.float32]]

    @classmethod
    def of(cls, counts: Tensor, measured: Tensor) -> Writes:
        """Writes from what a trace has measured of them.

        Args:
            counts: ``[n_variants]``, how many writes each variant has.
            measured: ``[3, n]``, the norm of each vector written, of the vector it replaced, and
                their dot product.
        """
        written, replaced, dot = measured.double().numpy()
        with np.errstate(invalid="ignore", over="ignore"):
            norms = written * replaced
        known = np.isfinite(norms) & np.isfinite(dot) & (norms > 0)
        cosine = np.full(norms.shape, np.nan)
        np.divide(dot, norms, out=cosine, where=known)
        return cls(
            counts.numpy(),
            written.astype(np.float32),
            replaced.astype(np.float32),
            cosine.clip(-1, 1).astype(np.float32),
        )

    def __add__(self, other: Writes) -> Writes:
        """The writes of these variants and then of the other's."""
        return Writes(
            *(
                np.concatenate([getattr(writes, one.name) for writes in (self, other)])
                for one in fields(Writes)
            )
        )


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
