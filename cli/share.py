"""``xtp export``: runs for other tools."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from xtransplant.cli import flags as f

__all__ = ["export"]


class Tool(StrEnum):
    """Tools whose formats runs are exported to."""

    lm_eval = "lm-eval"
    inspect = "inspect"


def export(
    run: f.Runs,
    to: Annotated[Tool, typer.Option(help="Whose format: lm-eval or inspect.")],
    output: Annotated[
        Path,
        typer.Option("--output", "--output-path", "-o", help="Folder; each run gets one in it."),
    ] = Path("exported"),
    debug: f.Debug = False,
) -> None:
    """Write runs, samples and all, as lm-evaluation-harness or inspect would have written them.

    Each row of a report that is one prompt, or one layer pair, stands where they have a model;
    bounds, nulls and gains go along as metadata (docs/publish.md).
    """
    from xtransplant.report.export.export import export_runs
    from xtransplant.style.escape import visible

    done = export_runs(run, to.value, output)
    for path in done.folders:
        typer.echo(visible(str(path)))
    for note in done.notes:
        print(f"xtp: {visible(note)}", file=sys.stderr)
