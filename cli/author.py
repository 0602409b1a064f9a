"""``xtp new`` and ``xtp check``: from an idea to a strategy that holds what it promises."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xtransplant.bench.flags import Debug, LogFile, Quiet, Verbose
from xtransplant.testing.flags import WorkFlags

__all__ = ["check", "new"]


def new(
    name: Annotated[str, typer.Argument(help="What it is to be called, such as my-strategy.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="A script inside the traces, not a recorded one.")
    ] = False,
    fitted: Annotated[
        bool, typer.Option("--fitted", help="One whose numbers are fitted to data first.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Write a strategy that works at once, and its test, to change into your own.

    NAME.py and test_NAME.py, in this folder; a file that is there is never written over.
    """
    from xtransplant.testing.new import kind_of, next_commands, write_strategy

    kind = kind_of(fitted=fitted, raw=raw)
    path, test = write_strategy(name, Path(), kind)
    typer.echo(f"wrote {path} and {test}; next:")
    for line in next_commands(name, path, kind):
        typer.echo(f"    {line}")


def check(
    strategy: Annotated[str, typer.Argument(help="Name, or path/to/file.py[:name].")],
    work: WorkFlags,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    log_file: LogFile = None,
    debug: Debug = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Print what a strategy records and touches, and try its invariants on a real example.

    On the bundled model and task, unless you name others. Exit code 1 if an invariant fails.
    """
    from xtransplant.cli.console import print_report, ready
    from xtransplant.cli.progress import Lines
    from xtransplant.testing.ask import parse_work

    lines = Lines(quiet=quiet, verbose=verbose, log_file=log_file)
    asked = parse_work(strategy, work)
    with lines.doing(asked.loading):
        ready(verbose=verbose)
        from xtransplant.bench.load import load_model
        from xtransplant.testing.check import report_on

        model = load_model(asked.model_name, asked.spec)
    with lines.doing(f"checking {asked.strategy}"):
        report = report_on(asked.strategy, model, asked.example, chat_template=asked.chat_template)
    print_report(report, as_json=as_json)
    asked.strategy.check_fitted(asked.fit_on)
    if report.failed:
        raise typer.Exit(1)
