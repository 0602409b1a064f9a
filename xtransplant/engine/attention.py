"""Attention over a shared trunk: its keys and values once, each block's own beside them.

Registered through transformers' ``AttentionInterface``, so the model's own code stays unchanged.
What a layer is handed as its attention mask is, in these passes, an object that says what to do
(:class:`Blocks` or :class:`Steps`); the function finds the trunk's keys and values in it. A block's
scores over the trunk are one matrix product for all blocks; its scores over its own few tokens are
another; one softmax runs over both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from xtransplant.model.load import Model

__all__ = ["Blocks", "KeysValues", "Steps", "shared_attention"]

_NAME = "xtransplant_shared_prefix"
# Arguments beside these change what attention computes in a way not known here.
_KNOWN = {"dropout", "scaling", "softcap", "s_aux", "sliding_window", "is_causal", "position_ids"}


@dataclass
class KeysValues:
    """Keys and values of one layer, ``[..., n_kv_heads, n_tokens, width]``; filled in a pass."""

    keys: Tensor | None = None
    values: Tensor | None = None

    @property
    def both(self) -> tuple[Tensor, Tensor]:
        """Keys and values, once a pass has left them."""
        assert self.keys is not None
        assert self.values is not None
        return self.keys, self.values


@dataclass(frozen=True)
class Blocks:
    """One layer of a pass over blocks, ``[n_examples, n_inline + n_blocks * n_block]`` tokens.

    Attributes:
        n_block: tokens of a block.
        own: added to the scores within a block, ``[n_examples or 1, n_block, n_block]``; None for
            one block of plain causal attention.
        trunk: the trunk's keys and values, ``[n_examples, ...]``; None for no trunk.
        over_trunk: added to the scores over the trunk, ``[n_examples or 1, n_block, n_trunk]``;
            None where all of it is seen.
        keep: where to leave the blocks' own keys and values, ``[n_examples, ...]``.
        n_inline: tokens of the trunk in front of the blocks: this pass computes it too, and leaves
            its keys and values in ``trunk``.
        within_trunk: added to the scores within it, ``[n_examples or 1, n_inline, n_inline]``;
            None for plain causal attention.
    """

    n_block: int
    own: Tensor | None
    trunk: KeysValues | None = None
    over_trunk: Tensor | None = None
    keep: KeysValues | None = None
    n_inline: int = 0
    within_trunk: Tensor | None = None


@dataclass(frozen=True)
class Steps:
    """One layer of a decoding step, ``[1, n_rows]`` tokens: one row per history, then variants.

    Attributes:
        trunk: as in :class:`Blocks`, of one example.
        over_trunk: added to the scores over the trunk, ``[n_trunk]``, or None.
        histories: rows of ``shared`` that the first columns stand for.
        shared, own: keys and values after the trunk, ``[rows, n_kv_heads, capacity, width]``, of
            histories and of variants; the variants' columns are the first rows of ``own``.
        filled: tokens in both before this step.
        over_own: added to the scores over them, ``[filled + 1]``, or None.
    """

    trunk: KeysValues | None
    over_trunk: Tensor | None
    histories: Tensor
    shared: KeysValues
    own: KeysValues
    filled: int
    over_own: Tensor | None


@contextmanager
def shared_attention(model: Model) -> Iterator[None]:
    """Let the model's layers use this file's attention while the context is open."""
    module: Any = model.nn._module
    before = module.config._attn_implementation
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
    query = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if isinstance(attention_mask, Blocks):
        return _over_blocks(query, key, value, attention_mask, softcap, s_aux), None
    if isinstance(attention_mask, Steps):
        return _over_steps(query, key, value, attention_mask, softcap, s_aux), None
    raise TypeError("this layer was not told what its tokens see")


def _over_blocks(
    query: Tensor, key: Tensor, value: Tensor, plan: Blocks, softcap: float | None, s_aux: Any
) -> Tensor:
    if plan.n_inline:
        assert plan.trunk is not None
        n, rest = plan.n_inline, replace(plan, n_inline=0)
        # A copy, so that what is kept of the trunk does not hold on to the blocks' memory.
        keys, values = key[:, :, :n].contiguous(), value[:, :, :n].contiguous()
        plan.trunk.keys, plan.trunk.values = keys, values
        trunk = Blocks(n, plan.within_trunk)
        front = _over_blocks(query[:, :, :n], keys, values, trunk, softcap, s_aux)
        query, key, value = query[:, :, n:], key[:, :, n:], value[:, :, n:]
        back = _over_blocks(query, key, value, rest, softcap, s_aux)
        return torch.cat([front, back], dim=1)
    if plan.keep is not None:
        plan.keep.keys, plan.keep.values = key, value
    n_examples, n_heads, n_tokens, _ = query.shape
    n_kv, size = key.shape[1], plan.n_block
    n_blocks, group = n_tokens // size, n_heads // n_kv
    if plan.trunk is None and n_blocks == 1 and not softcap and s_aux is None:
        keys, values = (part.repeat_interleave(group, dim=1) for part in (key, value))
        # Without a mask the fused kernels serve.
        mask = None if plan.own is None else plan.own[:, None]
        found = scaled_dot_product_attention(
            query, keys, values, attn_mask=mask, is_causal=mask is None, scale=1.0
        )
        return found.transpose(1, 2).contiguous()
    own_mask = plan.own
    if own_mask is None:
        above = torch.full((size, size), torch.finfo(query.dtype).min, device=query.device)
        own_mask = above.triu(1)[None].to(query.dtype)
    # [n_examples, n_kv, group, n_blocks, size, size]
    queries = query.reshape(n_examples, n_kv, group, n_blocks, size, -1)
    keys = key.reshape(n_examples, n_kv, 1, n_blocks, size, -1)
    values = value.reshape(n_examples, n_kv, 1, n_blocks, size, -1)
    single = size == 1
    own = (queries * keys).sum(-1, keepdim=True) if single else queries @ keys.transpose(-1, -2)
    scores = [(own, None if single else own_mask[:, None, None, None])]
    if plan.trunk is not None:
        over = _over_trunk(query, plan.trunk, n_kv).view(*own.shape[:-1], -1)
        mask = plan.over_trunk
        scores.insert(0, (over, None if mask is None else mask[:, None, None, None]))
    parts = _softmax(scores, softcap, s_aux, value.dtype)
    found = parts[-1] * values if single else parts[-1] @ values
    if plan.trunk is not None:
        weights = parts[0].reshape(n_examples, n_kv, -1, parts[0].shape[-1])
        found = found + (weights @ plan.trunk.both[1]).view(found.shape)
    return found.reshape(n_examples, n_heads, n_tokens, -1).transpose(1, 2).contiguous()


def _over_steps(
    query: Tensor, key: Tensor, value: Tensor, plan: Steps, softcap: float | None, s_aux: Any
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
    # [n_rows, n_kv, group, filled + 1]: each row over what it said itself.
    queries = query[0].transpose(0, 1).view(n_rows, n_kv, group, -1)
    own = torch.cat([queries[rows] @ keys.transpose(-1, -2) for rows, keys, _ in pieces])
    # One block of all rows: [1, n_kv, group, 1, n_rows, n_keys].
    scores = [(own.permute(1, 2, 0, 3)[None, :, :, None], plan.over_own)]
    if plan.trunk is not None:
        over = _over_trunk(query, plan.trunk, n_kv).view(1, n_kv, group, 1, n_rows, -1)
        scores.insert(0, (over, plan.over_trunk))
    parts = _softmax(scores, softcap, s_aux, value.dtype)
    weights = parts[-1][0, :, :, 0].permute(2, 0, 1, 3)
    found = torch.cat([weights[rows] @ values for rows, _, values in pieces])
    found = found.reshape(1, n_rows, n_heads, -1)
    if plan.trunk is not None:
        over = parts[0].reshape(1, n_kv, group * n_rows, -1) @ plan.trunk.both[1]
        found = found + over.view(1, n_heads, n_rows, -1).transpose(1, 2)
    return found


def _over_trunk(query: Tensor, trunk: KeysValues, n_kv: int) -> Tensor:
    """Scores of all queries over the trunk, ``[n_examples, n_kv, group * n_tokens, n_trunk]``."""
    n_examples, _, _, width = query.shape
    return query.reshape(n_examples, n_kv, -1, width) @ trunk.both[0].transpose(-1, -2)


def _softmax(
    scores: list[tuple[Tensor, Tensor | None]],
    softcap: float | None,
    s_aux: Tensor | None,
    dtype: torch.dtype,
) -> list[Tensor]:
    """Weights of several sets of keys: scores and what is added to them to mask.

    Scores are ``[n_examples, n_kv, group, n_blocks, size, n_keys]``. ``softcap`` bounds them
    (Gemma 2); ``s_aux`` ``[n_heads]`` are sinks that take a share and give nothing (gpt-oss).
    """
    masked = []
    for part, mask in scores:
        if softcap:
            part = torch.tanh(part / softcap) * softcap
        masked.append(part if mask is None else part + mask)
    sizes = [part.shape[-1] for part in masked]
    joined = torch.cat(masked, dim=-1) if len(masked) > 1 else masked[0]
    if s_aux is not None:
        sinks = s_aux.view(1, joined.shape[1], joined.shape[2], 1, 1, 1).to(joined)
        joined = torch.cat([joined, sinks.expand(*joined.shape[:-1], 1)], dim=-1)
    weights = joined.softmax(dim=-1, dtype=torch.float32).to(dtype)
    return list(weights[..., : sum(sizes)].split(sizes, dim=-1))


AttentionInterface.register(_NAME, _attention)
