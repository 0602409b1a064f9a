"""Choosing a cell for each example: what a method is worth where it has not learnt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.report.ledger import counted_tokens
from xtransplant.report.taught import N_FOLDS, Modelled, cross_teach, teach
from xtransplant.report.told import Judged, shared_pairs, tell
from xtransplant.runs.check import check_intact
from xtransplant.runs.read import examples
from xtransplant.runs.store import Run, open_run
from xtransplant.stats.calibrated import Calibration, calibration, check_installed
from xtransplant.stats.gains import Gain, gain
from xtransplant.stats.per_example import METHODS, Told, decided
from xtransplant.stats.share import Share, gain_share

__all__ = ["ChoiceRow", "Choices", "choose_per_example"]

Array = np.ndarray[Any, Any]
_DRAWN = 8  # derangements
_CROSS_FITTED = (
    "cross-fitted: intervals take what each fold was taught as given, though folds teach one "
    "another, and are too narrow for that; --on a run of other examples has no such fault"
)


@dataclass(frozen=True)
class ChoiceRow:
    """What one way of choosing gives.

    Attributes:
        name: ``vanilla``, ``source``, ``fixed``, a method's, ``model``, ``blind-model`` (without
            the source's answer) or ``oracle``.
        right: ``[examples]``.
        over_none: over nothing right: how often it is right, with its interval over items.
        over_vanilla, over_fixed: what it gains; None of what they are held to.
        share: of the corrected gap to the oracle; None likewise, and of the oracle.
        abstained: how many examples are left to vanilla; None where it does not choose.
        decided: on how many a rule had what it goes by; None of what is no rule.
        variants: transplants that have to be run for one example.
        calibration: of the model's chances.
        model: what it chose, and where it had learnt no chances.
    """

    name: str
    right: Array
    over_none: Gain
    over_vanilla: Gain | None = None
    over_fixed: Gain | None = None
    share: Share | None = None
    abstained: int | None = None
    decided: int | None = None
    variants: int = 0
    calibration: Calibration | None = None
    model: Modelled | None = None


@dataclass(frozen=True)
class Choices:
    """Of one strategy on one task.

    Attributes:
        task, strategy, level: what was chosen for, and what counts as right.
        about: where the methods learnt, in words.
        split: that is counted.
        n, items: examples, and how many items they are of.
        null: what corrects the gap: ``null grid other`` or ``judged null``.
        gap, luck: oracle over vanilla, and the null's oracle over vanilla.
        rows: in the order in which they are shown.
        notes: one sentence each.
    """

    task: str
    strategy: str
    level: str
    about: str
    split: str
    n: int
    items: int
    null: str
    gap: Gain
    luck: float
    rows: tuple[ChoiceRow, ...]
    notes: tuple[str, ...]


def choose_per_example(
    pilot: str | Path, on: str | Path | None = None, *, level: str = "match"
) -> list[Choices]:
    """Try every method, strategy by strategy.

    Args:
        pilot: a run with all layer pairs, where pairs are chosen and the model is trained.
        on: another one, of other examples, on which they are counted; without it items of the
            pilot are dealt to five folds, and each is counted by what the others teach.
        level: ``strict``, ``match`` or ``lenient``.

    Raises:
        XTransplantError: no run there, a damaged or an incomplete one, other models, nothing in
            common, pairs too few to choose from, examples that both have, or no scikit-learn.
    """
    check_installed()
    first = _complete(pilot)
    second = first if on is None else _complete(on)
    if on is not None:
        _check_comparable(first, second)
    return list(_each(first, second, level))


def _complete(path: str | Path) -> Run:
    run = check_intact(open_run(path))
    if run.missing():
        raise XTransplantError(
            f"run {run.path.name} is not complete: {len(run.missing())} parts are missing; "
            "finish it before anything is chosen on it (run its xtp bench command again)"
        )
    return run


def _check_comparable(pilot: Run, on: Run) -> None:
    """Refuse runs of two models, and examples that are learnt from and counted.

    Raises:
        XTransplantError: there are such.
    """
    one, other = pilot.manifest.model, on.manifest.model
    if one.get("fingerprint") != other.get("fingerprint"):
        raise XTransplantError(
            f"{pilot.path.name} is of {one['name']} and {on.path.name} of {other['name']}: what a "
            "model's cells are worth is learnt on its own pilot; give a run of the same model"
        )
    seen, counted = examples(pilot), examples(on)
    # An item's source prompt is the same in every language; one that many have tells none apart.
    times = seen.groupby(["task", "lang", "source"])["source"].transform("size")
    known = set(seen["digest"]) | set(seen.loc[times == 1, "source"])
    shared = counted[counted["digest"].isin(known) | counted["source"].isin(known)]
    if len(shared):
        which = shared.iloc[0]
        raise XTransplantError(
            f"{pilot.path.name} has {len(shared)} of the {len(counted)} examples of "
            f"{on.path.name} ({which['lang']} {which['id']} is the first): what was learnt on them "
            "is no result on them; give a run of another split, or leave --on out to cross-fit"
        )


def _each(pilot: Run, on: Run, level: str) -> Iterator[Choices]:
    tasks = [name for name in pilot.manifest.tasks if name in on.manifest.tasks]
    strategies = [name for name in pilot.manifest.strategies if name in on.manifest.strategies]
    if not tasks or not strategies:
        raise XTransplantError(
            f"{pilot.path.name} and {on.path.name} have no task and strategy in common; the first "
            f"has {', '.join(pilot.manifest.tasks)} and {', '.join(pilot.manifest.strategies)}"
        )
    for task in tasks:
        own = pilot.manifest.tasks[task].languages
        langs = [lang for lang in on.manifest.tasks[task].languages if lang in own]
        if not langs:
            raise XTransplantError(
                f"{on.path.name} has no language of {task} that {pilot.path.name} has "
                f"({', '.join(own)})"
            )
        for strategy in strategies:
            pairs = shared_pairs([pilot, on], task, strategy, langs)
            learnt = tell(pilot, task, strategy, pairs, langs, level)
            split = on.manifest.tasks[task].split
            if on is pilot:
                about = f"cross-fitted on {split}, {N_FOLDS} folds of items"
                found = _count(learnt, None, (task, strategy, level, about, split))
            else:
                about = f"learnt on {pilot.manifest.tasks[task].split}"
                counted = tell(on, task, strategy, pairs, langs, level)
                found = _count(learnt, counted, (task, strategy, level, about, split))
            yield replace(found, notes=(*found.notes, *_say_tokens(pilot, on, task, strategy)))


def _say_tokens(pilot: Run, on: Run, task: str, strategy: str) -> Iterator[str]:
    """What was counted of the grids' cost; nothing of runs from before that, or of --only."""
    if {pilot.manifest.only, on.manifest.only} != {"all"}:
        return
    learnt, counted = (counted_tokens(run, task).get(strategy) for run in (pilot, on))
    if learnt and counted:
        yield (
            f"counted: the whole grid took {counted.tokens / counted.n:,.0f} token-forwards "
            f"an example (n {counted.n}), which every method but the fixed pair pays for each new "
            f"example; the pilot's grid, which all pay once, {learnt.tokens:,.0f} (n {learnt.n})"
        )


