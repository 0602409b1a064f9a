"""A raw strategy's variants: nnsight scripts that run inside the model's own traces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xtransplant.strategies.edits import Edit

__all__ = ["Script", "Variant", "split_scripts"]


@dataclass(frozen=True)
class Script:
    """One variant of a raw strategy.

    Attributes:
        function: a generator function ``function(model, i, j, **options)`` with one ``yield``:
            what stands before it runs in the trace of the source, what follows in the trace of
            the target.
        i, j: the layer pair i→j.
        options: its keyword arguments.
        name: the strategy's, with its options.
        origin: path of its file.
    """

    function: Callable[..., Iterator[None]]
    i: int
    j: int
    options: tuple[tuple[str, Any], ...]
    name: str
    origin: str


Variant = Sequence[Edit] | Script
"""What one strategy does at one layer pair: recorded edits, or a script of its own."""


def split_scripts(variants: Iterable[Variant]) -> tuple[list[Sequence[Edit]], list[Script]]:
    """The recorded variants and the scripts, one of the two empty: a strategy has one kind."""
    recorded: list[Sequence[Edit]] = []
    scripts: list[Script] = []
    for variant in variants:
        if isinstance(variant, Script):
            scripts.append(variant)
        else:
            recorded.append(variant)
    assert not (recorded and scripts), "variants of two strategies"
    return recorded, scripts
