"""A logit lens for the terminal and a notebook, as a document, and as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from xtransplant.grid.lens_data import RUNS, LensData
from xtransplant.style.colours import LINES, MARKS, add_title, clear_axes
from xtransplant.style.escape import json_number, json_text, visible
from xtransplant.style.fonts import installed_fonts, save_figure
from xtransplant.style.matrix import step_of
from xtransplant.style.paths import PLOT_SUFFIXES, checked_path, replaced
from xtransplant.style.web import boxed, html_quoted, html_text, step_class
from xtransplant.style.words import highest, model_label, percent, quoted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_lens", "lens_html", "lens_json", "lens_text", "render_lens"]


_ABOUT = (
    "what each run would answer if the model ended after that layer; in percent, the probability "
    "of the answer's first token"
)


def lens_text(found: LensData) -> str:
    """What ``repr`` gives: strategy, pair, model, and of each run what the last layer makes of it.

    Beside it stands the layer that is surest of the answer's first token.
    """
    i, j = found.pair
    lines = [
        f"lens of {visible(found.strategy)} {i}→{j}, {visible(model_label(found.model))}",
        f"  {found.n_layers} layers, probability of {quoted(found.tokens[0], 60)}, the first token "
        f"of {quoted(found.answer, 60)}",
    ]
    for run in RUNS:
        shares = found.probabilities[run][:, _spelling(found, run)]
        surest = int(np.nan_to_num(shares, nan=-1).argmax())
        token = f" of {quoted(found.tokens[1], 60)}" * bool(_spelling(found, run))
        lines.append(
            f"  {run}: it says {quoted(found.tops[run][-1], 60)}, {percent(float(shares[-1]))}"
            f"{token}; most after layer {surest}, {percent(float(shares[surest]))}"
        )
    return "\n".join(lines)


def _spelling(found: LensData, run: str) -> int:
    """Which token a run is followed by: the source's answer may be spelled otherwise."""
    return int(run == "source" and found.tokens[0] != found.tokens[1])


def lens_html(found: LensData) -> str:
    """What a notebook shows: a line per layer, coloured by what changes from the target's run.

    Names and answers are text: escaped, each in its own direction.
    """
    i, j = found.pair
    both = found.tokens[0] != found.tokens[1]
    columns = [(run, at) for run in RUNS for at in range(1 + both)]
    changes = {
        (run, at): found.probabilities[run][:, at] - found.probabilities["target"][:, at]
        for run, at in columns
    }
    scale = max(highest(np.abs(one)) for one in changes.values())
    heads = "".join(
        f"<th scope=col>{run} {html_quoted(found.tokens[at], 40)}</th>"
        + "<th scope=col class=l>says</th>" * (at == both)
        for run, at in columns
    )
    rows = []
    for layer in range(found.n_layers):
        cells = []
        for run, at in columns:
            step = step_class(step_of(float(changes[run, at][layer]), scale))
            share = 100 * float(found.probabilities[run][layer, at])
            cells.append(f'<td class="{step}">{share:.1f}</td>')
            if at == both:
                cells.append(f"<td>{html_quoted(found.tops[run][layer], 40)}</td>")
        name = f"<b>{layer}</b>" if layer == j else str(layer)
        rows.append(f"<tr><th scope=row>{name}</th>{''.join(cells)}</tr>")
    about = f"{model_label(found.model)} · {found.n_layers} layers"
    return boxed(
        f"<p><b>{html_text(found.strategy)} {i}→{j}</b> <span class=about>{html_text(about)}</span>"
        f"</p><p>{html_text(_ABOUT)}; colour: by how much it is another than the target's</p>",
        f'<table class="xtp-t"><caption>layer ↓</caption><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>",
        f"<p class=aside>the transplant is written at layer {j}</p>",
    )


def render_lens(found: LensData) -> Group:
    """What ``xtp lens`` prints: a line per layer, for each run its probabilities and its answer."""
    i, j = found.pair
    title = Text(f"{visible(found.strategy)} {i}→{j}", style="bold")
    title.append(f"   {visible(model_label(found.model))}", style="not bold")
    about = [Text(_ABOUT)]
    both = found.tokens[0] != found.tokens[1]
    if both:
        about.append(
            Text(
                f"after the target {quoted(found.tokens[0])}, the source {quoted(found.tokens[1])}"
            )
        )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("layer", justify="right")
    for run in RUNS:
        for token in found.tokens if both else found.tokens[:1]:
            table.add_column(Text(f"{run} {quoted(token)}"), justify="right")
        table.add_column(Text("says"))
    for layer in range(found.n_layers):
        cells = [Text(str(layer), style="bold" if layer == j else "")]
        for run in RUNS:
            shares = found.probabilities[run][layer, : 2 if both else 1]
            cells += [Text(f"{100 * share:.1f}") for share in shares]
            cells.append(Text(quoted(found.tops[run][layer])))
        table.add_row(*cells)
    written = Text(f"the transplant is written at layer {j}", style="dim")
    return Group(title, *about, Text(), table, written)


def lens_json(found: LensData) -> str:
    """The same as one JSON document; probabilities from 0 to 1, ``[layer][answer, source's]``."""
    return json_text(
        {
            "model": found.model,
            "strategy": found.strategy,
            "source_layer": found.pair[0],
            "target_layer": found.pair[1],
            "answer": found.answer,
            "source_answer": found.source_answer,
            "tokens": list(found.tokens),
            "runs": {
                run: {
                    "probabilities": [
                        [json_number(float(one)) for one in layer]
                        for layer in found.probabilities[run]
                    ],
                    "says": list(found.tops[run]),
                }
                for run in RUNS
            },
        }
    )


def draw_lens(found: LensData, path: str | Path | None = None) -> Figure:
    """Probability against layer, a line per run; dashed for the answer as the source spells it.

    Args:
        found: what is drawn.
        path: where to save it, ``.png``, ``.svg`` or ``.pdf``; not saved by default.

    Raises:
        XTransplantError: another suffix, or a place that cannot be written to.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    both = found.tokens[0] != found.tokens[1]
    for run, colour, mark in zip(RUNS, LINES, MARKS, strict=False):
        for at, style in enumerate(("-", "--") if both else ("-",)):
            token = f", {quoted(found.tokens[at])}"
            axes.plot(
                range(found.n_layers), 100 * found.probabilities[run][:, at], style, color=colour,
                marker=mark, ms=4, lw=1.4, label=run + token * both,
            )  # fmt: skip
    axes.axvline(found.pair[1], color="#999999", lw=0.8, ls=":")
    clear_axes(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(-2, 102)
    axes.set_xlabel(
        "the model ended after layer (dotted: where the transplant is written)", fontsize=9
    )
    axes.set_ylabel("probability, percent", fontsize=9)
    axes.legend(fontsize=8, frameon=False, prop={"family": installed_fonts(), "size": 8})
    i, j = found.pair
    answer = "the answer's first token" + ("" if both else f" {quoted(found.tokens[0])}")
    add_title(figure, f"{found.strategy} {i}→{j}, {model_label(found.model)}", answer)
    if path is not None:
        target = checked_path(path, PLOT_SUFFIXES, "--plot")
        with replaced(target, "--plot") as written:
            save_figure(figure, written)
    return figure
