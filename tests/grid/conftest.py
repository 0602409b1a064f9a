"""Grids made by hand, so that how they look is tested without a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from xtransplant.engine.outcome import Generations, Scores
from xtransplant.grid.grid import Grid
from xtransplant.packing import ROWS, SHARED
from xtransplant.prompts import Example, Key

CANDIDATES = (" 42", " 17", " 99")
NASTY = "[bold]x[/bold] \x1b[31mred\x1b[0m\n\u202eback"


def make_grid(
    n: int = 4,
    m: int | None = None,
    *,
    candidates: tuple[str, ...] = CANDIDATES,
    answer: str | None = " 42",
    scored: bool = True,
    generated: bool = False,
    source: str = "How many?",
    target: str = "كم عدد الجسور؟",
    strategy: str = "attn-swap",
    note: str = "",
    scale: float = 1.0,
    unchanged: bool = False,
    bad: tuple[int, ...] = (),
    key: Key | None = None,
) -> Grid:
    """The answer is likeliest at pair (n-1)→0, where it has ``0.9 * scale``.

    Args:
        bad: numbers of cells that are not finite.
    """
    m = n if m is None else m
    count, top = n * m, (("a", "b"),)
    chance = np.full((n, m), 0.1)
    chance[-1, 0], chance[0, -1] = 0.9, 0.01
    logprobs = np.full((count, len(candidates)), np.log(scale * 0.3))
    if candidates:
        logprobs[:, 0] = np.log(scale * chance.ravel())
    logprobs[list(bad)] = np.nan
    vanilla = np.log(scale * np.array([0.1, 0.5, 0.2])[: len(candidates)])
    packing = ROWS if note else SHARED
    scores = Scores(
        logprobs, vanilla, vanilla, top * count, np.log(np.full((count, 2), 0.5)),
        ("b", "a"), ("a", "b"), packing, 2, 828.0, 0.5,
        np.log([0.5, 0.3]), np.log([0.5, 0.3]), np.full(count, unchanged),
    )  # fmt: skip
    outputs = [" 17 no"] * count
    outputs[(n - 1) * m] = " 42. yes"
    outputs[1 % count] = NASTY
    generations = Generations(
        tuple(outputs), ((1,),) * count, " 17 no", " 42.", packing, 21, 9000.0, 1.25,
        tuple(k not in bad for k in range(count)), (unchanged,) * count, True, True,
    )  # fmt: skip
    example = Example(source, target, candidates, answer, "it-3", "en", "ar", key)
    return Grid(
        "/models/maker/small", strategy, example,
        tuple(range(n)), tuple(range(m)),
        scores if scored else None, generations if generated else None, packing, note,
    )  # fmt: skip


@pytest.fixture(scope="session")
def made() -> Callable[..., Grid]:
    """:func:`make_grid`."""
    return make_grid
