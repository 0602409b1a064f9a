"""Where output goes: results to stdout, progress to stderr, plain when not a terminal."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from xtransplant.style.escape import visible

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from xtransplant.bench.context import RunContext
    from xtransplant.bench.dry_run import DryRun
    from xtransplant.bench.dry_trace import DryTrace
    from xtransplant.bench.progress import Progress
    from xtransplant.grid.grid import Grid

__all__ = [
    "Lines",
    "listen",
    "print_dry_run",
    "print_dry_trace",
    "print_grid",
    "print_runs",
    "progress",
    "quieten",
    "quieten_plots",
    "ready",
    "results",
]


class _Said(logging.Handler):
    """What the library has to say on stderr, on a line of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        start = "\r\x1b[K" if sys.stderr.isatty() else ""
        print(f"{start}xtp: {visible(record.getMessage())}", file=sys.stderr, flush=True)


def listen() -> None:
    """Show the library's warnings as the command's own lines."""
    logger = logging.getLogger("xtransplant")
    if not any(isinstance(handler, _Said) for handler in logger.handlers):
        logger.addHandler(_Said())


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


@contextmanager
def progress(message: str, *, quiet: bool, verbose: bool) -> Iterator[None]:
    """Say on stderr what takes its time.

    On a terminal the line is gone when the work is done; elsewhere it is written only with
    ``verbose``, and stays.
    """
    message = visible(message)
    shown = sys.stderr.isatty() and not quiet and not verbose
    if shown:
        print(f"{message} ...", end="", file=sys.stderr, flush=True)
    elif verbose:
        print(f"xtp: {message}", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Lines:
    """What a long run says on stderr: one line per language, with the time left."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._open = False

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cursor at the start of a line."""
        if self._open:
            print(file=sys.stderr)
            self._open = False

    def hear(self, context: RunContext) -> RunContext:
        """The context of a run that says here what it has to say."""
        return replace(context, say=self.say, note=self.note, watch=self.watch)

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._quiet:
            return
        if self._open:
            print(file=sys.stderr)
            self._open = False
        print(f"xtp: {visible(line)}", file=sys.stderr, flush=True)

    def note(self, line: str) -> None:
        """A line that is written over by the next, on a terminal; elsewhere it is not shown."""
        if self._quiet or not self._live:
            return
        print(f"\r\x1b[Kxtp: {visible(line)}", end="", file=sys.stderr, flush=True)

    def watch(self, progress: Progress) -> None:
        """How far a language is; on a terminal the line is written over until it is done."""
        done = progress.done == progress.total
        if self._quiet or not (self._live or done):
            return
        left = "" if progress.left is None else f", {_time(progress.left)} left in all"
        line = (
            f"{progress.task} {progress.split} {progress.lang}: {progress.done} of "
            f"{progress.total} examples, {_time(progress.seconds)} so far{left}"
        )
        start, end = ("\r\x1b[K", "\n" if done else "") if self._live else ("", "\n")
        print(f"{start}xtp: {visible(line)}", end=end, file=sys.stderr, flush=True)
        self._open = self._live and not done


def ready(*, verbose: bool) -> None:
    """Before the model's libraries are imported, for a verb that runs one."""
    if not verbose:
        quieten()
    from xtransplant.engine.ask.memory import keep_freed_memory

    keep_freed_memory()


def quieten_plots() -> None:
    """Let the plotting library say nothing of fonts it looks for; we say it ourselves."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def print_grid(grid: Grid, *, as_json: bool) -> None:
    """A grid to stdout: for a reader, or as one JSON document."""
    from xtransplant.grid.frame import grid_json

    if as_json:
        print(grid_json(grid))
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
            ("time", f"about {_time(found.seconds)} on this machine, loading not included"),
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


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
