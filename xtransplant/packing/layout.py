"""Trunk and blocks: all variants and candidates of some prompts in one sequence per prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from xtransplant.packing.candidates import CandidateTrie, candidate_trie
from xtransplant.packing.readout import Readout

__all__ = ["Layout", "pack"]


@dataclass(frozen=True)
class Layout:
    """Trunk and blocks of one or many examples.

    Tensors are int64 unless a type is named, on the CPU.

    Attributes:
        trunk_ids, trunk_positions: ``[n_examples, n_trunk]``, padded on the left.
        trunk_real: bool ``[n_examples, n_trunk]``, padding mask: False for padding.
        block_ids, block_positions: ``[n_examples, n_block]``: the rest of the prompt, then the
            candidates' trie (padded on the right).
        block_sees: bool ``[n_examples, n_block, n_block]``, attention mask within a block: first
            axis queries, second keys.
        n_chain: tokens of the prompt in a block.
        prompt_length: of the first example, which spans of tokens are resolved with; columns
            count from the prompt's end, so the others are placed alike.
        starts: per variant, the layer its block joins at; -1 for in the model's input.
        edge_nodes: ``[n_examples, n_edges]``, place in the block whose logits predict an edge:
            one token of one candidate.
        edge_tokens, edge_candidates: ``[n_examples, n_edges]``, token id and candidate of each
            edge; candidate -1 is padding.
        inline: whether the trunk stands in the same sequence as the blocks.
        ranked: examples of whose candidates' tokens all but the first are only ranked: which of
            them come next is asked, and not how probable that is.
    """

    trunk_ids: Tensor
    trunk_positions: Tensor
    trunk_real: Tensor
    block_ids: Tensor
    block_positions: Tensor
    block_sees: Tensor
    n_chain: int
    prompt_length: int
    starts: tuple[int, ...]
    edge_nodes: Tensor
    edge_tokens: Tensor
    edge_candidates: Tensor
    inline: bool
    ranked: tuple[int, ...] = ()

    @property
    def n_examples(self) -> int:
        """How many examples run together."""
        return len(self.block_ids)

    @property
    def n_trunk(self) -> int:
        """Tokens of the trunk, padding included."""
        return self.trunk_ids.shape[1]

    @property
    def n_block(self) -> int:
        """Tokens of one block, padding included."""
        return self.block_ids.shape[1]

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Number of each variant's block: in the order in which they join, from 1."""
        order = sorted(range(len(self.starts)), key=lambda variant: self.starts[variant])
        place = {variant: block for block, variant in enumerate(order, start=1)}
        return tuple(place[variant] for variant in range(len(self.starts)))

    def n_blocks(self, layer: int) -> int:
        """How many blocks run through a layer; through none but the model's input: -1."""
        return 1 + sum(start <= layer for start in self.starts)

    def column(self, block: int, place: int) -> int:
        """Column of a block's token."""
        return (self.n_trunk if self.inline else 0) + block * self.n_block + place

    def columns(self, variant: int | None, token: int, layer: int) -> tuple[int, ...]:
        """Column of a variant's prompt token: block 0's where its own has not joined yet.

        ``variant`` None is the prompt without a transplant.
        """
        place = token - (self.prompt_length - self.n_chain)
        if place < 0:
            assert self.inline, "the trunk is another pass"
            return (self.n_trunk + place,)
        block = 0
        if variant is not None and layer >= self.starts[variant]:
            block = self.blocks[variant]
        return (self.column(block, place),)

    def later_tokens(self, variant: int, first: int, stop: int | None) -> list[int]:
        """Candidates' tokens of a variant from the ``first``-th on, as places in its block.

        Every example's candidates branch alike.
        """
        depths = self.block_positions[0, self.n_chain :] - self.block_positions[0, self.n_chain - 1]
        return [
            place
            for place, depth in enumerate(depths.tolist(), start=self.n_chain)
            if first <= depth and (stop is None or depth < stop)
        ]

    def later_column(self, variant: int, token: int, layer: int) -> int:
        """Column of one of a variant's :meth:`later_tokens`: block 0's until its own has joined."""
        return self.column(self.blocks[variant] if layer >= self.starts[variant] else 0, token)

    @cached_property
    def readout(self) -> Readout:
        """What of its logits is read."""
        n_blocks, end = 1 + len(self.starts), self.n_chain - 1
        places = torch.unique(torch.cat([self.edge_nodes.flatten(), torch.tensor([end])]))
        first = torch.tensor([self.column(block, 0) for block in range(n_blocks)])
        at = torch.searchsorted(places, self.edge_nodes)
        normed = torch.zeros(self.n_examples, len(places), dtype=torch.bool)
        example, edge = (self.edge_candidates >= 0).nonzero(as_tuple=True)
        normed[example, at[example, edge]] = True
        normed[list(self.ranked)] = False
        normed |= places == end
        return Readout(
            keep=(first[:, None] + places).flatten(),
            n_blocks=n_blocks,
            order=(0, *self.blocks),
            nodes=at,
            end=int(torch.searchsorted(places, torch.tensor(end))),
            normed=normed,
        )


