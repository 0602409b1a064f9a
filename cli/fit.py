"""``xtp fit``: make the fit that a fitted strategy needs."""

from __future__ import annotations

from typing import Annotated

import typer

from xtransplant.bench.fit_flags import FitFlags

__all__ = ["fit"]


def fit(
    strategy: Annotated[str, typer.Argument(help="Name, or path/to/file.py[:name].")],
    flags: FitFlags,
) -> None:
    """Fit a strategy to the examples of a split, for use with -S fit=FOLDER.

    Captures what the strategy declares and stores it part by part; the same command goes on where
    it was left.
    """
    from xtransplant.bench.parse_fit import parse_fit
    from xtransplant.cli.console import ready
    from xtransplant.cli.progress import Lines

    lines = Lines(quiet=flags.quiet, log_file=flags.log_file)
    config, context = parse_fit(strategy, flags)
    with lines.doing("importing torch and transformers"):
        ready(verbose=flags.verbose)
        from xtransplant.bench.fit import fit as run_fit

    with lines:
        found = run_fit(config, lines.hear(context), last=flags.last)
    for line in found.summary(strategy):
        typer.echo(line)
