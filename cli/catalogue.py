"""``xtp list`` and ``xtp show``: what there is to choose from."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

__all__ = ["Kind", "list_", "show"]


class Kind(StrEnum):
    """What can be listed."""

    strategies = "strategies"
    tasks = "tasks"
    families = "families"
    languages = "languages"


def list_(
    kind: Annotated[Kind, typer.Argument(help="strategies, tasks, families or languages.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """List strategies, tasks, families or languages."""
    from xtransplant.bench.catalogue import catalogue
    from xtransplant.style.escape import json_text, visible

    rows = catalogue(kind.value)
    if as_json:
        typer.echo(json_text(rows))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        typer.echo(visible(f"{row['name']:<{width}}  {row['summary']}").rstrip())


def show(
    strategy: Annotated[str, typer.Argument(help="Name, or path/to/file.py[:name].")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Show a strategy: its docstring, what it records, its options."""
    from xtransplant.strategies.describe import describe
    from xtransplant.style.escape import json_text, visible

    about: dict[str, Any] = describe(strategy)
    if as_json:
        typer.echo(json_text(about))
        return
    head = f"{about['name']}  ({about['origin']})"
    typer.echo(f"{visible(head)}\n\n{visible(about['doc'], keep_lines=True)}\n")
    typer.echo("raw: runs inside the traces of one variant" if about["raw"] else "records")
    for edit in about["records"]:
        typer.echo(f"    {visible(str(edit))}")
    typer.echo("\noptions" if about["options"] else "\nno options")
    for option in about["options"]:
        typer.echo(visible(f"    -S {option['name']}={option['default']}  ({option['type']})"))
