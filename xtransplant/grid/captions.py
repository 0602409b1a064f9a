"""Words about a grid that the table, the picture and the files share."""

from __future__ import annotations

import math
from typing import NamedTuple

from xtransplant.grid.data import GridData, Prompt
from xtransplant.style.escape import visible
from xtransplant.style.words import ANOTHER_DTYPE, NOT_FINITE, in_sample, say_not_finite

__all__ = ["VanillaAnswer", "languages", "remarks", "vanilla_answer"]


class VanillaAnswer(NamedTuple):
    """What the model answers to a prompt without a transplant.

    Attributes:
        text: the answer, or that it is not finite.
        probability: of it, where it was scored as a candidate.
    """

    text: str
    probability: float | None


def languages(grid: GridData) -> str:
    """``en → sw``; empty where neither language is known."""
    example = grid.example
    if not (example.source_lang or example.target_lang):
        return ""
    return visible(f"{example.source_lang or '?'} → {example.target_lang or '?'}")


def vanilla_answer(grid: GridData, prompt: Prompt) -> VanillaAnswer:
    """What the model answers to a prompt without a transplant, and how probable that is."""
    text = grid.vanilla_answer(prompt)
    candidates = grid.example_of(prompt).candidates
    if text is None:
        return VanillaAnswer(NOT_FINITE, None)
    if grid.scores is None or text not in candidates:
        return VanillaAnswer(text, None)
    logprobs = grid.scores.vanilla if prompt == "target" else grid.scores.source
    return VanillaAnswer(text, math.exp(logprobs[candidates.index(text)]))


def remarks(grid: GridData) -> list[str]:
    """What a reader has to know of a grid: not finite, nothing changed, a fit that has seen it."""
    found, n_cells = [in_sample(grid.fitted_on)] if grid.fitted_on else [], len(grid.pairs)
    n_bad = int((~grid.finite).sum())
    if n_bad:
        found.append(f"{say_not_finite(n_bad, n_cells)}; {ANOTHER_DTYPE}")
    if grid.vanilla_answer() is None:
        found.append(f"without a transplant the target is not finite either; {ANOTHER_DTYPE}")
    if grid.unchanged and grid.strategy != "none":
        what = "every log-probability" if grid.scores else "every text, and its first probability,"
        exact = "to the bit" if grid.packing.keeps_bits else "within rounding"
        found.append(
            f"{visible(grid.strategy)} changes nothing: {what} is the target's own {exact}, in "
            f"{'all ' if n_cells > 1 else ''}{n_cells:,} cell{'s' * (n_cells != 1)}"
        )
    return found
