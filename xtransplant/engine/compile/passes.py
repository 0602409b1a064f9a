"""From layouts to passes: the model's inputs, and the columns and mask of each of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from xtransplant.engine.compile.masks import make_sequence_masks, make_shared_prefix_masks
from xtransplant.engine.compile.shared_prefix import Blocks, KeysValues, Trunk
from xtransplant.engine.compile.steps import Join, Pass, Step, Wanted, move_tensors
from xtransplant.model.model import Model
from xtransplant.packing import Layout, RowLayout

__all__ = ["argument_names", "make_join", "make_row_pass", "make_sequence_pass"]


def make_row_pass(model: Model, layout: RowLayout, steps: Sequence[Step], top_k: int) -> Pass:
    """One variant per batch row: nothing but the model's own forward pass and edits.

    Args:
        model: the pass is for.
        layout: its rows.
        steps: reads and writes, in the order of the layers.
        top_k: how many of the most probable next tokens to read.
    """
    wanted = _wanted(layout, top_k)
    inputs = _inputs(model, layout.ids, layout.positions, wanted["keep"])
    inputs["attention_mask"] = layout.padding.long().to(model.device)
    return Pass(
        inputs=inputs, steps=move_tensors(list(steps), model.device), n_examples=1, wanted=wanted
    )


def make_sequence_pass(
    model: Model,
    layout: Layout,
    steps: Sequence[Step],
    top_k: int,
    *,
    shared_prefix: bool,
    trunk: Sequence[Trunk] | None = None,
    keep: Sequence[KeysValues] | None = None,
) -> Pass:
    """All blocks of a layout in one sequence, after its trunk or with it in front.

    Args:
        model: the pass is for.
        layout: its trunk and blocks.
        steps: reads and writes, in the order of the layers.
        top_k: how many of the most probable next tokens to read.
        shared_prefix: attention is ours and shares the trunk; else a mask says who sees whom.
        trunk: each layer's keys and values of the trunk: left there by this pass where the trunk
            is inline, else taken from there.
        keep: where each layer is to leave the blocks' own keys and values.
    """
    n_trunk = layout.n_trunk if layout.inline else 0
    n_base = n_trunk + layout.n_block * layout.n_blocks(-1)
    # Block 0's column in the place of every block's.
    places = torch.arange(n_trunk + layout.n_block * (1 + len(layout.starts)))
    first = torch.where(places < n_trunk, places, (places - n_trunk) % layout.n_block + n_trunk)
    ids = torch.cat([layout.trunk_ids] * layout.inline + [layout.block_ids], dim=1)
    positions = torch.cat([layout.trunk_positions] * layout.inline + [layout.block_positions], 1)
    masks = make_shared_prefix_masks if shared_prefix else make_sequence_masks
    handed = _by_layer(model, masks(model, layout), trunk, keep)
    joins = _joins(model, layout, first, n_base, handed)
    wanted = _wanted(layout, top_k)
    start = first[:n_base]
    return Pass(
        inputs=_inputs(model, ids[:, start], positions[:, start], wanted["keep"]),
        steps=move_tensors(sorted([*joins, *steps], key=lambda step: step["layer"]), model.device),
        n_examples=layout.n_examples,
        wanted=wanted,
    )


def argument_names(model: Model) -> tuple[str, ...]:
    """Names of a block's arguments, in order; the first are the hidden states."""
    block = model.module.get_submodule(f"{model.family.layers}.0")
    # The class's own: nnsight wraps the instance's.
    return tuple(signature(type(block).forward).parameters)[1:]


def _by_layer(
    model: Model,
    masks: dict[str, Blocks] | dict[str, Tensor],
    trunk: Sequence[Trunk] | None,
    keep: Sequence[KeysValues] | None,
) -> list[Blocks | Tensor]:
    """What each layer is handed as its attention mask."""
    found: list[Blocks | Tensor] = []
    for layer, kind in enumerate(model.window_kinds):
        mask = masks[kind]
        if isinstance(mask, Blocks) and (trunk is not None or keep is not None):
            mask = replace(
                mask,
                trunk=None if trunk is None else trunk[layer],
                keep=None if keep is None else keep[layer],
            )
        found.append(mask)
    return found


def _joins(
    model: Model, layout: Layout, first: Tensor, n_base: int, masks: Sequence[Any]
) -> list[Join]:
    """The columns of each layer: which join there, and what they see.

    ``first`` ``[n_all]`` is the column of block 0 that stands for each before it joins, ``n_base``
    the number of columns of the model's input, ``masks`` what each layer is handed.
    """
    n_trunk = layout.n_trunk if layout.inline else 0
    places = torch.arange(len(first))
    # The column of the model's input that each column starts out as.
    origin = torch.where(places < n_base, places, first)
    names, joins, before = argument_names(model), [], n_base
    for layer, mask in enumerate(masks):
        n_columns = n_trunk + layout.n_block * layout.n_blocks(layer)
        index = None
        if n_columns > before:
            # New blocks start out as block 0 stands at this layer.
            index = torch.cat([places[:before], first[before:n_columns]])
        before = n_columns
        joins.append(make_join(model, names, layer, index, origin[:n_columns], mask))
    return joins


def make_join(
    model: Model,
    names: Sequence[str],
    layer: int,
    index: Tensor | None,
    origin: Tensor,
    mask: Any,
) -> Join:
    """The columns that run through one layer.

    Args:
        model: whose layer it is.
        names: its :func:`argument_names`, which are looked up once for all layers.
        layer: its number.
        index: as in :class:`Join`.
        origin: likewise.
        mask: likewise.
    """
    return Join(
        kind="join",
        layer=layer,
        path=f"{model.family.layers}.{layer}",
        names=names,
        index=index,
        origin=origin,
        mask=mask,
    )


def _inputs(model: Model, ids: Tensor, positions: Tensor, keep: Tensor) -> dict[str, Any]:
    inputs = {
        "input_ids": ids.to(model.device),
        "position_ids": positions.to(model.device),
        "use_cache": False,
    }
    if model.keeps_logits:
        # Numbers, not a tensor: it indexes what the last layer gives, and where a model lies on
        # several devices every tensor among its arguments is put on the first.
        inputs["logits_to_keep"] = keep.tolist()
    return inputs


def _wanted(layout: Layout | RowLayout, top_k: int) -> Wanted:
    """What is read of a layout's logits; on the CPU, as the layout is."""
    read = layout.readout
    return Wanted(
        n_examples=layout.n_examples,
        n_blocks=read.n_blocks,
        keep=read.keep,
        order=torch.tensor(read.order, dtype=torch.long),
        nodes=read.nodes,
        tokens=layout.edge_tokens,
        end=read.end,
        top_k=top_k,
        normed=read.normed,
    )
