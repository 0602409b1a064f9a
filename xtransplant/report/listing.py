"""The runs in a folder as a list: what each is, how far it has come, and its damages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtransplant.errors import XTransplantError
from xtransplant.runs.listing import runs
from xtransplant.style.escape import json_text, visible
from xtransplant.style.words import model_label

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["RunsTable", "runs_table"]

_NAMES = ("run", "state", "mode", "pairs", "strategies", "model", "started")


@dataclass(frozen=True)
class RunsTable:
    """What :func:`runs_table` made.

    Attributes:
        shown: a text, or something that rich prints.
        damaged: whether any run is.
    """

    shown: Any
    damaged: bool


def runs_table(
    folder: Path, *, as_json: bool = False, check: bool = False, width: int = 120
) -> RunsTable:
    """The runs in a folder, as a table for rich or as JSON.

    Where a table would break names, each run has its name on a line of its own.

    Args:
        folder: of runs, or one run.
        as_json: return text in JSON instead of a table.
        check: compare every stored table with its checksum, and name those that are damaged.
        width: of the terminal, in columns.

    Raises:
        XTransplantError: no run there.
    """
    found = runs(folder, check=check)
    rows: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in found.to_dict(orient="records")
    ]
    damaged = any(row["state"].startswith("damaged") for row in rows)
    if as_json:
        return RunsTable(json_text(rows), damaged)
    if not rows:
        raise XTransplantError(
            f"no runs in {str(folder)!r}; make one: xtp bench --task babel --strategy attn-swap"
        )
    return RunsTable(_table([_shown(row) for row in rows], width), damaged)


def _shown(row: dict[str, Any]) -> dict[str, str]:
    """A row as it is printed; damages go into ``wrong``, for lines below the table."""
    wrong = row["state"].startswith("damaged")
    damages = list(map(str, row.get("damage", []))) or [row["state"].removeprefix("damaged: ")]
    checked = "damage" in row and not wrong
    cells = {
        **row,
        "state": "damaged" if wrong else row["state"] + (", checked" if checked else ""),
        "model": model_label(row["model"]) if row["model"] else "",
        "started": row["started"][:16].replace("T", " "),
        "wrong": "\n".join(f"{row['run']}: {one}" for one in damages) if wrong else "",
    }
    return {name: "\n".join(map(visible, str(value).splitlines())) for name, value in cells.items()}


def _table(rows: list[dict[str, str]], width: int) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in _NAMES]
    parts: list[RenderableType] = []
    if sum(widths) + 2 * len(widths) <= width:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in _NAMES:
            table.add_column(name, no_wrap=True)
        for row in rows:
            table.add_row(*(Text(row[name]) for name in _NAMES))
        parts.append(table)
    else:
        for row in rows:
            # A terminal breaks a line that is too long; copied, it is whole.
            parts.append(Text(row["run"], no_wrap=True, overflow="ignore"))
            about = " · ".join(row[name] for name in _NAMES[1:] if row[name])
            parts.append(Padding(Text(about), (0, 0, 0, 4)))
    wrong = [text for row in rows for text in row["wrong"].splitlines()]
    return Group(*parts, *([Text("")] if wrong else []), *map(Text, wrong))
