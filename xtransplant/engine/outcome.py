"""What a grid gives: scores or texts of every variant, and what is measured of the writes.

Plain results, below everything that computes them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xtransplant.packing import Packing

__all__ = ["UNPACKED", "Generations", "Scores", "TokenCertainty", "Writes", "same"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Writes:
    """What was written into the target's run and what it replaced, variant by variant.

    A write is one edit at one token. The writes of all variants lie one after the other in flat
    arrays of ``n = counts.sum()`` values.

    Attributes:
        counts: int ``[n_variants]``, how many writes each variant has, in the order of its edits
            and, within an edit, of its tokens.
        written_norm: float32 ``[n]``, Euclidean norm of the vector written.
        replaced_norm: float32 ``[n]``, Euclidean norm of the vector that stood there.
        cosine: float32 ``[n]``, cosine of the angle between the two, -1 to 1; NaN where a norm is
            0 or not finite.
    """

    counts: np.ndarray[Any, np.dtype[np.int64]]
    written_norm: np.ndarray[Any, np.dtype[np.float32]]
    replaced_norm: np.ndarray[Any, np.dtype[np.float32]]
    cosine: np.ndarray[Any, np.dtype[np.float32]]

    @classmethod
    def of(cls, counts: Tensor, measured: Tensor) -> Writes:
        """Writes from what a trace has measured of them.

        Args:
            counts: ``[n_variants]``, how many writes each variant has.
            measured: ``[3, n]``, the norm of each vector written, of the vector it replaced, and
                their dot product.
        """
        written, replaced, dot = measured.double().numpy()
        with np.errstate(invalid="ignore", over="ignore"):
            norms = written * replaced
        known = np.isfinite(norms) & np.isfinite(dot) & (norms > 0)
        cosine = np.full(norms.shape, np.nan)
        np.divide(dot, norms, out=cosine, where=known)
        return cls(
            counts.numpy(),
            written.astype(np.float32),
            replaced.astype(np.float32),
            cosine.clip(-1, 1).astype(np.float32),
        )

    def __add__(self, other: Writes) -> Writes:
        """The writes of these variants and then of the other's."""
        return Writes(
            *(
                np.concatenate([getattr(writes, one.name) for writes in (self, other)])
                for one in fields(Writes)
            )
        )

    def part(self, start: int, stop: int) -> Writes:
        """The writes of some consecutive variants."""
        first, last = (int(self.counts[:end].sum()) for end in (start, stop))
        flat = (getattr(self, one.name)[first:last] for one in fields(Writes)[1:])
        return Writes(self.counts[start:stop], *flat)


@dataclass(frozen=True)
class Scores:
    """Log-likelihoods of the candidates and of the next tokens, in nats (natural logarithm).

    Attributes:
        logprobs: float64 ``[n_variants, n_candidates]``, log-likelihood of each candidate.
        vanilla: float64 ``[n_candidates]``, of the target without a transplant.
        source: float64 ``[n_candidates]``, of the source prompt.
        top_tokens: ``[n_variants, k]``, the most probable next tokens as text.
        top_logprobs: float64 ``[n_variants, k]``.
        vanilla_top: ``[k]``, tokens of the target without a transplant.
        source_top: ``[k]``, of the source.
        vanilla_top_logprobs: float64 ``[k]``.
        source_top_logprobs: float64 ``[k]``.
        unchanged: ``[n_variants]``, whether all log-probabilities are those of the target without
            a transplant: to the bit over a shared prefix and one variant per row, within the
            rounding of the model's precision elsewhere (:attr:`Packing.keeps_bits`).
        packing: how the variants ran.
        forward_passes: how many the whole took, the source's included; other examples that ran
            in the same ones count them too.
        token_forwards: how many times a token went through the whole model, an equal share where
            examples ran together; a part of the layers counts as that part.
        source_tokens: those of them that are source prompts'.
        seconds: wall-clock time, an equal share of it where examples ran together.
        writes: norms and cosines of every write; None where they were not measured, and of raw
            strategies.
        bounds: ``[n_variants, n_candidates]``, where ``logprobs`` has an upper bound: some of the
            candidate's tokens were not run, as it could not be chosen any more, or candidates were
            only ranked (:mod:`xtransplant.engine.ask.pruning`). None where all are log-likelihoods.
        vanilla_bounds: likewise of ``vanilla``.
    """

    logprobs: Floats
    vanilla: Floats
    source: Floats
    top_tokens: tuple[tuple[str, ...], ...]
    top_logprobs: Floats
    vanilla_top: tuple[str, ...]
    source_top: tuple[str, ...]
    packing: Packing
    forward_passes: int
    token_forwards: float
    seconds: float
    vanilla_top_logprobs: Floats
    source_top_logprobs: Floats
    unchanged: Bools
    writes: Writes | None = None
    bounds: Bools | None = None
    vanilla_bounds: Bools | None = None
    source_tokens: float = 0.0

    @property
    def finite(self) -> Bools:
        """``[n_variants]``: whether all log-probabilities are finite.

        They are differences of two float32 numbers, which do not underflow: minus infinity means
        that a logit, or the sum over all of them, was infinite.
        """
        return _finite_rows(self.logprobs, self.top_logprobs)

    @property
    def vanilla_finite(self) -> bool:
        """As :attr:`finite`, of the target without a transplant."""
        return bool(_finite_rows(self.vanilla[None], self.vanilla_top_logprobs[None])[0])

    @property
    def source_finite(self) -> bool:
        """As :attr:`finite`, of the source prompt."""
        return bool(_finite_rows(self.source[None], self.source_top_logprobs[None])[0])

    def part(self, start: int, stop: int) -> Scores:
        """Those of some consecutive variants, with their share of tokens and time."""
        share = (stop - start) / len(self.logprobs)
        return replace(
            self,
            logprobs=self.logprobs[start:stop],
            top_tokens=self.top_tokens[start:stop],
            top_logprobs=self.top_logprobs[start:stop],
            unchanged=self.unchanged[start:stop],
            writes=None if self.writes is None else self.writes.part(start, stop),
            bounds=None if self.bounds is None else self.bounds[start:stop],
            token_forwards=share * self.token_forwards,
            source_tokens=share * self.source_tokens,
            seconds=share * self.seconds,
        )