def _count(
    learnt: Judged, counted: Judged | None, names: tuple[str, str, str, str, str]
) -> Choices:
    notes = [_CROSS_FITTED] if counted is None else []
    every = cross_teach(learnt) if counted is None else teach(learnt, None, counted)
    counted = counted or learnt
    right, n_cells, items = counted.right, len(counted.told.pairs), counted.items
    vanilla = right[:, 0]
    oracle, nothing = np.asarray(right.any(axis=1)), np.zeros(len(right), dtype=np.bool_)
    null, lucky = _null(counted)
    times = len(lucky)
    null_oracle = lucky.any(axis=2)  # [draws, examples]
    whole = gain(null_oracle.ravel(), np.tile(oracle, times), np.tile(items, times))
    at = np.arange(len(right))

    def row(name: str, chosen: Array, on_null: Array, variants: int, **more: Any) -> ChoiceRow:
        own = right[at, chosen]
        # Over vanilla, or over what the method makes of the null, whichever it has less over.
        made = lucky[:, at, on_null]
        before = made if made.mean() > vanilla.mean() else np.broadcast_to(vanilla, made.shape)
        part = gain(before.ravel(), np.tile(own, times), np.tile(items, times))
        return ChoiceRow(
            name, own, gain(nothing, own, items), gain(vanilla, own, items),
            None if name == "fixed" else gain(right[at, every.fixed], own, items),
            gain_share(part, whole), None if name == "fixed" else int((chosen == 0).sum()),
            variants=variants, **more,
        )  # fmt: skip

    plain = {"vanilla": vanilla, "source": counted.source}
    rows = [ChoiceRow(name, own, gain(nothing, own, items)) for name, own in plain.items()]
    rows.append(row("fixed", every.fixed, every.fixed, 1))
    for name, method in METHODS.items():
        if why := _undefined(name, counted.told):
            notes.append(f"{name} is left out: {why}")
            continue
        chosen = method(counted.told)
        on_null = chosen if counted.null is None else method(counted.null[0])
        had = int(decided(name, counted.told).sum())
        rows.append(row(name, chosen, on_null, n_cells, decided=had))
    for name, one in every.models.items():
        found = calibration(one.chances, right[at, one.chosen])
        rows.append(row(name, one.chosen, one.on_null, n_cells, calibration=found, model=one))
    rows.append(ChoiceRow(
        "oracle", oracle, gain(nothing, oracle, items), gain(vanilla, oracle, items),
        gain(right[at, every.fixed], oracle, items), variants=n_cells,
    ))  # fmt: skip
    return Choices(
        *names, len(right), len(np.unique(items)), null, gain(vanilla, oracle, items),
        float(null_oracle.mean() - vanilla.mean()), tuple(rows), tuple(notes),
    )  # fmt: skip


def _undefined(name: str, told: Told) -> str:
    """Why a method cannot choose here; empty where it can."""
    if name == "confidence" and not told.scored:
        return "texts have no probabilities"
    if name == "agreement" and not told.knows_source:
        return "what the source prompt says is a text in another language"
    return ""


def _null(one: Judged) -> tuple[str, Array]:
    """The null that corrects, and what is right by it, ``[draws, examples, options]``.

    Of the judged null, what another's answer makes right that vanilla does not give by itself,
    a draw for each derangement; vanilla's own successes stay everywhere.
    """
    vanilla = one.right[:, :1]
    if one.null is not None:
        return "null grid other", one.null[1][None]
    bits = one.others & ~one.others[:, :1]
    drawn = np.stack([(bits >> r) & 1 for r in range(_DRAWN)]).astype(np.bool_)
    return "judged null", drawn | vanilla
