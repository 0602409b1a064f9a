"""Greedy decoding of many variants over one shared trunk, a token of all of them per pass.

Where too many histories make sharing them not worth its bookkeeping, every variant runs through all
layers (:mod:`xtransplant.engine.compile.decoding_plan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nnsight
import numpy as np
import torch
from torch import Tensor

from xtransplant.engine.compile.decoding_plan import StepPlan, plan_step
from xtransplant.engine.compile.masks import make_window_masks
from xtransplant.engine.compile.passes import argument_names, make_join
from xtransplant.engine.compile.shared_prefix import DecodingStep, KeysValues, Trunk
from xtransplant.engine.compile.steps import Step
from xtransplant.engine.trace.apply import apply_edits
from xtransplant.engine.trace.attention import shared_attention
from xtransplant.engine.trace.decoding_rows import (
    DecodingRows,
    NextTokens,
    append_tokens,
    drop_ended,
    make_rows,
)
from xtransplant.engine.trace.greedy import Certainty
from xtransplant.engine.trace.later_edits import LaterEdits
from xtransplant.engine.trace.logits import token_certainty
from xtransplant.model.model import Model
from xtransplant.packing import Layout

__all__ = ["Decoded", "Prefill", "decode", "make_step"]


@dataclass(frozen=True)
class Prefill:
    """A prompt that was read with all its variants.

    Attributes:
        layout: of the pass that read it, of one example and without candidates.
        trunk: each layer's keys and values of the trunk; None where there is no trunk.
        blocks: each layer's of the blocks; decoding lets go of them.
        first: the first token generated, of the prompt without a transplant and of each variant.
    """

    layout: Layout
    trunk: Sequence[Trunk] | None
    blocks: Sequence[KeysValues]
    first: NextTokens


@dataclass(frozen=True)
class Decoded:
    """Continuations of the prompt without a transplant and of each variant, and what they took.

    Attributes:
        ids: new token ids.
        finite: whether all logits they were taken from were finite.
        steps: how many passes.
        token_forwards: how often a token went through the whole model.
        certainty: of each token, where the first tokens have it; else empty.
    """

    ids: list[list[int]]
    finite: list[bool]
    steps: int
    token_forwards: float
    certainty: list[Certainty]


@torch.no_grad()
def decode(
    model: Model,
    prefill: Prefill,
    ends: Sequence[int],
    *,
    max_new_tokens: int,
    share_histories: bool = True,
    later: LaterEdits | None = None,
) -> Decoded:
    """Continue from a prompt that was read with all its variants.

    Args:
        model: reads on.
        prefill: the prompt.
        ends: tokens that end a text.
        max_new_tokens: longest continuation.
        share_histories: run what variants have generated in common once, where that pays.
        later: edits of decode steps; None for none.
    """
    with_certainty = prefill.first.certainty is not None
    rows = make_rows(
        prefill.layout,
        prefill.blocks,
        max_new_tokens,
        share_histories=share_histories,
        with_certainty=with_certainty,
    )
    tokens = prefill.first.select(rows.variant)
    steps, token_forwards = 0, 0.0
    for step in range(max_new_tokens):
        append_tokens(rows, tokens, ends)
        if step + 1 == max_new_tokens or not rows.alive.any():
            break
        drop_ended(rows)
        plan = plan_step(
            rows.start,
            rows.history,
            rows.token,
            rows.alive,
            n_histories=rows.n_histories,
            n_layers=model.n_layers,
        )
        edits = None if later is None else later.steps_of(model, step + 1, rows, plan)
        tokens = _run_step(model, rows, plan, prefill, edits, with_certainty=with_certainty)
        steps += 1
        token_forwards += plan.token_forwards
        rows.filled += 1
    return Decoded(rows.ids, rows.finite, steps, token_forwards, rows.certainty)


def _run_step(
    model: Model,
    rows: DecodingRows,
    plan: StepPlan,
    prefill: Prefill,
    edits: tuple[list[Step], list[Tensor]] | None,
    *,
    with_certainty: bool,
) -> NextTokens:
    """One decoding step: the next token of each row; ``edits`` are its sites and their banks."""
    inputs, steps = make_step(
        model, rows, plan, prefill.trunk, prefill.layout.n_trunk + rows.filled
    )
    sites, banks = edits or ([], [])
    # A layer's columns join before its sites are read.
    steps = sorted([*steps, *sites], key=lambda one: one["layer"])
    with shared_attention(model):
        read = _trace_step(model, inputs, steps, banks, with_certainty)
    found = [values.numpy() for values in read]
    n_shared, n_rows = len(plan.layers[-1].histories), len(rows.variant)
    ids, finite, *certainty = (_by_row(values, n_shared, n_rows) for values in found)
    return NextTokens(ids, finite, certainty[0] if certainty else None)


def make_step(
    model: Model,
    rows: DecodingRows,
    plan: StepPlan,
    trunk: Sequence[Trunk] | None,
    position: int,
) -> tuple[dict[str, Any], list[Step]]:
    """A step's inputs; of each layer, which columns run through it, and the caches it reads.

    Args:
        model: reads on.
        rows: with their caches.
        plan: of the step.
        trunk: each layer's keys and values of the trunk, of one example and without padding; None
            where there is no trunk.
        position: of the step's tokens: all rows are equally long.
    """
    tokens = torch.from_numpy(plan.tokens)[None].to(model.device)
    inputs = {
        "input_ids": tokens,
        "position_ids": torch.full_like(tokens, position),
        "use_cache": False,
    }
    device, names = model.device, argument_names(model)
    masks = make_window_masks(model, position)
    joins: list[Step] = []
    origin = torch.arange(plan.layers[0].n_columns, device=device)
    at: dict[torch.device, Tensor] = {}
    for layer, kind in enumerate(model.window_kinds):
        running = plan.layers[layer]
        index = None if running.index is None else torch.from_numpy(running.index).to(device)
        if index is not None:
            origin, at = origin[index], {}
        # Histories index a layer's own caches, and layers may lie on several devices.
        there = rows.own[layer].both[0].device
        if there not in at:
            at[there] = torch.from_numpy(running.histories).to(there)
        mask = DecodingStep(
            trunk=None if trunk is None else trunk[layer],
            histories=at[there],
            shared=rows.shared[layer],
            own=rows.own[layer],
            filled=rows.filled,
            mask=masks[kind],
        )
        joins.append(make_join(model, names, layer, index, origin, mask))
    return inputs, joins


def _by_row(found: Any, n_shared: int, n_rows: int) -> Any:
    """Values of a step's columns as values of rows; zero for those that have not run.

    Args:
        found: ``[n_columns, ...]``.
        n_shared: how many columns are histories'.
        n_rows: how many rows there are.
    """
    rows = np.zeros((n_rows, *found.shape[1:]), dtype=found.dtype)
    rows[: len(found) - n_shared] = found[n_shared:]
    if n_shared:
        # The one history that runs to the top is the prompt's without a transplant, the last row.
        rows[-1] = found[0]
    return rows


def _trace_step(
    model: Model,
    inputs: dict[str, Any],
    steps: list[Step],
    banks: list[Tensor],
    with_certainty: bool,
) -> list[Tensor]:
    """Of each column the next token, whether its logit is finite and, if asked for, its certainty.

    The highest logit is NaN if any is, and infinite if any is infinitely high.
    """
    nn = model.nn
    with nn.trace(**inputs):
        found: list[Tensor] = []
        nnsight.save(found)
        apply_edits(nn, steps, banks, 1, None)
        logits = nn.output.logits[0]
        highest = logits.argmax(dim=-1, keepdim=True)
        found.append(highest[:, 0].cpu())
        found.append(logits.gather(1, highest)[:, 0].isfinite().cpu())
        if with_certainty:
            found.append(token_certainty(logits).double().cpu())
    return found
