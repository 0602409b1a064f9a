"""Every number of a run, an entry each: what a dataframe and CSV are made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xtransplant.report.cell_marks import tests_by_pair
from xtransplant.report.choosing import CrossFitted, cross_fit_of
from xtransplant.report.gains import FLIP_COLUMNS, flips_by_pair
from xtransplant.report.passages import OfLayers, over_passages
from xtransplant.report.rows import has_own_pairs
from xtransplant.report.sets import prompt_sets, set_columns, tallies_of_sets
from xtransplant.report.summary import NO_PAIR, LanguageCounts, Summary, TaskCounts
from xtransplant.runs.columns import CORRECT
from xtransplant.runs.options import option_columns
from xtransplant.stats.rates import Rate
from xtransplant.stats.selection import Pair
from xtransplant.stats.tally import Bound, Tally

__all__ = ["entries_of"]


def entries_of(summary: Summary) -> Iterator[dict[str, Any]]:
    """By task and language, at every level; keys are the columns of ``report.data``."""
    for task in summary.tasks.values():
        entry = summary.manifest.tasks[task.name]
        base = {
            "run": summary.name, "model": summary.manifest.model["name"], "task": task.name,
            "direction": entry.direction, "split": task.split, "mode": task.mode,
            "rule": entry.rule if task.mode == "generate" else "",
        }  # fmt: skip
        stored = {"complete": summary.complete, "missing_parts": summary.missing}
        fits = _cross_fits(summary, task)
        for lang in task.languages:
            for one in _of_language(summary, task, lang, fits):
                yield {**base, "lang": lang, **one, **stored}


_Fits = dict[tuple[str, str], CrossFitted]
"""By strategy and level."""


def _cross_fits(summary: Summary, task: TaskCounts) -> _Fits:
    """Of the strategies that had pairs to choose from, over all languages together."""
    if has_own_pairs(summary, task.name):
        return {}
    asked = ((name, level) for name in summary.manifest.strategies for level in CORRECT)
    found = {key: cross_fit_of(task, key[1], key[0], {}) for key in asked}
    return {key: one for key, one in found.items() if one is not None and one.choosing.n_pairs > 1}


def _of_language(
    summary: Summary, task: TaskCounts, lang: str, fits: _Fits
) -> Iterator[dict[str, Any]]:
    counts, known = task.languages[lang], summary.manifest.tasks[task.name].languages[lang]
    chosen_on = getattr(known, "in_sample", 0) if has_own_pairs(summary, task.name) else 0
    for level in CORRECT:
        yield from _without_layers(counts, level)
        for strategy, tallies in counts.strategies.items():
            own = {"level": level, "strategy": strategy, "null_grid": ""}
            own |= option_columns(summary.manifest, strategy)
            sets = tallies_of_sets(counts, level, strategy)
            flips = flips_by_pair(counts, level, strategy)
            tests = tests_by_pair(task, level, strategy, [lang])
            fit = fits.get((strategy, level))
            shares = {} if fit is None else fit.choosing.choices[""].shares
            of = over_passages(counts, strategy, level)
            for one in _of_grid(tallies[level], sets, of, chosen_on, flips):
                pair = one["source_layer"], one["target_layer"]
                is_pair = one["kind"] == "pair"
                share = shares.get(pair, 0.0) if shares and is_pair else None
                tested = tests.get(pair, {}) if is_pair else {}
                yield {**own, **one, "choice_share": share, **tested}
            if fit is not None and lang in fit.rates:
                yield {**own, **_of_fit(fit, lang)}
            for null, name in summary.manifest.nulls_of(strategy).items():
                if name in counts.nulls:
                    sets = tallies_of_sets(counts, level, name)
                    flips = flips_by_pair(counts, level, name)
                    grid, of = counts.nulls[name][level], over_passages(counts, name, level)
                    for one in _of_grid(grid, sets, of, chosen_on, flips):
                        yield {**own, **one, "null_grid": null}


def _without_layers(counts: LanguageCounts, level: str) -> Iterator[dict[str, Any]]:
    """The two prompts without a transplant, and the baselines."""
    for kind, rates in (("vanilla", counts.vanilla), ("source", counts.source)):
        of = over_passages(counts, kind, level)
        by_set = {
            which: (of(rate, NO_PAIR, which), null)
            for which, (rate, null) in prompt_sets(counts, level, kind).items()
        }
        yield {
            "level": level, "strategy": "", "kind": kind,
            **_numbers(of(rates[level], NO_PAIR, "")), **set_columns(by_set),
        }  # fmt: skip
    for name, tallies in counts.baselines.items():
        sets, of = tallies_of_sets(counts, level, name), over_passages(counts, name, level)
        numbers = _numbers_at(NO_PAIR, tallies[level], sets, of)
        yield {"level": level, "strategy": name, "kind": "baseline", **numbers}


def _of_fit(fit: CrossFitted, lang: str) -> dict[str, Any]:
    """A strategy's examples, each by the pair that others chose."""
    one = fit.gains.by_language[lang]
    known = one.knowledge
    formats = () if known is None else (one.fixed - known.fixed, one.broken - known.broken)
    # A p of one language would take the choice, made on all of them, as given.
    flips = (one.value, None, one.fixed, one.broken, *formats)
    return {
        "kind": "cross-fit", **_layers(None, None), **_numbers(fit.rates[lang]),
        "cells": fit.choosing.n_pairs,
        **set_columns({k: (o.rates[lang], None) for k, o in fit.sets.items() if lang in o.rates}),
        **dict(zip(FLIP_COLUMNS, flips, strict=False)),
    }  # fmt: skip


