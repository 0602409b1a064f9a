"""Grids for the terminal: prompts, answers, the coloured table, the best pair, the cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from rich.console import Group
from rich.text import Text

from xtransplant.grid.axes import PROBABILITY, MetricName
from xtransplant.grid.captions import languages, remarks, vanilla_answer
from xtransplant.grid.data import GridData, Prompt
from xtransplant.grid.metrics import Metric, find_metric
from xtransplant.grid.views import View, views_of
from xtransplant.prompts import key_of
from xtransplant.style.escape import visible
from xtransplant.style.matrix import FAINT, Matrix, shade
from xtransplant.style.words import (
    NOT_FINITE,
    highest,
    model_label,
    percent,
    quoted,
    unit_of,
)
from xtransplant.tasks.rules import describe_rule

__all__ = ["render_grid", "render_grids"]

_LONGEST_PROMPT = 900
_MOST_ANSWERS = 12
_MOST_GRIDS = 3
_ROUNDED_OFF = 0.05  # below it a cell's number reads 0.0


def render_grid(grid: GridData, metric: MetricName = PROBABILITY) -> Group:
    """What ``xtp trace`` prints, for any rich console.

    Prompts and outputs are shown as text, never as markup; text that may run right to left stands
    last on its line, so that a terminal which reorders it leaves the numbers where they are.
    """
    return render_grids([grid], views_of([grid], metric=metric), grid.strategy)


def render_grids(grids: Sequence[GridData], views: Sequence[View], name: str) -> Group:
    """:func:`render_grid` of one example's grids: of a sweep, one table per view.

    Args:
        grids: one per combination of the swept options' values.
        views: their cells over two axes.
        name: of the strategy, with what is swept.
    """
    one = grids[0]
    parts: list[Any] = [_heading(one, name), Text()]
    parts += [*_prompt(one, "source"), Text(), *_prompt(one, "target"), Text()]
    caption, matrices = _matrices(one, views)
    parts.append(caption)
    for view, matrix in zip(views, matrices, strict=True):
        if len(views) > 1 or view.fixed:
            parts.append(Text(visible(view.about), style="bold"))
        parts += [matrix, Text()]
    if one.generations is not None or one.example.answer is None:
        parts += [*_answers(grids), Text()]
    parts += [*_unseen(one, views), *_best(one, grids, views)]
    found = dict.fromkeys(line for grid in grids for line in remarks(grid))
    parts += [Text(line, style="bold") for line in found]
    return Group(*parts, _cost(grids))


def _heading(grid: GridData, name: str) -> Text:
    line = Text(visible(name), style="bold")
    about = (model_label(grid.model), languages(grid), visible(grid.example.id))
    for part in filter(None, about):
        line.append(f"   {part}", style="not bold")
    return line


def _prompt(grid: GridData, prompt: Prompt) -> Iterator[Any]:
    lang = getattr(grid.example, f"{prompt}_lang")
    yield Text(visible(f"{prompt} ({lang})") if lang else prompt, style="bold")
    text = visible(getattr(grid.example, prompt), keep_lines=True)
    if len(text) > _LONGEST_PROMPT:
        half = _LONGEST_PROMPT // 2
        left_out = len(text) - 2 * half
        text = f"{text[:half]}\n[... {left_out:,} characters not shown ...]\n{text[-half:]}"
    yield Text("  " + text.replace("\n", "\n  "))
    answered, probability = vanilla_answer(grid, prompt)
    line = Text("  without a transplant it answers ", style="dim")
    known = grid.vanilla_probability(prompt)
    if probability is not None:
        line.append(f"({percent(probability)}) ")
    finite = grid.vanilla_answer(prompt) is not None
    line.append(quoted(answered, 200) if finite else answered, style="not dim bold")
    yield line
    right = grid.example_of(prompt).answer
    if known is not None and answered != right:
        answer = quoted(right or "", 80)
        yield Text(f"  and gives {percent(known)} to the answer {answer}", style="dim")


def _matrices(grid: GridData, views: Sequence[View]) -> tuple[Text, list[Matrix]]:
    """The line above all tables, and a table per view; their colours and units are the same."""
    metric = views[0].metric
    if views[0].values is not None:
        vanilla = metric.vanilla(grid)
        every = np.array([view.values for view in views])
        unit = _unit(grid, views)
        scale = highest(np.abs(every - vanilla))
        caption = Text(f"{metric.title} the answer {quoted(grid.example.answer or '')}")
        _append_scale(caption, metric, scale, vanilla, losses=_has_losses(every - vanilla, metric))
        return caption, [
            _matrix(view, view.values, vanilla, unit=unit, scale=scale, metric=metric)
            for view in views
        ]
    if views[0].correct is not None:
        was = bool(grid.vanilla_correct())
        state = "correct" if was else "incorrect"
        caption = Text(f"✓ where the {_right(grid)} (without a transplant: {state})")
        return caption, [_matrix(view, view.correct, float(was), marks=True) for view in views]
    caption = Text("✓ where the answer is another than without a transplant")
    return caption, [_matrix(view, view.changed, 0.0, marks=True) for view in views]


def _unit(grid: GridData, views: Sequence[View]) -> float:
    """What the numbers of all views are multiplied by to be read."""
    metric, values = views[0].metric, np.array([view.values for view in views])
    return 1.0 if metric.unit else unit_of(highest(np.append(values, metric.vanilla(grid))))


def _unseen(grid: GridData, views: Sequence[View]) -> Iterator[Text]:
    """Where most cells read 0.0: which numbers tell them apart."""
    metric, values = views[0].metric, [view.values for view in views]
    if values[0] is None or metric is not find_metric(PROBABILITY):
        return
    shown = np.array(values) * _unit(grid, views)
    if len(grid.example.candidates) > 1 and (shown < _ROUNDED_OFF).mean() > 0.5:
        yield Text(
            "most cells read 0.0; --metric logprob, or candidates for the answer's share among "
            "them, tells them apart",
            style="dim",
        )


def _matrix(
    view: View, values: Any, vanilla: float, metric: Metric | None = None, **more: Any
) -> Matrix:
    """A view's cells, coloured by how far they are from what there is without a transplant."""
    shown = np.where(view.finite, values, np.nan)
    labels = (view.rows.label, view.columns.label)
    sign = 1
    if metric is not None and metric.unit:
        more |= {"number": metric.number, "unit_name": metric.unit}
        sign = metric.sign
    return Matrix(
        shown, sign * (shown - vanilla), view.rows.values, view.columns.values, view.best,
        labels=labels, **more,
    )  # fmt: skip


