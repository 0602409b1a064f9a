"""``xtp list`` and ``xtp show``: what there is to choose from."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xtransplant.testing.flags import PlanFlags, refuse_without_model

if TYPE_CHECKING:
    from xtransplant.strategies.plan import Plan

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
        # What a strategy does is said best by its formula.
        what = row.get("formula") or row["summary"]
        typer.echo(visible(f"{row['name']:<{width}}  {what}").rstrip())


def show(
    strategy: Annotated[str, typer.Argument(help="Name, or path/to/file.py[:name].")],
    plan: PlanFlags,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Show a strategy: its docstring, what it records, its options.

    With a model (-m) also which tokens, layers and steps it touches there; nothing is run.
    """
    from xtransplant.cli.console import print_plan, print_strategy
    from xtransplant.strategies.describe import describe
    from xtransplant.style.escape import json_text

    about: dict[str, Any] = describe(strategy, plan.work.options)
    found = None if plan.work.model is None else _plan(strategy, plan)
    if found is None:
        refuse_without_model(plan)
    else:
        about["plan"] = asdict(found)
    if as_json:
        typer.echo(json_text(about))
        return
    print_strategy(about)
    if found is not None:
        print()
        print_plan(found)


def _plan(strategy: str, flags: PlanFlags) -> Plan:
    """What a strategy touches in a model, whose weights are not loaded."""
    from xtransplant.cli.console import ready
    from xtransplant.cli.progress import Lines
    from xtransplant.testing.ask import parse_pair, parse_work

    asked, pair = parse_work(strategy, flags.work), parse_pair(flags.pair)
    with Lines(quiet=False).doing(asked.loading):
        ready(verbose=False)
        from xtransplant.bench.load import load_model
        from xtransplant.testing.check import plan_of

        model = load_model(asked.model_name, asked.spec, asked.without_weights)
    return plan_of(asked.strategy, model, asked.example, pair, chat_template=asked.chat_template)
