"""A loaded model with its sliding windows made small, so that short prompts are longer than they.

What a window does to attention is the same at any size, and a prompt just longer than a window of
512 or 4,096 tokens takes seconds to minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from xtransplant.model.model import Model

__all__ = ["small_windows"]

# Fields of a configuration, and attributes that modules copy from it.
_SIZES = ("sliding_window", "attention_chunk_size")


@contextmanager
def small_windows(model: Model, size: int) -> Iterator[Model]:
    """The model with every window larger than ``size`` tokens made that small, until the end.

    The weights are the same; the sizes that its configuration and its modules name are changed and
    put back.

    Args:
        model: loaded, in this process.
        size: of the windows, in tokens.
    """
    changed: list[tuple[Any, str, int]] = []
    try:
        for holder in _holders(model):
            for name in _SIZES:
                found = getattr(holder, name, None)
                if isinstance(found, int) and found > size:
                    changed.append((holder, name, found))
                    setattr(holder, name, size)
        # A copy: the model itself remembers the windows that it has.
        yield replace(model)
    finally:
        for holder, name, found in reversed(changed):
            setattr(holder, name, found)


def _holders(model: Model) -> Iterator[Any]:
    """The model's configuration, and every module with the configuration that is its own."""
    yield model.config
    for module in model.module.modules():
        yield module
        if (config := getattr(module, "config", None)) is not None:
            yield config
