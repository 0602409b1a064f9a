"""Gains of a table's rows over vanilla and over their null grids, and curves of their bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from xtransplant.report.counted import ONE_CELL, Picked
from xtransplant.report.summary import LanguageCounts, TaskCounts
from xtransplant.runs.columns import CORRECT, VANILLA
from xtransplant.stats.answers import Answers
from xtransplant.stats.flips import Said, knowledge_gain
from xtransplant.stats.gains import Gain, by_item, gain, mcnemar, sign_flip_p
from xtransplant.stats.selection import Pair
from xtransplant.stats.union import union_of_counts
from xtransplant.style.escape import json_number

__all__ = [
    "FLIP_COLUMNS", "Gains", "Grid", "curves_of", "flips_by_pair", "gain_metrics",
    "gain_numbers", "gains_of", "side_by_side",
]  # fmt: skip

FLIP_COLUMNS = ("gain", "gain_p", "fixed", "broken", "fixed_format", "broken_format")
"""Of a CSV; see :func:`flips_by_pair`."""

Array = np.ndarray[Any, Any]
_Picks = list[Array]  # of :func:`_picks`
_LENIENT = CORRECT.index("lenient")


@dataclass(frozen=True)
class Gains:
    """Of one row.

    Attributes:
        vanilla: over the target without a transplant; None of a bound, which is an oracle.
        by_language: likewise.
        nulls: over its null grids, counted as the row is, by the null's name.
    """

    vanilla: Gain | None = None
    by_language: dict[str, Gain] = field(default_factory=dict)
    nulls: dict[str, Gain] = field(default_factory=dict)

    def over(self) -> Iterator[tuple[str, Gain]]:
        """All of them over all languages; vanilla's name is empty."""
        if self.vanilla is not None:
            yield "", self.vanilla
        yield from self.nulls.items()


def gains_of(
    task: TaskCounts, level: str, name: str, picked: Picked,
    nulls: Mapping[str, str] | None = None, *, bound: bool = False,
) -> Gains:  # fmt: skip
    """The gains of what a row counts.

    Args:
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        name: of the strategy or baseline.
        picked: what the row counts.
        nulls: names of the null grids' records, by the null's name.
        bound: the row is one, and is held to its nulls alone.
    """
    over_nulls = {}
    for null, records in (nulls or {}).items():
        found = _paired(task, level, (records, picked), (name, picked))
        if found:
            over_nulls[null] = _together(found)
    if bound:
        return Gains(nulls=over_nulls)
    found = _paired(task, level, (VANILLA, ONE_CELL.right), (name, picked))
    if not found:
        return Gains(nulls=over_nulls)
    each = {lang: _gain(*own) for lang, own in found.items()}
    return Gains(_together(found), each, over_nulls)


def _paired(
    task: TaskCounts, level: str, before: tuple[str, Picked], after: tuple[str, Picked]
) -> dict[str, tuple[_Picks, _Picks, Array]]:
    """By language, what is right before and after, and the items, of what both have."""
    found = {}
    for lang, counts in task.languages.items():
        if before[0] in counts.answers and after[0] in counts.answers:
            one, other = counts.answers[before[0]], counts.answers[after[0]]
            shared, k, m = np.intersect1d(one.examples, other.examples, return_indices=True)
            found[lang] = (
                [own[k] for own in _picks(lang, one, before[1], level)],
                [own[m] for own in _picks(lang, other, after[1], level)],
                counts.items[shared],
            )
    return found


def _picks(lang: str, one: Answers, picked: Picked, level: str) -> _Picks:
    """Which examples are right; at ``lenient`` too, and an answer at all, where that is known."""
    said, at = one.of_parsed, CORRECT.index(level)
    right = picked(lang, one, at)
    return [right] if said is None else [right, picked(lang, one, _LENIENT), picked(lang, said, 0)]


def _together(languages: Mapping[str, tuple[_Picks, _Picks, Array]]) -> Gain:
    before, after, items = zip(*languages.values(), strict=True)
    # What one language does not know is not known of all.
    was, now = (
        [np.concatenate(own) for own in zip(*some, strict=False)] for some in (before, after)
    )
    return _gain(was, now, np.concatenate(items))


def _gain(before: _Picks, after: _Picks, items: Array | None = None) -> Gain:
    found = gain(before[0], after[0], items)
    if len(before) == len(after) == 3:
        own = knowledge_gain(Said(*before), Said(*after), items)
        found = replace(found, knowledge=own)
    return found


def curves_of(
    task: TaskCounts, level: str, name: str, nulls: Mapping[str, str] | None = None
) -> dict[str, Array]:
    """The union-size curve of a strategy (named by nothing) and of its null grids, ``[cells]``.

    All languages together; of those with other pairs than the first has, none.
    """
    at, found = CORRECT.index(level), {}
    for null, records in {"": name, **(nulls or {})}.items():
        own = [one.answers[records] for one in task.languages.values() if records in one.answers]
        own = [one for one in own if one.pairs == own[0].pairs]
        if own and len(own[0].pairs) > 1:
            counts = np.concatenate([one.right[:, :, at].sum(axis=1) for one in own])
            found[null] = union_of_counts(counts, len(own[0].pairs))
    return found


