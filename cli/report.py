"""``xtp report``, ``xtp view``, ``xtp runs`` and ``xtp rescore``: what there is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from xtransplant.bench.flags import Flag
from xtransplant.cli import flags as f

__all__ = ["report", "rescore", "runs", "view"]


class Figures(StrEnum):
    """Formats of figures."""

    png = "png"
    svg = "svg"
    pdf = "pdf"


@dataclass(frozen=True)
class How:
    """What counts as right, what else is told and where, and how wide a table is."""

    level: Annotated[f.Level, Flag("How an answer has to be right.")] = "match"
    split_columns: Annotated[
        int | None, Flag("Columns of numbers in LaTeX; a wider table goes on below.", minimum=1)
    ] = None
    languages: Annotated[
        bool, Flag("Tell in which languages texts are (pip install 'xtransplant[langid]').")
    ] = False
    log_file: f.LogFile = None


def report(
    run: f.Runs,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="terminal (the default), markdown, csv, json or latex; repeat it.",
        ),
    ] = None,
    figures: Annotated[
        list[Figures] | None, typer.Option(help="Draw figures; repeat it. Needs --output.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the files; made if it is missing.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="All of it as one page that opens offline, written to this file."),
    ] = None,
    how: How = How(),
    debug: f.Debug = False,
) -> None:
    """Tables and figures of one or more runs; runs of one task and split are compared."""
    from xtransplant.cli.console import quieten_plots, results
    from xtransplant.cli.progress import Lines
    from xtransplant.style.escape import visible

    with Lines(quiet=False, log_file=how.log_file).doing("counting what is stored"):
        from xtransplant.report.document import Room, write_report

        quieten_plots()
        shown = write_report(
            run, formats=formats or [], figures=figures or [], output=output, page=html,
            level=how.level, room=Room(results().width, how.split_columns, how.languages),
        )  # fmt: skip
    for text in shown.texts:
        typer.echo(text, nl=False) if isinstance(text, str) else results().print(text)
    for path in shown.written:
        typer.echo(visible(str(path)))


def view(
    run: f.Runs,
    level: Annotated[f.Level, typer.Option(help="How an answer has to be right.")] = "match",
    debug: f.Debug = False,
) -> None:
    """Open a page with all that one or more runs found: words, heatmaps, examples, tables.

    Without a browser, open the file whose name is printed.
    """
    from xtransplant.cli.progress import Lines
    from xtransplant.style.escape import visible

    with Lines(quiet=False).doing("counting what is stored"):
        from xtransplant.report.view import open_page

        page = open_page(run, level)
    typer.echo(visible(str(page)))


def runs(
    folder: Annotated[Path, typer.Argument(help="Folder of runs, or one run.")] = Path("runs"),
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Compare all that is stored with its checksums; exit 1 if not."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: f.Debug = False,
) -> None:
    """List runs: what they are, how far, and what is damaged."""
    from xtransplant.cli.console import results
    from xtransplant.report.listing import runs_table

    console = results()
    found = runs_table(folder, as_json=as_json, check=check, width=console.width)
    typer.echo(found.shown) if isinstance(found.shown, str) else console.print(found.shown)
    if check and found.damaged:
        raise typer.Exit(1)


def rescore(
    run: f.Runs,
    rule: Annotated[
        str | None, typer.Option(help="Another rule than the run's, from now on (docs/bench.md).")
    ] = None,
    log_file: f.LogFile = None,
    debug: f.Debug = False,
) -> None:
    """Judge stored outputs again, offline."""
    from xtransplant.bench.rescore import rescore as judge_again
    from xtransplant.cli.progress import Lines
    from xtransplant.style.escape import visible

    lines = Lines(quiet=False, log_file=log_file)
    for path in run:
        with lines.doing(f"judging {path.name}"):
            done = judge_again(path, rule=rule)
        changed = ", ".join(f"{level} {count}" for level, count in done.changed.items())
        typer.echo(
            f"{visible(path.name)}: {done.records} records judged{done.how}; changed: {changed}"
        )
