"""What choosing a cell for each example gives, as tables and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from xtransplant.report.gain_table import points
from xtransplant.report.per_example import ChoiceRow, Choices
from xtransplant.report.text_grid import TextGrid, TextLine
from xtransplant.stats.gains import Gain
from xtransplant.stats.share import Share
from xtransplant.style.escape import json_number, json_text

__all__ = ["choices_grid", "choices_json"]

_HEADS = (
    "n", "right (95%)", "over vanilla (95%)", "p", "over fixed pair (95%)", "share of gap (95%)",
    "decided", "abstains", "variants",
)  # fmt: skip
_LABELS = {
    "vanilla": "vanilla (target)",
    "source": "vanilla (source)",
    "fixed": "pilot's pair, fixed",
    "majority": "majority of the cells",
    "confidence": "highest confidence",
    "agreement": "agreement with the source",
    "model": "small model, calibrated",
    "blind-model": "small model without the source",
    "oracle": "oracle †",
}
_NOTES = (
    "no method reads an answer of the examples it is counted on; percent right and points; 95%: "
    "bootstrap of items, each with all its languages; decided: examples on which a rule had what "
    "it goes by; abstains: left to vanilla; variants: "
    "transplants to run for one example, beside the source and target prompts",
    "majority: what most cells say; highest confidence: the likeliest candidate that is the most "
    "probable, of cells and vanilla; agreement: the most confident cell that says what the source "
    "prompt says by itself, vanilla where it says so or no cell does; small model: the cell with "
    "the highest calibrated chance to be right, vanilla where that is no lower; oracle: vanilla or "
    "any cell is right, an upper bound that looked at the answers",
    "agreement and the small model read what the source prompt says: hold them to vanilla "
    "(source), which needs no transplant",
)


def choices_grid(one: Choices) -> TextGrid:
    """A strategy's table."""
    lines = [
        TextLine(_LABELS[row.name], _cells(row), one.strategy, oracle=row.name == "oracle",
                 null=row.name == "source")
        for row in one.rows
    ]  # fmt: skip
    title = f"{one.task}, {one.split} split: {one.strategy}, a cell for each example ({one.about})"
    return TextGrid(title, list(_HEADS), lines, (*_NOTES, *_own_notes(one), *one.notes))


def _own_notes(one: Choices) -> list[str]:
    gap, luck = one.gap.value, one.luck
    found = [
        f"share of gap: points over vanilla, or over what the method makes of the {one.null} if "
        "that is better, / (oracle less the null's oracle); the oracle has "
        f"{100 * gap:+.1f} points over vanilla, of which {100 * luck:.1f} are the null's too; – "
        "where what is left is not above 0 with 95%"
    ]
    found += [note for row in one.rows for note in (*_decided(row), *_left_to_vanilla(row))]
    return found + [
        f"{_LABELS[row.name]}, its chance for what it chose: mean {100 * c.said:.1f}%, "
        f"right {100 * c.right:.1f}%, Brier {c.brier:.3f}, ECE {c.ece:.3f} (n {c.n})"
        for row in one.rows
        if (c := row.calibration) is not None
    ]


# By a rule: what vanilla does where the rule takes it, and what is missing where it decides not.
_UNDECIDED = {
    "majority": ("says so itself", "no cell says an answer"),
    "confidence": ("is the likeliest itself", "no option has a probability"),
    "agreement": ("says so itself", "no option says what the source prompt says"),
}


def _decided(row: ChoiceRow) -> Iterator[str]:
    """On how many examples a rule took a cell or vanilla, and on how many it could not decide."""
    if row.decided is None or row.abstained is None:
        return
    n, (itself, missing) = len(row.right), _UNDECIDED[row.name]
    left, cells = n - row.decided, n - row.abstained
    yield (
        f"{_LABELS[row.name]}: decided on {row.decided} of {n}, a cell on {cells} and vanilla on "
        f"{row.decided - cells}, which {itself}; {left} left to vanilla as {missing}"
    )


