"""``xtp choose``: a layer pair for each example, from what the model says alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xtransplant.cli import flags as f

__all__ = ["choose"]


def choose(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run of all pairs: where is learnt.")
    ],
    on: Annotated[
        Path | None,
        typer.Option(
            help="A run of all pairs on other examples: where is counted. Without it items of RUN "
            "are dealt to five folds, each counted by what the others teach."
        ),
    ] = None,
    level: Annotated[f.Level, typer.Option(help="How an answer has to be right.")] = "match",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    log_file: f.LogFile = None,
    debug: f.Debug = False,
) -> None:
    """What choosing a layer pair for each example is worth, beside one pair for all.

    By majority of the cells, highest confidence, agreement with the source, and a small model
    trained on RUN. No method reads the answers it is counted by.
    """
    from xtransplant.cli.console import results
    from xtransplant.cli.progress import Lines
    from xtransplant.report.formats import grids_to_terminal
    from xtransplant.report.per_example import choose_per_example
    from xtransplant.report.per_example_shown import choices_grid, choices_json

    with Lines(quiet=False, log_file=log_file).doing("choosing a layer pair for each example"):
        found = choose_per_example(run, on, level=level)
    if as_json:
        typer.echo(choices_json(found))
    else:
        results().print(grids_to_terminal([choices_grid(one) for one in found], results().width))
