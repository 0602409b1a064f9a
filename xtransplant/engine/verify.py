"""Is packing exact on this model? Ask the model: packed against one variant per row."""

from __future__ import annotations

import random
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from xtransplant.engine.score import LayoutName, Scores, score_edits, shape_of
from xtransplant.model.load import Model
from xtransplant.strategies import Edit, find_strategy

__all__ = ["PackingCheck", "compare_layouts", "largest_difference", "layout_for", "verify_packing"]


@dataclass(frozen=True)
class PackingCheck:
    """The outcome of :func:`verify_packing`.

    Attributes:
        exact: whether packed variants may be believed.
        worst: largest difference of a log-probability (nats) between the two layouts; NaN where
            the packed layout could not run.
        tolerance: largest one allowed at the model's precision.
        reason: why not, in a sentence; empty if exact.
    """

    exact: bool
    worst: float
    tolerance: float
    reason: str = ""

    @property
    def layout(self) -> LayoutName:
        """The layout to use."""
        return "packed" if self.exact else "rows"


# Per model object, so that a grid costs no second check; entries go when the model goes.
_CHECKS: weakref.WeakKeyDictionary[Model, PackingCheck] = weakref.WeakKeyDictionary()


def layout_for(model: Model) -> PackingCheck:
    """:func:`verify_packing`, once per loaded model."""
    if model not in _CHECKS:
        _CHECKS[model] = verify_packing(model)
    return _CHECKS[model]


def verify_packing(model: Model, *, n_tokens: int = 40, seed: int = 0) -> PackingCheck:
    """Compare packed variants with one variant per row on prompts of random tokens.

    ``attn``, ``ffn`` and ``resid_post`` are swapped between the first, middle and last layers,
    and candidates of one and of three tokens are scored in each.

    Args:
        n_tokens: length of the prompts; more than a sliding window to see it at work.
        seed: of the random tokens.
    """
    tolerance = 3 * torch.finfo(model.dtype).eps ** 0.5
    if model.unpackable:
        return PackingCheck(False, float("nan"), tolerance, model.unpackable)
    generator = random.Random(seed)
    ids = [generator.randrange(3, model.vocab_size) for _ in range(2 * n_tokens + 7)]
    layers = sorted({0, model.n_layers // 2, model.n_layers - 1})
    variants = [
        find_strategy(name).edits(shape_of(model), i, j)
        for name in ("attn-swap", "ffn-swap", "resid-swap")
        for i in layers
        for j in layers
    ]
    candidates = [ids[-7:-6], ids[-6:-3], [*ids[-6:-4], ids[-1]]]
    try:
        worst = compare_layouts(model, ids[:n_tokens], ids[n_tokens:-7], variants, candidates)
    except (RuntimeError, ValueError, TypeError) as error:
        # A model may refuse a mask of its own shape; that it then runs row by row is said.
        reason = f"the packed forward pass fails: {type(error).__name__}: {error}".splitlines()[0]
        return PackingCheck(False, float("nan"), tolerance, reason)
    if not worst <= tolerance:
        reason = f"packed and one-by-one differ by {worst:.2g} nats (allowed: {tolerance:.2g})"
        return PackingCheck(False, worst, tolerance, reason)
    return PackingCheck(True, worst, tolerance)


def compare_layouts(
    model: Model,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    variants: Sequence[Sequence[Edit]],
    candidates: Sequence[Sequence[int]],
) -> float:
    """Largest difference in nats between the packed and the row-by-row layout of one grid."""
    packed, row_by_row = (
        score_edits(model, source_ids, target_ids, variants, candidates, candidates, layout=layout)
        for layout in ("packed", "rows")
    )
    return largest_difference(packed, row_by_row)


def largest_difference(a: Scores, b: Scores) -> float:
    """Largest difference of a log-probability, in nats, between two runs of one grid."""
    pairs = (
        (a.logprobs, b.logprobs),
        (a.vanilla, b.vanilla),
        (a.source, b.source),
        (a.top_logprobs, b.top_logprobs),
    )
    return max(float(np.abs(one - other).max(initial=0.0)) for one, other in pairs)
