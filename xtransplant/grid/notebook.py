"""Grids in a notebook: a few lines of text, or prompts and a small heatmap as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from xtransplant.grid.captions import languages, remarks, vanilla_answer
from xtransplant.grid.data import GridData, Prompt
from xtransplant.grid.metrics import Metric
from xtransplant.grid.views import View
from xtransplant.style.escape import visible
from xtransplant.style.matrix import step_of
from xtransplant.style.web import boxed, html_quoted, html_text, step_class
from xtransplant.style.words import NOT_FINITE, highest, model_label, percent, quoted, unit_of

__all__ = ["grid_html", "grid_text"]

_MOST_NUMBERED = 24  # columns, up to which each cell has its number written in it
_MOST_EXPLAINED = 1600  # cells, up to which each says under the pointer what it answers


def grid_text(grids: Sequence[GridData], views: Sequence[View], name: str) -> str:
    """What ``repr`` gives: strategy, model, languages, shape, vanilla and the best pair.

    Args:
        grids: one, or one per combination of the swept options' values.
        views: their cells over two axes.
        name: of the strategy, with what is swept.
    """
    one, lines = grids[0], [f"grid of {_about(grids, name, ', ')}", f"  {_shape(grids)}"]
    text = one.vanilla_answer()
    answers = NOT_FINITE if text is None else quoted(text, 60)
    if views[0].values is not None:
        metric = views[0].metric
        value = metric.say(metric.vanilla(one))
        lines[1] += f", {metric.title} {quoted(one.example.answer or '', 60)}"
        lines.append(f"  without a transplant: {value}; it answers {answers}")
    else:
        lines.append(f"  without a transplant it answers {answers}")
    lines.append(f"  {_best(grids, views, quote=quoted)}")
    found = dict.fromkeys(line for grid in grids for line in remarks(grid))
    return "\n".join([*lines, *(f"  {line}" for line in found)])


def grid_html(grids: Sequence[GridData], views: Sequence[View], name: str) -> str:
    """What a notebook shows; the arguments of :func:`grid_text`.

    Prompts, answers and names are text: escaped, each in its own direction.
    """
    one = grids[0]
    parts = [f"<p><b>{html_text(name)}</b> <span class=about>{_rest(grids)}</span></p>"]
    parts += [*_prompt(one, "source"), *_prompt(one, "target")]
    caption, cells = _cells(grids, views)
    parts.append(f"<p>{caption}</p>")
    for view, (texts, steps) in zip(views, cells, strict=True):
        parts.append(_table(view, texts, steps, several=len(views) > 1))
    parts.append(f"<p>{_best(grids, views, quote=html_quoted)}</p>")
    found = dict.fromkeys(line for grid in grids for line in remarks(grid))
    parts += [f"<p><b>{html_text(line)}</b></p>" for line in found]
    if one.note:
        parts.append(f"<p class=aside>note: {html_text(one.note)}</p>")
    return boxed(*parts)


def _about(grids: Sequence[GridData], name: str, between: str) -> str:
    one = grids[0]
    parts = (visible(name), model_label(one.model), languages(one), visible(one.example.id))
    return between.join(filter(None, parts))


def _rest(grids: Sequence[GridData]) -> str:
    return html_text(_about(grids, "", " · ") + f" · {_shape(grids)}")


def _shape(grids: Sequence[GridData]) -> str:
    one = grids[0]
    what = f"{len(one.source_layers)} source × {len(one.target_layers)} target layers"
    return what if len(grids) == 1 else f"{what} × {len(grids)} values"


def _prompt(grid: GridData, prompt: Prompt) -> Iterator[str]:
    lang = getattr(grid.example, f"{prompt}_lang")
    text = getattr(grid.example, prompt)
    answer, probability = vanilla_answer(grid, prompt)
    known = grid.vanilla_probability(prompt)
    line = "without a transplant it answers "
    line += f"({percent(probability)}) " if probability is not None else ""
    finite = grid.vanilla_answer(prompt) is not None
    line += html_quoted(answer) if finite else html_text(answer)
    right = grid.example_of(prompt).answer
    if known is not None and answer != right:
        line += f", and gives {percent(known)} to {html_quoted(right or '', 80)}"
    yield f"<p class=about>{prompt}{f' ({html_text(lang)})' if lang else ''}: {line}</p>"
    yield f"<div class=prompt dir=auto>{html_text(text, keep_lines=True)}</div>"


def _cells(
    grids: Sequence[GridData], views: Sequence[View]
) -> tuple[str, list[tuple[list[list[str]], Any]]]:
    """What the cells are, as HTML, and of each view their texts and the steps of their colours."""
    one, metric = grids[0], views[0].metric
    if views[0].values is not None:
        vanilla = metric.vanilla(one)
        every = np.array([view.values for view in views])
        changes = metric.sign * (every - vanilla)
        scale = highest(np.abs(changes))
        unit = unit_of(highest(np.append(every, vanilla)))
        name = metric.unit or ("percent" if unit == 100 else f"units of {1 / unit:.0e}")

        def say(value: float) -> str:
            return metric.number(value) if metric.unit else f"{unit * value:.{1 - (unit > 100)}f}"

        caption = (
            f"{metric.title} the answer {html_quoted(one.example.answer or '', 80)}, in {name}; "
            f"without a transplant {metric.say(vanilla)}{_key(changes, scale, metric)}"
        )
        return caption, [
            (
                [["×" if np.isnan(v) else say(float(v)) for v in row] for row in own],
                _steps(by, scale),
            )
            for own, by in zip(every, changes, strict=True)
        ]
    marks, was = [view.correct for view in views], bool(one.vanilla_correct())
    caption = f"✓ where it is correct (without a transplant: {'correct' if was else 'incorrect'})"
    if marks[0] is None:
        marks, was = [view.changed for view in views], False
        caption = "✓ where the answer is another than without a transplant"
    found = []
    for view, right in zip(views, marks, strict=True):
        shown = np.where(view.finite, np.asarray(right, float), np.nan)
        texts = [["×" if np.isnan(v) else "✓" if v else "·" for v in row] for row in shown]
        found.append((texts, _steps(shown - was, 1.0)))
    return caption, found


def _steps(changes: Any, scale: float) -> Any:
    return np.array([[step_of(float(one), scale) for one in row] for row in changes])


def _key(changes: Any, scale: float, metric: Metric) -> str:
    """What the ends of the colours stand for, drawn in them; of losses where there are any."""
    ways = [way for way in (-1, 1) if (_steps(changes.reshape(1, -1), scale) * way > 0).any()]
    ends = (
        f"<span class={step_class(4 * way)}>{metric.change(metric.sign * way * scale)}</span>"
        for way in ways
    )
    return f"; <span class=key>colour: {' to '.join(ends)}</span>" if ways else ""


def _table(view: View, texts: list[list[str]], steps: Any, *, several: bool) -> str:
    """One view: a heatmap, each cell with what it answers under the pointer."""
    numbered = len(view.columns.values) <= _MOST_NUMBERED
    explained = view.finite.size <= _MOST_EXPLAINED
    down, across = html_text(view.rows.label), html_text(view.columns.label)
    title = f"<b>{html_text(view.about)}</b> · " if several or view.fixed else ""
    heads = "".join(f"<th scope=col>{html_text(str(one))}</th>" for one in view.columns.values)
    rows = []
    for r, name in enumerate(view.rows.values):
        cells = []
        for c, text in enumerate(texts[r]):
            names = [step_class(int(steps[r, c])), "best" if (r, c) == view.best else ""]
            given = " ".join(filter(None, names))
            about = f"{name}→{view.columns.values[c]}: {text}"
            answer = view.answers[r, c]
            about += f", answers {NOT_FINITE if answer is None else quoted(answer, 60)}"
            tip = f' title="{html_text(about)}"' if explained else ""
            shown = text if numbered or text == "×" else ""
            cells.append(
                f"<td{f' class={chr(34)}{given}{chr(34)}' * bool(given)}{tip}>{shown}</td>"
            )
        rows.append(f"<tr><th scope=row>{html_text(str(name))}</th>{''.join(cells)}</tr>")
    return (
        f'<table class="xtp-t"><caption>{title}{down} ↓ &nbsp; {across} →</caption>'
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _best(grids: Sequence[GridData], views: Sequence[View], *, quote: Any) -> str:
    """The best cell of all views; of several grids it says out of how many cells."""
    view = max(views, key=lambda one: one.worth)
    if view.best is None:
        known = grids[0].example.answer is not None
        return "no layer pair gives the answer" if known else "no answer is known to be right"
    cells = sum(len(one.pairs) for one in grids)
    line = f"best of {cells:,} layer pairs" if len(grids) == 1 else f"best of {cells:,} variants"
    line += f": {html_text(view.best_name) if quote is html_quoted else visible(view.best_name)}"
    if view.values is not None:
        value, metric = float(view.values[view.best]), view.metric
        line += f", {metric.say(value)} ({metric.change(value - metric.vanilla(grids[0]))})"
    answer = view.answers[view.best]
    return f"{line}; it answers {NOT_FINITE if answer is None else quote(answer, 60)}"
