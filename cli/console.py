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

__all__ = ["loading", "results"]


def results() -> Console:
    """The console for results; piped output is neither coloured nor cut."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(highlight=False, soft_wrap=not terminal)


@contextmanager
def loading(name: str, *, quiet: bool, verbose: bool) -> Iterator[None]:
    """Say on stderr that a model is being loaded; libraries speak only when asked to."""
    if not verbose:
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        warnings.filterwarnings("ignore")
        from transformers.utils import logging as transformers_logging

        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        logging.getLogger("nnsight").setLevel(logging.ERROR)
    shown = not quiet and sys.stderr.isatty()
    if shown:
        print(f"loading {name} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
