"""``xtp export`` and ``xtp push``: runs for other tools, and for other people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from xtransplant.bench.flags import Flag
from xtransplant.cli import flags as f

__all__ = ["export", "push"]


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
    log_file: f.LogFile = None,
    debug: f.Debug = False,
) -> None:
    """Write runs, samples and all, as lm-evaluation-harness or inspect would have written them.

    Each row of a report that is one prompt, or one layer pair, stands where they have a model;
    bounds, nulls and gains go along as metadata (docs/publish.md).
    """
    from xtransplant.cli.progress import Lines
    from xtransplant.report.export.export import export_runs
    from xtransplant.style.escape import visible

    lines = Lines(quiet=False, log_file=log_file)
    with lines.doing("counting and writing"):
        done = export_runs(run, to.value, output)
    for path in done.folders:
        typer.echo(visible(str(path)))
    for note in done.notes:
        lines.say(note)


@dataclass(frozen=True)
class Share:
    """How a run is published."""

    license: Annotated[
        str | None, Flag("Under which others get it, by the hub's name: cc-by-4.0, mit, other.")
    ] = None
    i_may_share_the_data: Annotated[
        bool, Flag("Needed where the data's licence does not say so.")
    ] = False
    card: Annotated[Path | None, Flag("Your own README.md; by default one is made.")] = None
    revision: Annotated[str | None, Flag("A branch; made if there is none.")] = None
    private: Annotated[bool, Flag("Only you, or your organisation, can see it.")] = False
    dry_run: Annotated[bool, Flag("Say what would go, and send nothing.")] = False


def push(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    to: Annotated[str, typer.Option(metavar="USER/NAME", help="Its name on the hub.")],
    how: Share = Share(),
    log_file: f.LogFile = None,
    debug: f.Debug = False,
) -> None:
    """Publish a run on the Hugging Face hub, as a data set that others make its tables from.

    Log in first, with the hub's own tool: hf auth login. Look first: --dry-run.
    """
    from xtransplant.cli.progress import Lines
    from xtransplant.report.publish.push import Given, plan_push
    from xtransplant.report.publish.push import push as send
    from xtransplant.style.escape import visible

    given = Given(
        to, how.license, how.i_may_share_the_data, how.card, how.revision, how.private
    )  # fmt: skip
    lines = Lines(quiet=False, log_file=log_file)
    with lines.doing("comparing what is stored with its checksums"):
        plan = plan_push(run, given)
    if how.dry_run:
        for one in plan.files:
            typer.echo(f"{one.size:>12,} {visible(one.name)}")
        typer.echo(f"{len(plan.card.encode()):>12,} README.md\n")
        typer.echo(visible(plan.card, keep_lines=True))
    for note in plan.notes:
        lines.say(note)
    count = f"{len(plan.files) + 1} files, {plan.size:,} bytes"
    if how.dry_run:
        lines.say(f"{count}; nothing was sent")
        if plan.refusal:
            lines.say(f"without --dry-run it would be refused: {plan.refusal}")
        return
    plan.check()
    lines.say(f"{count} to {to}")
    with lines.doing("sending"):
        url = send(plan)
    typer.echo(url)
