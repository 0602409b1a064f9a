"""A cache of what was read of source prompts, so that each is run once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from xtransplant.strategies import Read

__all__ = ["SourceRead", "Sources"]

TokenIds = tuple[int, ...]


@dataclass(frozen=True)
class SourceRead:
    """What was read of one source prompt.

    Attributes:
        values: per read ``[n_tokens, width]``.
        outputs: what was read of its logits, ``[1, 1, ...]`` each.
        scored: what was asked of the logits: the candidates, and how many top tokens; None where
            these were not read.
    """

    values: dict[Read, Tensor]
    outputs: dict[str, Any]
    scored: tuple[Any, int] | None


class Sources:
    """Source prompts of one model with what was read of them; the oldest leave first."""

    def __init__(self, most_bytes: int = 2**29) -> None:
        """Nothing is kept yet.

        Args:
            most_bytes: how much to keep.
        """
        self._most, self._held = most_bytes, 0
        self._kept: OrderedDict[TokenIds, SourceRead] = OrderedDict()

    def __len__(self) -> int:
        """How many prompts are kept."""
        return len(self._kept)

    def find(
        self, key: TokenIds, reads: Sequence[Read], scored: tuple[Any, int] | None
    ) -> SourceRead | None:
        """What was kept of a prompt, if it holds all the reads, and these scores if any.

        Args:
            key: the prompt's token ids.
            reads: activations that are needed.
            scored: what is asked of its logits; None for nothing.
        """
        kept = self._kept.get(key)
        if kept is None or scored not in (None, kept.scored):
            return None
        return kept if all(read in kept.values for read in reads) else None

    def keep(self, key: TokenIds, read: SourceRead) -> None:
        """Keep what was read of a prompt, beside what was read of it before.

        Args:
            key: the prompt's token ids.
            read: replaces what was kept, but for activations that it has not.
        """
        before = self._kept.pop(key, None)
        if before is not None:
            self._held -= _bytes(before)
            logits = before if read.scored is None else read
            read = SourceRead({**before.values, **read.values}, logits.outputs, logits.scored)
        self._kept[key] = read
        self._held += _bytes(read)
        while self._held > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._held -= _bytes(oldest)


def _bytes(read: SourceRead) -> int:
    return sum(value.numel() * value.element_size() for value in read.values.values())
