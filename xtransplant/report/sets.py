"""What a transplant mends of the knowledge gap, and what it keeps of what both prompts answer.

The gap is what the source answers and the target does not; shared is what both answer. So without a
transplant none of the gap is right, and all of what is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xtransplant.report.counted import Counted
from xtransplant.report.summary import COUNTED_SETS, LanguageCounts, TaskCounts, TaskRun
from xtransplant.runs.columns import SOURCE
from xtransplant.stats.rates import Rate, micro
from xtransplant.stats.tally import Tally
from xtransplant.style.escape import json_number

__all__ = [
    "HEADS", "SetRates", "Sets", "about_sets", "are_known", "of_prompt", "of_strategy",
    "prompt_sets", "rate_metrics", "set_cells", "set_columns", "set_metrics", "tallies_of_sets",
]  # fmt: skip

HEADS = ("mended", "% (95%)", "null", "kept", "% (95%)")
"""Of the columns that :func:`set_cells` fills."""


@dataclass(frozen=True)
class SetRates:
    """A row of a table, over the examples of one set.

    Attributes:
        rates: by language; only of those in which the sets are known.
        nulls: by other examples' answers, by language; None of a prompt without a transplant.
        every: all languages together, with errors over items; where answers are known.
    """

    rates: dict[str, Rate]
    nulls: dict[str, Rate] | None = None
    every: Rate | None = None

    @property
    def micro(self) -> Rate:
        """All examples together."""
        return self.every or micro(list(self.rates.values()))


Sets = dict[str, SetRates]
"""By name, ``gap`` and ``shared``; empty where they are known in no language."""


def prompt_sets(
    counts: LanguageCounts, level: str, prompt: str
) -> dict[str, tuple[Rate, Rate | None]]:
    """Of a prompt without a transplant in one language, by set: right by construction, or never.

    Args:
        counts: of the language.
        level: ``strict``, ``match`` or ``lenient``.
        prompt: ``vanilla`` for the target, or ``source``.
    """
    if level not in counts.sets:
        return {}
    right = COUNTED_SETS if prompt == SOURCE else {"shared"}
    return {
        name: (Rate(n if name in right else 0, n), None)
        for name, n in counts.sets[level].ran.items()
    }


def are_known(counts: LanguageCounts, level: str) -> bool:
    """Whether of any example of a language it is known which set it is in."""
    return level in counts.sets and any(counts.sets[level].sizes.values())


def tallies_of_sets(counts: LanguageCounts, level: str, strategy: str) -> dict[str, Tally]:
    """Of a strategy in one language, by set; empty where that is not known."""
    if level not in counts.sets:
        return {}
    tallies = counts.sets[level].tallies
    return {name: own[strategy] for name, own in tallies.items() if strategy in own}


def of_prompt(task: TaskCounts, level: str, prompt: str) -> Sets:
    """Of a prompt without a transplant, language by language; see :func:`prompt_sets`."""
    found: dict[str, dict[str, Rate]] = {}
    for lang, counts in task.languages.items():
        for name, (rate, _) in prompt_sets(counts, level, prompt).items():
            found.setdefault(name, {})[lang] = rate
    return {name: SetRates(rates) for name, rates in found.items()}


def of_strategy(task: TaskCounts, level: str, strategy: str, counted: Counted) -> Sets:
    """Of a strategy.

    Args:
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        strategy: its name.
        counted: what the row counts, of a set as of all examples.
    """
    found: Sets = {}
    for name in COUNTED_SETS:
        by_language = {
            lang: tallies_of_sets(counts, level, strategy)
            for lang, counts in task.languages.items()
        }
        own = {lang: tallies[name] for lang, tallies in by_language.items() if tallies}
        if own:
            found[name] = SetRates(
                {lang: counted.rate(lang, one) for lang, one in own.items()},
                {lang: counted.null(lang, one) for lang, one in own.items()},
            )
    return found


def set_cells(sets: Sets) -> list[str]:
    """A row's cells under :data:`HEADS`, all languages together."""
    cells = []
    for name in COUNTED_SETS:
        one = sets.get(name)
        rate = Rate(0, 0) if one is None else one.micro
        cells += _rate_cells(rate)
        if name == "gap":
            nulls = None if one is None or one.nulls is None else list(one.nulls.values())
            cells.append("" if nulls is None else _judged(micro(nulls)))
    return cells


