"""What is learnt on some examples, applied to others: the fixed pair and the small models."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.report.told import Judged
from xtransplant.stats.calibrated import Chooser, train
from xtransplant.stats.cross_fit import deal
from xtransplant.stats.per_example import NO_ANSWER, Told, fixed_options

__all__ = ["N_FOLDS", "Modelled", "Taught", "cross_teach", "teach"]

Array = np.ndarray[Any, Any]
N_FOLDS = 5


class Modelled(NamedTuple):
    """What a small model chose, ``[examples]`` each.

    Attributes:
        chosen: the option.
        on_null: the one chosen in the null grid; the same where there is none.
        chances: given to what was chosen.
        flat_cells: why all cells had one chance, the share right; empty where one was learnt.
        flat_vanilla: likewise of vanilla.
    """

    chosen: Array
    on_null: Array
    chances: Array
    flat_cells: Array
    flat_vanilla: Array


@dataclass(frozen=True)
class Taught:
    """What was chosen by what was learnt.

    Attributes:
        fixed: ``[examples]``, the option of the pilot's pair.
        models: by name.
    """

    fixed: Array
    models: dict[str, Modelled]


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
        n = len(chosen)
        models[name] = Modelled(
            chosen, on_null, chances[np.arange(n), chosen],
            np.full(n, chooser.flat_cells, dtype=object),
            np.full(n, chooser.flat_vanilla, dtype=object),
        )  # fmt: skip
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

    def picked(of: Iterable[Array]) -> Array:
        return np.stack(list(of))[dealt, np.arange(len(dealt))]

    models = {
        name: Modelled(*map(picked, zip(*(fold.models[name] for fold in each), strict=True)))
        for name in each[0].models
    }
    return Taught(picked([fold.fixed for fold in each]), models)


def _rows(told: Told, among: Array) -> Told:
    return Told(
        told.pairs, told.answers[among], told.source[among], told.logprob[among],
        told.margin[among], told.entropy[among],
    )  # fmt: skip
