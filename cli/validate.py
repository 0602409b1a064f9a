"""``xtp validate``: whether a file, a configuration or a task is right; no model is loaded."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from xtransplant.bench.flags import BenchFlags
from xtransplant.cli import flags as f

__all__ = ["validate"]


def validate(
    examples: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Your own; the same as --task file --file FILE."),
    ] = None,
    *,
    config: f.ConfigFile = None,
    flags: BenchFlags,
) -> None:
    """Check data, tasks and strategies of a bench, without a model; exit 1 if anything is wrong.

    Takes what bench takes: xtp validate mine.csv, xtp validate --config mine.yaml. A strategy is
    tried by xtp check, a run by xtp runs --check.
    """
    from xtransplant.bench.parse import parse_config
    from xtransplant.bench.validate import validate as check
    from xtransplant.cli.progress import Lines
    from xtransplant.style.escape import json_text, visible

    if examples is not None:
        what = replace(flags.what, task=["file"])
        flags = replace(flags, what=what, data=replace(flags.data, file=examples))
    lines = Lines(quiet=flags.output.quiet, log_file=flags.output.log_file)
    found = check(parse_config(flags), lines.say)
    if flags.output.as_json:
        typer.echo(json_text([asdict(one) for one in found]))
    else:
        for one in found:
            typer.echo(visible(str(one)))
    if any(one.fault for one in found):
        raise typer.Exit(1)