def _rate_cells(rate: Rate) -> list[str]:
    """``12 of 30`` and ``40.0 (25–58)``."""
    if not rate.n:
        return ["–", "–"]
    low, high = rate.ci95
    interval = f"({100 * low:.0f}–{100 * high:.0f})"
    return [f"{rate.right:.0f} of {rate.n}", f"{_percent(rate)} {interval}"]


def _judged(null: Rate) -> str:
    """``4.9``; of fewer examples than the set has, ``4.9 (of 12)``."""
    unknown = null.known == null.n or null.right != null.right
    return _percent(null) + ("" if unknown else f" (of {null.known})")


def _percent(rate: Rate) -> str:
    known = rate.n and rate.right == rate.right
    return f"{100 * rate.value:.1f}" if known else "–"


def set_columns(sets: dict[str, tuple[Rate, Rate | None]]) -> dict[str, Any]:
    """The columns of a CSV's row: right, n, interval and null, by set; None where not known."""
    found: dict[str, Any] = {}
    for name in COUNTED_SETS:
        rate, null = sets.get(name, (None, None))
        low, high = (None, None) if rate is None else rate.ci95
        found |= {
            f"{name}_right": None if rate is None else rate.right,
            f"{name}_n": None if rate is None else rate.n,
            f"{name}_ci95_low": low,
            f"{name}_ci95_high": high,
            f"{name}_null": None if null is None else null.value,
        }
    return found


def rate_metrics(rate: Rate, key: str) -> dict[str, Any]:
    """What JSON says of a rate under a key: its value, its examples and its interval."""
    return {
        key: json_number(rate.value),
        f"{key}_n": rate.n,
        f"{key}_ci95": [json_number(end) for end in rate.ci95],
    }


def set_metrics(sets: Sets, metric: str, lang: str | None = None) -> dict[str, Any]:
    """What JSON says of a row, by the beginnings of its keys.

    Args:
        sets: of the row.
        metric: ``acc``, ``acc_strict`` or ``acc_lenient``.
        lang: of one language; of all together by default.
    """
    found: dict[str, Any] = {}
    for name, one in sets.items():
        langs = list(one.rates) if lang is None else [lang] * (lang in one.rates)
        if not langs:
            continue
        rate = one.micro if lang is None else one.rates[lang]
        found |= rate_metrics(rate, f"{metric}_{name}")
        if one.nulls is not None:
            null = micro([one.nulls[key] for key in langs])
            found[f"{metric}_{name}_null"] = json_number(null.value)
    return found


def about_sets(runs: Sequence[TaskRun], level: str) -> Iterator[str]:
    """Notes: how many examples are in each set, how to read it, and where it is not known."""
    for summary, task in runs:
        own = [counts.sets[level] for counts in task.languages.values() if level in counts.sets]
        if not own:
            again = summary.manifest.config.get("log_samples", True)
            how = f"; xtp rescore {summary.path} tells" if again else ""
            yield (
                f"{summary.name}: the gap is not known: the run was begun by an older "
                f"xtransplant{how}"
            )
            continue
        sizes = {name: sum(one.sizes[name] for one in own) for name in own[0].sizes}
        total, unknown = sum(sizes.values()), sum(one.unknown for one in own)
        if total:
            yield (
                f"{summary.name}: of {total} examples the source alone is answered in "
                f"{sizes['gap']} (gap), both prompts in {sizes['shared']} (shared), the target "
                f"alone in {sizes['target']}, neither in {sizes['neither']}"
            )
        if summary.manifest.only != "all":
            n = sum(counts.vanilla["match"].n for counts in task.languages.values())
            yield (
                f"{summary.name} ran the grids of {n} examples alone, the {summary.manifest.only} "
                "ones by match when it was run; its other examples had their two prompts run"
            )
        if chosen_on := summary.manifest.config.get("chosen_on"):
            yield f"{summary.name}: its pairs were chosen on the {chosen_on} examples alone"
        if unknown:
            yield (
                f"{summary.name}: of {unknown} examples it is not known which are the gap: nothing "
                "says what is right after their source, in its language; a file says it in "
                "source_candidates or source_answer (docs/bench.md)"
            )
        if any(level not in counts.sets for counts in task.languages.values()):
            yield f"{summary.name}: the gap is not known in every language; xtp rescore tells"
    if any(are_known(counts, level) for _, task in runs for counts in task.languages.values()):
        yield (
            "the gap is chosen by the target's errors and shared by its successes, so whatever "
            "changes answers mends some of one and breaks some of the other by chance: hold mended "
            "against its null (right by another example's answer, where the target alone does not "
            "give that one; null (of k): of only k examples of the gap there is such an answer)"
        )
