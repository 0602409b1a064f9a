"""Notes below a table: its oracles, its nulls, what is missing and what is odd."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from xtransplant.report.nulls import about_nulls
from xtransplant.report.row import Row, arrow, common_pair
from xtransplant.report.summary import Summary, TaskRun
from xtransplant.runs.options import swept_options
from xtransplant.style.words import ANOTHER_DTYPE, say_not_finite
from xtransplant.tasks.derangements import N_DERANGEMENTS

__all__ = ["notes_of", "run_tag"]


def run_tag(row: Row, runs: Sequence[TaskRun]) -> str:
    """`` (run 1)``: the numbers of the runs that a row is of; a note says which run is which."""
    names = [summary.name for summary, _ in runs]
    return f" (run {', '.join(str(names.index(run) + 1) for run in row.runs)})"


def notes_of(runs: Sequence[TaskRun], rows: Sequence[Row]) -> Iterator[str]:
    """The notes of a table, a sentence each.

    Args:
        runs: the runs of the table.
        rows: its rows, labelled as they are shown.
    """
    yield from _about_oracles(rows)
    yield from about_nulls(row.null_grids for row in rows)
    yield from _about_sweeps(runs)
    yield from _about_baselines(runs, rows)
    for summary, _ in runs:
        if further := summary.manifest.config.get("sources"):
            yield (
                f"{summary.name}: source.mean is the mean over the source and its counterparts in "
                f"{', '.join(further)}"
            )
    yield from _about_states(runs)
    yield from _about_pairs(rows)
    if any(not row.complete for row in rows):
        yield "‡ counted over the parts that are there: its run is not complete"
    yield from _about_examples(runs)
    yield from _about_runs(runs, rows)


def _about_oracles(rows: Sequence[Row]) -> Iterator[str]:
    """What an oracle and its null are."""
    if any(row.kind in ("best", "bound") for row in rows):
        yield (
            "† oracle: the pair (best) or each example's own pair (upper bound) was picked after "
            "seeing the answers; no one reaches this by choosing beforehand"
        )
    nulls = [rate for row in rows for rate in (row.nulls or {}).values()]
    if nulls:
        yield (
            "its null: what many tries give by chance: the same upper bound with every example "
            f"judged by another one's answer, the mean over {N_DERANGEMENTS} seeded derangements "
            "of a language's examples, in which none gets its own answer; its n are the examples "
            "that another's answer can be given to, and its error is of these alone"
        )
    if any(math.isnan(rate.value) for rate in nulls):
        yield (
            "null –: no other example has another answer that could be this one's, so what chance "
            "gives is not known"
        )


def _about_sweeps(runs: Sequence[TaskRun]) -> Iterator[str]:
    """That the best of several values is no result either."""
    found = dict[tuple[str, tuple[str, ...]], int]()
    for summary, _ in runs:
        for strategy, entry in summary.manifest.strategies.items():
            if swept := swept_options(summary.manifest, strategy):
                key = str(entry.get("name", strategy)), swept
                found[key] = found.get(key, 0) + 1
    for (name, swept), n in found.items():
        yield (
            f"{name} has {n} values of {' and '.join(swept)} here: the best of them, picked from "
            "these rows, is an oracle too (†); xtp pilot chooses a value on other examples"
        )


def _about_baselines(runs: Sequence[TaskRun], rows: Sequence[Row]) -> Iterator[str]:
    """What stands in the target's place, and in whose language the prompts are judged."""
    if not any(row.kind == "baseline" for row in rows):
        return
    yield (
        "baselines move no activation and are judged as the target is, by its candidates and "
        "answers; vanilla (source) is judged in the source's language, by its own"
    )
    for summary, task in runs:
        entry = summary.manifest.tasks[task.name]
        for name, shots in entry.baselines.items():
            if shots:
                each = "; ".join(f"{lang} {', '.join(ids)}" for lang, ids in shots.items())
                yield (
                    f"{name}: before each target these items' source prompts and answers, drawn "
                    f"from the {entry.shots} split and none of them evaluated: {each}"
                )


