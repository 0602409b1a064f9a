"""From layouts to passes: what the model is handed, and what each of its layers is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from xtransplant.engine.compile.program import Step
from xtransplant.engine.compile.shared_prefix import Blocks, KeysValues, Trunk
from xtransplant.model.model import Model, Window
from xtransplant.packing import Layout, Packing, RowLayout, reach

__all__ = ["Pass", "layer_names", "row_pass", "sequence_pass", "window_masks"]


@dataclass(frozen=True)
class Pass:
    """One forward pass.

    Attributes:
        inputs: keyword arguments of the model.
        steps: what :func:`player` is to do in it, in the order of the layers.
        n_examples: how many examples the input holds.
        wanted: what :func:`picker` is to pick of its logits; None for nothing.
    """

    inputs: dict[str, Any]
    steps: list[Step]
    n_examples: int
    wanted: tuple[Any, ...] | None


def row_pass(model: Model, layout: RowLayout, steps: Sequence[Step], top_k: int) -> Pass:
    """One variant per batch row: nothing but the model's own forward pass and edits."""
    wanted = _wanted(layout, top_k)
    inputs = _inputs(model, layout.ids, layout.positions, wanted[1])
    inputs["attention_mask"] = layout.padding.long().to(model.device)
    return Pass(inputs, _on_device(list(steps), model.device), 1, wanted)


def sequence_pass(
    model: Model,
    layout: Layout,
    steps: Sequence[Step],
    packing: Packing,
    top_k: int,
    *,
    trunk: Sequence[Trunk] | None = None,
    keep: Sequence[KeysValues] | None = None,
) -> Pass:
    """All blocks of a layout in one sequence, after its trunk or with it in front.

    Args:
        trunk: each layer's keys and values of the trunk: left there by this pass where the trunk
            is inline, else taken from there.
        keep: where each layer is to leave the blocks' own keys and values.
    """
    n_trunk = layout.n_trunk if layout.inline else 0
    n_base = n_trunk + layout.n_block * layout.n_blocks(-1)
    n_all = n_trunk + layout.n_block * (1 + len(layout.starts))
    # [n_all]: block 0's column in the place of every block's, and the column of the model's input
    # that each column starts out as.
    places = torch.arange(n_all)
    in_block = (places - n_trunk) % layout.n_block + n_trunk
    first = torch.where(places < n_trunk, places, in_block)
    origin = torch.where(places < n_base, places, first)
    ids = torch.cat([layout.trunk_ids] * layout.inline + [layout.block_ids], dim=1)
    positions = torch.cat([layout.trunk_positions] * layout.inline + [layout.block_positions], 1)
    masks = _sequence_masks(model, layout, packing)
    names, joins, before = layer_names(model), [], n_base
    for layer, kind in enumerate(model.window_kinds):
        n_columns = n_trunk + layout.n_block * layout.n_blocks(layer)
        index = None
        if n_columns > before:
            # New blocks start out as block 0 stands at this layer.
            index = torch.cat([torch.arange(before), first[before:n_columns]])
        before = n_columns
        mask: Any = masks[kind]
        if not isinstance(mask, Tensor) and (trunk is not None or keep is not None):
            mask = replace(mask, trunk=trunk and trunk[layer], keep=keep and keep[layer])
        path = f"{model.family.layers}.{layer}"
        joins.append((layer, "join", path, names, index, origin[:n_columns], mask))
    merged = sorted([*joins, *steps], key=lambda step: step[0])
    wanted = _wanted(layout, top_k)
    inputs = _inputs(model, ids[:, first[:n_base]], positions[:, first[:n_base]], wanted[1])
    return Pass(inputs, _on_device(merged, model.device), layout.n_examples, wanted)


def layer_names(model: Model) -> tuple[str, ...]:
    """Names of a block's arguments, in order."""
    block = model.module.get_submodule(f"{model.family.layers}.0")
    # The class's own: nnsight wraps the instance's.
    return tuple(signature(type(block).forward).parameters)[1:]


def window_masks(model: Model, place: int) -> dict[str, Tensor | None]:
    """By kind of layer, what a token at a place sees of all up to it, ``[place + 1]``."""
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