class TokenCertainty(NamedTuple):
    """How certain a model was of a token that it generated greedily.

    Attributes:
        logprob: the token's log-probability, in nats.
        margin: how far behind it the second most probable token was, in nats.
    """

    logprob: float
    margin: float


@dataclass(frozen=True)
class Generations:
    """Greedy continuations of the target prompt.

    Attributes:
        outputs: per variant, the text generated (special tokens left out).
        token_ids: per variant, its ids, up to and with the token that ended it.
        finite: per variant, whether no step's logits held NaN or plus infinity.
        unchanged: per variant, whether its tokens, and its first one's log-probability, are those
            of the target without a transplant: to the bit (within rounding under a raw strategy).
        vanilla: text of the target without a transplant.
        source: text of the source.
        vanilla_finite: as ``finite``.
        source_finite: as ``finite``.
        packing: how the variants ran.
        forward_passes: how many the whole took.
        token_forwards: how many times a token went through the whole model; a part of its layers
            counts as that part.
        source_tokens: those of them that are source prompts'.
        seconds: wall-clock time.
        vanilla_ids: ids of the target without a transplant.
        certainty: of the target without a transplant and of each variant, one per token; empty if
            not asked for, and of raw strategies.
        writes: norms and cosines of every write in the prefill; None where they were not
            measured, and of raw strategies.
    """

    outputs: tuple[str, ...]
    token_ids: tuple[tuple[int, ...], ...]
    vanilla: str
    source: str
    packing: Packing
    forward_passes: int
    token_forwards: float
    seconds: float
    finite: tuple[bool, ...]
    unchanged: tuple[bool, ...]
    vanilla_finite: bool
    source_finite: bool
    vanilla_ids: tuple[int, ...] = ()
    certainty: tuple[tuple[TokenCertainty, ...], ...] = ()
    writes: Writes | None = None
    source_tokens: float = 0.0

    def part(self, start: int, stop: int) -> Generations:
        """Those of some consecutive variants, with their share of tokens and time."""
        share = (stop - start) / len(self.outputs)
        return replace(
            self,
            outputs=self.outputs[start:stop],
            token_ids=self.token_ids[start:stop],
            finite=self.finite[start:stop],
            unchanged=self.unchanged[start:stop],
            # The target's own stands before those of the variants.
            certainty=self.certainty[:1] + self.certainty[1 + start : 1 + stop],
            writes=None if self.writes is None else self.writes.part(start, stop),
            token_forwards=share * self.token_forwards,
            source_tokens=share * self.source_tokens,
            seconds=share * self.seconds,
        )


UNPACKED = 256
"""Roundings that a prompt run whole may be apart from one packed: 22 were seen on 8 layers."""


def same(
    found: Tensor, plain: Tensor, dtype: torch.dtype, *, bits: bool, roundings: int = 16
) -> Tensor:
    """Where log-probabilities are those of a run without a transplant.

    Args:
        found: log-probabilities under a transplant, in nats.
        plain: those without one; broadcast against ``found``.
        dtype: the model's precision.
        bits: to the bit; else within the rounding of that precision, relative to the number.
        roundings: how many of float32's that is at least.

    Returns:
        Bool, of the shape that the two broadcast to; False where either is not finite.
    """
    if bits:
        return (found == plain) & found.isfinite()
    # Sums in half precision are kept in float32 and rounded once; in float32 at every step.
    epsilon = max(torch.finfo(dtype).eps, roundings * torch.finfo(torch.float32).eps)
    tolerance = epsilon * plain.abs().clamp(min=1.0)
    return ((found - plain).abs() <= tolerance) & found.isfinite()


def _finite_rows(logprobs: Floats, top_logprobs: Floats) -> Bools:
    return np.asarray(np.isfinite(logprobs).all(axis=1) & np.isfinite(top_logprobs).all(axis=1))
