"""A grid as a dataframe, as a JSON document, and as a file."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from xtransplant.errors import XTransplantError
from xtransplant.report.paths import checked_path

if TYPE_CHECKING:
    from xtransplant.grid import Grid

__all__ = ["grid_document", "grid_frame", "save_grid"]


def grid_frame(grid: Grid) -> pd.DataFrame:
    """One row per cell.

    Columns: ``source_layer``, ``target_layer``; where scored ``answer_probability`` (0 to 1),
    ``correct`` and one ``logprob:<candidate>`` (nats) per candidate; where generated ``output``.
    """
    columns: dict[str, Any] = {
        "source_layer": [i for i, _ in grid.pairs],
        "target_layer": [j for _, j in grid.pairs],
    }
    probabilities, correct = grid.probabilities(), grid.correct()
    if probabilities is not None:
        columns["answer_probability"] = probabilities.flatten()
    if correct is not None:
        columns["correct"] = correct.flatten()
    if grid.generations is not None:
        columns["output"] = list(grid.generations.outputs)
    if grid.scores is not None:
        for number, candidate in enumerate(grid.example.candidates):
            columns[f"logprob:{candidate}"] = grid.scores.logprobs[:, number]
    return pd.DataFrame(columns)


def grid_document(grid: Grid) -> dict[str, Any]:
    """What ``xtp trace --json`` prints: plain types only, natural-log likelihoods."""
    best = grid.best()
    cells = []
    for cell in grid.cells:
        entry: dict[str, Any] = {
            "source_layer": cell.source_layer,
            "target_layer": cell.target_layer,
        }
        if cell.logprobs is not None:
            entry["logprobs"] = cell.logprobs
        if cell.output is not None:
            entry["output"] = cell.output
        cells.append(entry)
    return {
        "model": grid.model,
        "strategy": grid.strategy,
        "source": grid.example.source,
        "target": grid.example.target,
        "candidates": list(grid.example.candidates),
        "answer": grid.example.answer,
        "vanilla": {"source": _vanilla(grid, "source"), "target": _vanilla(grid, "target")},
        "cells": cells,
        "best": best and {"source_layer": best.source_layer, "target_layer": best.target_layer},
        "layout": grid.layout,
        "note": grid.note,
        "seconds": grid.seconds,
        "forward_passes": grid.forward_passes,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("xtransplant", "nnsight", "torch", "transformers")},
        },
    }


def save_grid(grid: Grid, path: str | Path) -> None:
    """Write :func:`grid_frame` to a ``.parquet`` or ``.csv`` file.

    Raises:
        XTransplantError: another suffix, or a folder that does not exist.
    """
    target = checked_path(path, (".parquet", ".csv"), "--save")
    frame = grid_frame(grid)
    try:
        if target.suffix == ".csv":
            frame.to_csv(target, index=False)
        else:
            frame.to_parquet(target, index=False)
    except OSError as error:
        raise XTransplantError(f"cannot write {str(target)!r}: {error.strerror}") from error


def _vanilla(grid: Grid, prompt: str) -> dict[str, Any]:
    """What the model answers to a prompt without a transplant."""
    entry: dict[str, Any] = {}
    if grid.scores is not None:
        row = grid.scores.source if prompt == "source" else grid.scores.vanilla
        entry["logprobs"] = dict(zip(grid.example.candidates, map(float, row), strict=True))
        top = grid.scores.source_top if prompt == "source" else grid.scores.vanilla_top
        entry["top_tokens"] = list(top)
    if grid.generations is not None:
        said = grid.generations
        entry["output"] = said.source if prompt == "source" else said.vanilla
    return entry
