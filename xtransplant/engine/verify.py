"""Is packing exact on this model? Ask the model: packed against one variant per row."""

from __future__ import annotations

import random
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from xtransplant.engine.generate import generate_edits
from xtransplant.engine.memory import is_out_of_memory
from xtransplant.engine.score import Scores, score_edits, shape_of
from xtransplant.errors import JobFailed
from xtransplant.model.load import Model
from xtransplant.packing import MASKED, ROWS, SHARED, Packing
from xtransplant.strategies import Edit, find_strategy

__all__ = ["PackingCheck", "differing_tops", "largest_difference", "packing_for", "verify_packing"]

# The best first.
_WAYS = (SHARED, Packing(shared_prefix=True), Packing(growing=True), MASKED)


@dataclass(frozen=True)
class PackingCheck:
    """The outcome of :func:`verify_packing`.

    Attributes:
        packing: the best way that is exact on this model; one variant per batch row if none is.
        worst: largest difference of a log-probability (nats) between it and one variant per row;
            NaN where no packing could run.
        tolerance: largest one allowed at the model's precision.
        other_tops: share of variants whose most probable next token is another one than when they
            run one per row; rounding alone does that at half precision.
        reason: why not a better way, in a sentence; empty if there is none.
    """

    packing: Packing
    worst: float
    tolerance: float
    other_tops: float = 0.0
    reason: str = ""

    @property
    def exact(self) -> bool:
        """Whether variants share a sequence."""
        return self.packing.together

    @property
    def note(self) -> str:
        """What a user should know of it, in a line; empty if all is as fast and exact as can be."""
        parts = [f"{self.packing}: {self.reason}"] if self.reason else []
        if self.other_tops:
            parts.append(
                f"at this precision the most probable token of {self.other_tops:.1%} of variants "
                "is another one than when they run one by one"
            )
        return "; ".join(parts)


# Per model object, so that a grid costs no second check; entries go when the model goes.
_CHECKS: weakref.WeakKeyDictionary[Model, PackingCheck] = weakref.WeakKeyDictionary()


# What a model that takes no mask, or no input of another length, has been seen to raise.
_REFUSALS = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def packing_for(model: Model) -> PackingCheck:
    """:func:`verify_packing`, once per loaded model."""
    if model not in _CHECKS:
        _CHECKS[model] = verify_packing(model)
    return _CHECKS[model]


def verify_packing(model: Model, *, n_tokens: int = 40, seed: int = 0) -> PackingCheck:
    """Compare packed variants with one variant per row on prompts of random tokens.

    ``attn``, ``ffn`` and ``resid_post`` are swapped between the first, middle and last layers,
    candidates of one and of three tokens are scored in each, and a few tokens are generated. The
    ways of packing are tried from the fastest on, and the first that is exact is taken.

    Args:
        n_tokens: length of the prompts; more than a sliding window to see it at work.
        seed: of the random tokens.
    """
    tolerance = 3 * torch.finfo(model.dtype).eps ** 0.5
    if model.unpackable:
        return PackingCheck(ROWS, float("nan"), tolerance, reason=model.unpackable)
    generator = random.Random(seed)
    ids = [generator.randrange(3, model.vocab_size) for _ in range(2 * n_tokens + 7)]
    source, target, rest = ids[:n_tokens], ids[n_tokens:-7], ids[-7:]
    layers = sorted({0, model.n_layers // 2, model.n_layers - 1})
    variants = [
        find_strategy(name).edits(shape_of(model), i, j)
        for name in ("attn-swap", "ffn-swap", "resid-swap")
        for i in layers
        for j in layers
    ]
    candidates = [rest[:1], rest[1:4], [*rest[1:3], rest[-1]]]

    def scored(packing: Packing) -> Scores:
        return score_edits(model, source, target, variants, candidates, candidates, packing=packing)

    alone = scored(ROWS)
    said = _said(model, source, target, variants[:: len(layers)], ROWS)
    worst, reasons = float("nan"), []
    # The attention function of the shared prefix cannot travel.
    ways = [way for way in _WAYS if model.server is None or not way.shared_prefix]
    for packing in ways:
        try:
            found = scored(packing)
            also = said
            if packing.shared_prefix:
                also = _said(model, source, target, variants[:: len(layers)], packing)
        except (*_REFUSALS, JobFailed) as error:
            if is_out_of_memory(error):
                raise
            # A model may refuse a mask of its own shape; that it then runs another way is said.
            line = f"{type(error).__name__}: {error}".strip().splitlines()[-1]
            reasons.append(f"{packing} fails ({line})")
            continue
        worst = largest_difference(found, alone)
        same = sum(a == b for a, b in zip(said, also, strict=True)) / len(said)
        # At half precision a near tie may tip a greedy choice.
        needed = 1.0 if torch.finfo(model.dtype).bits >= 32 else 0.5
        if worst <= tolerance and same >= needed:
            return PackingCheck(
                packing, worst, tolerance, differing_tops(found, alone), "; ".join(reasons)
            )
        what = f"by {worst:.2g} nats (allowed: {tolerance:.2g})"
        if worst <= tolerance:
            what = "in the texts generated"
        reasons.append(f"{packing} and one variant per row differ {what}")
    return PackingCheck(ROWS, worst, tolerance, reason="; ".join(reasons))


def _said(
    model: Model,
    source: Sequence[int],
    target: Sequence[int],
    variants: Sequence[Sequence[Edit]],
    packing: Packing,
) -> tuple[tuple[int, ...], ...]:
    return generate_edits(
        model, source, target, variants, packing=packing, max_new_tokens=4
    ).token_ids


def largest_difference(a: Scores, b: Scores) -> float:
    """Largest difference of a log-probability, in nats, between two runs of one grid."""
    pairs = (
        (a.logprobs, b.logprobs),
        (a.vanilla, b.vanilla),
        (a.source, b.source),
        (a.top_logprobs, b.top_logprobs),
    )
    return max(float(np.abs(one - other).max(initial=0.0)) for one, other in pairs)


def differing_tops(a: Scores, b: Scores) -> float:
    """Share of variants whose most probable next token differs between two runs of one grid."""
    tops = [[tokens[0] for tokens in run.top_tokens] for run in (a, b)]
    other = sum(x != y for x, y in zip(tops[0], tops[1], strict=True))
    return other / max(1, len(tops[0]))
