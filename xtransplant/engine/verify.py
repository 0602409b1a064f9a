"""Verify packing on a loaded model: the fastest way that gives what one variant per row gives."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import torch

from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.engine.compare import Difference, difference, text_difference
from xtransplant.engine.precision import half_precision, in_float32, why_not_float32
from xtransplant.engine.trial import Trial, TrialRun, long_trial, short_trial, windows
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


def verify_packing(model: Model, *, n_tokens: int = 40, seed: int = 0) -> PackingCheck:
    """Compare packed variants with one variant per row on prompts of random tokens.

    Every site is written at the first, the middle and the last layer; candidates of one and of
    three tokens are scored in each of these variants, and a few tokens are generated, of which the
    log-probabilities are compared too. Where layers look back through a window, that is done once
    more on prompts longer than it, with fewer variants. The ways of packing are tried from the
    fastest on, and the first that agrees is taken.

    Args:
        model: a loaded model.
        n_tokens: length of the short prompts.
        seed: of the random tokens.

    Raises:
        XTransplantError: a session failed elsewhere, or memory ran out with one variant per row.
    """
    tolerance = 3 * torch.finfo(model.dtype).eps ** 0.5
    half = half_precision(model)
    if model.unpackable:
        return PackingCheck(ROWS, None, tolerance, reason=model.unpackable, half=half)
    trials = _Trials(model, tolerance, half, n_tokens, seed)
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
            untried=trials.untried,
        )  # fmt: skip
        return _against_float32(model, check, trials.short, found.short) if half else check
    return PackingCheck(ROWS, worst, tolerance, reason="; ".join(reasons), half=half)


@dataclass(frozen=True)
class _Verdict:
    """A way of packing against one variant per row.

    Attributes:
        worst, other_tops: as in :class:`PackingCheck`.
        fault: how the two differ beyond rounding; empty if they do not.
        short: what the way gave in the short trial.
    """

    worst: float
    other_tops: float
    fault: str
    short: TrialRun


class _Trials:
    """The trials of a model, with what each gave with one variant per row."""

    def __init__(self, model: Model, tolerance: float, half: str, n_tokens: int, seed: int) -> None:
        self.model, self.tolerance, self.half = model, tolerance, half
        self.short = short_trial(model, n_tokens, seed)
        self.alone = self.short.run(model, ROWS)
        self.long = long_trial(model, seed)
        self.long_alone: TrialRun | None = None

    @property
    def untried(self) -> int | None:
        """As in :class:`PackingCheck`."""
        longest = (self.long or self.short).n_tokens
        return next((size for size in windows(self.model) if size >= longest), None)

    def broken(self) -> str:
        """What is not finite with one variant per row; empty if all is."""
        return difference(self.alone.scores, self.alone.scores, ("", "")).broken

    def run(self, packing: Packing) -> _Verdict:
        """One way of packing: the short trial and, if that agrees, the long one."""
        found = self.short.run(self.model, packing)
        gap, fault = self._compare(found, self.alone)
        worst = gap.worst
        if not fault and self.long is not None and (long := self._long(packing)) is not None:
            assert self.long_alone is not None
            more, fault = self._compare(long, self.long_alone)
            # A fault's own figure is reported, NaN included (max would drop it).
            worst = more.worst if fault else max(worst, more.worst)
            fault = fault and f"{fault} on prompts of {self.long.n_tokens} tokens"
        return _Verdict(worst, gap.other_tops, fault, found)

    def _long(self, packing: Packing) -> TrialRun | None:
        """The long trial; None, from then on, once memory does not suffice for it."""
        assert self.long is not None
        try:
            if self.long_alone is None:
                self.long_alone = self.long.run(self.model, ROWS)
            return self.long.run(self.model, packing)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self.long = None
            return None

    def _compare(self, found: TrialRun, alone: TrialRun) -> tuple[Difference, str]:
        """How far two runs are apart, and in what they differ beyond rounding, if they do."""
        names = "packed", "one at a time"
        gap = difference(found.scores, alone.scores, names)
        # Rounding may raise one token's log-probability and lower the other's.
        texts = text_difference(found.texts, alone.texts, 2 * self.tolerance, names)
        if gap.broken or texts.broken:
            return gap, f"in numbers that are not finite: {gap.broken or texts.broken}"
        if not gap.within(self.tolerance):
            return gap, f"by {gap.worst:.2g} nats (allowed: {self.tolerance:.2g})"
        allowed = self.tolerance * (2 if self.half else 1)
        if texts.worst is None or not texts.worst <= allowed:
            return gap, f"by {texts.worst:.2g} nats in what they generate (allowed: {allowed:.2g})"
        if texts.beyond if self.half else texts.different:
            return gap, "in the texts generated"
        return gap, ""


def _against_float32(
    model: Model, check: PackingCheck, trial: Trial, found: TrialRun
) -> PackingCheck:
    """Say how far a model at half precision is from itself in float32."""
    if why_not := why_not_float32(model):
        return replace(check, why_not=why_not)
    try:
        with in_float32(model):
            alone = trial.run(model, ROWS)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return replace(check, why_not="it ran out of memory")
    return replace(check, float32=difference(found.scores, alone.scores, ("packed", "float32")))
