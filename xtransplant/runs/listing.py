"""Listing the runs in a folder, including those whose manifest cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtransplant.errors import XTransplantError
from xtransplant.runs.check import find_damage
from xtransplant.runs.manifest import Manifest
from xtransplant.runs.read_manifest import count_stored_parts
from xtransplant.runs.store import Run, open_run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["runs"]

_COLUMNS = (
    "run", "model", "tasks", "split", "strategies", "pairs", "mode", "state", "started", "path",
)  # fmt: skip


def runs(folder: str | Path = "runs", *, check: bool = False) -> pd.DataFrame:
    """List runs, one per row.

    Columns: run (its name), model, tasks, split, strategies, pairs, mode, state, started, path;
    ``state`` is ``complete``, how many parts are stored, or ``damaged: why``.

    Args:
        folder: of runs, or one run.
        check: compare every stored table with its checksum; adds a column ``damage``, a list.
    """
    import pandas as pd

    rows = [_row(path, check) for path in _folders(Path(folder))]
    return pd.DataFrame(rows, columns=[*_COLUMNS, *(["damage"] if check else [])])


def _folders(folder: Path) -> list[Path]:
    if _is_run(folder):
        return [folder]
    return sorted(path for path in folder.glob("*") if path.is_dir() and _is_run(path))


def _is_run(folder: Path) -> bool:
    return (folder / "manifest.json").exists() or count_stored_parts(folder) > 0


def _row(path: Path, check: bool) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COLUMNS, "")
    row |= {"run": path.resolve().name, "path": str(path)}
    if check:
        row["damage"] = []
    try:
        run = open_run(path)
    except XTransplantError as error:
        row["state"] = f"damaged: {error}"
        if check:
            row["damage"] = [str(error)]
        return row
    entries = run.manifest.tasks
    row |= {
        "model": run.manifest.model["name"],
        "tasks": ", ".join(entries),
        "split": ", ".join(dict.fromkeys(entry.split for entry in entries.values())),
        "strategies": ", ".join(
            dict.fromkeys([*run.manifest.strategies, *_baselines(run.manifest)])
        ),
        "pairs": _pairs(run.manifest) + _only(run.manifest),
        "mode": ", ".join(dict.fromkeys(entry.mode for entry in entries.values())),
        "state": _state(run),
        "started": run.manifest.started,
    }
    if check:
        row["damage"] = [str(one) for one in find_damage(run)]
        if row["damage"]:
            n = len(row["damage"])
            more = f", and {n - 1} more" if n > 1 else ""
            row["state"] = f"damaged: {row['damage'][0]}{more}"
    return row


def _state(run: Run) -> str:
    total, missing = len(list(run.manifest.parts())), len(run.missing())
    return f"{total - missing} of {total} parts" if missing else "complete"


def _baselines(manifest: Manifest) -> list[str]:
    return [name for task in manifest.tasks.values() for name in task.baselines]


def _only(manifest: Manifest) -> str:
    return "" if manifest.only == "all" else f", {manifest.only} only"


def _pairs(manifest: Manifest) -> str:
    """The pairs as the command named them; of pairs chosen by language the one, or how many."""
    chosen = {
        tuple(pair)
        for task in manifest.tasks.values()
        for language in task.languages.values()
        for pairs in language.pairs.values()
        for pair in pairs
    }
    if not chosen:
        return manifest.pairs_text
    if len(chosen) == 1:
        ((i, j),) = chosen
        return f"chosen {i}→{j}"
    return f"chosen, {len(chosen)} in all"
