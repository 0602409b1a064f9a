"""Attention over a shared trunk: its keys and values once, each block's own beside them.

Registered through transformers' ``AttentionInterface``, so the model's own code stays unchanged.
In these passes a layer's attention mask is an object that holds the trunk's keys and values and the
masks (:class:`Blocks` or :class:`DecodingStep`). A block's scores over the trunk are one matrix
product for all blocks; its scores over its own few tokens are another; one softmax runs over both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface

from xtransplant.compat.transformers import attention_of
from xtransplant.engine.compile.shared_prefix import Blocks, DecodingStep, Trunk
from xtransplant.model.model import Model

__all__ = ["shared_attention"]

_NAME = "xtransplant_shared_prefix"
# Arguments beside these change what attention computes in a way not known here.
_KNOWN = {"dropout", "scaling", "softcap", "s_aux", "sliding_window", "is_causal", "position_ids"}


@contextmanager
def shared_attention(model: Model) -> Iterator[None]:
    """Let the model's layers use this file's attention while the context is open."""
    module: Any = model.module
    before = attention_of(module)
    module.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        module.set_attn_implementation(before)


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **named: Any
) -> tuple[Tensor, None]:
    """Attention as transformers calls it.

    Args:
        module: the layer's attention.
        query: ``[n_examples, n_heads, n_tokens, width]``.
        key: ``[n_examples, n_kv_heads, n_tokens, width]``.
        value: likewise.
        attention_mask: what the layer was handed in its mask's place.
        named: what else the family passes: ``scaling``, ``softcap``, ``s_aux``.

    Returns:
        ``[n_examples, n_tokens, n_heads, width]``, and no attention weights.

    Raises:
        TypeError: an argument that is not known here, or a mask that is not of these passes.
    """
    # Flags and None change nothing; a tensor under another name would.
    unknown = {
        name
        for name, given in named.items()
        if name not in _KNOWN and given is not None and not isinstance(given, bool)
    }
    if unknown:
        raise TypeError(f"attention takes {sorted(unknown)}, which shared prefixes do not know")
    scaling = named.get("scaling")
    weigh = _Weights(
        scale=query.shape[-1] ** -0.5 if scaling is None else scaling,
        softcap=named.get("softcap"),
        sinks=named.get("s_aux"),
    )
    if isinstance(attention_mask, Blocks):
        return _over_blocks(query, key, value, attention_mask, weigh), None
    if isinstance(attention_mask, DecodingStep):
        return _over_rows(query, key, value, attention_mask, weigh), None
    raise TypeError("this layer has no mask of a shared prefix")


@dataclass(frozen=True)
class _Weights:
    """From scores ``[n_examples, n_kv_heads, group, n_blocks, size, n_keys]`` to weights.

    Attributes:
        scale: what products of queries and keys are multiplied by.
        softcap: what scores are bounded by, before they are masked (Gemma 2); None for nothing.
        sinks: ``[n_heads]``, scores that take a share of the softmax and give nothing (gpt-oss);
            None for none.
    """

    scale: float
    softcap: float | None
    sinks: Tensor | None

    @property
    def plain(self) -> bool:
        """Whether it is a softmax of masked scores and nothing else."""
        return not self.softcap and self.sinks is None

    def __call__(self, scores: Tensor, mask: Tensor | None, dtype: torch.dtype) -> Tensor:
        if self.softcap:
            scores = torch.tanh(scores / self.softcap) * self.softcap
        if mask is not None:
            scores = scores + mask.to(scores.device)
        if self.sinks is None:
            return scores.softmax(dim=-1, dtype=torch.float32).to(dtype)
        sinks = self.sinks.view(1, scores.shape[1], scores.shape[2], 1, 1, 1).to(scores)
        scores = torch.cat([scores, sinks.expand(*scores.shape[:-1], 1)], dim=-1)
        return scores.softmax(dim=-1, dtype=torch.float32).to(dtype)[..., :-1]


def _over_blocks(
    query: Tensor, key: Tensor, value: Tensor, plan: Blocks, weigh: _Weights
) -> Tensor:
    """Blocks over the trunk and themselves; first the trunk over itself, if it is inline."""
    if n := plan.n_inline:
        trunk = plan.trunk
        assert trunk is not None
        padding = (0, 0, 0, trunk.room)
        trunk.keys = pad(key[:, :, :n] * weigh.scale, padding)
        trunk.values = pad(value[:, :, :n], padding)
        within = Blocks(n, plan.within_trunk)
        front = _over_blocks(query[:, :, :n], key[:, :, :n], value[:, :, :n], within, weigh)
        rest = replace(plan, n_inline=0)
        back = _over_blocks(query[:, :, n:], key[:, :, n:], value[:, :, n:], rest, weigh)
        return torch.cat([front, back], dim=1)
    if plan.keep is not None:
        plan.keep.keys, plan.keep.values = key, value
    if plan.trunk is None and query.shape[2] == plan.n_block:
        if weigh.plain:
            return _fused(query, key, value, plan.mask, weigh.scale)
        if plan.mask is None:
            plan = replace(plan, mask=_causal(plan.n_block, query))
    return _over_many_blocks(query, key, value, plan, weigh)


def _fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """One block and no trunk: what PyTorch's fused kernels compute; causal without a mask."""
    group = query.shape[1] // key.shape[1]
    keys, values = (one.repeat_interleave(group, dim=1) for one in (key, value))
    added = None if mask is None else mask[:, None].to(query.device)
    found = scaled_dot_product_attention(
        query, keys, values, attn_mask=added, is_causal=mask is None, scale=scale
    )
    return found.transpose(1, 2)


