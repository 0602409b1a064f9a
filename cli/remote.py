"""``xtp doctor`` and ``xtp models``: is a server or a model usable, and what is deployed."""

from __future__ import annotations

from typing import Annotated

import typer

from xtransplant.cli import flags as f

__all__ = ["doctor", "models"]


def doctor(
    on: f.On = "ndif",
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Also look for this one, and verify it.")
    ] = None,
    gguf_file: Annotated[
        str | None, typer.Option(metavar="NAME", help="The GGUF file of that repository or folder.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Verify packing anew, also where it is remembered.")
    ] = False,
    insecure: f.Insecure = False,
    debug: f.Debug = False,
) -> None:
    """Look whether a server can be used from here; exit code 1 if anything is wrong.

    With --on local, whether a model can be used here: its sites, how its prompts begin, packing.
    """
    from xtransplant.cli.console import ready
    from xtransplant.cli.progress import Lines
    from xtransplant.style.escape import visible

    with Lines(quiet=False).doing(f"looking at {model or on}"):
        ready(verbose=False)
        from xtransplant.bench.diagnose import diagnose

        found = diagnose(on, model, gguf_file=gguf_file, insecure=insecure, verify=verify)
    for one in found:
        typer.echo(f"{'ok  ' if one.ok else 'FAIL'}  {visible(one.what)}")
    if not all(one.ok for one in found):
        raise typer.Exit(1)


def models(
    on: f.On = "ndif",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    insecure: f.Insecure = False,
    debug: f.Debug = False,
) -> None:
    """List the models that a server has deployed."""
    from xtransplant.cli.console import ready

    ready(verbose=False)
    from xtransplant.bench.diagnose import models_on
    from xtransplant.style.escape import json_text, visible

    rows = models_on(on, insecure=insecure)
    if as_json:
        typer.echo(json_text(rows))
        return
    for row in rows:
        typer.echo(visible(f"{row['model']}  {row['revision']}  {row['state'].lower()}"))
