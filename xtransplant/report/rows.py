"""Rows of a table: the results of one run on one task, strategy by strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from xtransplant.report.choosing import cross_fit_of
from xtransplant.report.counted import (
    ONE_CELL,
    Counted,
    at_pair,
    at_pairs,
    best_of,
    bound,
    same,
)
from xtransplant.report.gains import curves_of, gains_of
from xtransplant.report.nulls import nulls_of
from xtransplant.report.row import Pair, Rates, Row, arrow, common_pair
from xtransplant.report.sets import of_prompt, of_strategy
from xtransplant.report.summary import NO_PAIR, Summary, TaskCounts, tallies_of
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.options import label_of
from xtransplant.stats.tally import Tally, combine

__all__ = ["base_of", "has_own_pairs", "rows_of"]

_MOST_PAIRS = 8  # of a strategy, up to which each has a row


def has_own_pairs(summary: Summary, task: str) -> bool:
    """Whether each language of a run has a pair of its own, chosen beforehand."""
    return any(one.pairs for one in summary.manifest.tasks[task].languages.values())


def rows_of(summary: Summary, task: TaskCounts, level: str) -> Iterator[Row]:
    """The rows of one run and task.

    At every level there are the same rows, in the same order.
    """
    own, base = task.languages, base_of(summary, task)

    def row(label: str, key: str, kind: str, rates: Rates, **more: Any) -> Row:
        return Row(label, key, kind, "", rates, (summary.name,), (*base, key),
                   complete=summary.complete, **more)  # fmt: skip

    vanilla = {lang: counts.vanilla[level] for lang, counts in own.items()}
    yield row("vanilla (target)", "vanilla", "vanilla", vanilla,
              sets=of_prompt(task, level, VANILLA))  # fmt: skip
    source = {lang: counts.source[level] for lang, counts in own.items()}
    yield row("vanilla (source)", "source", "source", source,
              sets=of_prompt(task, level, SOURCE))  # fmt: skip
    for name, shots in summary.manifest.tasks[task.name].baselines.items():
        tallies = {lang: one.baselines[name][level] for lang, one in own.items()
                   if name in one.baselines}  # fmt: skip
        if tallies:
            rates = {lang: one.rate(NO_PAIR) for lang, one in tallies.items()}
            sets = of_strategy(task, level, name, ONE_CELL)
            found = row(name, name, "baseline", rates, sets=sets,
                        gains=gains_of(task, level, name, ONE_CELL.right))  # fmt: skip
            yield replace(found, of=(*found.of, repr(sorted(shots.items()))))
    for strategy in summary.manifest.strategies:
        tallies = tallies_of(task, strategy, level)
        if tallies and has_own_pairs(summary, task.name):
            yield _pilot(summary, task, strategy, level, base)
        elif tallies:
            yield from _grid(summary, task, strategy, level, base)


def _pilot(
    summary: Summary, task: TaskCounts, strategy: str, level: str, base: tuple[Any, ...]
) -> Row:
    tallies = tallies_of(task, strategy, level)
    pairs = {lang: next(iter(one.hits)) for lang, one in tallies.items()}
    common = common_pair(pairs)
    which = "pilot pairs" if common is None else f"pilot pair {arrow(common)}"
    known = summary.manifest.tasks[task.name].languages
    chosen_on = {lang: getattr(known[lang], "in_sample", 0) for lang in tallies}
    counted, nulls = at_pairs(pairs), summary.manifest.nulls_of(strategy)
    return Row(
        label=f"{label_of(summary.manifest, strategy)}, {which}",
        key=f"{strategy},pilot",
        kind="pilot",
        strategy=strategy,
        rates={lang: counted.rate(lang, one) for lang, one in tallies.items()},
        runs=(summary.name,),
        of=(*base, *_source(summary, strategy), tuple(sorted(pairs.items()))),
        pairs=pairs,
        complete=summary.complete,
        in_sample={lang: n for lang, n in chosen_on.items() if n},
        sets=of_strategy(task, level, strategy, counted),
        null_grids=nulls_of(summary, task, level, strategy, same(counted)),
        gains=gains_of(task, level, strategy, counted.right, nulls),
        picked=counted.right,
    )


def _grid(
    summary: Summary, task: TaskCounts, strategy: str, level: str, base: tuple[Any, ...]
) -> Iterator[Row]:
    tallies = tallies_of(task, strategy, level)
    every = combine(list(tallies.values()))
    last = summary.manifest.model["n_layers"] - 1
    searched = tuple(sorted(every.hits))
    shown = label_of(summary.manifest, strategy)
    nulls = summary.manifest.nulls_of(strategy)

    def row(what: str, key: str, kind: str, of: Any, *, rates: Rates, **more: Any) -> Row:
        return Row(
            f"{shown} {what}", f"{strategy},{key}", kind, strategy, rates, (summary.name,),
            (*base, *_source(summary, strategy), key, of), complete=summary.complete, **more,
        )  # fmt: skip

    def numbers(of_grid: Callable[[Mapping[str, Tally]], Counted]) -> dict[str, Any]:
        counted = of_grid(tallies)
        return {
            "rates": {lang: counted.rate(lang, one) for lang, one in tallies.items()},
            "sets": of_strategy(task, level, strategy, counted),
            "null_grids": nulls_of(summary, task, level, strategy, of_grid),
            "picked": counted.right,
        }

    for pair in _own_rows(every, last):
        one = at_pair(pair)
        yield row(arrow(pair), arrow(pair), "pair", (), pair=pair, **numbers(same(one)),
                  gains=gains_of(task, level, strategy, one.right, nulls))  # fmt: skip
    if len(searched) < 2:
        return
    best = best_of(tallies)
    yield row(
        f"best of {len(searched)}: {arrow(every.best)}", "best", "best", searched,
        pair=every.best, cells=len(searched), **numbers(best_of),
        gains=gains_of(task, level, strategy, best.right),
    )  # fmt: skip
    if (fitted := cross_fit_of(task, level, strategy, nulls)) is not None:
        yield row(
            f"cross-fitted, {len(fitted.choosing.folds)} folds", "cross-fit", "cross-fit",
            searched, cells=len(searched), rates=fitted.rates, null_grids=fitted.null_grids,
            gains=replace(fitted.gains, by_language={}), choosing=fitted.choosing, sets=fitted.sets,
            picked=fitted.choosing.right,
        )  # fmt: skip
    for which, key, some, cells in _bounds(every, last):
        # Of one pair it would be that pair's own row, and of all of them the one above.
        if cells < 2 or (key and cells == len(searched)):
            continue
        yield row(
            f"upper bound{which}, best of {cells}", f"bound{key}", "bound", searched,
            cells=cells, nulls={lang: some.null(lang, one) for lang, one in tallies.items()},
            gains=gains_of(task, level, strategy, some.right, nulls, bound=True),
            curves={} if key else curves_of(task, level, strategy, nulls), **numbers(same(some)),
        )  # fmt: skip


def _own_rows(every: Tally, last: int) -> list[Pair]:
    """The pairs that have a row: all of a few, else the paper's coarse settings."""
    few = len(every.hits) <= _MOST_PAIRS
    return [pair for pair in (every.hits if few else ((last, 0), (0, 0))) if pair in every.hits]


