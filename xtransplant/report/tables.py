"""Tables of runs: what each row says, before any format is chosen.

Rows that could only be reached by looking at the answers (an upper bound, the best pair in
hindsight) are marked as oracles, and a bound is always followed by its null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xtransplant.report.words import ANOTHER_DTYPE, not_finite
from xtransplant.stats.rates import Rate, macro, micro, spread
from xtransplant.stats.summary import LanguageCounts, Summary, TaskCounts
from xtransplant.stats.tally import Bound, Tally, together
from xtransplant.tasks.derangements import N_DERANGEMENTS

__all__ = ["Row", "Table", "arrow", "make_tables"]

Pair = tuple[int, int]
_MOST_PAIRS = 8  # of a strategy, up to which each has a row


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: what it is.
        kind: ``vanilla``, ``source``, ``pair``, ``pilot``, ``best``, ``bound``, ``null``.
        strategy: its strategy; empty without a transplant.
        rates: by language.
        pairs: by language, where each has its own.
        run: name of the run it comes from.
    """

    label: str
    kind: str
    strategy: str
    rates: dict[str, Rate]
    pairs: dict[str, Pair]
    run: str

    @property
    def oracle(self) -> bool:
        """Whether it was reached by looking at the answers."""
        return self.kind in ("best", "bound")

    @property
    def micro(self) -> Rate:
        """All examples together."""
        return micro(list(self.rates.values()))

    @property
    def macro(self) -> tuple[float, float]:
        """The mean over languages, and its standard error."""
        return macro(list(self.rates.values()))

    @property
    def spread(self) -> float:
        """Standard deviation over languages."""
        return spread(list(self.rates.values()))


@dataclass(frozen=True)
class Table:
    """One task and split, of one or more runs.

    Attributes:
        level: ``strict``, ``match`` or ``lenient``.
        languages: columns, in the task's order.
        notes: what a reader has to know; one sentence each.
    """

    task: str
    split: str
    mode: str
    level: str
    models: tuple[str, ...]
    languages: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        models = ", ".join(self.models)
        return f"{self.task}, {self.split} split, {models}: percent right ({self.how})"

    @property
    def how(self) -> str:
        """What counts as right, in a few words."""
        if self.mode == "score":
            words = {
                "strict": "the likeliest candidate, begun by the next token",
                "match": "the likeliest candidate",
                "lenient": "the likeliest candidate, by sum or per character",
            }
        else:
            words = {
                "strict": "the answer alone, as asked for",
                "match": "the task's matching rule",
                "lenient": "the answer first, however it is said",
            }
        return words[self.level]


def make_tables(summaries: Sequence[Summary], level: str = "match") -> list[Table]:
    """One table per task, split and mode, with the rows of every run that has it."""
    groups: dict[tuple[str, str, str], list[tuple[Summary, TaskCounts]]] = {}
    for summary in summaries:
        for task in summary.tasks.values():
            if task.languages:
                groups.setdefault((task.name, task.split, task.mode), []).append((summary, task))
    return [_table(key, found, level) for key, found in groups.items()]


def _table(
    key: tuple[str, str, str], found: Sequence[tuple[Summary, TaskCounts]], level: str
) -> Table:
    languages = tuple(dict.fromkeys(lang for _, task in found for lang in task.languages))
    models = tuple(dict.fromkeys(_model(summary) for summary, _ in found))
    rows: list[Row] = []
    for summary, task in found:
        whose = f" [{_model(summary)}]" if len(models) > 1 else ""
        for row in _rows(summary, task, level, whose):
            same = [one for one in rows if one.label == row.label]
            if any(one.rates == row.rates and one.pairs == row.pairs for one in same):
                continue  # another run of the same model says the same
            rows.append(row if not same else _from(row, summary.name))
    order = list(dict.fromkeys(row.strategy for row in rows))
    rows.sort(key=lambda row: (order.index(row.strategy), row.kind != "pilot"))
    return Table(*key, level, models, languages, tuple(rows), tuple(_notes(found, rows)))


def _rows(summary: Summary, task: TaskCounts, level: str, whose: str) -> Iterator[Row]:
    def row(label: str, kind: str, strategy: str, rates: Mapping[str, Rate]) -> Row:
        return Row(label + whose, kind, strategy, dict(rates), {}, summary.name)

    own = task.languages
    yield row("vanilla (target)", "vanilla", "", {k: v.vanilla[level] for k, v in own.items()})
    yield row("vanilla (source)", "source", "", {k: v.source[level] for k, v in own.items()})
    for strategy in summary.manifest.strategies:
        tallies = _tallies(own, strategy, level)
        if not tallies:
            continue
        entry = summary.manifest.tasks[task.name]
        if any(language.pairs for language in entry.languages.values()):
            pairs = {lang: next(iter(one.hits)) for lang, one in tallies.items()}
            rates = {lang: one.rate(pairs[lang]) for lang, one in tallies.items()}
            label = f"{strategy}, pilot pairs"
            yield Row(label + whose, "pilot", strategy, rates, pairs, summary.name)
            continue
        yield from _grid_rows(strategy, tallies, row, summary.manifest.model["n_layers"])


