"""A grid for the terminal: prompts, answers, the coloured table, the best pair, the cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from rich.console import Group
from rich.text import Text

from xtransplant.grid.captions import languages, remarks, vanilla_answer
from xtransplant.grid.data import GridData, Prompt
from xtransplant.prompts import key_of
from xtransplant.style.escape import visible
from xtransplant.style.matrix import Matrix, shade
from xtransplant.style.words import (
    NOT_FINITE,
    highest,
    model_label,
    percent,
    points,
    quoted,
)
from xtransplant.tasks.rules import describe_rule

__all__ = ["render_grid"]

_LONGEST_PROMPT = 900
_MOST_ANSWERS = 12
_MOST_PAIRS = 4


def render_grid(grid: GridData) -> Group:
    """What ``xtp trace`` prints, for any rich console.

    Prompts and outputs are shown as text, never as markup; text that may run right to left stands
    last on its line, so that a terminal which reorders it leaves the numbers where they are.
    """
    parts: list[Any] = [_heading(grid), Text()]
    parts += [*_prompt(grid, "source"), Text(), *_prompt(grid, "target"), Text()]
    matrix, caption = _matrix(grid)
    parts += [caption, matrix, Text()]
    if grid.generations is not None or grid.example.answer is None:
        parts += [*_answers(grid), Text()]
    parts += [*_best(grid), *(Text(one, style="bold") for one in remarks(grid)), _cost(grid)]
    return Group(*parts)


def _heading(grid: GridData) -> Text:
    line = Text(visible(grid.strategy), style="bold")
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
    if known is not None and answered != grid.example.answer:
        answer = quoted(grid.example.answer or "", 80)
        yield Text(f"  and gives {percent(known)} to the answer {answer}", style="dim")


def _matrix(grid: GridData) -> tuple[Matrix, Text]:
    """The cells and the line above them."""
    probabilities, vanilla = grid.probabilities(), grid.vanilla_probability()
    best = grid.best()
    at = None
    if best is not None:
        row = grid.source_layers.index(best.source_layer)
        at = (row, grid.target_layers.index(best.target_layer))
    layers = (grid.source_layers, grid.target_layers)
    if probabilities is not None and vanilla is not None:
        difference = probabilities - vanilla
        unit = _unit(highest(np.append(probabilities, vanilla)))
        caption = Text(f"probability of the answer {quoted(grid.example.answer or '')}")
        _append_scale(caption, highest(np.abs(difference)), vanilla)
        return Matrix(probabilities, difference, *layers, at, unit=unit), caption
    correct = grid.correct()
    if correct is not None:
        was = bool(grid.vanilla_correct())
        state = "correct" if was else "incorrect"
        caption = Text(f"✓ where the {_right(grid)} (without a transplant: {state})")
        marks = np.where(grid.finite, correct, np.nan)
        return Matrix(marks, marks - float(was), *layers, at, marks=True), caption
    changed = np.where(grid.finite, grid.changed(), np.nan)
    caption = Text("✓ where the answer is another than without a transplant")
    return Matrix(changed, changed, *layers, at, marks=True), caption


def _unit(most: float) -> float:
    """The factor by which probabilities are multiplied: 100, or a power of 10 for tiny ones."""
    if most >= 0.01 or most <= 0:
        return 100.0
    return float(10.0 ** (math.ceil(-math.log10(most)) + 1))


def _append_scale(caption: Text, scale: float, vanilla: float) -> None:
    """Explain the colours by the two ends of their scale, drawn in them."""
    caption.append(f"\ncolour: from {percent(vanilla)} without a transplant, ")
    caption.append(f" {points(-scale)} ", style=shade(-scale, scale))
    caption.append(" to ")
    caption.append(f" {points(scale)} ", style=shade(scale, scale))


def _right(grid: GridData) -> str:
    """What counts as right, in words."""
    if grid.scores is not None and len(grid.example.candidates) > 1:
        return "answer is the likeliest candidate"
    rule = key_of(grid.example).rule or "begins"
    return f"output {describe_rule(rule)}, by rule {rule}"


def _answers(grid: GridData) -> Iterator[Text]:
    """Distinct answers, the commonest first, with the layer pairs that give each."""
    by_answer: dict[str | None, list[tuple[int, int]]] = {}
    for pair, answer in zip(grid.pairs, grid.answers(), strict=True):
        by_answer.setdefault(answer, []).append(pair)
    ranked = sorted(by_answer.items(), key=lambda item: -len(item[1]))
    shown = [(len(pairs), _pairs_text(pairs), answer) for answer, pairs in ranked[:_MOST_ANSWERS]]
    width = max(len(pairs) for _, pairs, _ in shown)
    yield Text(f"cells  {'layer pairs':<{width}}  what they answer (= no change)", "dim")
    for count, pairs, answer in shown:
        mark = "=" if answer == grid.vanilla_answer() else " "
        text = NOT_FINITE if answer is None else quoted(answer, 200)
        yield Text(f"{count:>5}  {pairs:<{width}} {mark}{text}")
    if (rest := len(ranked) - len(shown)) > 0:
        cells = sum(len(pairs) for _, pairs in ranked[_MOST_ANSWERS:])
        yield Text(f"{cells:>5}  {rest} other answers; --json or --save has them", "dim")


def _pairs_text(pairs: list[tuple[int, int]]) -> str:
    """``0→1, 3→0-7``: layer pairs, neighbouring target layers taken together."""
    runs = []
    for i, row in groupby(pairs, key=lambda pair: pair[0]):
        targets = [j for _, j in row]
        # Layers in a row differ from their place in the list by the same number.
        for _, run in groupby(enumerate(targets), key=lambda item: item[1] - item[0]):
            ends = [j for _, j in run]
            runs.append(f"{i}→{ends[0]}" + (f"-{ends[-1]}" if len(ends) > 1 else ""))
    more = len(runs) - _MOST_PAIRS
    return ", ".join(runs[:_MOST_PAIRS]) + (f", and {more} more" if more > 0 else "")


def _best(grid: GridData) -> Iterator[Text]:
    best = grid.best()
    if best is None:
        if grid.example.answer is not None:
            yield Text("no layer pair gives the answer")
        return
    line = Text.assemble("best pair ", (f"{best.source_layer}→{best.target_layer}", "bold"), ": ")
    probabilities, vanilla = grid.probabilities(), grid.vanilla_probability()
    if probabilities is not None and vanilla is not None:
        top = highest(probabilities)
        line.append(f"the answer has {percent(top)} ({points(top - vanilla)}); ")
    line.append("it answers ")
    answer = grid.answer_of(best)
    line.append(NOT_FINITE if answer is None else quoted(answer, 200), style="bold")
    yield line


def _cost(grid: GridData) -> Text:
    count = len(grid.pairs)
    how = f"{count:,} layer pair{'s' * (count != 1)}"
    if not grid.packing.together:
        how += ", one per row"
    elif grid.scores is None:
        how += " after one shared prefix"
    else:
        how += " packed into one sequence"
    passes = f"{grid.forward_passes} forward pass{'es' * (grid.forward_passes != 1)}"
    line = Text(f"{how}: {passes}, {grid.seconds:.2f} s", style="dim")
    if grid.note:
        line.append(f"\nnote: {visible(grid.note)}")
    return line