def _left_to_vanilla(row: ChoiceRow) -> Iterator[str]:
    """By which rule a small model took vanilla, and where all its cells had one chance."""
    if row.model is None:
        return
    taken, flat = row.model.chosen == 0, row.model.flat_cells != ""
    parts = [
        f"{int((taken & ~flat).sum())} as no cell's chance is above vanilla's own",
        f"{int((taken & flat).sum())} as no chances of cells were learnt and the share of right "
        "ones, (right + 1) / (n + 2), is not above vanilla's",
    ]
    name = _LABELS[row.name]
    yield f"{name}: {int(taken.sum())} of {len(taken)} left to vanilla, {' and '.join(parts)}"
    for what, why in (("cells", row.model.flat_cells), ("vanilla", row.model.flat_vanilla)):
        for said in sorted({one for one in why.tolist() if one}):
            yield (
                f"{name}: for {int((why == said).sum())} of {len(why)} examples it had learnt no "
                f"chances of {what}, as in training {said}: every one has the share of right ones"
                + (", ties between cells as a pilot's" if what == "cells" else "")
            )


def _cells(row: ChoiceRow) -> list[str]:
    n = len(row.right)
    return [
        str(n), _rate(row.over_none), _points(row.over_vanilla),
        "" if row.over_vanilla is None else _p(row.over_vanilla.p), _points(row.over_fixed),
        _share(row.share),
        "" if row.decided is None else f"{row.decided} of {n}",
        "" if row.abstained is None else f"{row.abstained} of {n}",
        "" if row.name in ("vanilla", "source") else str(row.variants),
    ]  # fmt: skip


def _rate(one: Gain) -> str:
    low, high = (100 * end for end in one.ci95)
    return f"{100 * one.value:.1f} ({'–' if math.isnan(low) else f'{low:.1f} to {high:.1f}'})"


def _p(p: float) -> str:
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _points(one: Gain | None) -> str:
    return "" if one is None else points(one.value, one.ci95)


def _share(one: Share | None) -> str:
    if one is None:
        return ""
    if math.isnan(one.value):
        return "–"
    low, high = one.ci95
    return f"{100 * one.value:.0f}% ({100 * low:.0f} to {100 * high:.0f})"


def choices_json(choices: Sequence[Choices]) -> str:
    """All of it; shares, not percent."""
    return json_text([_about(one) for one in choices])


def _about(one: Choices) -> dict[str, Any]:
    return {
        "task": one.task, "split": one.split, "strategy": one.strategy, "level": one.level,
        "learnt": one.about, "n": one.n, "items": one.items,
        "oracle_gain": json_number(one.gap.value), "null": one.null,
        "null_oracle_gain": json_number(one.luck),
        "methods": {row.name: _numbers(row) for row in one.rows}, "notes": list(one.notes),
    }  # fmt: skip


def _numbers(row: ChoiceRow) -> dict[str, Any]:
    found: dict[str, Any] = {
        "acc": json_number(row.over_none.value), "n": row.over_none.n,
        "acc_ci95": [json_number(end) for end in row.over_none.ci95], "variants": row.variants,
        "oracle": row.name == "oracle",
    }  # fmt: skip
    for name, one in (("gain", row.over_vanilla), ("over_fixed", row.over_fixed)):
        if one is not None:
            found[name] = json_number(one.value)
            found[f"{name}_ci95"] = [json_number(end) for end in one.ci95]
            found[f"{name}_p"] = one.p
    if row.share is not None:
        found["share_of_gap"] = json_number(row.share.value)
        found["share_of_gap_ci95"] = [json_number(end) for end in row.share.ci95]
    if row.decided is not None:
        found["decided"] = row.decided
    if row.abstained is not None:
        found["abstained"] = row.abstained
    if row.model is not None:
        found["abstained_without_learnt_chances"] = int(
            ((row.model.chosen == 0) & (row.model.flat_cells != "")).sum()
        )
        found["without_learnt_chances"] = {
            "cells": int((row.model.flat_cells != "").sum()),
            "vanilla": int((row.model.flat_vanilla != "").sum()),
        }
    if row.calibration is not None:
        c = row.calibration
        found["calibration"] = {
            "n": c.n, "mean_chance": c.said, "right": c.right, "brier": c.brier, "ece": c.ece,
        }  # fmt: skip
    return found
