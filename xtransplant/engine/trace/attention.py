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
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Queries ``[n_examples, n_heads, n_tokens, width]`` to ``[n_examples, n_tokens, ...]``."""
    # Flags and None change nothing; a tensor under another name would.
    unknown = {
        name
        for name, given in others.items()
        if name not in _KNOWN and given is not None and not isinstance(given, bool)
    }
    if unknown:
        raise TypeError(f"attention takes {sorted(unknown)}, which shared prefixes do not know")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    with_extras = _Softmax(softcap, s_aux)
    if isinstance(attention_mask, Blocks):
        return _over_blocks(query, key, value, attention_mask, scale, with_extras), None
    if isinstance(attention_mask, DecodingStep):
        return _over_steps(query, key, value, attention_mask, scale, with_extras), None
    raise TypeError("this layer was not told what its tokens see")


def _over_blocks(
    query: Tensor, key: Tensor, value: Tensor, plan: Blocks, scale: float, softmax: _Softmax
) -> Tensor:
    if n := plan.n_inline:
        trunk = plan.trunk
        assert trunk is not None
        padding = (0, 0, 0, trunk.room)
        trunk.keys = pad(key[:, :, :n] * scale, padding)
        trunk.values = pad(value[:, :, :n], padding)
        within = Blocks(n, plan.within_trunk)
        front = [part[:, :, :n] for part in (query, key, value)]
        back = [part[:, :, n:] for part in (query, key, value)]
        found = _over_blocks(front[0], front[1], front[2], within, scale, softmax)
        rest = replace(plan, n_inline=0)
        return torch.cat(
            [found, _over_blocks(back[0], back[1], back[2], rest, scale, softmax)], dim=1
        )
    if plan.keep is not None:
        plan.keep.keys, plan.keep.values = key, value
    n_examples, n_heads, n_tokens, _ = query.shape
    n_kv, size = key.shape[1], plan.n_block
    n_blocks, group = n_tokens // size, n_heads // n_kv
    mask = plan.mask
    if plan.trunk is None and n_blocks == 1:
        if softmax.plain:
            # Without a mask the fused kernels serve.
            keys, values = (part.repeat_interleave(group, dim=1) for part in (key, value))
            causal = mask is None
            mask = None if mask is None else mask[:, None].to(query.device)
            found = scaled_dot_product_attention(
                query, keys, values, attn_mask=mask, is_causal=causal, scale=scale
            )
            return found.transpose(1, 2)
        if mask is None:
            low = torch.full((1, size, size), torch.finfo(query.dtype).min, device=query.device)
            mask = low.to(query.dtype).triu(1)
    # [n_examples, n_kv, group, n_blocks, size, ...]
    queries = query.reshape(n_examples, n_kv, group, n_blocks, size, -1)
    keys = key.reshape(n_examples, n_kv, 1, n_blocks, size, -1)
    values = value.reshape(n_examples, n_kv, 1, n_blocks, size, -1)
    single = size == 1
    own = (queries * keys).sum(-1, keepdim=True) if single else queries @ keys.transpose(-1, -2)
    own = own * scale
    if plan.trunk is not None:
        scores = _over_trunk(query, plan.trunk, n_kv, size).view(*own.shape[:-1], -1)
        scores[..., -size:] += own
    else:
        scores = own
    weights = softmax(scores, None if mask is None else mask[:, None, None, None], value.dtype)
    if plan.trunk is None:
        found = weights @ values
    else:
        found = _of_trunk(weights, plan.trunk, n_kv).view(*own.shape[:-1], -1)
        mine = weights[..., -size:]
        found = found.addcmul_(mine, values) if single else found + mine @ values
    return found.reshape(n_examples, n_heads, n_tokens, -1).transpose(1, 2)


def _over_steps(
    query: Tensor, key: Tensor, value: Tensor, plan: DecodingStep, scale: float, softmax: _Softmax
) -> Tensor:
    _, n_heads, n_rows, _ = query.shape
    n_kv, n_shared, end = key.shape[1], len(plan.histories), plan.filled + 1
    group, n_own = n_heads // n_kv, n_rows - n_shared
    pieces: list[tuple[slice, Tensor, Tensor]] = []
    for store, fresh, part in (
        (plan.shared, slice(0, n_shared), plan.histories),
        (plan.own, slice(n_shared, n_rows), slice(0, n_own)),
    ):
        if fresh.stop == fresh.start:
            continue
        keys, values = store.both
        keys[part, :, plan.filled] = key[0, :, fresh].transpose(0, 1)
        values[part, :, plan.filled] = value[0, :, fresh].transpose(0, 1)
        pieces.append((fresh, keys[part, :, :end], values[part, :, :end]))
    # Each row over what it said itself: [n_rows, n_kv, group, filled + 1], then by head first.
    queries = query[0].transpose(0, 1).reshape(n_rows, n_kv, group, -1)
    parts = [queries[rows] @ keys.transpose(-1, -2) for rows, keys, _ in pieces]
    own = (torch.cat(parts) if len(parts) > 1 else parts[0]).permute(1, 2, 0, 3) * scale
    if plan.trunk is not None:
        scores = _over_trunk(query, plan.trunk, n_kv, end).view(n_kv, group, n_rows, -1)
        scores[..., -end:] += own
    else:
        scores = own
    # One block of all rows: [1, n_kv, group, 1, n_rows, n_keys].
    weights = softmax(scores[None, :, :, None], plan.mask, value.dtype)
    mine = weights[0, :, :, 0, :, -end:].permute(2, 0, 1, 3)
    parts = [mine[rows] @ values for rows, _, values in pieces]
    found = (torch.cat(parts) if len(parts) > 1 else parts[0]).reshape(1, n_rows, n_heads, -1)
    if plan.trunk is not None:
        over = _of_trunk(weights, plan.trunk, n_kv).view(1, n_heads, n_rows, -1)
        found = found + over.transpose(1, 2)
    return found


def _over_trunk(query: Tensor, trunk: Trunk, n_kv: int, n_own: int) -> Tensor:
    """Scores over the trunk and zeros for ``n_own`` more, ``[n_examples, n_kv, rows, keys]``."""
    n_examples, _, _, width = query.shape
    keys = trunk.both[0][:, :, : trunk.n_tokens + n_own]
    return query.reshape(n_examples, n_kv, -1, width) @ keys.transpose(-1, -2)


def _of_trunk(weights: Tensor, trunk: Trunk, n_kv: int) -> Tensor:
    """What weights ``[n_examples, ..., keys]`` take of the trunk; of the others nothing."""
    n_examples, n_keys = weights.shape[0], weights.shape[-1]
    return weights.reshape(n_examples, n_kv, -1, n_keys) @ trunk.both[1][:, :, :n_keys]


@dataclass(frozen=True)
class _Softmax:
    """Scores ``[n_examples, n_kv, group, n_blocks, size, n_keys]`` to weights.

    Attributes:
        softcap: what scores are bounded by, before they are masked (Gemma 2); None for nothing.
        sinks: ``[n_heads]``, scores that take a share and give nothing (gpt-oss); None for none.
    """

    softcap: float | None
    sinks: Tensor | None

    @property
    def plain(self) -> bool:
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


AttentionInterface.register(_NAME, _attention)
