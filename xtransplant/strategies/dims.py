"""Which numbers of a site's vector an edit writes: all, or those of an index set or a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.strategies.shape import whole_number

__all__ = ["ALL", "Dims", "parse_dims"]


@dataclass(frozen=True)
class Dims:
    """Some of a vector's numbers.

    Attributes:
        indices: they, in order, each once; empty for all.
        mask: how long the mask was that named them; None where there was none.
    """

    indices: tuple[int, ...] = ()
    mask: int | None = None

    def check(self, place: object, width: int) -> None:
        """Refuse what does not fit a vector; ``width`` 0 is not known.

        Raises:
            XTransplantError: an index out of range, or a mask of another width.
        """
        if width and self.mask not in (None, width):
            raise XTransplantError(f"{place} is {width} wide and its mask {self.mask}")
        if width and self.indices and self.indices[-1] >= width:
            raise XTransplantError(
                f"{place} is {width} wide: there are 0 to {width - 1}, not {self.indices[-1]}"
            )


ALL = Dims()


def parse_dims(given: Sequence[Any], how: str) -> Dims:
    """The numbers that ``neurons(12, 80)``, ``neurons([12, 80])`` or a mask's truths name.

    Args:
        given: what stands in the brackets: whole numbers, one sequence of them, or one of bools.
        how: it is written, for messages.

    Raises:
        XTransplantError: none is named, or something else than whole numbers from 0 on.
    """
    one = given[0] if len(given) == 1 else given
    found = one.tolist() if hasattr(one, "tolist") else one
    found = list(found) if isinstance(found, (list, tuple, range, set, frozenset)) else [found]
    mask = len(found) if found and all(isinstance(item, bool) for item in found) else None
    if mask is not None:
        found = [place for place, chosen in enumerate(found) if chosen]
    indices = sorted({whole_number(item, "a place in a vector", how) for item in found})
    if not indices or indices[0] < 0:
        what = f"{indices[0]}" if indices else "none"
        raise XTransplantError(f"{how} names places from 0 on, one at least, not {what}")
    return Dims(tuple(indices), mask)
