"""What is learnt on some examples, applied to others: the fixed pair and the small models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.report.told import Judged
from xtransplant.stats.calibrated import Chooser, train
from xtransplant.stats.cross_fit import deal
from xtransplant.stats.per_example import NO_ANSWER, Told, fixed_options

__all__ = ["N_FOLDS", "Taught", "cross_teach", "teach"]

Array = np.ndarray[Any, Any]
N_FOLDS = 5


@dataclass(frozen=True)
class Taught:
    """What was chosen by what was learnt.

    Attributes:
        fixed: ``[examples]``, the option of the pilot's pair.
        models: by name, ``[examples]`` each: the option chosen, the one chosen in the null grid
            (the same where there is none), and the chance given to the first.
    """

    fixed: Array
    models: dict[str, tuple[Array, Array, Array]]


def teach(learnt: Judged, among: Array | None, counted: Judged) -> Taught:
    """Learn, and choose for examples of which only what is told is read.

    Args:
        learnt: what may be learnt from.
        among: ``[its examples]``, bool, those that are; all by default.
        counted: the examples to choose for.
    """
    among = np.ones(len(learnt.langs), dtype=np.bool_) if among is None else among
    told, right = _rows(learnt.told, among), learnt.right[among]
    fixed = fixed_options(right[:, 1:], learnt.langs[among], told.pairs, counted.langs)
    models = {}
    ways: dict[str, Callable[[Told], Told]] = {"model": lambda one: one, "blind-model": _blind}
    for name, seen in ways.items():
        if name == "model" and not (told.knows_source and counted.told.knows_source):
            continue  # it would be the other one
        chooser: Chooser = train(seen(told), right, learnt.items[among])
        chosen, chances = chooser.choose(seen(counted.told)), chooser.chances(seen(counted.told))
        on_null = chosen if counted.null is None else chooser.choose(seen(counted.null[0]))
        models[name] = chosen, on_null, chances[np.arange(len(chosen)), chosen]
    return Taught(fixed, models)


def _blind(told: Told) -> Told:
    """Without the source prompt's answer."""
    return replace(told, source=np.full_like(told.source, NO_ANSWER))


def cross_teach(one: Judged) -> Taught:
    """Items dealt to folds with all their languages, each fold chosen for by what others teach.

    Raises:
        XTransplantError: too few items.
    """
    names = np.unique(one.items)
    if len(names) < 4:
        raise XTransplantError(
            f"{len(names)} items are too few to learn on some and count others; run more (--limit)"
        )
    folds = min(N_FOLDS, len(names))
    dealt = deal(one.items, folds)
    try:
        each = [teach(one, dealt != fold, one) for fold in range(folds)]
    except ValueError as error:
        raise XTransplantError(f"{error} outside some fold; run more (--limit)") from error

    def picked(of: list[Array]) -> Array:
        return np.stack(of)[dealt, np.arange(len(dealt))]

    models = {
        name: (
            picked([fold.models[name][0] for fold in each]),
            picked([fold.models[name][1] for fold in each]),
            picked([fold.models[name][2] for fold in each]),
        )
        for name in each[0].models
    }
    return Taught(picked([fold.fixed for fold in each]), models)


def _rows(told: Told, among: Array) -> Told:
    return Told(
        told.pairs, told.answers[among], told.source[among], told.logprob[among],
        told.margin[among], told.entropy[among],
    )  # fmt: skip
