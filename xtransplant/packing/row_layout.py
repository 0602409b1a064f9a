"""One batch row per variant, for models whose variants cannot share a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xtransplant.packing.candidates import candidate_trie
from xtransplant.packing.readout import Readout

__all__ = ["RowLayout", "rows"]


@dataclass(frozen=True)
class RowLayout:
    """Variants of one prompt in batch rows of their own.

    Attributes:
        ids, positions: int64 ``[n_rows, length]``, padded on the right.
        padding: bool ``[n_rows, length]``, padding mask: False where a row has ended.
        prompt_length: number of tokens of the prompt, the cached ones included.
        cached: how many of them are left out, lying in the cache.
        variant_rows: per variant, the rows it stands in.
        readout: what of its logits is read; there is no block of the prompt by itself.
        edge_tokens, edge_candidates: int64 ``[1, n_edges]``, as in :class:`Layout`.
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
        """Always one: rows of several prompts are not mixed."""
        return 1

    def columns(self, variant: int | None, token: int, layer: int) -> tuple[int, ...]:
        """Columns of a variant's prompt token, once per row the variant is in."""
        rows, length = self.variant_rows[variant or 0], self.ids.shape[1]
        return tuple(row * length + token - self.cached for row in rows)

    def later_tokens(self, variant: int, first: int, stop: int | None) -> list[int]:
        """Candidates' tokens of a variant from the ``first``-th on, in each of its rows."""
        length, end = self.ids.shape[1], self.prompt_length - self.cached - 1
        return [
            row * length + place
            for row in self.variant_rows[variant]
            for place in range(end + first, length if stop is None else min(length, end + stop))
            if self.padding[row, place]
        ]

    def later_column(self, variant: int, token: int, layer: int) -> int:
        """Column of one of a variant's :meth:`later_tokens`: itself."""
        return token


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
    trie = candidate_trie(candidates)
    # A path that no longer path goes on from stands for all its own prefixes.
    nodes = trie.nodes
    paths = [p for p in nodes if not any(q[: len(p)] == p and q != p for q in nodes)] or [()]
    table = [[*prompt[cached:], *path] for path in paths]
    length = max(map(len, table))
    end = len(prompt) - cached - 1
    places = sorted({end + depth for c in candidates for depth in range(len(c))} | {end})
    places_of_edges = [
        next(r for r, p in enumerate(paths) if p[:depth] == tuple(c[:depth])) * len(places)
        + places.index(end + depth)
        for c in candidates
        for depth in range(len(c))
    ]
    first_rows = torch.arange(n_variants) * len(paths)
    filled = torch.tensor([len(row) for row in table]).repeat(n_variants)
    _, tokens, owners = torch.tensor(trie.edges, dtype=torch.long).reshape(-1, 3).unbind(-1)
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
            nodes=torch.tensor([places_of_edges], dtype=torch.long),
            end=places.index(end),
            normed=torch.ones(1, len(places) * len(paths), dtype=torch.bool),
        ),
        edge_tokens=tokens[None],
        edge_candidates=owners[None],
    )
