"""The candidate answers as a trie, so that what they have in common runs once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["CandidateTrie", "Edge", "candidate_trie"]


class Edge(NamedTuple):
    """One token of one candidate.

    Attributes:
        node: number of the prefix whose logits predict it; -1 for the prompt itself.
        token: its id.
        candidate: which candidate it is of.
    """

    node: int
    token: int
    candidate: int


@dataclass(frozen=True)
class CandidateTrie:
    """Candidates of one example.

    Attributes:
        nodes: their proper prefixes (at least one token, not the whole candidate), each once and
            numbered, parents first.
        edges: every token of every candidate.
    """

    nodes: dict[tuple[int, ...], int]
    edges: list[Edge]


def candidate_trie(candidates: Sequence[Sequence[int]]) -> CandidateTrie:
    """The trie of some candidates, each given by its token ids."""
    prefixes = {tuple(c[:depth]): None for c in candidates for depth in range(1, len(c))}
    nodes = {prefix: number for number, prefix in enumerate(sorted(prefixes, key=len))}
    edges = [
        Edge(nodes[tuple(c[:depth])] if depth else -1, token, index)
        for index, c in enumerate(candidates)
        for depth, token in enumerate(c)
    ]
    return CandidateTrie(nodes, edges)
