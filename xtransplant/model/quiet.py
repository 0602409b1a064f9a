"""Loading without the lines that transformers prints meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from logging import WARNING

from huggingface_hub.utils.tqdm import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)
from transformers import logging

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """While it is open, transformers shows no progress bar and logs no warning.

    Afterwards both are as they were. What a checkpoint lacks is an error of this package's own, so
    that no warning about it is lost. Downloads keep their bars, and a caller who has asked
    transformers for more than its default, or for less, has it.
    """
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    downloads = not are_progress_bars_disabled()
    if level == WARNING:
        logging.set_verbosity_error()
    # Of transformers' own bars; the hub's are switched off with them.
    logging.disable_progress_bar()
    if downloads:
        enable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
        if not downloads:
            disable_progress_bars()