def pack(
    prompts: Sequence[Sequence[int]],
    n_chain: int,
    starts: Sequence[int],
    candidates: Sequence[Sequence[Sequence[int]]],
    *,
    inline: bool,
    ranked: Sequence[int] = (),
) -> Layout:
    """All variants and candidates of some prompts, laid out alike.

    Args:
        prompts: token ids of each example's prompt.
        n_chain: how many of a prompt's last tokens the variants have for themselves; at least 1,
            at most the shortest prompt.
        starts: per variant, the layer its block joins at; -1 for in the model's input.
        candidates: per example, token ids of each candidate answer.
        inline: put the trunk into the same sequence as the blocks.
        ranked: as in :class:`Layout`.
    """
    # Many examples have the same candidates.
    known: dict[tuple[tuple[int, ...], ...], CandidateTrie] = {}
    tries = []
    for group in candidates:
        key = tuple(map(tuple, group))
        if key not in known:
            known[key] = candidate_trie(group)
        tries.append(known[key])
    trunk = _trunk([prompt[: len(prompt) - n_chain] for prompt in prompts])
    block = _block(prompts, n_chain, tries)
    edges = _edges(n_chain, tries)
    return Layout(
        trunk_ids=trunk.ids,
        trunk_positions=trunk.positions,
        trunk_real=trunk.sees,
        block_ids=block.ids,
        block_positions=block.positions,
        block_sees=block.sees,
        n_chain=n_chain,
        prompt_length=len(prompts[0]),
        starts=tuple(starts),
        edge_nodes=edges.nodes,
        edge_tokens=edges.tokens,
        edge_candidates=edges.candidates,
        inline=inline,
        ranked=tuple(ranked),
    )


class _Tokens(NamedTuple):
    """Ids and positions ``[n_examples, n]``, and the mask that goes with them."""

    ids: Tensor
    positions: Tensor
    sees: Tensor


class _Edges(NamedTuple):
    """Each ``[n_examples, n_edges]``, as in :class:`Layout`."""

    nodes: Tensor
    tokens: Tensor
    candidates: Tensor


def _trunk(beginnings: Sequence[Sequence[int]]) -> _Tokens:
    """Beginnings of prompts padded on the left, with their padding mask ``[n_examples, n]``."""
    n_trunk = max(map(len, beginnings))
    ids = torch.zeros(len(beginnings), n_trunk, dtype=torch.long)
    positions = torch.zeros_like(ids)
    real = torch.zeros(ids.shape, dtype=torch.bool)
    for row, tokens in enumerate(beginnings):
        first = n_trunk - len(tokens)
        ids[row, first:] = torch.tensor(tokens)
        positions[row, first:] = torch.arange(len(tokens))
        real[row, first:] = True
    return _Tokens(ids, positions, real)


def _block(
    prompts: Sequence[Sequence[int]], n_chain: int, tries: Sequence[CandidateTrie]
) -> _Tokens:
    """The end of each prompt and its candidates' trie, with their mask ``[n_examples, n, n]``."""
    n_block = n_chain + max(len(trie.nodes) for trie in tries)
    ids = torch.zeros(len(prompts), n_block, dtype=torch.long)
    positions = torch.zeros_like(ids)
    # Padding sees itself: a softmax over no key at all is NaN, and would spread.
    sees = torch.eye(n_block, dtype=torch.bool).repeat(len(prompts), 1, 1)
    sees[:, :, :n_chain] = torch.ones(n_block, n_chain, dtype=torch.bool).tril()
    for row, (prompt, trie) in enumerate(zip(prompts, tries, strict=True)):
        split = len(prompt) - n_chain
        ids[row, :n_chain] = torch.tensor(prompt[split:])
        positions[row, :n_chain] = torch.arange(split, len(prompt))
        for prefix, node in trie.nodes.items():
            here = n_chain + node
            ids[row, here] = prefix[-1]
            positions[row, here] = len(prompt) + len(prefix) - 1
            for depth in range(1, len(prefix)):
                sees[row, here, n_chain + trie.nodes[prefix[:depth]]] = True
    return _Tokens(ids, positions, sees)


def _edges(n_chain: int, tries: Sequence[CandidateTrie]) -> _Edges:
    """The candidates' tokens, padded on the right."""
    n_edges = max(len(trie.edges) for trie in tries)
    # The prompt itself (node -1) is predicted by its last token.
    nodes = torch.full((len(tries), n_edges), n_chain - 1)
    tokens = torch.zeros_like(nodes)
    candidates = torch.full_like(nodes, -1)
    for row, trie in enumerate(tries):
        if n := len(trie.edges):
            before, ids, owners = torch.tensor(trie.edges).unbind(-1)
            nodes[row, :n] = n_chain + before
            tokens[row, :n] = ids
            candidates[row, :n] = owners
    return _Edges(nodes, tokens, candidates)