def _has_losses(differences: Any, metric: Metric) -> bool:
    """Whether some cell is so much worse than without a transplant that it is coloured."""
    return bool((metric.sign * differences <= -FAINT * highest(np.abs(differences))).any())


def _append_scale(
    caption: Text, metric: Metric, scale: float, vanilla: float, *, losses: bool
) -> None:
    """Explain the colours by the ends of their scale, drawn in them."""
    caption.append(f"\ncolour: from {metric.say(vanilla)} without a transplant, ")
    for end in (-scale, scale) if losses else (scale,):
        caption.append(f" {metric.change(metric.sign * end)} ", style=shade(end, scale))
        if end < 0:
            caption.append(" to ")


def _right(grid: GridData) -> str:
    """What counts as right, in words."""
    if grid.scores is not None and len(grid.example.candidates) > 1:
        return "answer is the likeliest candidate"
    rule = key_of(grid.example).rule or "begins"
    return f"output {describe_rule(rule)}, by rule {rule}"


def _answers(grids: Sequence[GridData]) -> Iterator[Text]:
    """Distinct answers, the commonest first, with the layer pairs that give each."""
    by_answer: dict[str | None, dict[str, list[tuple[int, int]]]] = {}
    for grid in grids:
        for pair, answer in zip(grid.pairs, grid.answers(), strict=True):
            by_answer.setdefault(answer, {}).setdefault(grid.strategy, []).append(pair)
    counts = {answer: sum(map(len, found.values())) for answer, found in by_answer.items()}
    ranked = sorted(by_answer, key=lambda answer: -counts[answer])
    shown = [(answer, _where(by_answer[answer], len(grids))) for answer in ranked[:_MOST_ANSWERS]]
    width = max(len(where) for _, where in shown)
    yield Text(f"cells  {'layer pairs':<{width}}  what they answer (= no change)", "dim")
    for answer, where in shown:
        mark = "=" if answer == grids[0].vanilla_answer() else " "
        text = NOT_FINITE if answer is None else quoted(answer, 200)
        yield Text(f"{counts[answer]:>5}  {where:<{width}} {mark}{text}")
    if (rest := len(ranked) - len(shown)) > 0:
        cells = sum(counts[answer] for answer in ranked[_MOST_ANSWERS:])
        yield Text(f"{cells:>5}  {rest} other answers; --json or --save has them", "dim")


