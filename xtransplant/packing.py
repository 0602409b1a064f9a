"""Lay variants and candidates out as token ids, positions, columns and who sees whom.

Pure tensors, no model. All variants of one prompt share its tokens up to the first one they edit,
so they are branches of a tree: a *trunk*, the prompt's tokens before that one, and *blocks* that
hang off its end. A block holds the rest of the prompt and the candidate answers (a trie: their
common beginnings once). Block 0 is the prompt without a transplant; each variant has a block of
its own of the same shape, which need not exist below the layer the variant writes at: there it
would be what block 0 is.

* :func:`pack`: trunk and blocks, of one example or of many that are laid out alike (the shorter
  ones padded on the left). A token sees its ancestors in the tree and has the position it would
  have alone, so one forward pass computes every variant.
* :func:`rows`: one batch row per variant (and per candidate of several tokens), for models whose
  tokens cannot be kept apart.

A *column* counts tokens of one example through the model's input, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = [
    "MASKED",
    "ROWS",
    "SHARED",
    "Layout",
    "Packing",
    "Readout",
    "RowLayout",
    "pack",
    "reach",
    "rows",
]


@dataclass(frozen=True)
class Packing:
    """How the variants of an example share work; results are the same.

    Attributes:
        together: they share one sequence; else each has a batch row of its own.
        growing: a variant joins the sequence at the layer it writes at.
        shared_prefix: the trunk's keys and values are computed once and attended to by an
            attention function of ours; else they stand in the sequence, and a mask says who
            sees whom.
    """

    together: bool = True
    growing: bool = False
    shared_prefix: bool = False

    @property
    def keeps_bits(self) -> bool:
        """Whether a variant that changes nothing gives the plain target's numbers to the bit.

        It does where all variants run through one matrix product with the same keys in the same
        order: over a shared prefix, and one variant per row. In one sequence under a mask each
        block's keys lie elsewhere in the sequence and are summed in another order (up to 3e-5 nats
        were seen in float32, 0.2 in bfloat16).
        """
        return self.shared_prefix or not self.together

    def __str__(self) -> str:
        if not self.together:
            return "one variant per batch row"
        parts = ["growing"] * self.growing + ["shared prefix"] * self.shared_prefix
        return "packed" + (f" ({', '.join(parts)})" if parts else "")


ROWS = Packing(together=False)
MASKED = Packing()
SHARED = Packing(growing=True, shared_prefix=True)


@dataclass(frozen=True)
class Readout:
    """What of a pass's logits is read: the same places of every block.

    Attributes:
        keep: columns within a row, whose logits are wanted.
        n_blocks: how many blocks these divide into, once the rows are laid end to end.
        order: block of the prompt, if it has one, and of each variant.
        nodes: ``[n_examples, n_edges]``, place among a block's kept ones that predicts an edge.
        end: place of the last prompt token.
    """

    keep: Tensor
    n_blocks: int
    order: tuple[int, ...]
    nodes: Tensor
    end: int


@dataclass(frozen=True)
class Layout:
    """Trunk and blocks of one or many examples.

    Attributes:
        trunk_ids, trunk_positions: ``[n_examples, n_trunk]``, padded on the left.
        trunk_real: bool ``[n_examples, n_trunk]``, False for padding.
        block_ids, block_positions: ``[n_examples, n_block]``: the rest of the prompt, then the
            candidates' trie (padded on the right).
        block_sees: bool ``[n_examples, n_block, n_block]``, first axis looks.
        n_chain: tokens of the prompt in a block.
        prompt_length: of the first example, which spans of tokens are resolved with; columns
            count from the prompt's end, so the others are placed alike.
        starts: per variant, the layer its block joins at; -1 for in the model's input.
        edge_nodes: ``[n_examples, n_edges]``, place in the block whose logits predict an edge:
            one token of one candidate.
        edge_tokens, edge_candidates: ``[n_examples, n_edges]``, token id and candidate of each
            edge; candidate -1 is padding.
        inline: whether the trunk stands in the same sequence as the blocks.
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

    @property
    def n_examples(self) -> int:
        return len(self.block_ids)

    @property
    def n_trunk(self) -> int:
        return self.trunk_ids.shape[1]

    @property
    def n_block(self) -> int:
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

    @cached_property
    def readout(self) -> Readout:
        """What of its logits is read."""
        n_blocks, end = 1 + len(self.starts), self.n_chain - 1
        places = torch.unique(torch.cat([self.edge_nodes.flatten(), torch.tensor([end])]))
        first = torch.tensor([self.column(block, 0) for block in range(n_blocks)])
        return Readout(
            keep=(first[:, None] + places).flatten(),
            n_blocks=n_blocks,
            order=(0, *self.blocks),
            nodes=torch.searchsorted(places, self.edge_nodes),
            end=int(torch.searchsorted(places, torch.tensor(end))),
        )


