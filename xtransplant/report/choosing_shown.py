"""What a report says of choosing a layer pair, as cells of a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xtransplant.report.choosing import Choices, Choosing
from xtransplant.report.gain_table import points
from xtransplant.report.gains import gain_numbers
from xtransplant.stats.gains import Gain
from xtransplant.style.escape import json_number

__all__ = ["CHOOSING_HEADS", "CHOOSING_NOTE", "choosing_cells", "choosing_metrics", "say_choices"]

CHOOSING_HEADS = (
    "n", "in-sample (95%)", "n", "held out (95%)", "winner's curse (95%)", "chosen most often"
)  # fmt: skip
CHOOSING_NOTE = (
    "points over vanilla. in-sample: the best pair on the very examples that chose it; held out: "
    "each example by a pair that it did not help to choose (cross-fitted: items are dealt to folds "
    "with all their languages and each fold is counted by the pair that the others choose, 95% by "
    "bootstraps that choose anew; pilot: the unseen examples); winner's curse: the first less the "
    "second, by how much the choice flatters itself; chosen most often: in what share of 999 "
    "bootstraps of the items that chose, each with all its languages, each pair is the best"
)


def choosing_cells(one: Choosing) -> Iterator[tuple[str, list[str]]]:
    """The cells of a row's lines under :data:`CHOOSING_HEADS`, by language; its own come first."""
    inside = ["–", "–"] if one.in_sample is None else _gain_cells(one.in_sample)
    curse = points(one.curse, one.curse_ci95)
    together = one.choices.get("")
    often = "by language:" if together is None else say_choices(together)
    yield "", [*inside, *_gain_cells(one.held_out), curse, often]
    for lang, own in one.choices.items():
        if lang:
            yield lang, [str(own.n), "", "", "", "", say_choices(own)]


def _gain_cells(one: Gain) -> list[str]:
    return [str(one.n), points(one.value, one.ci95)]


def say_choices(one: Choices) -> str:
    """``1→1 41%, 6→2 20%, 5→0 10%, 12 others 29%``."""
    first, others, rest = one.most
    word = "other" if others == 1 else "others"
    said = [f"{i}→{j} {100 * share:.0f}%" for (i, j), share in first]
    return ", ".join([*said, *[f"{others} {word} {100 * rest:.0f}%"] * (others > 0)])


def choosing_metrics(
    one: Choosing | None, metric: str, lang: str | None = None
) -> Iterator[tuple[str, Any]]:
    """What JSON says of a row's choice, by the beginnings of its keys.

    Args:
        one: of the row.
        metric: ``acc``, ``acc_strict`` or ``acc_lenient``.
        lang: of one language, how it was chosen; of all together by default.
    """
    if one is None:
        return
    if (own := one.choices.get(lang or "")) is not None:
        first, others, rest = own.most
        yield f"{metric}_chosen", [{"pair": list(pair), "share": share} for pair, share in first]
        yield f"{metric}_chosen_others", {"pairs": others, "share": json_number(rest)}
        yield f"{metric}_chosen_n", own.n
    if lang is not None:
        return
    if one.folds:
        yield f"{metric}_fold_pairs", [list(pair) for pair in one.folds]
    if one.in_sample is not None:
        yield from gain_numbers(one.in_sample, f"{metric}_in_sample", interval=True).items()
        yield f"{metric}_in_sample_n", one.in_sample.n
        yield f"{metric}_winners_curse", json_number(one.curse)
        yield f"{metric}_winners_curse_ci95", [json_number(end) for end in one.curse_ci95]
