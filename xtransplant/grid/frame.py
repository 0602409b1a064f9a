"""A grid as a dataframe, as a JSON document, and as a file."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from xtransplant.grid.captions import remarks
from xtransplant.grid.data import GridData, Prompt
from xtransplant.grid.saved import grid_state
from xtransplant.prompts import key_of
from xtransplant.runs.rows import grid_columns
from xtransplant.style.escape import json_number, json_text
from xtransplant.style.paths import TABLE_SUFFIXES, checked_path, replaced

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["grid_document", "grid_frame", "grid_json", "save_grid"]


class Shown(Protocol):
    """A grid, or the grids of a sweep, as a table and as a document."""

    def to_frame(self) -> pd.DataFrame:
        """One row per cell."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """What ``xtp trace --json`` prints."""
        ...


def grid_frame(grid: GridData) -> pd.DataFrame:
    """One row per cell.

    Columns: ``model``, ``strategy``, ``source_lang`` and ``target_lang``, the same in every row, so
    that frames of several grids can be put together; ``source_layer``, ``target_layer``, ``finite``
    (whether the numbers behind it are); with an answer ``correct`` (by its rule, as a bench
    judges); where scored ``answer_probability`` (0 to 1), the likeliest next token and one
    ``logprob:<candidate>`` (nats) per candidate; where generated ``output``; and what
    ``runs.columns`` declares for grids: the norms and cosines of each cell's writes, as lists.
    """
    import pandas as pd

    columns: dict[str, Any] = {
        "model": grid.model,
        "strategy": grid.strategy,
        "source_lang": grid.example.source_lang,
        "target_lang": grid.example.target_lang,
        "source_layer": [i for i, _ in grid.pairs],
        "target_layer": [j for _, j in grid.pairs],
    }
    columns["finite"] = grid.finite.flatten()
    probabilities, correct = grid.probabilities(), grid.correct()
    if probabilities is not None:
        columns["answer_probability"] = probabilities.flatten()
    if correct is not None:
        columns["correct"] = correct.flatten()
    if grid.generations is not None:
        columns["output"] = list(grid.generations.outputs)
    if grid.scores is not None:
        columns["top_token"] = [tokens[0] for tokens in grid.scores.top_tokens]
        columns["top_logprob"] = grid.scores.top_logprobs[:, 0]
        for number, candidate in enumerate(grid.example.candidates):
            columns[f"logprob:{candidate}"] = grid.scores.logprobs[:, number]
    return pd.DataFrame(columns | grid_columns(grid.scores, grid.generations))


def grid_document(grid: GridData) -> dict[str, Any]:
    """What ``xtp trace --json`` prints: plain types only, natural-log likelihoods.

    A likelihood that is NaN or infinite is None, as JSON has neither, and its cell's ``finite`` is
    false. ``unchanged``: every cell is what the target gives without a transplant.
    """
    best = grid.best()
    cells, finite, correct = [], grid.finite.ravel().tolist(), grid.correct()
    declared = grid_columns(grid.scores, grid.generations)
    for number, cell in enumerate(grid.cells):
        entry: dict[str, Any] = {
            "source_layer": cell.source_layer,
            "target_layer": cell.target_layer,
            "finite": finite[number],
        }
        if correct is not None:
            entry["correct"] = bool(correct.flat[number])
        if cell.logprobs is not None:
            entry["logprobs"] = {name: json_number(value) for name, value in cell.logprobs.items()}
        if grid.scores is not None:
            entry["top_tokens"] = list(grid.scores.top_tokens[number])
            entry["top_logprobs"] = [
                json_number(value) for value in grid.scores.top_logprobs[number]
            ]
        if cell.output is not None:
            entry["output"] = cell.output
        entry |= {name: _plain(values[number]) for name, values in declared.items()}
        cells.append(entry)
    return {
        "model": grid.model,
        "strategy": grid.strategy,
        "source": grid.example.source,
        "target": grid.example.target,
        "source_lang": grid.example.source_lang,
        "target_lang": grid.example.target_lang,
        "example": grid.example.id,
        "candidates": list(grid.example.candidates),
        "answer": grid.example.answer,
        "vanilla": {"source": _vanilla(grid, "source"), "target": _vanilla(grid, "target")},
        "cells": cells,
        "best": best and {"source_layer": best.source_layer, "target_layer": best.target_layer},
        "packing": str(grid.packing),
        "rule": key_of(grid.example).rule or "begins",
        "unchanged": grid.unchanged,
        "not_finite": finite.count(False),
        "note": "; ".join(filter(None, [grid.note, *remarks(grid)])),
        "seconds": grid.seconds,
        "forward_passes": grid.forward_passes,
        "token_forwards": grid.token_forwards,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("xtransplant", "nnsight", "torch", "transformers")},
        },
    }


def _plain(value: Any) -> Any:
    """A column's value for JSON, None in the place of NaN and infinity."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return json_number(value) if isinstance(value, float) else value


def grid_json(grid: Shown) -> str:
    """What ``xtp trace --json`` prints of a grid, or of a sweep."""
    return json_text(grid.to_dict())


def save_grid(grid: Shown, path: str | Path) -> None:
    """Write a grid's or a sweep's table to ``.parquet`` or ``.csv``, or the document to ``.json``.

    A Parquet file carries the document without its cells too: ``read_parquet(path).attrs``. A
    grid's JSON has, under ``saved``, what the grid is made from again.

    Args:
        grid: what to write.
        path: its suffix decides the format.

    Raises:
        XTransplantError: another suffix, or a place that cannot be written to.
    """
    suffix = checked_path(path, TABLE_SUFFIXES, "--save").suffix.lower()
    with replaced(path, "--save") as target:
        if suffix == ".json":
            document = grid.to_dict()
            if isinstance(grid, GridData):
                document["saved"] = grid_state(grid)
            target.write_text(json_text(document) + "\n", encoding="utf-8")
        elif suffix == ".csv":
            grid.to_frame().to_csv(target, index=False)
        else:
            table = grid.to_frame()
            table.attrs = {key: value for key, value in grid.to_dict().items() if key != "cells"}
            table.to_parquet(target, index=False)


def _vanilla(grid: GridData, prompt: Prompt) -> dict[str, Any]:
    """What the model answers to a prompt without a transplant."""
    entry: dict[str, Any] = {}
    if grid.scores is not None:
        row = grid.scores.source if prompt == "source" else grid.scores.vanilla
        own = grid.example.source_candidates if prompt == "source" else ()
        pairs = zip(own or grid.example.candidates, row, strict=True)
        entry["logprobs"] = {name: json_number(value) for name, value in pairs}
        top = grid.scores.source_top if prompt == "source" else grid.scores.vanilla_top
        entry["top_tokens"] = list(top)
    if grid.generations is not None:
        texts = grid.generations
        entry["output"] = texts.source if prompt == "source" else texts.vanilla
    return entry
