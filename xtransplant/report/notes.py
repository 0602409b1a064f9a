"""What a reader of a table has to know: its oracles, its nulls, what is missing and what is odd."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from xtransplant.report.rows import Row, arrow
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.style.words import ANOTHER_DTYPE, not_finite
from xtransplant.tasks.derangements import N_DERANGEMENTS

__all__ = ["Found", "notes_of", "tag"]

Found = Sequence[tuple[Summary, TaskCounts]]
"""The runs of a table, each with the task that the table is of."""


def tag(row: Row, found: Found) -> str:
    """`` (run 1)``: which of the table's runs say it; a note says what they are."""
    names = [summary.name for summary, _ in found]
    return f" (run {', '.join(str(names.index(run) + 1) for run in row.runs)})"


def notes_of(found: Found, rows: Sequence[Row]) -> Iterator[str]:
    if any(row.kind in ("best", "bound") for row in rows):
        yield (
            "† oracle: the pair (best) or each example's own pair (upper bound) was picked after "
            "seeing the answers; no one reaches this by choosing beforehand"
        )
    nulls = [rate for row in rows for rate in (row.nulls or {}).values()]
    if nulls:
        yield (
            "null: what many tries give by chance: the same upper bound with every example judged "
            f"by another one's answer, the mean over {N_DERANGEMENTS} seeded derangements of a "
            "language's examples, in which none gets its own answer"
        )
    if any(math.isnan(rate.value) for rate in nulls):
        yield (
            "null –: no other example has another answer that could be this one's, so what chance "
            "gives is not known"
        )
    yield from _states(found)
    for row in rows:
        if row.pairs is not None:
            pairs = ", ".join(f"{lang} {arrow(pair)}" for lang, pair in row.pairs.items())
            yield f"{row.label}: {pairs}"
        if row.in_sample:
            yield f"† in-sample: {row.label}: {_in_sample(row)}"
    if any(not row.complete for row in rows):
        yield "‡ counted over the parts that are there: its run is not complete"
    said: set[str] = set()
    for summary, task in found:
        entry = summary.manifest.tasks[task.name]
        if entry.task_rule and task.mode == "generate":
            yield (
                f"{summary.name} is judged by the rule {entry.rule}, not by the task's own, "
                f"{entry.task_rule}"
            )
        if not summary.complete:
            yield _incomplete(summary)
        for lang, why in task.left_out.items():
            if lang not in said:
                yield f"{lang} is left out: {why}"
                said.add(lang)
        for lang, ids in task.too_long.items():
            yield f"{lang}: {len(ids)} examples are left out, longer than the model reads"
    yield from _about_runs(found, rows)


def _in_sample(row: Row) -> str:
    """How many of a row's examples its pairs were chosen on, or would be by another run."""
    told = [
        f"{lang} {n} of {row.rates[lang].n}" if n > 0 else f"{lang} not known"
        for lang, n in (row.in_sample or {}).items()
    ]
    chosen = (
        "the pair is the best of another of these runs on" if row.kind == "pair"
        else "its pairs were chosen on"
    )  # fmt: skip
    return f"of the examples it is counted by, {chosen}: {', '.join(told)}"


def _incomplete(summary: Summary) -> str:
    """Which parts a run lacks."""
    total = len(list(summary.manifest.parts()))
    where = Counter(f"{part.task} {part.lang}" for part in summary.absent)
    each = ", ".join(f"{name} {count}" for name, count in where.items())
    though = ", though its manifest says complete" if summary.manifest.finished else ""
    return (
        f"{summary.name} is not complete{though}: {summary.missing} of {total} parts are missing "
        f"({each}); run its xtp bench command again"
    )


def _about_runs(found: Found, rows: Sequence[Row]) -> Iterator[str]:
    """Which run is which, where rows are told apart by it or counted over other examples."""
    items = [
        {lang: summary.manifest.tasks[task.name].languages[lang].digest for lang in task.languages}
        for summary, task in found
    ]
    shared = set.intersection(*(set(one) for one in items))
    differ = any(len({one[lang] for one in items}) > 1 for lang in shared)
    if not differ and not any(row.label.endswith(tag(row, found)) for row in rows):
        return
    for number, (summary, task) in enumerate(found, 1):
        counts = ", ".join(
            f"{lang} {counts.vanilla['match'].n}" for lang, counts in task.languages.items()
        )
        pairs = summary.manifest.config.get("pairs", "")
        yield f"run {number} is {summary.name}: pairs {pairs}; examples: {counts}"
    if differ:
        yield "these runs have other examples: their rows are not to be compared one by one"


def _states(found: Found) -> Iterator[str]:
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
