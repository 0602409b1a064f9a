"""Lay variants and candidates out as token ids, positions and an attention mask.

Pure tensors, no model. All variants of one prompt share its tokens up to the first one they edit,
so they are branches of a tree: the prompt is the trunk, each variant repeats the tokens from its
first edited one on, and each candidate answer hangs off each variant's end, sharing prefixes with
the other candidates. Two layouts hold the same tree:

* :func:`pack`: one sequence. A token sees its ancestors in the tree, by a mask, and has the
  position it would have alone; so one forward pass computes every variant.
* :func:`rows`: one batch row per variant (and per candidate of several tokens), for models whose
  tokens cannot be kept apart by a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Layout", "pack", "rows", "visible_mask"]


@dataclass(frozen=True)
class Layout:
    """Variants and candidates of one prompt, ready for one forward pass.

    Attributes:
        ids, positions: ``[n_rows, length]``.
        ancestors: bool ``[length, length]``, which columns a column sees (first axis looks, second
            is looked at); None where ordinary causal attention within the row is right.
        padding: bool ``[n_rows, length]``, False where a row has ended; None with ``ancestors``.
        prompt_length: number of tokens of the prompt.
        branches: per variant, the first token that is its own (``prompt_length`` if none).
        starts: per variant, the column of that token.
        variant_rows: per variant, the rows it stands in.
        ends: ``[n_variants, 2]``, row and column of each variant's last prompt token, whose
            logits give the next token.
        reads: ``[n_variants, n_edges, 2]``, row and column whose logits predict an edge: one
            token of one candidate.
        edge_tokens, edge_candidates: ``[n_edges]``, token id and candidate of each edge.
    """

    ids: Tensor
    positions: Tensor
    ancestors: Tensor | None
    padding: Tensor | None
    prompt_length: int
    branches: tuple[int, ...]
    starts: tuple[int, ...]
    variant_rows: tuple[tuple[int, ...], ...]
    ends: Tensor
    reads: Tensor
    edge_tokens: Tensor
    edge_candidates: Tensor

    def nodes(self, variant: int, token: int) -> tuple[tuple[int, int], ...]:
        """(row, column) of a variant's prompt token ``token``, once per row the variant is in."""
        branch = self.branches[variant]
        column = token if token < branch else self.starts[variant] + token - branch
        return tuple((row, column) for row in self.variant_rows[variant])


def pack(
    prompt: Sequence[int], branches: Sequence[int], candidates: Sequence[Sequence[int]] = ()
) -> Layout:
    """All variants and candidates of a prompt in one sequence.

    Args:
        prompt: token ids of the prompt.
        branches: per variant, the first token it edits; ``len(prompt)`` for none.
        candidates: token ids of each candidate answer.
    """
    prompt_length = len(prompt)
    trie, depths, tokens, owners = _edges(candidates)
    ids, positions = list(prompt), list(range(prompt_length))
    parents = list(range(-1, prompt_length - 1))
    starts, ends, bases = [], [], []
    for branch in branches:
        starts.append(len(ids))
        for token in range(branch, prompt_length):
            parents.append(branch - 1 if token == branch else len(ids) - 1)
            ids.append(prompt[token])
            positions.append(token)
        end = len(ids) - 1 if branch < prompt_length else prompt_length - 1
        ends.append(end)
        bases.append(len(ids))
        for prefix in trie:
            above = trie[prefix[:-1]] + bases[-1] if len(prefix) > 1 else end
            parents.append(above)
            ids.append(prefix[-1])
            positions.append(prompt_length + len(prefix) - 1)
    # [n_variants, n_edges]: the end of the prompt predicts a first token, the trie the others.
    at_end = torch.tensor(ends)[:, None].expand(-1, len(depths))
    columns = torch.where(depths < 0, at_end, torch.tensor(bases)[:, None] + depths)
    return Layout(
        ids=torch.tensor([ids]),
        positions=torch.tensor([positions]),
        ancestors=_ancestors(torch.tensor(parents), prompt_length),
        padding=None,
        prompt_length=prompt_length,
        branches=tuple(branches),
        starts=tuple(starts),
        variant_rows=((0,),) * len(starts),
        ends=torch.tensor([(0, end) for end in ends]),
        reads=torch.stack([torch.zeros_like(columns), columns], dim=-1),
        edge_tokens=tokens,
        edge_candidates=owners,
    )