def _where(found: dict[str, list[tuple[int, int]]], n_grids: int) -> str:
    """Which cells give an answer: layer pairs, or in a sweep the strategies that have such."""
    if n_grids == 1:
        return _pairs_text(next(iter(found.values())))
    texts = [f"{visible(name)}: {_pairs_text(pairs, 1)}" for name, pairs in found.items()]
    more = len(texts) - _MOST_GRIDS
    return "; ".join(texts[:_MOST_GRIDS]) + (f"; and {more} more" if more > 0 else "")


def _pairs_text(pairs: list[tuple[int, int]], most: int = 4) -> str:
    """``0→1, 3→0-7``: layer pairs, neighbouring target layers taken together."""
    runs = []
    for i, row in groupby(pairs, key=lambda pair: pair[0]):
        targets = [j for _, j in row]
        # Layers in a row differ from their place in the list by the same number.
        for _, run in groupby(enumerate(targets), key=lambda item: item[1] - item[0]):
            ends = [j for _, j in run]
            runs.append(f"{i}→{ends[0]}" + (f"-{ends[-1]}" if len(ends) > 1 else ""))
    more = len(runs) - most
    return ", ".join(runs[:most]) + (f", and {more} more" if more > 0 else "")


def _best(grid: GridData, grids: Sequence[GridData], views: Sequence[View]) -> Iterator[Text]:
    """The best cell of all views; of several grids it says out of how many cells."""
    view = max(views, key=lambda one: one.worth)
    if view.best is None:
        if grid.example.answer is not None:
            yield Text("no layer pair gives the answer")
        return
    cells = sum(len(one.pairs) for one in grids)
    what = f"best of {cells:,}:" if len(grids) > 1 else "best pair"
    line = Text.assemble(f"{what} ", (visible(view.best_name), "bold"), ": ")
    if view.values is not None:
        value, metric = float(view.values[view.best]), view.metric
        change = metric.change(value - metric.vanilla(grid))
        line.append(f"the answer has {metric.say(value)} ({change}); ")
    line.append("it answers ")
    answer = view.answers[view.best]
    line.append(NOT_FINITE if answer is None else quoted(answer, 200), style="bold")
    yield line


def _cost(grids: Sequence[GridData]) -> Text:
    one, count = grids[0], sum(len(grid.pairs) for grid in grids)
    what = "layer pair" if len(grids) == 1 else "variant"
    how = f"{count:,} {what}{'s' * (count != 1)}"
    if not one.packing.together:
        how += ", one per row"
    elif one.scores is None:
        how += " after one shared prefix"
    else:
        how += " packed into one sequence"
    # All grids of a sweep ran in the same passes.
    passes = f"{one.forward_passes} forward pass{'es' * (one.forward_passes != 1)}"
    seconds = sum(grid.seconds for grid in grids)
    line = Text(f"{how}: {passes}, {seconds:.2f} s", style="dim")
    if one.note:
        line.append(f"\nnote: {visible(one.note)}")
    return line