def _of_grid(
    one: Tally, sets: dict[str, Tally], of: OfLayers, chosen_on: int,
    flips: dict[Pair, dict[str, Any]],
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Every pair of a grid, and every bound."""
    for pair in one.hits:
        numbers = _numbers_at(pair, one, sets, of, oracle=chosen_on != 0)
        yield {
            "kind": "pair",
            **_layers(*pair),
            **numbers,
            "in_sample": chosen_on,
            **flips.get(pair, {}),
        }
    for i, j, bound in _bounds(one):
        numbers = _numbers(of(Rate(bound.right, one.n), (i, j), ""), oracle=True)
        numbers |= {
            "cells": bound.cells,
            "null": Rate(bound.null, one.n, judged=bound.judged).value,
        }
        by_set = {k: _rates_of(t, i, j) for k, t in sets.items()}
        numbers |= set_columns({k: (of(r, (i, j), k), null) for k, (r, null) in by_set.items()})
        yield {"kind": "bound", **_layers(i, j), **numbers}


def _bounds(one: Tally) -> Iterator[tuple[int | None, int | None, Bound]]:
    """Bounds over more than one pair, by source and target layer; None stands for any layer."""
    bounds: list[tuple[int | None, int | None, Bound]] = [(None, None, one.overall)]
    bounds += [(i, None, bound) for i, bound in one.by_source.items()]
    bounds += [(None, j, bound) for j, bound in one.by_target.items()]
    return (found for found in bounds if found[2].cells > 1)


def _rates_of(one: Tally, i: int | None, j: int | None) -> tuple[Rate, Rate]:
    """The bound by source and target layer, and its null."""
    by_layer = one.overall if j is None else one.by_target[j]
    bound = by_layer if i is None else one.by_source[i]
    return Rate(bound.right, one.n), Rate(bound.null, one.n, judged=bound.judged)


def _layers(i: int | None, j: int | None) -> dict[str, int | None]:
    return {"source_layer": i, "target_layer": j}


def _numbers_at(
    pair: Pair, one: Tally, sets: dict[str, Tally], of: OfLayers, *, oracle: bool = False
) -> dict[str, Any]:
    by_set: dict[str, tuple[Rate, Rate | None]]
    by_set = {k: (of(own.rate(pair), pair, k), own.null(pair)) for k, own in sets.items()}
    return {**_numbers(of(one.rate(pair), pair, ""), oracle=oracle), **set_columns(by_set)}


def _numbers(rate: Rate, *, oracle: bool = False) -> dict[str, Any]:
    low, high = rate.ci95
    return {
        "right": rate.right, "n": rate.n, "value": rate.value, "stderr": rate.stderr,
        "ci95_low": low, "ci95_high": high, "cells": 1, "null": None, "oracle": oracle,
        "in_sample": 0,
    }  # fmt: skip
