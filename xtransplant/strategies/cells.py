"""The hash of a strategy that no file holds: one of a notebook's cell, or of the prompt.

A cell may be run again with another text, and name functions of other cells, so that the hash is of
the function's own source and of what it names there: functions and classes by their source, numbers
and texts by their value, all as they are when the strategy is defined.
"""

from __future__ import annotations

import hashlib
import inspect
import marshal
from collections.abc import Callable
from types import FunctionType
from typing import Any

__all__ = ["cell_digest"]


def cell_digest(function: Callable[..., Any]) -> str:
    """SHA-256, in hexadecimal, over a function's source and what it names of its own module.

    Args:
        function: one that no file holds.
    """
    module = function.__module__
    parts: dict[str, bytes] = {}
    waiting: list[Any] = [inspect.unwrap(function)]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        parts[one.__qualname__] = _source(one)
        if not isinstance(one, FunctionType):
            continue
        named = inspect.getclosurevars(one)
        for name, value in {**named.globals, **named.nonlocals}.items():
            if isinstance(value, (FunctionType, type)):
                if value.__module__ == module:
                    waiting.append(value)
            elif isinstance(value, (bool, int, float, str)):
                parts[f"{one.__qualname__} {name}"] = repr(value).encode()
    digest = hashlib.sha256()
    for name, part in sorted(parts.items()):
        digest.update(f"\n{name} {hashlib.sha256(part).hexdigest()}".encode())
    return digest.hexdigest()


def _source(named: Any) -> bytes:
    """The source of a function or class; of a function without one, as the prompt's, its code."""
    try:
        return inspect.getsource(named).encode()
    except (OSError, TypeError):
        return marshal.dumps(named.__code__) if isinstance(named, FunctionType) else b""