def _about_states(runs: Sequence[TaskRun]) -> Iterator[str]:
    """Cells that are not finite, and strategies that change nothing."""
    for summary, task in runs:
        states = [
            (name, state) for one in task.languages.values() for name, state in one.states.items()
        ]
        if n_bad := sum(state.not_finite for _, state in states):
            total = sum(state.n for _, state in states)
            said = say_not_finite(n_bad, total)
            yield f"{summary.name}: {said} and count as wrong; {ANOTHER_DTYPE}"
        for name in summary.manifest.strategies:
            own = [state for strategy, state in states if strategy == name]
            if own and all(state.unchanged == state.n for state in own) and name != "none":
                yield (
                    f"{name} changes nothing: in every cell of {summary.name} the target's own "
                    "answer, its probabilities alike"
                )


def _about_pairs(rows: Sequence[Row]) -> Iterator[str]:
    """Which pair each language has, and on which examples it was chosen."""
    for row in rows:
        # One pair of all languages stands in the label.
        if row.pairs is not None and common_pair(row.pairs) is None:
            pairs = ", ".join(f"{lang} {arrow(pair)}" for lang, pair in row.pairs.items())
            yield f"{row.label}: {pairs}"
        if row.in_sample:
            yield f"† in-sample: {row.label}: {_in_sample(row)}"


def _in_sample(row: Row) -> str:
    """On how many of a row's examples its pairs were chosen, or would be by another run."""
    counts = [
        f"{lang} {n} of {row.rates[lang].n}" if n > 0 else f"{lang} not known"
        for lang, n in (row.in_sample or {}).items()
    ]
    chosen = (
        "the pair is the best of another of these runs on" if row.kind == "pair"
        else "its pairs were chosen on"
    )  # fmt: skip
    return f"of the examples it is counted by, {chosen}: {', '.join(counts)}"


def _about_examples(runs: Sequence[TaskRun]) -> Iterator[str]:
    """Another rule than the task's; parts, languages and examples that are not there."""
    named: set[str] = set()
    for summary, task in runs:
        entry = summary.manifest.tasks[task.name]
        if entry.task_rule and task.mode == "generate":
            yield (
                f"{summary.name} is judged by the rule {entry.rule}, not by the task's own, "
                f"{entry.task_rule}"
            )
        if not summary.complete:
            yield _incomplete(summary)
        for lang, why in task.left_out.items():
            if lang not in named:
                yield f"{lang} is left out: {why}"
                named.add(lang)
        for lang, ids in task.too_long.items():
            yield f"{lang}: {len(ids)} examples are left out, longer than the model reads"


def _incomplete(summary: Summary) -> str:
    """Which parts a run lacks."""
    where = Counter(f"{part.task} {part.lang}" for part in summary.absent)
    each = ", ".join(f"{name} {count}" for name, count in where.items())
    though = ", though its manifest says complete" if summary.manifest.finished else ""
    return (
        f"{summary.name} is not complete{though}: {summary.missing} of {summary.n_parts} parts are "
        f"missing ({each}); run its xtp bench command again"
    )


def _about_runs(runs: Sequence[TaskRun], rows: Sequence[Row]) -> Iterator[str]:
    """Which run is which, where rows are tagged with it or counted over other examples."""
    items = [
        {lang: summary.manifest.tasks[task.name].languages[lang].digest for lang in task.languages}
        for summary, task in runs
    ]
    shared = set.intersection(*(set(one) for one in items))
    differ = any(len({one[lang] for one in items}) > 1 for lang in shared)
    if not differ and not any(row.label.endswith(run_tag(row, runs)) for row in rows):
        return
    for number, (summary, task) in enumerate(runs, 1):
        counts = ", ".join(
            f"{lang} {counts.vanilla['match'].n}" for lang, counts in task.languages.items()
        )
        pairs = summary.manifest.pairs_text
        yield f"run {number} is {summary.name}: pairs {pairs}; examples: {counts}"
    if differ:
        yield "these runs have other examples: their rows are not to be compared one by one"
