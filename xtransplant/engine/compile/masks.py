"""Attention masks of packed variants: which tokens each token of the trunk and the blocks sees."""

from __future__ import annotations

import torch
from torch import Tensor

from xtransplant.engine.compile.shared_prefix import Blocks
from xtransplant.model.model import Model, Window
from xtransplant.packing import Layout, reach

__all__ = ["make_sequence_masks", "make_shared_prefix_masks", "make_window_masks"]


def make_window_masks(model: Model, place: int) -> dict[str, Tensor | None]:
    """By kind of layer, what is added to a token's attention scores over all tokens up to it.

    Args:
        model: gives the windows of its layers.
        place: the token's position; the others are those before it.

    Returns:
        ``[place + 1]``, 0 where the window reaches and the lowest number elsewhere; None where the
        layer sees all of them.
    """
    keys = torch.arange(place + 1)
    masks: dict[str, Tensor | None] = {}
    for kind, window in model.windows.items():
        seen = torch.ones(len(keys), dtype=torch.bool)
        if window.sliding is not None:
            seen &= place - keys < window.sliding
        if window.chunk is not None:
            seen &= place // window.chunk == keys // window.chunk
        mask = torch.zeros(len(keys), dtype=model.dtype)
        mask = mask.masked_fill(~seen, torch.finfo(model.dtype).min).to(model.device)
        masks[kind] = None if bool(seen.all()) else mask
    return masks


def make_shared_prefix_masks(model: Model, layout: Layout) -> dict[str, Blocks]:
    """By kind of layer, what attention over a shared prefix takes: a block sees trunk and itself.

    Args:
        model: gives the windows of its layers.
        layout: of trunk and blocks.
    """
    places = layout.trunk_positions, layout.block_positions
    # A single block without a trunk before it is causal, which needs no mask.
    single = not layout.n_trunk and not layout.starts
    sees_trunk = layout.trunk_real[:, None, :].expand(-1, layout.n_block, -1)
    sees = torch.cat([sees_trunk, layout.block_sees], dim=2)
    seen = _by_window(model, sees, places[1], torch.cat(places, dim=1), causal=single)
    within = _by_window(model, _within_trunk(layout), places[0], places[0])
    return {
        kind: Blocks(
            n_block=layout.n_block,
            mask=_additive(model, seen[kind]),
            n_inline=layout.n_trunk if layout.inline else 0,
            within_trunk=_additive(model, within[kind]),
        )
        for kind in model.windows
    }


def make_sequence_masks(model: Model, layout: Layout) -> dict[str, Tensor]:
    """By kind of layer, who sees whom in one sequence: bool ``[n_examples or 1, 1, n_all, n_all]``.

    Args:
        model: gives the windows of its layers.
        layout: of trunk and blocks, one after the other in the sequence.
    """
    trunk, n_blocks = layout.n_trunk, 1 + len(layout.starts)
    total = trunk + n_blocks * layout.n_block
    sees = torch.zeros(layout.n_examples, total, total, dtype=torch.bool)
    sees[:, :trunk, :trunk] = _within_trunk(layout)
    sees[:, trunk:, :trunk] = layout.trunk_real[:, None, :]
    for first in range(trunk, total, layout.n_block):
        here = slice(first, first + layout.n_block)
        sees[:, here, here] = layout.block_sees
    repeated = layout.block_positions.repeat(1, n_blocks)
    positions = torch.cat([layout.trunk_positions, repeated], dim=1)
    causal = torch.ones(1, total, total, dtype=torch.bool).tril().to(model.device)
    return {
        kind: (causal if mask is None else mask)[:, None]
        for kind, mask in _by_window(model, sees, positions, positions).items()
    }


def _within_trunk(layout: Layout) -> Tensor:
    """Who sees whom in the trunk: bool ``[n_examples, n_trunk, n_trunk]``.

    A padding token sees itself: the softmax of a fully masked row may be NaN (a score added to the
    lowest number overflows to minus infinity), and NaN times an attention weight of zero is NaN,
    so that it would spread to the tokens that mask the padding out.
    """
    n = layout.n_trunk
    causal = torch.ones(n, n, dtype=torch.bool).tril() & layout.trunk_real[:, None, :]
    return causal | torch.eye(n, dtype=torch.bool)


def _by_window(
    model: Model, sees: Tensor, queries: Tensor, keys: Tensor, *, causal: bool = True
) -> dict[str, Tensor | None]:
    """By kind of layer, whether each query sees each key; None where no mask is needed.

    None is needed where every query sees every key or, with ``causal``, those up to itself.
    ``sees``, bool ``[n_examples, n_queries, n_keys]``, is what a layer without a window sees;
    ``queries`` and ``keys`` are positions, ``[n_examples, n]``.
    """
    plain = torch.ones(sees.shape[-2:], dtype=torch.bool)
    plain = plain.tril() if causal else plain
    found: dict[str, Tensor | None] = {}
    for kind, window in model.windows.items():
        seen = _within_window(sees, queries, keys, window)
        if bool((seen == plain).all()):
            found[kind] = None
            continue
        # One mask is broadcast over all examples whose masks are alike.
        alike = bool((seen == seen[:1]).all())
        found[kind] = (seen[:1] if alike else seen).to(model.device)
    return found


def _within_window(sees: Tensor, queries: Tensor, keys: Tensor, window: Window) -> Tensor:
    return reach(sees, queries, keys, sliding=window.sliding, chunk=window.chunk)


def _additive(model: Model, sees: Tensor | None) -> Tensor | None:
    """A mask that is added to the scores: 0 where seen, the lowest number where not."""
    if sees is None:
        return None
    mask = torch.zeros(sees.shape, dtype=model.dtype, device=model.device)
    return mask.masked_fill_(~sees, torch.finfo(model.dtype).min)
