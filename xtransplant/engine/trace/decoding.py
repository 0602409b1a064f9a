"""Greedy decoding of many variants over one shared trunk.

Every variant keeps keys and values of its own tokens only. Variants that have said the same so far
are the same below the layers they write at, so each *history* (what was said) runs once there: a
step's sequence starts with one row per history, each variant's row joins at its layer, and a
history's row leaves when the last of its variants has joined. Where too many histories make that
not worth its bookkeeping, every variant runs through all layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import nnsight
import numpy as np
import torch
from torch import Tensor

from xtransplant.engine.compile.masks import window_masks
from xtransplant.engine.compile.passes import layer_names
from xtransplant.engine.compile.shared_prefix import DecodingStep, KeysValues, Trunk
from xtransplant.engine.compile.steps import Join, Step
from xtransplant.engine.trace.apply import apply_edits
from xtransplant.engine.trace.attention import shared_attention
from xtransplant.engine.trace.greedy import Certainty
from xtransplant.engine.trace.logits import token_certainty
from xtransplant.model.load import Model
from xtransplant.packing import Layout

__all__ = ["Decoded", "decode"]

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

# Sharing saves half the work at best, and every new history copies what was said before it.
_MOST_HISTORIES = 0.3
# Rows that have ended leave once they are this share of all: leaving copies the others.
_MOST_ENDED = 0.2


@dataclass(frozen=True)
class Decoded:
    """What the prompt without a transplant and each variant said, and what that took.

    Attributes:
        ids: new token ids.
        finite: whether numbers told each of them at every step.
        steps, token_forwards: how many.
        certainty: of each token, where asked for; else empty.
    """

    ids: list[list[int]]
    finite: list[bool]
    steps: int
    token_forwards: float
    certainty: list[Certainty]


@dataclass
class _Rows:
    """The variants as rows of the store, in the order in which they join; the prompt's is last.

    Attributes:
        speaker: ``[n_rows]``, number of the variant; 0 for the prompt without a transplant.
        start: ``[n_rows]``, layer at which the row joins; the prompt's never does while histories
            are shared, its history's row stands for it.
        history: ``[n_rows]``, what it has said, as a row of ``shared``.
        token: ``[n_rows]``, the last token it said.
        own, shared: per layer, keys and values ``[rows, n_kv_heads, capacity, width]``.
        said: the token ids of every speaker.
        sure: how sure each of them was; empty if not asked for.
        finite: whether every speaker's logits were numbers so far.
    """

    speaker: Ints
    start: Ints
    history: Ints
    token: Ints
    alive: np.ndarray[Any, np.dtype[np.bool_]]
    own: list[KeysValues]
    shared: list[KeysValues]
    filled: int
    sharing: bool
    said: list[list[int]] = field(default_factory=list)
    sure: list[Certainty] = field(default_factory=list)
    finite: list[bool] = field(default_factory=list)


@torch.no_grad()
def decode(
    model: Model,
    layout: Layout,
    trunk: Sequence[Trunk] | None,
    kept: Sequence[KeysValues],
    first: Tensor,
    finite: Tensor,
    *,
    max_new_tokens: int,
    ends: Sequence[int],
    share_histories: bool = True,
    certainty: Tensor | None = None,
) -> Decoded:
    """Continue from a prompt that was read with all its variants.

    Args:
        layout: of the pass that read it, of one example and without candidates.
        trunk: each layer's keys and values of the trunk; None where there is no trunk.
        kept: each layer's of the blocks.
        first: ``[1 + n_variants]``, the token that each says first.
        finite: ``[1 + n_variants]``, whether it was told by numbers.
        ends: tokens that end a text.
        share_histories: run what variants have said in common once, where that pays.
        certainty: ``[1 + n_variants, 2]``, how sure each first token is; given where that of all
            is wanted.
    """
    rows = _rows(model, layout, kept, max_new_tokens, share_histories)
    rows.said, rows.finite = [[] for _ in range(len(first))], [True] * len(first)
    if certainty is not None:
        rows.sure = [[] for _ in range(len(first))]
    said = _Said(
        first.numpy()[rows.speaker],
        finite.numpy()[rows.speaker],
        None if certainty is None else certainty.double().numpy()[rows.speaker],
    )
    steps, tokens = 0, 0.0
    for step in range(max_new_tokens):
        _hear(rows, said, ends)
        if step + 1 == max_new_tokens or not rows.alive.any():
            break
        _drop_ended(rows)
        plan = _plan(rows, model.n_layers)
        said = _speak(model, rows, plan, layout, trunk, with_certainty=certainty is not None)
        steps += 1
        tokens += sum(len(bases) + n_own for bases, n_own in plan.layers) / model.n_layers
        rows.filled += 1
    return Decoded(rows.said, rows.finite, steps, tokens, rows.sure)


@dataclass(frozen=True)
class _Said:
    """What rows said in a step.

    Attributes:
        ids: ``[n_rows]``, tokens.
        finite: ``[n_rows]``, whether numbers told so.
        sure: ``[n_rows, 2]``, how sure each was; None where not asked for.
    """

    ids: Ints
    finite: Bools
    sure: Floats | None


def _rows(
    model: Model,
    layout: Layout,
    kept: Sequence[KeysValues],
    max_new_tokens: int,
    share_histories: bool,
) -> _Rows:
    """Move what the blocks left into stores with room for what will be said."""
    n_variants, size = len(layout.starts), layout.n_chain
    order = np.argsort(np.array(layout.blocks, dtype=np.int64), kind="stable")
    sharing = share_histories and bool(n_variants) and min(layout.starts) >= 0
    start = np.array([*(layout.starts[v] for v in order), model.n_layers], dtype=np.int64)
    own, shared = [], []
    for layer in kept:
        pairs = []
        for part in layer.both:
            # [n_kv_heads, n_blocks * size, width] to [n_blocks, n_kv_heads, size, width]
            n_kv, _, width = part.shape[1:]
            blocks = part[0].view(n_kv, -1, size, width).transpose(0, 1)
            shape = (n_variants + 1, n_kv, size + max_new_tokens, width)
            mine = torch.empty(shape, dtype=part.dtype, device=part.device)
            mine[: len(blocks) - 1, :, :size] = blocks[1:]
            theirs = torch.empty((1, *shape[1:]), dtype=part.dtype, device=part.device)
            theirs[:, :, :size] = blocks[:1]
            pairs.append((mine, theirs))
        own.append(KeysValues(pairs[0][0], pairs[1][0]))
        shared.append(KeysValues(pairs[0][1], pairs[1][1]))
        layer.keys = layer.values = None  # copied: let go of the pass's own
    rows = _Rows(
        speaker=np.array([*(order + 1), 0], dtype=np.int64),
        start=start,
        history=np.zeros(n_variants + 1, dtype=np.int64),
        token=np.zeros(n_variants + 1, dtype=np.int64),
        alive=np.ones(n_variants + 1, dtype=bool),
        own=own,
        shared=shared,
        filled=size,
        sharing=True,
    )
    if not sharing:
        _stop_sharing(rows)
    return rows


def _hear(rows: _Rows, said: _Said, ends: Sequence[int]) -> None:
    """Take down what each row said, end some, and tell histories apart."""
    for row in np.flatnonzero(rows.alive):
        speaker = rows.speaker[row]
        rows.said[speaker].append(int(said.ids[row]))
        rows.finite[speaker] &= bool(said.finite[row])
        if said.sure is not None:
            rows.sure[speaker].append((float(said.sure[row, 0]), float(said.sure[row, 1])))
    rows.token = said.ids
    rows.alive &= ~np.isin(said.ids, np.array(list(ends), dtype=np.int64))
    if not rows.sharing or not rows.alive.any():
        return
    now = np.stack([rows.history, said.ids], axis=1)
    distinct, place = np.unique(now[rows.alive], axis=0, return_inverse=True)
    if len(distinct) > max(1, _MOST_HISTORIES * len(rows.speaker)):
        _stop_sharing(rows)
        return
    parents = distinct[:, 0]
    rows.history[:] = 0  # of rows that have ended: never heard again
    rows.history[rows.alive] = place.reshape(-1)
    if not np.array_equal(parents, np.arange(_n_rows(rows.shared))):
        _select(rows.shared, parents)


def _stop_sharing(rows: _Rows) -> None:
    """Give every row its own keys and values in the layers where it had its history's."""
    for layer, (own, shared) in enumerate(zip(rows.own, rows.shared, strict=True)):
        below = rows.start > layer
        for mine, theirs in zip(own.both, shared.both, strict=True):
            index = torch.from_numpy(rows.history[below]).to(mine.device)
            mine[int((~below).sum()) :, :, : rows.filled] = theirs[index][:, :, : rows.filled]
    rows.start[:] = 0
    rows.sharing = False
    rows.shared = [KeysValues() for _ in rows.shared]


