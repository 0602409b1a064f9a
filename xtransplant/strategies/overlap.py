"""Which edits and reads of one variant conflict, because their spans share tokens.

Two writes of one place over spans that share tokens would be one indexed write with a column named
twice, and which of the two values stays there is undefined. A read that shares tokens with a write
made before it would get the value from before that write. Both are refused. The same span is no
conflict: written twice it is one write (the later), and reading it gives what was written.

``resid_mid`` is a sum, computed after both its summands: read before one of them is written at
other tokens, it would be half what was written and half what was not. That is refused too.

Whether two spans share tokens may depend on the prompt's length: where it does not, they are
refused as the strategy is recorded, the rest once the length is known. Edits that are never made at
the same step do not meet; of two that are made at some common steps and not at all, neither is the
later one everywhere, so the same span is a conflict too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from xtransplant.errors import XTransplantError
from xtransplant.sites import summands
from xtransplant.strategies.edits import Edit, When
from xtransplant.strategies.places import Read

__all__ = ["Clash", "Does", "find_clashes", "refuse_certain", "write_one_place"]


_SUMMANDS = frozenset(summands("resid_mid"))

# What is done with a place after another was written, or that it was read before.
Does = Literal["writes", "reads", "has read"]


@dataclass(frozen=True)
class Clash:
    """Two places of the target that must not share a token.

    Attributes:
        written: place of an edit.
        other: place of a later edit, of a later edit's read, or of an earlier one's.
        does: which of the three.
    """

    written: Read
    other: Read
    does: Does

    @property
    def certain(self) -> bool:
        """Whether they share a token in every prompt that has both."""
        return self.written.span.always_shares(self.other.span)

    def refuse(self, length: int | None = None) -> None:
        """Refuse it if they share a token of a prompt of ``length`` tokens; None: of any.

        Raises:
            XTransplantError: they do.
        """
        if not (self.certain if length is None else self._shares(length)):
            return
        where = "" if length is None else f" in a prompt of {length} tokens"
        if self.does == "has read":
            sites = " and ".join(f"target.{site}" for site in summands(self.other.site))
            raise XTransplantError(
                f"{self.written} is written after {self.other} was read, and they share tokens"
                f"{where}: write exactly what is read, or read {sites} before writing"
            )
        if self.does == "reads":
            raise XTransplantError(
                f"{self.other} is read after {self.written} was written, and they share "
                f"tokens{where}: read the place that was written, or make the edit that reads first"
            )
        raise XTransplantError(
            f"{self.written} and {self.other} write the same tokens{where}: write each token "
            "once, or the same span twice, of which the later stays"
        )

    def _shares(self, length: int) -> bool:
        return self.written.span.shares(self.other.span, length)


def find_clashes(edits: Sequence[Edit]) -> Iterator[Clash]:
    """Places of one variant that would conflict if they shared a token.

    Args:
        edits: in the order they were made.
    """
    at: dict[int, list[Edit]] = {}  # the edits so far that write or read at a layer
    for edit in edits:
        layers = {edit.layer, *(read.layer for read in _target_reads(edit))}
        near = {id(one): one for layer in layers for one in at.get(layer, ())}
        yield from _clashes_with(near.values(), edit)
        for layer in layers:
            at.setdefault(layer, []).append(edit)


def refuse_certain(made: Iterable[Edit], edit: Edit) -> None:
    """Refuse an edit that shares tokens with one made before it, whatever the prompt.

    Args:
        made: before it.
        edit: the next.

    Raises:
        XTransplantError: it does.
    """
    for one in _clashes_with(made, edit):
        one.refuse()


def _clashes_with(made: Iterable[Edit], edit: Edit) -> Iterator[Clash]:
    place, reads = (edit.place, edit.when), [(read, edit.when) for read in _target_reads(edit)]
    for one in made:
        written = (one.place, one.when)
        for read in reads:
            if _conflicts(written, read, _read_meets):
                yield Clash(one.place, read[0], "reads")
        if _conflicts(written, place, _write_meets):
            yield Clash(one.place, edit.place, "writes")
        for total in _target_reads(one) if edit.site in _SUMMANDS else ():
            if _conflicts(place, (total, one.when), _is_summand):
                yield Clash(edit.place, total, "has read")


def _target_reads(edit: Edit) -> list[Read]:
    return [read for read in edit.value.reads() if read.prompt == "target"]


def write_one_place(one: Edit, other: Edit) -> bool:
    """Whether two edits write the same site, layer and span of tokens, at some common step."""
    here, there = one.place, other.place
    alike = (here.layer, here.span) == (there.layer, there.span) and one.when.overlaps(other.when)
    return alike and here.shares_dims(there) and _write_meets(here, there)


def _conflicts(
    one: tuple[Read, When], other: tuple[Read, When], meets: Callable[[Read, Read], bool]
) -> bool:
    """Whether two places get in each other's way if they share a token."""
    if one[0].layer != other[0].layer:
        return False
    alike = (one[0].span, one[0].dims, one[1]) == (other[0].span, other[0].dims, other[1])
    return (
        not alike
        and one[0].shares_dims(other[0])
        and one[1].overlaps(other[1])
        and meets(one[0], other[0])
    )


def _write_meets(one: Read, other: Read) -> bool:
    """Whether two edits of a layer write one place."""
    return _same(one, other) or _is_summand(other, one) or _is_summand(one, other)


def _read_meets(written: Read, read: Read) -> bool:
    """Whether a read of a layer depends on a place that is written."""
    return _same(written, read) or _is_summand(written, read)


def _same(one: Read, other: Read) -> bool:
    return (one.site, one.head) == (other.site, other.head)


def _is_summand(one: Read, total: Read) -> bool:
    """Whether one place's site is added up in the other's: ``resid_mid`` is a sum of two sites."""
    return one.site != total.site and one.site in summands(total.site)
