"""Results to stdout, plain when it is no terminal; and libraries kept from writing to stderr."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from xtransplant.cli.words import duration
from xtransplant.style.escape import visible

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from xtransplant.bench.dry_run import DryRun
    from xtransplant.bench.dry_trace import DryTrace
    from xtransplant.grid.grid import Grid
    from xtransplant.grid.swept import SweptGrid

__all__ = [
    "print_dry_run",
    "print_dry_trace",
    "print_grid",
    "print_runs",
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
    from xtransplant.style.escape import json_text

    if as_json:
        print(json_text(grid.to_dict()))
    else:
        results().print(grid)


def print_runs(paths: list[Path], *, as_json: bool) -> None:
    """The tables of runs, to stdout."""
    from xtransplant.report.document import write_report

    console = results()
    formats = ["json"] if as_json else ["terminal"]
    for text in write_report(paths, formats=formats, width=console.width).texts:
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