def _drop_ended(rows: _Rows) -> None:
    """Let rows that have ended leave, once they are many."""
    if (~rows.alive).mean() <= _MOST_ENDED:
        return
    keep = np.flatnonzero(rows.alive)
    _select(rows.own, keep)
    for name in ("speaker", "start", "history", "token", "alive"):
        setattr(rows, name, getattr(rows, name)[keep])


def _select(store: list[KeysValues], index: Ints) -> None:
    for layer in store:
        keys, values = layer.both
        at = torch.from_numpy(index).to(keys.device)
        layer.keys, layer.values = keys[at], values[at]


def _n_rows(store: list[KeysValues]) -> int:
    return len(store[0].both[0])


@dataclass(frozen=True)
class _Plan:
    """Who runs through which layer in a step.

    Attributes:
        layers: per layer, the histories that run and how many of the first rows do.
        index: per layer, which rows of the layer before these are; None for the same.
        tokens: input of the step.
    """

    layers: list[tuple[Ints, int]]
    index: list[Ints | None]
    tokens: Ints


def _plan(rows: _Rows, n_layers: int) -> _Plan:
    bases, needed = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if rows.sharing:
        # A history is needed up to the layer at which the last of its variants joins.
        need = np.zeros(_n_rows(rows.shared), dtype=np.int64)
        np.maximum.at(need, rows.history[rows.alive], rows.start[rows.alive])
        bases = np.argsort(-need, kind="stable")
        bases = bases[need[bases] > 0]
        needed = need[bases]
    place = np.zeros(max(len(bases), int(rows.history.max()) + 1), dtype=np.int64)
    place[bases] = np.arange(len(bases))
    layers: list[tuple[Ints, int]] = []
    index: list[Ints | None] = []
    for layer in range(n_layers):
        n_base = int((needed > layer).sum())
        n_own = int((rows.start <= layer).sum())
        layers.append((bases[:n_base], n_own))
        if layer == 0:
            index.append(None)
            continue
        before, n_before = len(layers[layer - 1][0]), layers[layer - 1][1]
        if (before, n_before) == (n_base, n_own):
            index.append(None)
            continue
        joining = place[rows.history[n_before:n_own]]
        parts = np.arange(n_base), np.arange(before, before + n_before), joining
        index.append(np.concatenate(parts))
    # Any row with a history has its last token.
    token = np.zeros(len(place), dtype=np.int64)
    token[rows.history[rows.alive]] = rows.token[rows.alive]
    tokens = np.concatenate([token[layers[0][0]], rows.token[: layers[0][1]]])
    return _Plan(layers, index, tokens)