def _bounds(every: Tally, last: int) -> Iterator[tuple[str, str, Counted, int]]:
    """The bounds that have a row: what each is called, the end of its key, and its pairs."""
    yield "", "", bound(), every.overall.cells
    if last in every.by_source:
        yield f" {last}→j", ",last→j", bound(source=last), every.by_source[last].cells
    if 0 in every.by_target:
        yield " i→0", ",i→0", bound(target=0), every.by_target[0].cells


def base_of(summary: Summary, task: TaskCounts) -> tuple[Any, ...]:
    """What every number of a run's task depends on, besides the strategy and its pairs."""
    model, entry = summary.manifest.model, summary.manifest.tasks[task.name]
    config = summary.manifest.config
    asked = (
        config.get("chat_template"),
        summary.manifest.only,
        task.mode == "generate" and config.get("max_new_tokens"),
    )
    which = tuple(model.get(k) for k in ("name", "fingerprint", "tokenizer_hash", "dtype"))
    items = tuple(sorted((lang, entry.languages[lang].digest) for lang in task.languages))
    return (*which, *asked, items)


def _source(summary: Summary, strategy: str) -> tuple[Any, ...]:
    sources = tuple(summary.manifest.config.get("sources", ()))
    return strategy, summary.manifest.strategies[strategy].get("source_hash"), sources
