"""Verify packing on a loaded model: the fastest way that gives what one variant per row gives."""

from __future__ import annotations

import weakref
from dataclasses import replace

import torch

from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.engine.compare import difference
from xtransplant.engine.packing_check import PackingCheck
from xtransplant.engine.precision import (
    half_precision,
    in_float32,
    why_never_float32,
    why_not_float32,
)
from xtransplant.engine.remembered import recall, remember
from xtransplant.engine.trial import N_TOKENS, Trial, TrialRun
from xtransplant.engine.trials import Trials
from xtransplant.errors import JobFailed
from xtransplant.model.given import check_model
from xtransplant.model.model import Model
from xtransplant.packing import MASKED, ROWS, SHARED, Packing

__all__ = ["PackingCheck", "packing_for", "verify_packing"]

# The fastest first.
_WAYS = (SHARED, Packing(shared_prefix=True), Packing(growing=True), MASKED)


# One check per model object, dropped with it.
_CHECKS: weakref.WeakKeyDictionary[Model, PackingCheck] = weakref.WeakKeyDictionary()


# What models raise that refuse a 4D attention mask, or an input of another length.
_REFUSALS = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def packing_for(model: Model, *, anew: bool = False) -> PackingCheck:
    """:func:`verify_packing`, once per loaded model; none where an earlier process's is remembered.

    Args:
        model: a loaded model. Of one that is split over processes each has to call this.
        anew: verify it also where that has been done.

    Raises:
        XTransplantError: as :func:`verify_packing`.
    """
    if anew or model not in _CHECKS:
        found = None if anew else recall(model)
        _CHECKS[model] = remember(model, verify_packing(model)) if found is None else found
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
        XTransplantError: no model, a session failed elsewhere, or memory ran out with one variant
            per row.
    """
    check_model(model)
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