def _speak(
    model: Model,
    rows: _Rows,
    plan: _Plan,
    layout: Layout,
    trunk: Sequence[Trunk] | None,
    *,
    with_certainty: bool,
) -> _Said:
    """One step: what each row says next."""
    device, names = model.device, layer_names(model)
    n_trunk = layout.n_trunk
    masks = window_masks(model, n_trunk + rows.filled)
    steps: list[Step] = []
    origin = torch.zeros(0, dtype=torch.long, device=device)
    at: dict[torch.device, Tensor] = {}
    for layer, kind in enumerate(model.window_kinds):
        histories, n_own = plan.layers[layer]
        index = plan.index[layer]
        if index is not None or layer == 0:
            origin = torch.zeros(len(histories) + n_own, dtype=torch.long, device=device)
            at = {}
        # Histories index a layer's own stores, and layers may lie on several devices.
        there = rows.own[layer].both[0].device
        if there not in at:
            at[there] = torch.from_numpy(histories).to(there)
        mask = DecodingStep(
            trunk=None if trunk is None else trunk[layer],
            histories=at[there],
            shared=rows.shared[layer],
            own=rows.own[layer],
            filled=rows.filled,
            mask=masks[kind],
        )
        gather = None if index is None else torch.from_numpy(index).to(device)
        path = f"{model.family.layers}.{layer}"
        steps.append(
            Join(
                kind="join", layer=layer, path=path, names=names,
                index=gather, origin=origin, mask=mask,
            )
        )  # fmt: skip
    tokens = torch.from_numpy(plan.tokens)[None].to(device)
    inputs = {
        "input_ids": tokens,
        # All rows say the token at the same place.
        "position_ids": torch.full_like(tokens, n_trunk + rows.filled),
        "use_cache": False,
    }
    with shared_attention(model):
        found = [part.numpy() for part in _trace(model, inputs, steps, with_certainty)]
    n_base, n_rows = len(plan.layers[-1][0]), len(rows.speaker)
    ids, finite, *sure = (_by_row(part, n_base, n_rows) for part in found)
    return _Said(ids, finite, sure[0] if sure else None)


def _by_row(found: Any, n_base: int, n_rows: int) -> Any:
    """What a step's columns gave, as rows; those that have not run are zero."""
    rows = np.zeros((n_rows, *found.shape[1:]), dtype=found.dtype)
    rows[: len(found) - n_base] = found[n_base:]
    if n_base:
        # The one history that runs to the top is the prompt's without a transplant, the last row.
        rows[-1] = found[0]
    return rows


def _trace(
    model: Model, inputs: dict[str, Any], steps: list[Step], with_certainty: bool
) -> list[Tensor]:
    """Per column the most probable token, whether numbers tell it, and, if asked for, how sure.

    The highest logit is NaN if any is, and infinite if any is infinitely high.
    """
    nn = model.nn
    with nn.trace(**inputs):
        found: list[Tensor] = []
        nnsight.save(found)
        apply_edits(nn, steps, [], 1, None)
        logits = nn.output.logits[0]
        highest = logits.argmax(dim=-1, keepdim=True)
        found.append(highest[:, 0].cpu())
        found.append(logits.gather(1, highest)[:, 0].isfinite().cpu())
        if with_certainty:
            found.append(token_certainty(logits).double().cpu())
    return found
