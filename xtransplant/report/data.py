"""Every number of runs for programs: a dataframe, CSV, JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xtransplant.report.cell_marks import CELL_COLUMNS
from xtransplant.report.choosing_shown import choosing_metrics
from xtransplant.report.entries import entries_of
from xtransplant.report.gains import FLIP_COLUMNS, gain_metrics
from xtransplant.report.more import more_json
from xtransplant.report.nulls import null_metrics
from xtransplant.report.row import Row, common_pair, same_quantity
from xtransplant.report.sets import set_columns, set_metrics
from xtransplant.report.summary import Summary
from xtransplant.report.tables import Table, make_tables
from xtransplant.runs.columns import CORRECT
from xtransplant.runs.options import is_text
from xtransplant.stats.rates import Rate, macro, micro
from xtransplant.style.escape import csv_name, encodable, json_number, json_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_csv", "to_frame", "to_lm_eval"]

_COLUMNS = (
    "run", "model", "task", "direction", "split", "mode", "rule", "lang", "level", "strategy",
    "kind", "source_layer", "target_layer", "right", "n", "value", "stderr", "ci95_low",
    "ci95_high", "cells", "null", "oracle", "in_sample", "complete", "missing_parts",
    *set_columns({}), *FLIP_COLUMNS, "null_grid", "choice_share", *CELL_COLUMNS,
)  # fmt: skip
_COUNTS = (
    "source_layer", "target_layer", "right", "n", "cells", "in_sample", "missing_parts",
    "gap_right", "gap_n", "shared_right", "shared_n", "fixed", "broken", "fixed_format",
    "broken_format",
)  # fmt: skip
_NAMES = ("run", "model", "task", "direction", "split", "mode", "rule", "lang", "strategy")


def to_frame(summaries: Sequence[Summary]) -> pd.DataFrame:
    """Every number of every run, one row each.

    ``kind`` is ``vanilla``, ``source``, ``baseline`` (its name stands for a strategy's), ``pair``,
    ``cross-fit`` (each example by the pair that others chose) or ``bound``; a layer that is empty
    is any; ``cells`` is how many pairs a row was picked from, 1 where there was no choice; ``null``
    the bound's, a share; ``in_sample`` how many of the examples the pair was chosen on, -1 if not
    known; ``complete`` whether all parts of the run are stored. ``gap_...`` is the same over the
    examples that the source answers and the target does not (mended), and ``shared_...`` over those
    that both answer (kept); empty where that is not known. ``null_grid`` names the null of a row
    that is a null grid's; ``choice_share`` says in what share of bootstraps a pair is the best, of
    all languages together, ``p_family`` and ``q`` how sure it is that the pair differs from vanilla
    in this language, all pairs tested at once. Last comes ``option:NAME`` for each option of the
    strategies.
    """
    return _frame(summaries, encodable)


def to_csv(summaries: Sequence[Summary]) -> str:
    """:func:`to_frame` as CSV.

    Control characters in names are written as escapes, and a name that a spreadsheet would take
    for a formula begins with an apostrophe.
    """
    frame = _frame(summaries, csv_name)
    return str(frame.assign(**{name: _whole(frame[name]) for name in _COUNTS}).to_csv(index=False))


def _whole(column: pd.Series[Any]) -> pd.Series[Any]:
    """Counts and layers as whole numbers also where some are empty: pandas makes floats of them."""
    import pandas as pd

    found = pd.to_numeric(column)
    return found.astype("Int64") if (found.dropna() % 1 == 0).all() else column


def _frame(summaries: Sequence[Summary], spell: Callable[[str], str]) -> pd.DataFrame:
    import pandas as pd

    # Before pandas sees them: its strings cannot hold what has no UTF-8.
    rows = [
        {
            name: spell(value) if name in _NAMES or is_text(name, value) else value
            for name, value in entry.items()
        }
        for summary in summaries
        for entry in entries_of(summary)
    ]
    columns = dict.fromkeys([*_COLUMNS, *(name for entry in rows for name in entry)])
    return pd.DataFrame(rows, columns=list(columns))


def to_lm_eval(summaries: Sequence[Summary]) -> str:
    """All tables as JSON with the keys of lm-evaluation-harness.

    ``results``: by ``NAME_lang``, by ``NAME`` for all languages (the mean over examples) and by
    ``NAME_macro`` (the mean over languages), where NAME is ``task_direction_split_mode`` and,
    where texts were judged, ``_rule``. For every row of the tables each has ``acc,KEY`` and
    ``acc_stderr,KEY``; those of examples ``acc_ci95,KEY`` and ``n,KEY`` too, the mean over
    languages ``acc_spread,KEY``, a bound ``acc_null,KEY``, and what has a layer pair
    ``acc_pair,KEY``. What null grids give is ``acc_null_other,KEY`` and so on, with ``_ci95`` and
    ``_n``; ``acc_null`` is the judged null. Of the gap that is mended there are ``acc_gap,KEY``,
    ``acc_gap_n,KEY``, ``acc_gap_ci95,KEY`` and ``acc_gap_null,KEY``, of what is shared and kept
    ``acc_shared,KEY`` and so on. What was chosen, a pilot's pairs or cross-fitted ones, has
    ``acc_in_sample_gain,KEY`` on the examples that chose, ``acc_winners_curse,KEY`` and
    ``acc_chosen,KEY``, the pairs that bootstraps choose most often. Other levels are
    ``acc_strict`` and ``acc_lenient``. ``complete`` says whether all parts of the runs behind an
    entry are stored. ``more`` has, by the same NAME, the tables that stand below those of rates
    (``report.more``), by ``match``.

    A KEY says what a row is, the same in every run: ``vanilla``, ``source``, ``ffn-swap,7→0``,
    ``ffn-swap,pilot``, ``ffn-swap,best``, ``ffn-swap,cross-fit``, ``ffn-swap,bound``,
    ``ffn-swap,bound,last→j``. Only where several runs have other numbers for it does its run's name
    follow. ``rows`` says what each is; ``oracles`` names those that looked at the answers; ``runs``
    which parts are missing.
    """
    tables = list(zip(*(make_tables(summaries, level) for level in CORRECT), strict=True))
    keyed = _keyed(tables)
    results: dict[str, dict[str, Any]] = {}
    for one in keyed:
        for level, row in zip(CORRECT, one.rows, strict=True):
            _add_row(results, one, row, "acc" if level == "match" else f"acc_{level}")
    return json_text(
        {
            "results": results,
            "rows": _about_rows(keyed),
            "more": _more(tables),
            "oracles": list(dict.fromkeys(one.key for one in keyed if one.rows[0].oracle)),
            "complete": all(one.complete for one in summaries),
            "runs": {one.name: _about_run(one) for one in summaries},
            "configs": {one.name: one.manifest.config for one in summaries},
            "versions": {
                name: entry.version
                for one in summaries
                for name, entry in one.manifest.tasks.items()
            },
            "n-samples": _samples(keyed),
            "models": {one.name: one.manifest.model for one in summaries},
            "environment": {one.name: one.manifest.versions for one in summaries},
        }
    ) + "\n"  # fmt: skip


@dataclass(frozen=True)
class _Keyed:
    """A row at every level.

    Attributes:
        name: of its table's subject.
        key: unique under that name.
        rows: the row at each level, in the order of ``CORRECT``.
        runs: names of the runs that have it.
    """

    name: str
    key: str
    rows: tuple[Row, ...]
    runs: tuple[str, ...]


def _about_run(run: Summary) -> dict[str, Any]:
    """How much of a run is stored, and what state its manifest says it is in."""
    return {
        "complete": run.complete,
        "parts": run.n_parts,
        "missing_parts": [part.name for part in run.absent],
        "manifest_state": run.manifest.state,
    }


def _keyed(tables: Sequence[tuple[Table, ...]]) -> list[_Keyed]:
    """Every quantity once, even where several tables have it.

    Args:
        tables: each at all levels.
    """
    groups: dict[tuple[str, str], list[_Keyed]] = {}
    for levels in tables:
        name = levels[0].subject.name
        for rows in zip(*(table.rows for table in levels), strict=True):
            own = groups.setdefault((name, rows[0].key), [])
            known = [old for old in own if all(map(same_quantity, old.rows, rows))]
            runs = dict.fromkeys((*(run for old in known for run in old.runs), *rows[0].runs))
            new = _Keyed(name, rows[0].key, rows, tuple(runs))
            if known:
                own[own.index(known[0])] = new
            else:
                own.append(new)
    return [
        one if len(own) == 1 else replace(one, key=f"{one.key},{'+'.join(one.runs)}")
        for own in groups.values()
        for one in own
    ]


def _add_row(results: dict[str, dict[str, Any]], one: _Keyed, row: Row, metric: str) -> None:
    """Add a row's numbers by language, over all examples, and as the mean over languages.

    ``results`` is changed in place; ``row`` is the one at the level of ``metric`` (``acc_strict``).
    """

    def entry(name: str) -> dict[str, Any]:
        found = results.setdefault(name, {"alias": name, "complete": True})
        found["complete"] = found["complete"] and row.complete
        return found

    def add(name: str, rate: Rate, null: Rate | None, pair: tuple[int, int] | None) -> None:
        found = entry(name)
        found[f"{metric},{one.key}"] = json_number(rate.value)
        found[f"{metric}_stderr,{one.key}"] = json_number(rate.stderr)
        found[f"{metric}_ci95,{one.key}"] = [json_number(end) for end in rate.ci95]
        found[f"n,{one.key}"] = rate.n
        if null is not None:
            found[f"{metric}_null,{one.key}"] = json_number(null.value)
            found[f"{metric}_null_n,{one.key}"] = null.known
        lang = None if name == one.name else name.removeprefix(f"{one.name}_")
        more = set_metrics(row.sets, metric, lang) | null_metrics(row.null_grids, metric, lang)
        more |= gain_metrics(row.gains, metric, lang)
        more |= dict(choosing_metrics(row.choosing, metric, lang))
        if lang is None:
            more |= {f"{metric}_curve" + f"_null_{null}" * bool(null): list(map(json_number, curve))
                     for null, curve in row.curves.items()}  # fmt: skip
        found |= {f"{what},{one.key}": value for what, value in more.items()}
        if pair is not None:
            found[f"{metric}_pair,{one.key}"] = list(pair)

    for lang, rate in row.rates.items():
        pair = row.pair if row.pairs is None else row.pairs[lang]
        add(f"{one.name}_{lang}", rate, None if row.nulls is None else row.nulls[lang], pair)
    nulls = None if row.nulls is None else list(row.nulls.values())
    pair = row.pair if row.pairs is None else common_pair(row.pairs)
    add(one.name, row.micro, None if nulls is None else micro(nulls), pair)
    mean, found = row.macro, entry(f"{one.name}_macro")
    found[f"{metric},{one.key}"] = json_number(mean.value)
    found[f"{metric}_stderr,{one.key}"] = json_number(mean.stderr)
    found[f"{metric}_spread,{one.key}"] = json_number(row.spread)
    if nulls is not None:
        found[f"{metric}_null,{one.key}"] = json_number(macro(nulls).value)


def _about_rows(keyed: Sequence[_Keyed]) -> dict[str, dict[str, Any]]:
    about: dict[str, dict[str, Any]] = {}
    for one in keyed:
        row = one.rows[0]
        about.setdefault(one.name, {})[one.key] = {
            "kind": row.kind, "strategy": row.strategy, "runs": list(one.runs),
            "cells": row.cells, "oracle": row.oracle, "in_sample": row.in_sample or {},
            "complete": row.complete,
        }  # fmt: skip
    return about


def _more(tables: Sequence[tuple[Table, ...]]) -> dict[str, dict[str, Any]]:
    """The further tables of each subject, as correctness goes by ``match``."""
    found: dict[str, dict[str, Any]] = {}
    for levels in tables:
        one = levels[CORRECT.index("match")]
        if more := more_json(one.runs, one.level):
            found[one.subject.name] = more
    return found


def _samples(keyed: Sequence[_Keyed]) -> dict[str, dict[str, int]]:
    """The most examples that a run has, by language."""
    found: dict[str, dict[str, int]] = {}
    for one in keyed:
        for lang, rate in one.rows[0].rates.items():
            entry = found.setdefault(f"{one.name}_{lang}", {"effective": 0})
            entry["effective"] = max(entry["effective"], rate.n)
    return found