def pack(
    prompts: Sequence[Sequence[int]],
    n_chain: int,
    starts: Sequence[int],
    candidates: Sequence[Sequence[Sequence[int]]],
    *,
    inline: bool,
) -> Layout:
    """All variants and candidates of some prompts, laid out alike.

    Args:
        prompts: token ids of each example's prompt.
        n_chain: how many of a prompt's last tokens the variants have for themselves; at least 1,
            at most the shortest prompt.
        starts: per variant, the layer its block joins at; -1 for in the model's input.
        candidates: per example, token ids of each candidate answer.
        inline: put the trunk into the same sequence as the blocks.
    """
    n_trunk = max(len(prompt) for prompt in prompts) - n_chain
    # Many examples have the same candidates.
    distinct = {_frozen(group): None for group in candidates}
    known = {group: _edges(group) for group in distinct}
    tries = [known[_frozen(group)] for group in candidates]
    n_nodes = max(len(trie) for trie, _ in tries)
    n_edges = max(len(edges) for _, edges in tries)
    n_block = n_chain + n_nodes
    shape = (len(prompts), n_trunk)
    trunk_ids, trunk_positions = torch.zeros(shape).long(), torch.zeros(shape).long()
    trunk_real = torch.zeros(shape, dtype=torch.bool)
    block_ids = torch.zeros(len(prompts), n_block, dtype=torch.long)
    block_positions = torch.zeros_like(block_ids)
    block_sees = torch.eye(n_block, dtype=torch.bool).repeat(len(prompts), 1, 1)
    block_sees[:, :, :n_chain] = torch.ones(n_block, n_chain, dtype=torch.bool).tril()
    edge_nodes = torch.full((len(prompts), n_edges), n_chain - 1)
    edge_tokens = torch.zeros_like(edge_nodes)
    edge_candidates = torch.full_like(edge_nodes, -1)
    for row, (prompt, (trie, edges)) in enumerate(zip(prompts, tries, strict=True)):
        split = len(prompt) - n_chain
        first = n_trunk - split
        trunk_ids[row, first:] = torch.tensor(prompt[:split])
        trunk_positions[row, first:] = torch.arange(split)
        trunk_real[row, first:] = True
        block_ids[row, :n_chain] = torch.tensor(prompt[split:])
        block_positions[row, :n_chain] = torch.arange(split, len(prompt))
        for prefix, node in trie.items():
            here = n_chain + node
            block_ids[row, here] = prefix[-1]
            block_positions[row, here] = len(prompt) + len(prefix) - 1
            for depth in range(1, len(prefix)):
                block_sees[row, here, n_chain + trie[prefix[:depth]]] = True
        if edges:
            before, tokens, owners = torch.tensor(edges).unbind(-1)
            edge_nodes[row, : len(edges)] = n_chain + before
            edge_tokens[row, : len(edges)] = tokens
            edge_candidates[row, : len(edges)] = owners
    # The prompt itself (node -1) is predicted by its last token.
    return Layout(
        trunk_ids=trunk_ids,
        trunk_positions=trunk_positions,
        trunk_real=trunk_real,
        block_ids=block_ids,
        block_positions=block_positions,
        block_sees=block_sees,
        n_chain=n_chain,
        prompt_length=len(prompts[0]),
        starts=tuple(starts),
        edge_nodes=edge_nodes,
        edge_tokens=edge_tokens,
        edge_candidates=edge_candidates,
        inline=inline,
    )