def _causal(n: int, like: Tensor) -> Tensor:
    """An additive causal mask, ``[1, n, n]``."""
    low = torch.full((1, n, n), torch.finfo(like.dtype).min, device=like.device)
    return low.to(like.dtype).triu(1)


def _over_many_blocks(
    query: Tensor, key: Tensor, value: Tensor, plan: Blocks, weigh: _Weights
) -> Tensor:
    """Blocks over a trunk that is another's, if any, and over themselves."""
    n_examples, n_heads, n_tokens, _ = query.shape
    n_kv, size, trunk = key.shape[1], plan.n_block, plan.trunk
    n_blocks, group = n_tokens // size, n_heads // n_kv
    # [n_examples, n_kv, group, n_blocks, size, ...]
    queries = query.reshape(n_examples, n_kv, group, n_blocks, size, -1)
    keys = key.reshape(n_examples, n_kv, 1, n_blocks, size, -1)
    values = value.reshape(n_examples, n_kv, 1, n_blocks, size, -1)
    single = size == 1
    own = (queries * keys).sum(-1, keepdim=True) if single else queries @ keys.transpose(-1, -2)
    own = own * weigh.scale
    if trunk is not None:
        scores = _trunk_scores(query, trunk, n_kv, size).view(*own.shape[:-1], -1)
        scores[..., -size:] += own
    else:
        scores = own
    mask = plan.mask
    weights = weigh(scores, None if mask is None else mask[:, None, None, None], value.dtype)
    if trunk is None:
        found = weights @ values
    else:
        found = _trunk_values(weights, trunk, n_kv).view(*own.shape[:-1], -1)
        mine = weights[..., -size:]
        found = found.addcmul_(mine, values) if single else found + mine @ values
    return found.reshape(n_examples, n_heads, n_tokens, -1).transpose(1, 2)


def _over_rows(
    query: Tensor, key: Tensor, value: Tensor, plan: DecodingStep, weigh: _Weights
) -> Tensor:
    """Rows of a decoding step over the trunk and what each has generated itself."""
    _, n_heads, n_rows, _ = query.shape
    n_kv, end = key.shape[1], plan.filled + 1
    group = n_heads // n_kv
    caches = _filled_caches(key, value, plan)
    # [n_rows, n_kv, group, filled + 1], then by head first.
    queries = query[0].transpose(0, 1).reshape(n_rows, n_kv, group, -1)
    pieces = [queries[rows] @ keys.transpose(-1, -2) for rows, keys, _ in caches]
    own = (torch.cat(pieces) if len(pieces) > 1 else pieces[0]).permute(1, 2, 0, 3) * weigh.scale
    if plan.trunk is not None:
        scores = _trunk_scores(query, plan.trunk, n_kv, end).view(n_kv, group, n_rows, -1)
        scores[..., -end:] += own
    else:
        scores = own
    # One block of all rows: [1, n_kv, group, 1, n_rows, n_keys].
    weights = weigh(scores[None, :, :, None], plan.mask, value.dtype)
    mine = weights[0, :, :, 0, :, -end:].permute(2, 0, 1, 3)
    pieces = [mine[rows] @ values for rows, _, values in caches]
    found = (torch.cat(pieces) if len(pieces) > 1 else pieces[0]).reshape(1, n_rows, n_heads, -1)
    if plan.trunk is not None:
        over = _trunk_values(weights, plan.trunk, n_kv).view(1, n_heads, n_rows, -1)
        found = found + over.transpose(1, 2)
    return found


def _filled_caches(
    key: Tensor, value: Tensor, plan: DecodingStep
) -> list[tuple[slice, Tensor, Tensor]]:
    """Put a step's keys and values into the caches of histories and of variants.

    Returns:
        For each of the two that runs: which columns, and their keys and values,
        ``[n, n_kv_heads, filled + 1, width]``.
    """
    n_shared, n_rows, end = len(plan.histories), key.shape[2], plan.filled + 1
    found: list[tuple[slice, Tensor, Tensor]] = []
    for store, fresh, where in (
        (plan.shared, slice(0, n_shared), plan.histories),
        (plan.own, slice(n_shared, n_rows), slice(0, n_rows - n_shared)),
    ):
        if fresh.stop == fresh.start:
            continue
        keys, values = store.both
        keys[where, :, plan.filled] = key[0, :, fresh].transpose(0, 1)
        values[where, :, plan.filled] = value[0, :, fresh].transpose(0, 1)
        found.append((fresh, keys[where, :, :end], values[where, :, :end]))
    return found


def _trunk_scores(query: Tensor, trunk: Trunk, n_kv: int, n_own: int) -> Tensor:
    """Scores over the trunk and zeros for ``n_own`` more, ``[n_examples, n_kv, rows, keys]``."""
    n_examples, _, _, width = query.shape
    keys = trunk.both[0][:, :, : trunk.n_tokens + n_own]
    return query.reshape(n_examples, n_kv, -1, width) @ keys.transpose(-1, -2)


def _trunk_values(weights: Tensor, trunk: Trunk, n_kv: int) -> Tensor:
    """The trunk's values weighted by ``[n_examples, ..., keys]``; keys beyond it have value 0."""
    n_examples, n_keys = weights.shape[0], weights.shape[-1]
    return weights.reshape(n_examples, n_kv, -1, n_keys) @ trunk.both[1][:, :, :n_keys]


AttentionInterface.register(_NAME, _attention)
