"""Which tokens a layer of limited attention sees."""

from __future__ import annotations

from torch import Tensor

__all__ = ["reach"]


def reach(
    sees: Tensor,
    query_positions: Tensor,
    key_positions: Tensor,
    *,
    sliding: int | None = None,
    chunk: int | None = None,
) -> Tensor:
    """What is seen in a layer whose attention reaches only so far, bool ``[..., n_q, n_k]``.

    Args:
        sees: bool ``[..., n_q, n_k]``, what a layer of full attention sees.
        query_positions: int64 ``[..., n_q]``.
        key_positions: int64 ``[..., n_k]``.
        sliding: a token sees this many positions back, its own included.
        chunk: a token sees only positions of its own chunk of this length.
    """
    query, key = query_positions[..., :, None], key_positions[..., None, :]
    if sliding is not None:
        sees = sees & (query - key < sliding)
    if chunk is not None:
        sees = sees & (query // chunk == key // chunk)
    return sees
