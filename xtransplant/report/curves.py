"""A run's upper bounds by layer, each with its null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.report.tables import run_title
from xtransplant.stats.rates import micro
from xtransplant.stats.tally import Bound, Tally, combine
from xtransplant.style.colours import GREY, LINES, MARKS, add_title, clear_axes, legend_name
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_curves"]

Bounds = dict[int, Bound]  # by layer


def draw_curves(
    summary: Summary, task: TaskCounts, grids: dict[str, dict[str, Tally]], level: str
) -> Figure | None:
    """The upper bound by source layer (any target) and by target layer (any source).

    All languages together; the null is dotted.

    Args:
        summary: the run.
        task: one of its tasks.
        grids: counts at the level, by strategy and language.
        level: ``strict``, ``match`` or ``lenient``.

    Returns:
        None where no layer has a choice of pairs.
    """
    from matplotlib.figure import Figure

    every = {strategy: combine(list(tallies.values())) for strategy, tallies in grids.items()}
    sides = {
        "source layer i, any target": {k: _choices(one.by_source) for k, one in every.items()},
        "target layer j, any source": {k: _choices(one.by_target) for k, one in every.items()},
    }
    sides = {what: lines for what, lines in sides.items() if any(map(len, lines.values()))}
    if not sides:
        return None
    figure = Figure(figsize=(5.4 * len(sides) - 1.8, 3.9), layout="constrained")
    panels = figure.subplots(1, len(sides), sharey=True, squeeze=False)[0]
    vanilla = micro([counts.vanilla[level] for counts in task.languages.values()])
    numbers = {strategy: one.n for strategy, one in every.items()}
    for axes, (what, lines) in zip(panels, sides.items(), strict=True):
        _draw_side(axes, lines, numbers, 100 * vanilla.value)
        axes.set_xlabel(what, fontsize=9)
    panels[0].set_ylabel("percent right, upper bound (oracle)", fontsize=9)
    panels[0].set_ylim(bottom=0)
    found = dict[str, Any]()
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend(
        list(found.values()), list(found), loc="outside right center", fontsize=8, frameon=False,
        prop={"family": installed_fonts(), "size": 8},
    )  # fmt: skip
    oracle = "an oracle: each example's pair is picked after seeing the answer"
    add_title(figure, run_title(summary, task), oracle)
    return figure


def _draw_side(
    axes: Axes, lines: dict[str, Bounds], numbers: dict[str, int], vanilla: float
) -> None:
    """A line per strategy, and the rate without a transplant.

    Args:
        axes: to draw on.
        lines: by strategy.
        numbers: of examples, by strategy.
        vanilla: in percent.
    """
    for k, (strategy, bounds) in enumerate(lines.items()):
        colour, mark = LINES[k % len(LINES)], MARKS[k % len(MARKS)]
        n, label = numbers[strategy], f"{legend_name(strategy)}, {_best_of(bounds)}"
        own = [100 * bound.right / n for bound in bounds.values()]
        null = [100 * bound.null / n for bound in bounds.values()]
        axes.plot(list(bounds), own, color=colour, marker=mark, ms=4, lw=1.5, label=label)
        axes.plot(list(bounds), null, color=colour, ls=":", lw=1.2)
    axes.axhline(vanilla, color=GREY, ls="--", lw=1.2, label="vanilla (target)")
    axes.plot([], [], color=GREY, ls=":", lw=1.2, label="null")
    clear_axes(axes)
    axes.locator_params("x", integer=True)


def _choices(bounds: Bounds) -> Bounds:
    """Those with more than one pair to pick from, if they are enough for a line."""
    found = {layer: bound for layer, bound in bounds.items() if bound.cells > 1}
    return found if len(found) > 1 else {}


def _best_of(bounds: Bounds) -> str:
    """``best of 8``: how many pairs a layer's bound picks from."""
    cells = [bound.cells for bound in bounds.values()]
    if not cells:
        return "no choice"
    return f"best of {min(cells)}" + (f" to {max(cells)}" if min(cells) < max(cells) else "")