def _grid_rows(
    strategy: str,
    tallies: dict[str, Tally],
    row: Callable[[str, str, str, Mapping[str, Rate]], Row],
    n_layers: int,
) -> Iterator[Row]:
    every = together(list(tallies.values()))
    last = n_layers - 1
    shown = list(every.hits)
    if len(shown) > _MOST_PAIRS:
        # The paper's coarse settings.
        shown = [pair for pair in ((last, 0), (0, 0)) if pair in every.hits]
    for pair in shown:
        rates = {lang: one.rate(pair) for lang, one in tallies.items()}
        yield row(f"{strategy} {arrow(pair)}", "pair", strategy, rates)
    if not every.is_grid:
        return
    rates = {lang: one.rate(every.best) for lang, one in tallies.items()}
    yield row(f"{strategy} {arrow(every.best)} best", "best", strategy, rates)
    yield from _bounds(strategy, "", row, tallies, lambda one: one.overall)
    if len(every.by_source) > 1 and len(every.by_target) > 1:
        if last in every.by_source:
            name = f" {last}→j"
            yield from _bounds(strategy, name, row, tallies, lambda one: one.by_source[last])
        if 0 in every.by_target:
            yield from _bounds(strategy, " i→0", row, tallies, lambda t: t.by_target[0])


def _bounds(
    strategy: str,
    which: str,
    row: Callable[[str, str, str, Mapping[str, Rate]], Row],
    tallies: dict[str, Tally],
    bound: Callable[[Tally], Bound],
) -> Iterator[Row]:
    label = f"{strategy} upper bound{which}"
    rates = {lang: Rate(bound(one).right, one.n) for lang, one in tallies.items()}
    yield row(label, "bound", strategy, rates)
    nulls = {lang: Rate(bound(one).null, one.n) for lang, one in tallies.items()}
    yield row(f"{label}, null", "null", strategy, nulls)


def _notes(found: Sequence[tuple[Summary, TaskCounts]], rows: Sequence[Row]) -> Iterator[str]:
    if any(row.oracle for row in rows):
        yield (
            "† oracle: the pair (best) or each example's own pair (upper bound) was picked after "
            "seeing the answers; no one reaches this by choosing beforehand"
        )
    nulls = [row for row in rows if row.kind == "null"]
    if nulls:
        yield (
            "null: what many tries give by chance: the same upper bound with every example judged "
            f"by another one's answer, the mean over {N_DERANGEMENTS} seeded derangements of a "
            "language's examples, in which none gets its own answer"
        )
    if any(math.isnan(rate.value) for row in nulls for rate in row.rates.values()):
        yield (
            "null –: no other example has another answer that could be this one's, so what chance "
            "gives is not known"
        )
    yield from _states(found)
    for row in rows:
        if row.kind == "pilot":
            pairs = ", ".join(f"{lang} {arrow(pair)}" for lang, pair in row.pairs.items())
            yield f"{row.label}: {pairs}"
    said: set[str] = set()
    for summary, task in found:
        if summary.missing:
            yield f"{summary.name} is not complete: {summary.missing} parts are missing"
        for lang, why in task.left_out.items():
            if lang not in said:
                yield f"{lang} is left out: {why}"
                said.add(lang)
        for lang, ids in task.too_long.items():
            yield f"{lang}: {len(ids)} examples are left out, longer than the model reads"


def _states(found: Sequence[tuple[Summary, TaskCounts]]) -> Iterator[str]:
    """Cells that are not finite, and strategies that change nothing."""
    for summary, task in found:
        states = [
            (name, state) for one in task.languages.values() for name, state in one.states.items()
        ]
        if n_bad := sum(state.not_finite for _, state in states):
            total = sum(state.n for _, state in states)
            yield (
                f"{summary.name}: {not_finite(n_bad, total)} and count as wrong; {ANOTHER_DTYPE}"
            )
        for name in summary.manifest.strategies:
            own = [state for strategy, state in states if strategy == name]
            if own and all(state.unchanged == state.n for state in own) and name != "none":
                yield (
                    f"{name} changes nothing: in every cell of {summary.name} the target's own "
                    "answer, its probabilities alike"
                )


def _tallies(languages: dict[str, LanguageCounts], strategy: str, level: str) -> dict[str, Tally]:
    return {
        lang: counts.strategies[strategy][level]
        for lang, counts in languages.items()
        if strategy in counts.strategies
    }


def _model(summary: Summary) -> str:
    from xtransplant.report.words import model_label

    return model_label(summary.manifest.model["name"])


def _from(row: Row, run: str) -> Row:
    return Row(f"{row.label} ({run})", row.kind, row.strategy, row.rates, row.pairs, row.run)


def arrow(pair: Pair) -> str:
    """``6→1``."""
    return f"{pair[0]}→{pair[1]}"
