"""Options of several verbs; those of a run are in ``xtransplant.bench.flags``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xtransplant.bench.flags import Debug, Insecure, LogFile, On

__all__ = ["ConfigFile", "Debug", "Insecure", "Level", "LogFile", "On", "Runs"]

Level = Literal["strict", "match", "lenient"]


def _configured(context: typer.Context, name: str | None) -> str | None:
    if name is not None:
        from xtransplant.bench.config_file import read_config

        flags: list[Any] = [param.name for param in context.command.params]
        context.default_map = {**(context.default_map or {}), **read_config(name, flags)}
    return name


ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config",
        is_eager=True,
        callback=_configured,
        help="YAML file of flags, or a name such as paper-culture; the command line wins.",
    ),
]
Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")]
