"""A grid for the terminal: prompts, answers, a coloured table, the best pair, the cost."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from xtransplant.grid import Grid

__all__ = ["render_grid", "short_name", "visible"]

_MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def render_grid(grid: Grid) -> RenderableType:
    """Everything ``xtp trace`` shows of one grid."""
    parts: list[RenderableType] = [_heading(grid), *_prompts(grid), Text()]
    if grid.probabilities() is not None:
        parts += [_Cells(grid), Text()]
    if grid.generations is not None or grid.probabilities() is None:
        parts += [*_answers(grid), Text()]
    return Group(*parts, _best(grid), _cost(grid))


def short_name(model: str) -> str:
    """A folder's own name, or a repository's name as it is."""
    return Path(model).name if os.path.isdir(model) else model


def visible(text: str, limit: int = 300) -> str:
    """Text that a model wrote, harmless in a terminal: control characters shown, length bounded."""
    shown = "".join(
        char if char.isprintable() else {"\n": "↵", "\t": "⇥"}.get(char, "�") for char in text
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _heading(grid: Grid) -> Text:
    return Text.assemble(
        (grid.strategy, "bold"), " on ", (short_name(grid.model), "bold"), "  ",
        (visible(grid.example.id), "dim"),
    )  # fmt: skip


def _prompts(grid: Grid) -> list[Text]:
    """Both prompts, and what the model answers to each without a transplant."""
    lines = []
    for name, text, lang in (
        ("source", grid.example.source, grid.example.source_lang),
        ("target", grid.example.target, grid.example.target_lang),
    ):
        prompt = "source" if name == "source" else "target"
        line = Text.assemble((f"{name} {lang:<3}", "cyan"), visible(text))
        line.append("  → ", "dim").append(visible(grid.vanilla_answer(prompt)).strip(), "bold")
        probability = grid.vanilla_probability(prompt)
        if probability is not None and grid.example.answer is not None:
            answer = visible(grid.example.answer).strip()
            line.append(f"  (P of the answer {answer}: {probability:.1%})", "dim")
        lines.append(line)
    return lines


class _Cells:
    """Probability of the answer in every cell, as wide as the terminal allows."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = self.grid
        values, vanilla = grid.probabilities(), grid.vanilla_probability()
        assert values is not None
        assert vanilla is not None
        n_source, n_target = values.shape
        # Piped output is not cut: a terminal gets what fits in it.
        room = max(options.max_width - 6, 8) if console.is_terminal else 4 * n_target
        width = 4 if 4 * n_target <= room else 3
        step = max(1, -(-n_target * width // room))
        best = grid.best()
        note = f"; each cell the best of {step} x {step} pairs" if step > 1 else ""
        yield Text.assemble(
            "P(answer) in %, colour: against vanilla's ",
            f"{100 * vanilla:.1f}",
            f" (blue more, orange less){note}",
            style="dim",
        )
        columns = range(0, n_target, step)
        head = Text("  i\\j ", "dim")
        for column in columns:
            head.append(f"{grid.target_layers[column]:>{width}}", "dim")
        yield head
        for row in range(0, n_source, step):
            line = Text(f"{grid.source_layers[row]:>5} ", "dim")
            for column in columns:
                block = values[row : row + step, column : column + step]
                value = float(block.max())
                marked = best is not None and (
                    best.source_layer in grid.source_layers[row : row + step]
                    and best.target_layer in grid.target_layers[column : column + step]
                )
                text = f"{100 * value:.0f}" + ("*" if marked and width > 3 else "")
                line.append(f"{text:>{width}}", _colour(value - vanilla, marked))
            yield line


def _colour(difference: float, marked: bool) -> Style:
    """White to blue for more, white to orange for less; told apart by the colour-blind too."""
    strength = min(1.0, abs(difference)) ** 0.5
    full = (33, 102, 172) if difference > 0 else (230, 97, 1)
    red, green, blue = (round(255 + (end - 255) * strength) for end in full)
    dark = strength > 0.6 and difference > 0
    return Style(
        color="white" if dark else "black",
        bgcolor=f"rgb({red},{green},{blue})",
        bold=marked,
        underline=marked,
    )


def _answers(grid: Grid) -> list[Text]:
    """Which answer each cell gives, by letter, and the answers; a dot is vanilla's own."""
    vanilla = grid.vanilla_answer()
    said = [grid.answer_of(cell) or "" for cell in grid.cells]
    ranked = [text for text, _ in Counter(said).most_common() if text != vanilla]
    letters = {text: _MARKS[k] if k < len(_MARKS) else "#" for k, text in enumerate(ranked)}
    letters[vanilla] = "·"
    lines = [Text("what each cell answers (· as vanilla)", "dim")]
    lines.append(Text("  i\\j " + "".join(f"{j:>3}" for j in grid.target_layers), "dim"))
    for row, layer in enumerate(grid.source_layers):
        cells = said[row * len(grid.target_layers) : (row + 1) * len(grid.target_layers)]
        lines.append(Text(f"{layer:>5} " + "".join(f"{letters[text]:>3}" for text in cells)))
    counts = Counter(said)
    right = (grid.example.answer or "").strip()
    for text in [vanilla, *ranked[:12]]:
        mark = "  ✓" if right and text.strip().startswith(right) else ""
        lines.append(
            Text.assemble(f"  {letters[text]} {counts[text]:>5} x ", visible(text, 100), mark)
        )
    if len(ranked) > 12:
        lines.append(Text(f"    and {len(ranked) - 12} others (--json or --save has all)", "dim"))
    return lines


def _best(grid: Grid) -> Text:
    best = grid.best()
    if best is None:
        if grid.example.answer is None:
            return Text("no best pair: give the right answer with --answer", "dim")
        return Text("no pair gives the answer", "dim")
    answer = visible(grid.answer_of(best) or "").strip()
    line = Text.assemble(
        "best pair ", (f"{best.source_layer}→{best.target_layer}", "bold"), " answers ",
        (answer, "bold"),
    )  # fmt: skip
    values, vanilla = grid.probabilities(), grid.vanilla_probability()
    if values is not None and vanilla is not None:
        line.append(f"  (P of the answer {values.max():.1%}, vanilla {vanilla:.1%})")
    correct = grid.correct()
    if correct is not None:
        line.append(f"; {int(correct.sum())} of {correct.size} pairs answer rightly")
    return line


def _cost(grid: Grid) -> Text:
    passes = grid.forward_passes
    line = Text(
        f"{len(grid.pairs)} variants, {passes} forward passes, {grid.seconds:.2f} s", "dim"
    )
    if grid.layout == "rows":
        line.append(f"; one variant per row: {visible(grid.note)}")
    return line