def _wanted(layout: Layout | RowLayout, top_k: int) -> tuple[Any, ...]:
    """What :func:`picker` is to pick of the logits; its tensors are on the CPU."""
    read = layout.readout
    sizes = layout.n_examples, read.n_blocks
    order = torch.tensor(read.order, dtype=torch.long)
    return sizes, read.keep, order, read.nodes, layout.edge_tokens, read.end, top_k


def _sequence_masks(
    model: Model, layout: Layout, packing: Packing
) -> dict[str, Tensor] | dict[str, Blocks]:
    """By kind of layer, what its tokens see."""
    trunk, n_blocks = layout.n_trunk, 1 + len(layout.starts)
    # Only of one block that follows no trunk is it plain to see what it sees.
    single = not trunk and n_blocks == 1
    # Bool [n_examples, n_trunk, n_trunk] and [n_examples, n_block, n_trunk]; padding left out, but
    # that it sees itself: a softmax over nothing could be no number, and spread.
    real = layout.trunk_real[:, None, :]
    within_trunk = torch.ones(trunk, trunk, dtype=torch.bool).tril() & real
    within_trunk = within_trunk | torch.eye(trunk, dtype=torch.bool)
    over_trunk = real.expand(-1, layout.n_block, -1)
    places = layout.trunk_positions, layout.block_positions
    if packing.shared_prefix:
        # What a block's tokens see: the trunk, then their own block.
        whole = torch.cat([over_trunk, layout.block_sees], dim=2)
        seen = _masks(model, whole, places[1], torch.cat(places, dim=1), causal=single)
        within = _masks(model, within_trunk, places[0], places[0])
        n_inline = trunk if layout.inline else 0
        return {
            kind: Blocks(
                n_block=layout.n_block,
                mask=_added(model, seen[kind]),
                n_inline=n_inline,
                within_trunk=_added(model, within[kind]),
            )
            for kind in model.windows
        }
    total = trunk + n_blocks * layout.n_block
    sees = torch.zeros(layout.n_examples, total, total, dtype=torch.bool)
    sees[:, :trunk, :trunk] = within_trunk
    sees[:, trunk:, :trunk] = real
    for first in range(trunk, total, layout.n_block):
        here = slice(first, first + layout.n_block)
        sees[:, here, here] = layout.block_sees
    positions = torch.cat([places[0], places[1].repeat(1, n_blocks)], dim=1)
    causal = torch.ones(1, total, total, dtype=torch.bool).tril().to(model.device)
    return {
        kind: (causal if mask is None else mask)[:, None]
        for kind, mask in _masks(model, sees, positions, positions).items()
    }


def _masks(
    model: Model, sees: Tensor, queries: Tensor, keys: Tensor, *, causal: bool = True
) -> dict[str, Tensor | None]:
    """By kind of layer, whether each query sees each key; None where it says nothing.

    Says nothing: all is seen, or, with ``causal``, just what lies before.
    """
    plain = torch.ones(sees.shape[-2:], dtype=torch.bool)
    plain = plain.tril() if causal else plain
    found: dict[str, Tensor | None] = {}
    for kind, window in model.windows.items():
        seen = _within(sees, queries, keys, window)
        if bool((seen == plain).all()):
            found[kind] = None
            continue
        # One mask serves all examples that are alike in it.
        alike = bool((seen == seen[:1]).all())
        found[kind] = (seen[:1] if alike else seen).to(model.device)
    return found


def _added(model: Model, sees: Tensor | None) -> Tensor | None:
    """What is added to the scores: 0 where seen, the lowest number where not."""
    if sees is None:
        return None
    mask = torch.zeros(sees.shape, dtype=model.dtype, device=model.device)
    return mask.masked_fill_(~sees, torch.finfo(model.dtype).min)


def _within(sees: Tensor, queries: Tensor, keys: Tensor, window: Window) -> Tensor:
    return reach(sees, queries, keys, sliding=window.sliding, chunk=window.chunk)


def _on_device(value: Any, device: torch.device) -> Any:
    """Every tensor of a pass's steps where the model is, so that no layer waits for a copy.

    A layer on another device copies what it needs; the banks are on the model's first.
    """
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, (tuple, list)):
        return type(value)(_on_device(part, device) for part in value)
    return value
