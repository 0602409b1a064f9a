"""Verify packing on a loaded model: the fastest way that gives what one variant per row gives."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import torch

from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.engine.compare import Difference, difference
from xtransplant.engine.precision import (
    half_precision,
    in_float32,
    why_never_float32,
    why_not_float32,
)
from xtransplant.engine.trial import N_TOKENS, Trial, TrialRun
from xtransplant.engine.trials import Trials
from xtransplant.errors import JobFailed
from xtransplant.model.model import Model
from xtransplant.packing import MASKED, ROWS, SHARED, Packing

__all__ = ["PackingCheck", "packing_for", "verify_packing"]

# The fastest first.
_WAYS = (SHARED, Packing(shared_prefix=True), Packing(growing=True), MASKED)


@dataclass(frozen=True)
class PackingCheck:
    """The outcome of :func:`verify_packing`.

    Attributes:
        packing: the fastest way that gives what one variant per batch row gives; one variant per
            row if none does.
        worst: largest difference of a log-probability between the two, in nats; None where nothing
            was compared.
        tolerance: largest difference allowed at the model's precision, in nats.
        other_tops: share of variants whose most probable next token is another one than when they
            run one per row; rounding alone does that at half precision.
        reason: why no faster way, in a sentence; empty if this is the fastest.
        half: ``float16`` or ``bfloat16`` where the model computes in it; else empty.
        float32: at half precision, how far it is from one variant per row in float32; None where
            that was not run.
        why_not: why that was not run; empty if it was.
        untried: the shortest sliding window of the model, in tokens, that no tried prompt exceeded;
            None where all were exceeded.
        lacked_memory: whether something was left out for want of memory, which may be there the
            next time.
    """

    packing: Packing
    worst: float | None
    tolerance: float
    other_tops: float = 0.0
    reason: str = ""
    half: str = ""
    float32: Difference | None = None
    why_not: str = ""
    untried: int | None = None
    lacked_memory: bool = False

    @property
    def exact(self) -> bool:
        """Whether variants share a sequence and give what they give alone, in full precision."""
        return self.packing.together and not self.half

    @property
    def measured(self) -> str:
        """What was measured, in words; empty if nothing was."""
        if self.worst is None:
            return ""
        found = Difference(self.worst, self.other_tops)
        parts = [f"against one variant at a time: {found}"]
        if self.float32 is not None:
            parts.append(f"against float32: {self.float32}")
        elif self.why_not:
            parts.append(f"not held against float32: {self.why_not}")
        return ", ".join(parts)

    @property
    def note(self) -> str:
        """What a user should know, in a line; empty for the fastest packing in full precision."""
        parts = [f"{self.packing}: {self.reason}"] if self.reason else []
        if self.half and self.measured:
            parts.append(f"{self.half} rounds; on prompts of random tokens, {self.measured}")
        return "; ".join(parts)

    def note_for(self, n_tokens: int) -> str:
        """:attr:`note`, and what it leaves open for a prompt of ``n_tokens`` tokens."""
        if self.untried is None or n_tokens <= self.untried or not self.packing.together:
            return self.note
        more = (
            f"prompts longer than the window of {self.untried:,} tokens were not tried on this "
            "device; --verify holds this grid against one variant at a time"
        )
        return f"{self.note}; {more}" if self.note else more


# One check per model object, dropped with it.
_CHECKS: weakref.WeakKeyDictionary[Model, PackingCheck] = weakref.WeakKeyDictionary()


# What models raise that refuse a 4D attention mask, or an input of another length.
_REFUSALS = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def packing_for(model: Model) -> PackingCheck:
    """:func:`verify_packing`, once per loaded model."""
    if model not in _CHECKS:
        _CHECKS[model] = verify_packing(model)
    return _CHECKS[model]


def verify_packing(model: Model, *, n_tokens: int = N_TOKENS, seed: int = 0) -> PackingCheck:
    """Compare packed variants with one variant per row on prompts of random tokens.

    Every site is written at the first, the middle and the last layer; candidates of one and of
    three tokens are scored in each of these variants, and a few tokens are generated, of which the
    log-probabilities are compared too. Where layers look back through a window, that is done once
    more while the windows are a few tokens long (on a server, on prompts longer than they are). The
    ways of packing are tried from the fastest on, and the first that agrees is taken.

    Args:
        model: a loaded model.
        n_tokens: length of the prompts.
        seed: of the random tokens.

    Raises:
        XTransplantError: a session failed elsewhere, or memory ran out with one variant per row.
    """
    tolerance = 3 * torch.finfo(model.dtype).eps ** 0.5
    half = half_precision(model)
    if model.unpackable:
        return PackingCheck(ROWS, None, tolerance, reason=model.unpackable, half=half)
    trials = Trials(model, tolerance, half, n_tokens, seed)
    if broken := trials.broken():
        what = f"{broken} where variants run one at a time, so that there is nothing to hold to"
        return PackingCheck(ROWS, None, tolerance, reason=f"{what}; try another --dtype", half=half)
    worst, reasons = None, []
    shares_prefix = model.backend.shares_prefix
    ways = [way for way in _WAYS if shares_prefix or not way.shared_prefix]
    for packing in ways:
        try:
            found = trials.run(packing)
        except (*_REFUSALS, JobFailed) as error:
            if is_out_of_memory(error):
                raise
            # Another way may still run; why this one does not is reported.
            line = f"{type(error).__name__}: {error}".strip().splitlines()[-1]
            reasons.append(f"{packing} fails ({line})")
            continue
        worst = found.worst
        if found.fault:
            reasons.append(f"{packing} and one variant per row differ {found.fault}")
            continue
        check = PackingCheck(
            packing, worst, tolerance, found.other_tops, "; ".join(reasons), half,
            untried=trials.untried, lacked_memory=trials.lacked_memory,
        )  # fmt: skip
        return _against_float32(model, check, trials.short, found.short) if half else check
    return PackingCheck(ROWS, worst, tolerance, reason="; ".join(reasons), half=half)


def _against_float32(
    model: Model, check: PackingCheck, trial: Trial, found: TrialRun
) -> PackingCheck:
    """Say how far a model at half precision is from itself in float32."""
    if why_not := why_not_float32(model):
        lacked = check.lacked_memory or not why_never_float32(model)
        return replace(check, why_not=why_not, lacked_memory=lacked)
    try:
        with in_float32(model):
            alone = trial.run(model, ROWS, texts=False)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return replace(check, why_not="it ran out of memory", lacked_memory=True)
    return replace(check, float32=difference(found.scores, alone.scores, ("packed", "float32")))
