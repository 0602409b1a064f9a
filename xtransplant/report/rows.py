"""Rows of a table: the results of one run on one task, strategy by strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from xtransplant.report.choosing import Choosing, cross_fit_of
from xtransplant.report.gains import Gains, Picked, curves_of, gains_of
from xtransplant.report.nulls import NullRates, Pick, at_pair, best_of, nulls_of, same
from xtransplant.report.sets import SetRates, of_prompt, of_strategy
from xtransplant.report.summary import NO_PAIR, Summary, TaskCounts, tallies_of
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.options import label_of
from xtransplant.stats.over_items import OverItems
from xtransplant.stats.rates import Mean, Rate, macro, micro, spread
from xtransplant.stats.tally import Bound, Tally, combine

__all__ = ["Row", "arrow", "base_of", "common_pair", "has_own_pairs", "rows_of", "same_quantity"]

Pair = tuple[int, int]
Rates = dict[str, Rate]
_MOST_PAIRS = 8  # of a strategy, up to which each has a row


@dataclass(frozen=True)
class Row:
    """One line of a table; an upper bound takes a second line for its judged null.

    Attributes:
        label: what it is, in words; no other row of its table has the same.
        key: what it is, the same in every run, split and table: ``vanilla``, ``ffn-swap,best``.
        kind: ``vanilla``, ``source``, ``baseline``, ``pair``, ``pilot``, ``best``, ``cross-fit``,
            ``bound``.
        strategy: its strategy; empty without a transplant.
        rates: by language.
        runs: names of the runs that have it.
        of: what was measured: the model, the items, the strategy, the pairs. Rows that agree in
            it and in their numbers are the same.
        pair: the one pair of all languages; of ``best`` the one that was picked.
        pairs: by language, where each has its own.
        cells: how many pairs it was picked from; 1 where there was nothing to pick.
        nulls: of a bound: its judged null, by language.
        null_grids: by the null's name, what the strategy's null grids give; a line each.
        complete: whether all parts of its run are stored.
        in_sample: by language, how many of its items its pair was chosen on; -1: not known.
        sets: by set of examples, ``gap`` and ``shared``, its rates; empty where that is not known.
        gains: over vanilla and over its null grids, paired by example.
        curves: of the bound over all pairs, by k cells; of its null grids, by the null's name.
        choosing: how its pair was chosen and what that is worth, where that is known.
        over_items: all languages together, with errors over items; where answers are known.
    """

    label: str
    key: str
    kind: str
    strategy: str
    rates: Rates
    runs: tuple[str, ...]
    of: tuple[Any, ...]
    pair: Pair | None = None
    pairs: dict[str, Pair] | None = None
    cells: int = 1
    nulls: Rates | None = None
    complete: bool = True
    in_sample: dict[str, int] | None = None
    sets: dict[str, SetRates] = field(default_factory=dict)
    null_grids: dict[str, NullRates] = field(default_factory=dict)
    gains: Gains = field(default_factory=Gains)
    curves: dict[str, Any] = field(default_factory=dict)
    choosing: Choosing | None = None
    over_items: OverItems | None = None

    @property
    def oracle(self) -> bool:
        """Whether it was reached by looking at the answers that it is counted by."""
        return self.kind in ("best", "bound") or bool(self.in_sample)

    @property
    def numbers(self) -> str:
        """Its numbers as text, so that they can be compared: NaN is not equal to itself."""
        numbers = (self.rates, self.nulls, self.pair, self.pairs, self.complete, self.in_sample)
        return repr(numbers)

    @property
    def micro(self) -> Rate:
        """All examples together."""
        return self.over_items.micro if self.over_items else micro(list(self.rates.values()))

    @property
    def macro(self) -> Mean:
        """The mean over languages, and its standard error."""
        return self.over_items.macro if self.over_items else macro(list(self.rates.values()))

    @property
    def spread(self) -> float:
        """Standard deviation over languages."""
        return spread(list(self.rates.values()))


def same_quantity(a: Row, b: Row) -> bool:
    """Whether two rows, of whatever runs and tables, are one quantity with the same numbers."""
    return a.of == b.of and a.numbers == b.numbers


def common_pair(pairs: dict[str, Pair]) -> Pair | None:
    """The pair that several languages have alike; None where they differ, or there is but one."""
    found = set(pairs.values())
    return found.pop() if len(pairs) > 1 and len(found) == 1 else None


def arrow(pair: Pair) -> str:
    """``6→1``."""
    return f"{pair[0]}→{pair[1]}"


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
            found = row(name, name, "baseline", rates, sets=_sets_at(task, level, name, NO_PAIR),
                        gains=gains_of(task, level, name, _at(NO_PAIR)))  # fmt: skip
            yield replace(found, of=(*found.of, repr(sorted(shots.items()))))
    for strategy in summary.manifest.strategies:
        tallies = tallies_of(task, strategy, level)
        if tallies and has_own_pairs(summary, task.name):
            yield _pilot(summary, task, strategy, level, base)
        elif tallies:
            yield from _grid(summary, task, strategy, level, base)


def _pilot(summary: Summary, task: TaskCounts, strategy: str, level: str, base: Any) -> Row:
    tallies = tallies_of(task, strategy, level)
    pairs = {lang: next(iter(one.hits)) for lang, one in tallies.items()}
    same = common_pair(pairs)
    which = "pilot pairs" if same is None else f"pilot pair {arrow(same)}"
    known = summary.manifest.tasks[task.name].languages
    chosen_on = {lang: getattr(known[lang], "in_sample", 0) for lang in tallies}
    return Row(
        label=f"{label_of(summary.manifest, strategy)}, {which}",
        key=f"{strategy},pilot",
        kind="pilot",
        strategy=strategy,
        rates={lang: one.rate(pairs[lang]) for lang, one in tallies.items()},
        runs=(summary.name,),
        of=(*base, *_source(summary, strategy), tuple(sorted(pairs.items()))),
        pairs=pairs,
        complete=summary.complete,
        in_sample={lang: n for lang, n in chosen_on.items() if n},
        sets=of_strategy(
            task, level, strategy,
            lambda lang, one: one.rate(pairs[lang]), lambda lang, one: one.null(pairs[lang]),
        ),
        null_grids=nulls_of(
            summary, task, level, strategy, lambda _: lambda lang, one: one.rate(pairs[lang])
        ),
        gains=gains_of(
            task, level, strategy, lambda lang, one, at: one.at(pairs[lang], at),
            summary.manifest.nulls_of(strategy),
        ),
    )  # fmt: skip


def _grid(
    summary: Summary, task: TaskCounts, strategy: str, level: str, base: tuple[Any, ...]
) -> Iterator[Row]:
    tallies = tallies_of(task, strategy, level)
    every = combine(list(tallies.values()))
    last = summary.manifest.model["n_layers"] - 1
    searched = tuple(sorted(every.hits))
    shown = label_of(summary.manifest, strategy)

    def row(what: str, key: str, kind: str, rates: Rates, of: Any, **more: Any) -> Row:
        return Row(
            f"{shown} {what}", f"{strategy},{key}", kind, strategy, rates, (summary.name,),
            (*base, *_source(summary, strategy), key, of), complete=summary.complete, **more,
        )  # fmt: skip

    def grids(picked: Callable[[dict[str, Tally]], Pick]) -> dict[str, NullRates]:
        return nulls_of(summary, task, level, strategy, picked)

    nulls = summary.manifest.nulls_of(strategy)
    for pair in _own_rows(every, last):
        rates = {lang: one.rate(pair) for lang, one in tallies.items()}
        yield row(arrow(pair), arrow(pair), "pair", rates, (), pair=pair,
                  sets=_sets_at(task, level, strategy, pair),
                  null_grids=grids(at_pair(pair)),
                  gains=gains_of(task, level, strategy, _at(pair), nulls))  # fmt: skip
    if len(searched) < 2:
        return
    best = {lang: one.rate(every.best) for lang, one in tallies.items()}
    yield row(
        f"best of {len(searched)}: {arrow(every.best)}", "best", "best", best, searched,
        pair=every.best, cells=len(searched), sets=_sets_at(task, level, strategy, every.best),
        null_grids=grids(best_of), gains=gains_of(task, level, strategy, _at(every.best)),
    )  # fmt: skip
    if (fitted := cross_fit_of(task, level, strategy, nulls)) is not None:
        yield row(
            f"cross-fitted, {len(fitted.choosing.folds)} folds", "cross-fit", "cross-fit",
            fitted.rates, searched, cells=len(searched), null_grids=fitted.null_grids,
            gains=replace(fitted.gains, by_language={}), choosing=fitted.choosing, sets=fitted.sets,
        )  # fmt: skip
    for which, key, bound, some in _bounds(every, last):
        cells = bound(every).cells
        # Of one pair it would be that pair's own row, and of all of them the one above.
        if cells < 2 or (key and cells == len(searched)):
            continue

        def rate(_: str, one: Tally, bound: _OfTally = bound) -> Rate:
            return Rate(bound(one).right, one.n)

        def null(_: str, one: Tally, bound: _OfTally = bound) -> Rate:
            return Rate(bound(one).null, one.n, judged=bound(one).judged)

        yield row(
            f"upper bound{which}, best of {cells}", f"bound{key}", "bound",
            {lang: rate(lang, one) for lang, one in tallies.items()}, searched, cells=cells,
            nulls={lang: null(lang, one) for lang, one in tallies.items()},
            sets=of_strategy(task, level, strategy, rate, null),
            null_grids=grids(same(rate)),
            gains=gains_of(task, level, strategy, some, nulls, bound=True),
            curves={} if key else curves_of(task, level, strategy, nulls),
        )  # fmt: skip


def _own_rows(every: Tally, last: int) -> list[Pair]:
    """The pairs that have a row: all of a few, else the paper's coarse settings."""
    few = len(every.hits) <= _MOST_PAIRS
    return [pair for pair in (every.hits if few else ((last, 0), (0, 0))) if pair in every.hits]


def _sets_at(task: TaskCounts, level: str, name: str, pair: Pair) -> dict[str, SetRates]:
    """Of a strategy at one pair, or of a baseline at none, over the two sets."""
    return of_strategy(
        task, level, name, lambda _, one: one.rate(pair), lambda _, one: one.null(pair)
    )


_OfTally = Callable[[Tally], Bound]


def _at(pair: Pair) -> Picked:
    return lambda _, one, level: one.at(pair, level)


def _bounds(every: Tally, last: int) -> Iterator[tuple[str, str, _OfTally, Picked]]:
    """The bounds that have a row: what each is called, the end of its key, and what it is."""
    yield "", "", lambda one: one.overall, lambda _, one, level: one.some(level)
    if last in every.by_source:
        yield f" {last}→j", ",last→j", lambda one: one.by_source[last], (
            lambda _, one, level: one.some(level, source=last)
        )  # fmt: skip
    if 0 in every.by_target:
        yield " i→0", ",i→0", lambda one: one.by_target[0], (
            lambda _, one, level: one.some(level, target=0)
        )  # fmt: skip


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