def rows(
    prompt: Sequence[int],
    n_variants: int,
    candidates: Sequence[Sequence[int]] = (),
    *,
    cached: int = 0,
) -> Layout:
    """Each variant in rows of its own: one, or one for each candidate longer than a token.

    Args:
        prompt: token ids of the prompt.
        n_variants: how many variants there are.
        candidates: token ids of each candidate answer.
        cached: how many tokens of the prompt lie in the cache already; they are left out.
    """
    trie, _, tokens, owners = _edges(candidates)
    # A path that no longer path goes on from stands for all its own prefixes.
    paths = [p for p in trie if not any(q[: len(p)] == p and q != p for q in trie)] or [()]
    table = [[*prompt[cached:], *path] for path in paths]
    length = max(map(len, table))
    end = len(prompt) - cached - 1
    nodes = [
        (next(r for r, p in enumerate(paths) if p[:depth] == tuple(c[:depth])), end + depth)
        for c in candidates
        for depth in range(len(c))
    ]
    # [n_variants, n_edges, 2]: the same nodes in every variant's own rows.
    first_rows = torch.arange(n_variants) * len(paths)
    reads = torch.tensor(nodes, dtype=torch.long).reshape(1, -1, 2).repeat(n_variants, 1, 1)
    reads[..., 0] += first_rows[:, None]
    filled = torch.tensor([len(row) for row in table]).repeat(n_variants)
    return Layout(
        ids=torch.tensor([row + [0] * (length - len(row)) for row in table]).repeat(n_variants, 1),
        positions=torch.arange(cached, cached + length).repeat(n_variants * len(paths), 1),
        ancestors=None,
        padding=torch.arange(length) < filled[:, None],
        prompt_length=len(prompt),
        branches=(cached,) * n_variants,
        starts=(0,) * n_variants,
        variant_rows=tuple(tuple(range(r, r + len(paths))) for r in first_rows.tolist()),
        ends=torch.stack([first_rows, torch.full_like(first_rows, end)], dim=-1),
        reads=reads,
        edge_tokens=tokens,
        edge_candidates=owners,
    )


def visible_mask(
    ancestors: Tensor, positions: Tensor, *, sliding: int | None = None, chunk: int | None = None
) -> Tensor:
    """What each column sees in a layer whose attention reaches only so far, bool ``[L, L]``.

    Args:
        ancestors: ``[L, L]`` of a layout.
        positions: ``[L]``.
        sliding: a column sees this many positions back, its own included.
        chunk: a column sees only positions of its own chunk of this length.
    """
    mask = ancestors
    if sliding is not None:
        mask = mask & (positions[:, None] - positions[None, :] < sliding)
    if chunk is not None:
        mask = mask & (positions[:, None] // chunk == positions[None, :] // chunk)
    return mask


def _edges(
    candidates: Sequence[Sequence[int]],
) -> tuple[dict[tuple[int, ...], int], Tensor, Tensor, Tensor]:
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
    before, tokens, owners = torch.tensor(edges, dtype=torch.long).reshape(-1, 3).unbind(-1)
    return trie, before, tokens, owners


def _ancestors(parents: Tensor, trunk: int) -> Tensor:
    """Bool ``[L, L]``: column k is column q or an ancestor of it."""
    length = len(parents)
    seen = torch.zeros(length, length, dtype=torch.bool)
    columns = torch.arange(length)
    seen[columns, columns] = True
    above = parents.clone()
    # Climb until every branch has met the trunk, whose own ancestors are simply what lies before.
    while (above >= trunk).any():
        climbing = above >= trunk
        seen[columns[climbing], above[climbing]] = True
        above = torch.where(climbing, parents[above], above)
    seen[:, :trunk] |= torch.arange(trunk) <= above[:, None]
    return seen
