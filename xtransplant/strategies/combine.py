"""Several strategies as one: each makes its edits after those before it.

Each part is called with the same recorders, so that a part that reads what an earlier one wrote
gets what was written. What two parts write must be two places: which of them should stay is for the
author of one strategy to say, not for an order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from xtransplant.errors import XTransplantError
from xtransplant.strategies.acting import Acting
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.overlap import write_one_place

__all__ = ["InTurn", "Part", "combined_digest", "combined_doc"]


class Part(Protocol):
    """What a combination needs of a strategy."""

    @property
    def function(self) -> Callable[..., Any]:
        """``function(source, target, i, j, **options)``."""

    def arguments(self) -> dict[str, Any]:
        """What the function is called with by name."""

    @property
    def acting(self) -> Acting:
        """When its edits act, and through what, where it does not say so itself."""

    @property
    def doc(self) -> str:
        """Its docstring."""

    @property
    def source_hash(self) -> str:
        """Of its file."""


@dataclass(frozen=True)
class InTurn:
    """The function of a combination: it calls those of its parts, in their order."""

    parts: tuple[Part, ...]

    def __call__(self, source: Any, target: Any, i: int, j: int) -> None:
        """Record the edits of every part.

        Raises:
            XTransplantError: two parts write one place, or one part writes nothing.
        """
        for part in self.parts:
            before = list(target.edits.values())
            part.function(source, target.acting(part.acting), i, j, **part.arguments())
            known = set(map(id, before))
            _check_apart(part, before, [e for e in target.edits.values() if id(e) not in known])


def _check_apart(part: Part, before: Sequence[Edit], now: Sequence[Edit]) -> None:
    if not now:
        raise XTransplantError(f"{part} of a combination records no edit; leave it out")
    for edit in now:
        twice = next((one for one in before if write_one_place(one, edit)), None)
        if twice is not None:
            raise XTransplantError(
                f"{part} writes {edit.place}, which an earlier part of the combination writes "
                f"({twice}); combine strategies that write different places, or write one "
                "strategy that says what is to stay there"
            )


def combined_digest(parts: Iterable[Part]) -> str:
    """SHA-256, in hexadecimal, over the hashes of the parts' files in their order."""
    return hashlib.sha256("\n".join(part.source_hash for part in parts).encode()).hexdigest()


def combined_doc(parts: Iterable[Part]) -> str:
    """What the parts do, a line each, in their order."""
    lines = [
        f"    {n}. {part}: {part.doc.splitlines()[0] if part.doc else 'undocumented'}"
        for n, part in enumerate(parts, 1)
    ]
    head = "Edits are made in this order, each part's after those before it."
    return "\n".join([head, "", *lines])
