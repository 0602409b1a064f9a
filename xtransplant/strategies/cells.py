"""The hash of a strategy that no file holds: one of a notebook's cell, or of the prompt.

A cell may be run again with another text, and name functions of other cells, so that the hash is of
the function's own source and of what it names there: functions and classes by their source, numbers
and texts by their value, all as they are when the strategy is defined.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from xtransplant.strategies.named import named_by

__all__ = ["cell_digest"]


def cell_digest(function: Callable[..., Any]) -> str:
    """SHA-256, in hexadecimal, over a function's source and what it names of its own module.

    Args:
        function: one that no file holds.
    """
    digest = hashlib.sha256()
    for name, text in sorted(named_by(function, function.__module__.__eq__).items()):
        digest.update(f"\n{name} {hashlib.sha256(text.encode()).hexdigest()}".encode())
    return digest.hexdigest()
