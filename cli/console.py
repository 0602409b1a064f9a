"""Results to stdout, plain when it is no terminal; and libraries kept from writing to stderr."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xtransplant.cli.words import duration
from xtransplant.style.escape import json_text, visible

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from xtransplant.bench.dry_run import DryRun
    from xtransplant.bench.dry_trace import DryTrace
    from xtransplant.grid.grid import Grid
    from xtransplant.grid.swept import SweptGrid
    from xtransplant.strategies.plan import Plan
    from xtransplant.testing.check import Report

__all__ = [
    "print_dry_run",
    "print_dry_trace",
    "print_grid",
    "print_plan",
    "print_report",
    "print_runs",
    "print_strategy",
    "quieten",
    "quieten_plots",
    "ready",
    "results",
]


def results() -> Console:
    """The console for results; piped output is neither coloured nor cut."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    # Piped, no line is broken: a width nobody reaches.
    return Console(highlight=False, soft_wrap=not terminal, width=None if terminal else 1000)


def quieten() -> None:
    """Let the libraries say nothing of their own; to be called before they are imported."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore")
    logging.getLogger("nnsight").setLevel(logging.ERROR)
    from transformers import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def ready(*, verbose: bool) -> None:
    """Before the model's libraries are imported, for a verb that runs one."""
    if not verbose:
        quieten()
    from xtransplant.engine.ask.memory import keep_freed_memory

    keep_freed_memory()


def quieten_plots() -> None:
    """Let the plotting library say nothing of fonts it looks for; we say it ourselves."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def print_grid(grid: Grid | SweptGrid, *, as_json: bool) -> None:
    """A grid, or a sweep, to stdout: for a reader, or as one JSON document."""
    from xtransplant.grid.frame import grid_json

    if as_json:
        print(grid_json(grid))
    else:
        results().print(grid)


def print_runs(paths: list[Path], *, as_json: bool) -> None:
    """The tables of runs, to stdout."""
    from xtransplant.report.document import Room, write_report

    console = results()
    formats = ["json"] if as_json else ["terminal"]
    for text in write_report(paths, formats=formats, room=Room(console.width)).texts:
        if isinstance(text, str):
            print(text, end="")
        else:
            console.print(text)


def print_dry_run(found: DryRun) -> None:
    """What a bench would come to, to stdout."""
    rows = [
        ("run", str(found.path)),
        ("examples", f"{found.examples:,} ({found.done:,} done already)"),
        ("variants", f"{found.variants:,}"),
        ("prompt tokens", f"{found.prompt_tokens:,}"),
        ("token-forwards", f"about {found.token_forwards:,.0f}"),
    ]
    if found.bytes is not None and found.seconds is not None:
        rows += [
            ("on disk", f"about {found.bytes / 1e6:,.1f} MB"),
            ("time", f"about {duration(found.seconds)} on this machine, loading not included"),
        ]
    _print_rows([*rows, *_of_travel(found.payload, found.packing, found.concerns)])


def print_dry_trace(found: DryTrace) -> None:
    """What a grid would come to, to stdout."""
    rows = [
        ("strategy", found.strategy),
        ("model", found.model),
        ("variants", f"{found.variants:,}"),
        ("prompt tokens", f"{found.source_tokens:,} and {found.target_tokens:,}"),
        ("token-forwards", f"{found.token_forwards:,.0f}"),
    ]
    if found.left_out:
        rows.append(("left out", found.left_out))
    _print_rows([*rows, *_of_travel(found.payload, found.packing, found.concerns)])


def print_strategy(about: Mapping[str, Any]) -> None:
    """A strategy as ``describe`` gives it, to stdout."""
    head = f"{about['name']}  ({about['origin']})"
    print(f"{visible(head)}\n\n{visible(about['doc'], keep_lines=True)}\n")
    print("raw: runs inside the traces of one variant" if about["raw"] else "records")
    for edit in about["records"]:
        print(f"    {visible(str(edit))}")
    print("\noptions" if about["options"] else "\nno options")
    for option in about["options"]:
        print(visible(f"    -S {option['name']}={option['default']}  ({option['type']})"))
    if about["fit"]:
        print(f"\nfitted, with xtp fit, to {visible(about['fit'])}")
    for option in about["fit_options"]:
        print(visible(f"    -S {option['name']}={option['default']}  ({option['type']})"))


def print_report(found: Report, *, as_json: bool) -> None:
    """What was found of a strategy, to stdout: its formula, its plan and its checks."""
    if as_json:
        print(json_text(asdict(found)))
        return
    print(visible(f"{found.strategy}  ({found.origin})\n", keep_lines=True))
    if found.formula:
        print("formula", *(f"    {visible(line)}" for line in found.formula), "", sep="\n")
    print_plan(found.plan)
    if found.remark:
        print(f"\nnote: {visible(found.remark)}")
    if not found.checks:
        return
    from xtransplant.style.words import model_label

    print(f"\nchecks, on {model_label(found.model)}")
    _print_columns((one.name, f"{one.status:<14}  {one.why}") for one in found.checks)


def print_plan(plan: Plan) -> None:
    """Which tokens, layers and steps are touched, to stdout."""
    print(f"plan, {plan.at}")
    _print_columns(plan.lines)


def _print_columns(rows: Iterable[tuple[str, str]]) -> None:
    """Names and texts, indented and aligned."""
    found = [(visible(name), visible(text)) for name, text in rows]
    width = max((len(name) for name, _ in found), default=0)
    for name, text in found:
        print(f"    {name:<{width}}  {text}")


def _of_travel(
    payload: int | None, packing: str, concerns: Sequence[str]
) -> Iterator[tuple[str, str]]:
    if payload is None:
        yield "packing", packing
        return
    yield "packing", f"{packing} (verified where it runs)"
    yield "one job sends", f"{payload / 1e3:,.0f} kB"
    for concern in concerns:
        yield "would not travel", concern
    if not concerns:
        yield "would travel", "yes"


def _print_rows(rows: Iterable[tuple[str, str]]) -> None:
    for name, value in rows:
        print(f"{name:<17} {visible(value)}")
