"""What edits are let through: the next token's logits, or the keys and values left behind."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from xtransplant.engine.compile.shared_prefix import KeysValues
from xtransplant.engine.trace.session import Outputs
from xtransplant.packing import Layout, RowLayout
from xtransplant.strategies.edits import Through

__all__ = ["keep_plain_cache", "let_through"]


def let_through(found: Outputs, layout: Layout | RowLayout, through: Sequence[Through]) -> Outputs:
    """The outputs of a pass in which edits acted through all, as they are where some did not.

    The next token's logits are those of the pass over the prompt; what comes after it is read over
    the keys and values that this pass left. So one of the two is that of the prompt without a
    transplant, which ran in the same pass. Exact.

    Args:
        found: what was read of the pass, ``[n_examples, 1 + n_variants, ...]``.
        layout: of the pass.
        through: of each variant.
    """
    if set(through) <= {"both"}:
        return found
    found = {name: value.clone() for name, value in found.items()}
    # [n_examples, n_edges]: whether a candidate's token is the next one after the prompt.
    following = layout.readout.nodes == layout.readout.end
    edges = found["edges"]
    for block, way in enumerate(through, start=1):
        if way == "logits":
            edges[:, block] = torch.where(following, edges[:, block], edges[:, 0])
        elif way == "cache":
            edges[:, block] = torch.where(following, edges[:, 0], edges[:, block])
            for name in ("top", "ids"):
                found[name][:, block] = found[name][:, 0]
    return found


def keep_plain_cache(
    layout: Layout, blocks: Sequence[KeysValues], through: Sequence[Through]
) -> None:
    """Give variants that act through the logits alone the prompt's own keys and values.

    Args:
        layout: of the pass that left ``blocks``.
        blocks: per layer ``[1, n_kv_heads, n_blocks * n_block, width]``; changed in place.
        through: of each variant.
    """
    numbers = [layout.blocks[v] for v, way in enumerate(through) if way == "logits"]
    if not numbers:
        return
    for layer, kept in enumerate(blocks):
        joined = [number for number in numbers if number < layout.n_blocks(layer)]
        for value in kept.both:
            apart = value.view(*value.shape[:2], -1, layout.n_block, value.shape[-1])
            apart[:, :, joined] = apart[:, :, :1].clone()
