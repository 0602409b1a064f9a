"""What the tables say, in plain words made from their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from xtransplant.report.choosing_shown import say_choices
from xtransplant.report.row import Row, arrow
from xtransplant.report.tables import Table
from xtransplant.stats.gains import Gain
from xtransplant.stats.rates import Rate, micro

__all__ = ["Finding", "findings"]

Finding = tuple[str, list[str]]
"""What a table is about, and its sentences."""


def findings(tables: Sequence[Table]) -> list[Finding]:
    """A heading and sentences for every table, over all its languages together.

    Tables of pairs that were chosen beforehand come first: theirs are results.
    """
    chosen = sorted(tables, key=lambda table: not any(row.kind == "pilot" for row in table.rows))
    return [(table.warning + table.about, list(_sentences(table))) for table in chosen]


def _sentences(table: Table) -> Iterator[str]:
    vanilla = next((row for row in table.rows if row.kind == "vanilla"), None)
    if vanilla is None:
        return
    source = next((row for row in table.rows if row.kind == "source"), None)
    own = f"The target prompt by itself is right on {_share(vanilla.micro)}"
    yield own + (
        "." if source is None or not source.micro.n
        else f", the source prompt on {_percent(source.micro)}."
    )  # fmt: skip
    # Of a grid its best pair and its bound; the table has the rest.
    grids = {row.strategy for row in table.rows if row.kind == "best"}
    told = [
        row
        for row in table.rows
        if row.kind in ("baseline", "pilot", "best", "cross-fit")
        or (row.kind == "pair" and row.strategy not in grids)
    ]
    # What looked at the answers comes last, however large its number.
    for row in sorted(told, key=lambda row: (row.kind == "best" or row.oracle, -row.micro.value)):
        yield _of_best(row) if row.kind == "best" else _of_row(row)
    for strategy in dict.fromkeys(row.strategy for row in table.rows):
        bounds = [row for row in table.rows if row.strategy == strategy and row.kind == "bound"]
        if bounds:
            yield _of_bound(bounds[0])


def _of_row(row: Row) -> str:
    """What a baseline, a pair or a strategy's chosen pair gains, and what it mends and keeps."""
    over = [
        f"{_points(one)} over {f'its null grid {null}' if null else 'the target by itself'}"
        + ("" if null else f" ({_flips(one)})")
        for null, one in row.gains.over()
    ]
    gains = f"; it gains {', '.join(over)}" if over else ""
    said = f"{_name(row)}: right on {_share(row.micro)}{gains}{_of_sets(row)}"
    aside = " Its pair was chosen on some of these very examples: no result." if row.oracle else ""
    return f"{said}.{aside}{_of_choosing(row)}"


def _of_best(row: Row) -> str:
    """Its gain would be a promise: the cross-fitted row has the honest one."""
    return (
        f"{_name(row)}: right on {_share(row.micro)}, but it was picked from {row.cells} pairs "
        "after seeing these answers: no result."
    )


def _of_choosing(row: Row) -> str:
    """How its pair flattered itself, and how surely it was chosen."""
    one, text = row.choosing, ""
    if one is None:
        return text
    if one.in_sample is not None:
        best = "the pairs" if row.kind == "pilot" else f"the best of {row.cells} pairs"
        text += (
            f" On the {one.in_sample.n} examples that chose, {best} gained "
            f"{_interval(one.in_sample.value, one.in_sample.ci95)}: the winner's curse is "
            f"{_interval(one.curse, one.curse_ci95)}."
        )
    if "" in one.choices:
        text += f" Drawn anew, these items choose {say_choices(one.choices[''])}."
    return text


def _flips(one: Gain) -> str:
    """``12 fixed, 3 of them in format alone, 4 broken``."""
    if one.knowledge is None or not one.fixed:
        return f"{one.fixed} fixed, {one.broken} broken"
    in_format = one.fixed - one.knowledge.fixed
    return f"{one.fixed} fixed, {in_format} of them in format alone, {one.broken} broken"


def _points(one: Gain) -> str:
    """``+15.0 points [+5.0, +30.0]``, and that it may be none where interval or p say so."""
    said = _interval(one.value, one.ci95)
    return said if one.told_from_0 else f"{said}, which may be none,"


def _interval(value: float, ci95: tuple[float, float]) -> str:
    low, high = (100 * end for end in ci95)
    points = f"{100 * value:+.1f} points"
    if math.isnan(low):
        return points
    return f"{points} [{low:+.1f}, {high:+.1f}]"


def _name(row: Row) -> str:
    if row.pair is not None and arrow(row.pair) not in row.label:
        return f"{row.label} ({arrow(row.pair)})"
    return row.label


def _of_bound(row: Row) -> str:
    nulls = [] if row.nulls is None else list(row.nulls.values())
    by_chance = micro(nulls) if nulls else None
    text = (
        f"{row.label}: some pair of {row.cells} is right on {_percent(row.micro)}, "
        "picked for each example after seeing its answer"
    )
    if by_chance is None or math.isnan(by_chance.value):
        text += "; what chance gives is not known"
    else:
        text += f"; judged by another example's answer, {_percent(by_chance)}"
    over = [f"{_points(one)} over its null grid {null}" for null, one in row.gains.over()]
    return f"{text}; {', '.join(over)}." if over else f"{text}."


def _of_sets(row: Row) -> str:
    parts = []
    for name, says, of in (
        ("gap", "mends", "that the source alone answers"),
        ("shared", "keeps", "that both prompts answer"),
    ):
        rate = row.sets[name].micro if name in row.sets else None
        if rate is not None and rate.n:
            parts.append(f"{says} {rate.right:.0f} of {rate.n} {of}")
    return f"; it {' and '.join(parts)}" if parts else ""


def _share(rate: Rate) -> str:
    low, high = (100 * end for end in rate.ci95)
    return f"{_percent(rate)} of {rate.n} [{low:.0f}, {high:.0f}]"


def _percent(rate: Rate) -> str:
    return "–" if math.isnan(rate.value) else f"{100 * rate.value:.1f}%"