def flips_by_pair(counts: LanguageCounts, level: str, name: str) -> dict[Pair, dict[str, Any]]:
    """The columns of a CSV's row of a pair, in one language; empty where vanilla is not known."""
    if name not in counts.answers or VANILLA not in counts.answers:
        return {}
    plain, own, at = counts.answers[VANILLA], counts.answers[name], CORRECT.index(level)
    shared, k, m = np.intersect1d(plain.examples, own.examples, return_indices=True)
    before, after = plain.right[k, :1, at], own.right[m][:, :, at]
    fixed, broken = (after & ~before).sum(0).tolist(), (before & ~after).sum(0).tolist()
    sums, n_each = by_item(after.astype(np.int64) - before, counts.items[shared])
    together = len(n_each) < len(shared)  # questions about one passage
    p = map(sign_flip_p, sums.T) if together else map(mcnemar, fixed, broken)
    formats: list[tuple[int | None, int | None]] = [(None, None)] * len(own.pairs)
    if plain.parsed is not None and own.parsed is not None:
        was = Said(before, plain.right[k, :1, _LENIENT], plain.parsed[k, :1, 0])
        now = Said(after, own.right[m][:, :, _LENIENT], own.parsed[m][:, :, 0])
        known = (after & was.wrong).sum(0).tolist(), (before & now.wrong).sum(0).tolist()
        formats = [
            (a - c, b - d) for a, b, c, d in zip(fixed, broken, *known, strict=True)
        ]  # fmt: skip
    return {
        pair: dict(
            zip(
                FLIP_COLUMNS,
                ((more - less) / len(shared), of_pair, more, less, *of_format),
                strict=True,
            )
        )
        for pair, of_pair, more, less, of_format in zip(
            own.pairs, p, fixed, broken, formats, strict=True
        )
    }


class Grid(NamedTuple):
    """A strategy beside the target without a transplant, or a null grid, on the same examples.

    Attributes:
        before: ``[examples, cells]``, bool; of the target one cell.
        right: ``[examples, cells]``, bool.
        pairs: of the cells.
        items: ``[examples]``, what each is called.
        examples: language and number of each.
    """

    before: Array
    right: Array
    pairs: tuple[Pair, ...]
    items: Array
    examples: list[tuple[str, int]]


def side_by_side(
    task: TaskCounts, level: str, name: str, langs: Sequence[str], before: str = VANILLA
) -> Grid | None:
    """A strategy's cells in several languages together.

    Languages without records of both, or with other pairs than the first, are left out; None where
    none is left.

    Args:
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        name: of the strategy.
        langs: which languages.
        before: name of the records that it is held to.
    """
    at, own = CORRECT.index(level), {lang: task.languages[lang].answers for lang in langs}
    columns, examples, pairs = [], list[tuple[str, int]](), tuple[Pair, ...]()
    for lang, answers in own.items():
        if name not in answers or before not in answers:
            continue
        plain, grid = answers[before], answers[name]
        pairs = pairs or grid.pairs
        if grid.pairs == pairs and (before == VANILLA or plain.pairs == pairs):
            shared, k, m = np.intersect1d(plain.examples, grid.examples, return_indices=True)
            items = task.languages[lang].items[shared]
            columns.append((plain.right[k][:, :, at], grid.right[m][:, :, at], items))
            examples += [(lang, number) for number in shared.tolist()]
    if not columns:
        return None
    was, right, items = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Grid(was, right, pairs, items, examples)


def gain_metrics(gains: Gains, metric: str, lang: str | None = None) -> dict[str, Any]:
    """What JSON says of a row's gains, by the beginnings of its keys.

    Args:
        gains: of the row.
        metric: ``acc``, ``acc_strict`` or ``acc_lenient``.
        lang: of one language, over vanilla and without an interval; of all together by default.
    """
    if lang is not None:
        return gain_numbers(gains.by_language[lang], metric) if lang in gains.by_language else {}
    found: dict[str, Any] = {}
    for null, one in gains.over():
        beginning = f"{metric}_over_{null}" if null else metric
        found |= gain_numbers(one, beginning, interval=True)
    return found


def gain_numbers(one: Gain, beginning: str, *, interval: bool = False) -> dict[str, Any]:
    """What JSON says of a gain, under keys that begin so; its interval only where asked for."""
    found: dict[str, Any] = {
        f"{beginning}_gain": json_number(one.value),
        f"{beginning}_gain_stderr": json_number(one.stderr),
        f"{beginning}_gain_p": one.p,
        f"{beginning}_fixed": one.fixed,
        f"{beginning}_broken": one.broken,
        f"{beginning}_unchanged": one.unchanged,
    }
    if (own := one.knowledge) is not None:
        found |= {
            f"{beginning}_fixed_format": one.fixed - own.fixed,
            f"{beginning}_broken_format": one.broken - own.broken,
            f"{beginning}_knowledge_gain": json_number(own.value),
            f"{beginning}_knowledge_gain_p": own.p,
        }
    for name, part in {"gain": one, "knowledge_gain": own}.items() if interval else ():
        if part is not None:
            found[f"{beginning}_{name}_ci95"] = [json_number(end) for end in part.ci95]
    return found