@dataclass(frozen=True)
class RowLayout:
    """Variants of one prompt in batch rows of their own.

    Attributes:
        ids, positions: ``[n_rows, length]``.
        padding: bool ``[n_rows, length]``, False where a row has ended.
        prompt_length: number of tokens of the prompt, the cached ones included.
        cached: how many of them are left out, lying in the cache.
        variant_rows: per variant, the rows it stands in.
        readout: what of its logits is read; there is no block of the prompt by itself.
        edge_tokens, edge_candidates: ``[1, n_edges]``.
    """

    ids: Tensor
    positions: Tensor
    padding: Tensor
    prompt_length: int
    cached: int
    variant_rows: tuple[tuple[int, ...], ...]
    readout: Readout
    edge_tokens: Tensor
    edge_candidates: Tensor

    @property
    def n_examples(self) -> int:
        return 1

    def columns(self, variant: int | None, token: int, layer: int) -> tuple[int, ...]:
        """Columns of a variant's prompt token, once per row the variant is in."""
        rows, length = self.variant_rows[variant or 0], self.ids.shape[1]
        return tuple(row * length + token - self.cached for row in rows)


def rows(
    prompt: Sequence[int],
    n_variants: int,
    candidates: Sequence[Sequence[int]] = (),
    *,
    cached: int = 0,
) -> RowLayout:
    """Each variant in rows of its own: one, or one for each candidate longer than a token.

    Args:
        prompt: token ids of the prompt.
        n_variants: how many variants there are.
        candidates: token ids of each candidate answer.
        cached: how many tokens of the prompt lie in the cache already; they are left out.
    """
    trie, edges = _edges(candidates)
    # A path that no longer path goes on from stands for all its own prefixes.
    paths = [p for p in trie if not any(q[: len(p)] == p and q != p for q in trie)] or [()]
    table = [[*prompt[cached:], *path] for path in paths]
    length = max(map(len, table))
    end = len(prompt) - cached - 1
    places = sorted({end + depth for c in candidates for depth in range(len(c))} | {end})
    nodes = [
        next(r for r, p in enumerate(paths) if p[:depth] == tuple(c[:depth])) * len(places)
        + places.index(end + depth)
        for c in candidates
        for depth in range(len(c))
    ]
    first_rows = torch.arange(n_variants) * len(paths)
    filled = torch.tensor([len(row) for row in table]).repeat(n_variants)
    _, tokens, owners = torch.tensor(edges, dtype=torch.long).reshape(-1, 3).unbind(-1)
    return RowLayout(
        ids=torch.tensor([row + [0] * (length - len(row)) for row in table]).repeat(n_variants, 1),
        positions=torch.arange(cached, cached + length).repeat(n_variants * len(paths), 1),
        padding=torch.arange(length) < filled[:, None],
        prompt_length=len(prompt),
        cached=cached,
        variant_rows=tuple(tuple(range(r, r + len(paths))) for r in first_rows.tolist()),
        readout=Readout(
            keep=torch.tensor(places),
            n_blocks=n_variants,
            order=tuple(range(n_variants)),
            nodes=torch.tensor([nodes], dtype=torch.long),
            end=places.index(end),
        ),
        edge_tokens=tokens[None],
        edge_candidates=owners[None],
    )


def reach(
    sees: Tensor,
    query_positions: Tensor,
    key_positions: Tensor,
    *,
    sliding: int | None = None,
    chunk: int | None = None,
) -> Tensor:
    """What is seen in a layer whose attention reaches only so far, bool ``[..., n_q, n_k]``.

    Args:
        sees: bool ``[..., n_q, n_k]``, what a layer without a window sees.
        query_positions, key_positions: ``[..., n_q]`` and ``[..., n_k]``.
        sliding: a token sees this many positions back, its own included.
        chunk: a token sees only positions of its own chunk of this length.
    """
    query, key = query_positions[..., :, None], key_positions[..., None, :]
    if sliding is not None:
        sees = sees & (query - key < sliding)
    if chunk is not None:
        sees = sees & (query // chunk == key // chunk)
    return sees


def _frozen(candidates: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, candidates))


def _edges(
    candidates: Sequence[Sequence[int]],
) -> tuple[dict[tuple[int, ...], int], list[tuple[int, int, int]]]:
    """The candidates' proper prefixes, each once and parents first, numbered; and their edges.

    Per edge (one token of one candidate): number of the prefix that predicts it, -1 for the
    prompt itself; its token id; its candidate.
    """
    prefixes = {tuple(c[:depth]): None for c in candidates for depth in range(1, len(c))}
    trie = {prefix: number for number, prefix in enumerate(sorted(prefixes, key=len))}
    edges = [
        (trie[tuple(c[:depth])] if depth else -1, token, index)
        for index, c in enumerate(candidates)
        for depth, token in enumerate(c)
    ]
    return trie, edges
