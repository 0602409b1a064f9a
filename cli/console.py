"""Where output goes: results to stdout, progress to stderr, plain when not a terminal."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["progress", "quieten", "results"]


def results() -> Console:
    """The console for results; piped output is neither coloured nor cut."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(highlight=False, soft_wrap=not terminal)


def quieten() -> None:
    """Let the libraries say nothing of their own; to be called before they are imported."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore")
    logging.getLogger("nnsight").setLevel(logging.ERROR)
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


@contextmanager
def progress(message: str, *, quiet: bool, verbose: bool) -> Iterator[None]:
    """Say on stderr what takes its time.

    On a terminal the line is gone when the work is done; elsewhere it is written only with
    ``verbose``, and stays.
    """
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
