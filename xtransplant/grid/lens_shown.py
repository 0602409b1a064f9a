"""A logit lens for the terminal, as a document, and as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from xtransplant.grid.lens import RUNS, Lens
from xtransplant.style.colours import LINES, MARKS, add_title, clear_axes
from xtransplant.style.escape import json_number, json_text, visible
from xtransplant.style.fonts import installed_fonts, save_figure
from xtransplant.style.paths import PLOT_SUFFIXES, checked_path, replaced
from xtransplant.style.words import model_label, quoted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_lens", "lens_json", "render_lens"]


def render_lens(found: Lens) -> Group:
    """What ``xtp lens`` prints: a line per layer, for each run its probabilities and its answer."""
    i, j = found.pair
    title = Text(f"{visible(found.strategy)} {i}→{j}", style="bold")
    title.append(f"   {visible(model_label(found.model))}", style="not bold")
    about = [
        Text(
            "what each run would answer if the model ended after that layer; in percent, the "
            "probability of the answer's first token"
        )
    ]
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


def lens_json(found: Lens) -> str:
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


def draw_lens(found: Lens, path: str | Path | None = None) -> Figure:
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
