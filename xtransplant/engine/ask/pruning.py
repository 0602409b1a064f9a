"""Which tokens of candidates have to be run to know what is chosen.

A log-probability is never above 0. So what a candidate's first tokens add up to is an upper bound
of its log-likelihood, and one whose bound lies below what another candidate has in the end cannot
be the likeliest. The first tokens come with the prompt's own pass; the others are run for the
candidate that promises most, and then for those that are not ruled out by it. Of these, an upper
bound may come first: the sum over some ids is never above that over all, so a log-probability among
some ids is never below the one among all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from xtransplant.engine.ask.items import Item
from xtransplant.model.model import Model
from xtransplant.packing import Packing
from xtransplant.packing.candidates import candidate_trie

__all__ = ["Opening", "bounds_are_cheap", "open_candidates", "ruled_out"]

# About what a further pass takes beside its arithmetic, and how fast that is (multiplications and
# additions a second): with less to spare than this, all tokens run with the prompt.
_PASS_SECONDS = 0.03
_RATES = {"cpu": 1e11}
_RATE_ELSEWHERE = 2e13


@dataclass(frozen=True)
class Opening:
    """Candidates of one example, cut after the first token at which they may differ.

    Attributes:
        candidates: what runs with the prompt, of each candidate.
        n_shared: tokens with which all of them begin.
        longest: tokens of the longest candidate.
        ranked: what comes with the prompt is only ranked. At a token that follows on what all
            candidates share, the sum over all ids is the same for all of them, and where their
            lengths in characters are too, it tells nothing of which is chosen.
    """

    candidates: tuple[tuple[int, ...], ...]
    n_shared: int
    longest: int
    ranked: bool

    def of(self, item: Item) -> Item:
        """The example with so much of its candidates."""
        return replace(item, target_candidates=self.candidates, ranked=self.ranked)


def open_candidates(model: Model, item: Item, n_variants: int, packing: Packing) -> Opening | None:
    """How an example's candidates are cut, where running them in turn is worth its passes.

    Depends on nothing but the example, the model and how many variants there are, so that an
    example is treated alike whatever it runs together with.

    Returns:
        None where all tokens run with the prompt: all log-likelihoods are wanted, there is nothing
        or too little to save, or variants do not keep the prompt's keys and values in this process.
    """
    whole = [tuple(ids) for ids in item.target_candidates]
    if item.exact_scores or not packing.shared_prefix or len(whole) < 2:
        return None
    rate = _RATES.get(model.device.type, _RATE_ELSEWHERE)
    # Seconds that the projection of one token of every variant takes.
    one = 2.0 * n_variants * model.vocab_size * model.d_model / rate
    if one * sum(len(ids) - 1 for ids in whole) <= 2 * _PASS_SECONDS:
        return None
    shortest, longest = min(map(len, whole)), max(map(len, whole))
    columns = enumerate(zip(*whole, strict=False))
    n_shared = next((n for n, ids in columns if len(set(ids)) > 1), shortest)
    # Where one candidate is the beginning of the others, it is over before they differ.
    n_shared = min(n_shared, shortest - 1)
    opening = tuple(ids[: n_shared + 1] for ids in whole)
    # Without the projection at hand all ids are projected anyway.
    ranked = n_shared > 0 and model.head is not None and len(set(item.lengths)) < 2
    # At best one candidate runs on.
    later = len(candidate_trie(whole).nodes) - len(candidate_trie(opening).nodes)
    spared = later - (longest - n_shared - 1) + n_shared * ranked
    if spared <= 0 or one * spared <= 2 * max(1, longest - n_shared - 1) * _PASS_SECONDS:
        return None
    return Opening(opening, n_shared, longest, ranked)


def bounds_are_cheap(model: Model) -> bool:
    """Whether most of a later token's work is its projection onto all ids.

    What runs for a bound runs anew for those that the bound does not rule out, so the layers (of
    which a variant runs half, in the mean) have to be the smaller part. In half precision a bound
    could be below what it bounds.
    """
    if model.head is None or torch.finfo(model.dtype).bits < 32:
        return False
    projection = model.head.weight.numel()
    layers: int = sum(one.numel() for one in model.module.parameters()) - projection
    return 2 * projection > layers


def ruled_out(
    sums: np.ndarray[Any, np.dtype[np.float64]],
    done: np.ndarray[Any, np.dtype[np.bool_]],
    lengths: Sequence[int],
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which candidates cannot be chosen, whatever their remaining tokens are worth.

    A candidate may be chosen by its log-likelihood, or by that over its length in characters
    (``tasks.judging``): it is ruled out where a finished one has more by both. Numbers are compared
    as records hold them, in float32.

    Args:
        sums: ``[rows, n_candidates]``, nats: log-likelihoods where ``done``, else upper bounds.
        done: ``[rows, n_candidates]``, whose tokens were all run.
        lengths: ``[n_candidates]``, what the second kind divides by; empty if there is none.

    Returns:
        ``[rows, n_candidates]``; False where a number is NaN.
    """
    out = np.ones(sums.shape, dtype=np.bool_)
    for divisor in (1, np.array(lengths)) if len(lengths) else (1,):
        worth = sums.astype(np.float32) / divisor
        best = np.where(done, worth, -np.inf).max(axis=1, keepdims=True)
        out &= worth < best
    return np.asarray(out & ~done)
