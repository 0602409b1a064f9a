"""The variants of one prompt as rows that text is generated in, with their KV caches.

Every row keeps keys and values of its own tokens only; the trunk's are shared. Rows that have
generated the same tokens also share a *history*: the keys and values of these tokens in the layers
below those the rows write at (see :mod:`xtransplant.engine.compile.decoding_plan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xtransplant.engine.compile.decoding_plan import Bools, Ints
from xtransplant.engine.compile.shared_prefix import KeysValues
from xtransplant.engine.trace.greedy import Certainty
from xtransplant.packing import Layout

__all__ = ["DecodingRows", "NextTokens", "append_tokens", "drop_ended", "make_rows"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

# Sharing saves half the work at best, and every new history copies what was generated before it.
_MOST_HISTORIES = 0.3
# Rows that have ended leave once they are this share of all: leaving copies the others.
_MOST_ENDED = 0.2


@dataclass(frozen=True)
class NextTokens:
    """The most probable next token of each of ``n`` rows or variants.

    Attributes:
        ids: ``[n]``, token ids.
        finite: ``[n]``, whether the logits it was taken from are free of NaN and not infinitely
            high.
        certainty: ``[n, 2]``, its log-probability and how far behind it the next likeliest is, in
            nats; None where not asked for.
    """

    ids: Ints
    finite: Bools
    certainty: Floats | None

    def select(self, index: Ints) -> NextTokens:
        """Those of some rows."""
        certainty = None if self.certainty is None else self.certainty[index]
        return NextTokens(self.ids[index], self.finite[index], certainty)


@dataclass
class DecodingRows:
    """Rows in the order in which they join; the prompt without a transplant is the last.

    Attributes:
        variant: ``[n_rows]``, number of the variant, from 1; 0 for the prompt.
        start: ``[n_rows]``, layer at which the row joins; the prompt's never does while histories
            are shared: its history's column is its own.
        history: ``[n_rows]``, what it has generated, as a row of ``shared``.
        token: ``[n_rows]``, the last token it has generated.
        alive: ``[n_rows]``, whether its text goes on.
        own, shared: per layer, keys and values ``[rows, n_kv_heads, capacity, width]``.
        filled: tokens in these so far.
        sharing: whether histories are shared.
        ids: the token ids of every variant, the prompt's first.
        certainty: of these; empty if not asked for.
        finite: of every variant, whether all logits were finite so far.
    """

    variant: Ints
    start: Ints
    history: Ints
    token: Ints
    alive: Bools
    own: list[KeysValues]
    shared: list[KeysValues]
    filled: int
    sharing: bool
    ids: list[list[int]] = field(default_factory=list)
    certainty: list[Certainty] = field(default_factory=list)
    finite: list[bool] = field(default_factory=list)

    @property
    def n_histories(self) -> int:
        """How many histories there are; 0 where they are not shared."""
        return len(self.shared[0].both[0]) if self.sharing else 0


def make_rows(
    layout: Layout,
    blocks: Sequence[KeysValues],
    max_new_tokens: int,
    *,
    share_histories: bool,
    with_certainty: bool,
) -> DecodingRows:
    """Move the keys and values of a pass's blocks into caches with room for what is generated.

    Args:
        layout: of the pass, of one example and without candidates.
        blocks: each layer's, which are let go of.
        max_new_tokens: longest continuation.
        share_histories: rows may share histories.
        with_certainty: keep how sure each token was.
    """
    n_variants, size, n_layers = len(layout.starts), layout.n_chain, len(blocks)
    order = np.argsort(np.array(layout.blocks, dtype=np.int64), kind="stable")
    start = [*(layout.starts[variant] for variant in order), n_layers]
    own, shared = [], []
    for layer in blocks:
        keys, values = (
            _split_blocks(tensor, size, n_variants, max_new_tokens) for tensor in layer.both
        )
        own.append(KeysValues(keys[0], values[0]))
        shared.append(KeysValues(keys[1], values[1]))
        layer.keys = layer.values = None  # copied: free the pass's own
    n_rows = n_variants + 1
    rows = DecodingRows(
        variant=np.array([*(order + 1), 0], dtype=np.int64),
        start=np.array(start, dtype=np.int64),
        history=np.zeros(n_rows, dtype=np.int64),
        token=np.zeros(n_rows, dtype=np.int64),
        alive=np.ones(n_rows, dtype=bool),
        own=own,
        shared=shared,
        filled=size,
        sharing=True,
        ids=[[] for _ in range(n_rows)],
        certainty=[[] for _ in range(n_rows)] if with_certainty else [],
        finite=[True] * n_rows,
    )
    if not (share_histories and n_variants and min(layout.starts) >= 0):
        _stop_sharing(rows)
    return rows


def append_tokens(rows: DecodingRows, tokens: NextTokens, ends: Sequence[int]) -> None:
    """Append a token to each row that goes on, end some rows, and split histories that differ.

    Args:
        rows: changed in place.
        tokens: of each row.
        ends: tokens that end a text.
    """
    for row in np.flatnonzero(rows.alive):
        variant = rows.variant[row]
        rows.ids[variant].append(int(tokens.ids[row]))
        rows.finite[variant] &= bool(tokens.finite[row])
        if tokens.certainty is not None:
            logprob, margin = tokens.certainty[row]
            rows.certainty[variant].append((float(logprob), float(margin)))
    rows.token = tokens.ids
    rows.alive &= ~np.isin(tokens.ids, np.array(list(ends), dtype=np.int64))
    if not rows.sharing or not rows.alive.any():
        return
    now = np.stack([rows.history, tokens.ids], axis=1)
    distinct, place = np.unique(now[rows.alive], axis=0, return_inverse=True)
    if len(distinct) > max(1, _MOST_HISTORIES * len(rows.variant)):
        _stop_sharing(rows)
        return
    parents = distinct[:, 0]
    rows.history[:] = 0  # of rows that have ended, which is never read again
    rows.history[rows.alive] = place.reshape(-1)
    if not np.array_equal(parents, np.arange(rows.n_histories)):
        _select(rows.shared, parents)


def drop_ended(rows: DecodingRows) -> None:
    """Remove rows that have ended, once they are many; ``rows`` is changed in place."""
    if (~rows.alive).mean() <= _MOST_ENDED:
        return
    keep = np.flatnonzero(rows.alive)
    _select(rows.own, keep)
    rows.variant, rows.start = rows.variant[keep], rows.start[keep]
    rows.history, rows.token = rows.history[keep], rows.token[keep]
    rows.alive = rows.alive[keep]


def _split_blocks(
    tensor: Tensor, size: int, n_variants: int, max_new_tokens: int
) -> tuple[Tensor, Tensor]:
    """Keys or values of all blocks: the variants' in a cache, and block 0's as a history's.

    Args:
        tensor: ``[1, n_kv_heads, n_blocks * size, width]``.
        size: tokens of a block.
        n_variants: rows of the first cache, less one for the prompt.
        max_new_tokens: room for as many tokens.

    Returns:
        ``[n_variants + 1, n_kv_heads, size + max_new_tokens, width]``, and of the second one row.
        Variants that have no block at this layer are left to be filled, as is the prompt.
    """
    n_kv, _, width = tensor.shape[1:]
    blocks = tensor[0].view(n_kv, -1, size, width).transpose(0, 1)
    shape = (n_variants + 1, n_kv, size + max_new_tokens, width)
    own = torch.empty(shape, dtype=tensor.dtype, device=tensor.device)
    own[: len(blocks) - 1, :, :size] = blocks[1:]
    shared = torch.empty((1, *shape[1:]), dtype=tensor.dtype, device=tensor.device)
    shared[:, :, :size] = blocks[:1]
    return own, shared


def _stop_sharing(rows: DecodingRows) -> None:
    """Give every row its own keys and values in the layers where it had its history's."""
    for layer, (own, shared) in enumerate(zip(rows.own, rows.shared, strict=True)):
        below = rows.start > layer
        for mine, theirs in zip(own.both, shared.both, strict=True):
            index = torch.from_numpy(rows.history[below]).to(mine.device)
            mine[int((~below).sum()) :, :, : rows.filled] = theirs[index][:, :, : rows.filled]
    rows.start[:] = 0
    rows.sharing = False
    rows.shared = [KeysValues() for _ in rows.shared]


def _select(store: list[KeysValues], index: Ints) -> None:
    for layer in store:
        keys, values = layer.both
        at = torch.from_numpy(index).to(keys.device)
        layer.keys, layer.values = keys[at], values[at]
