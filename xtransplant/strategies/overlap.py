"""Which edits and reads of one variant conflict, because their spans share tokens.

Two writes of one place over spans that share tokens would be one indexed write with a column named
twice, and which of the two values stays there is undefined. A read that shares tokens with a write
made before it would get the value from before that write. Both are refused. The same span is no
conflict: written twice it is one write (the later), and reading it gives what was written.

Whether two spans share tokens may depend on the prompt's length: where it does not, they are
refused as the strategy is recorded, the rest once the length is known. Edits that are never made at
the same step do not meet; of two that are made at some common steps and not at all, neither is the
later one everywhere, so the same span is a conflict too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from xtransplant.errors import XTransplantError
from xtransplant.sites import summands
from xtransplant.strategies.edits import Edit, When
from xtransplant.strategies.places import Read

__all__ = ["Clash", "find_clashes", "refuse_certain", "write_one_place"]


@dataclass(frozen=True)
class Clash:
    """Two places of the target that must not share a token.

    Attributes:
        written: place of an edit.
        other: place of a later edit, or of a later edit's read.
        is_read: which of the two.
    """

    written: Read
    other: Read
    is_read: bool

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
        if self.is_read:
            raise XTransplantError(
                f"{self.other} is read after {self.written} was written, and they share "
                f"tokens{where}: read the place that was written, or keep the value before writing"
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
    before: dict[int, list[tuple[Read, When]]] = {}
    for edit in edits:
        for read in edit.value.reads():
            if read.prompt != "target":
                continue
            for written in before.get(read.layer, ()):
                if _conflicts(written, (read, edit.when), _read_meets):
                    yield Clash(written[0], read, is_read=True)
        place = edit.place
        for written in before.get(place.layer, ()):
            if _conflicts(written, (place, edit.when), _write_meets):
                yield Clash(written[0], place, is_read=False)
        before.setdefault(place.layer, []).append((place, edit.when))


def refuse_certain(
    written: Iterable[tuple[Read, When]], other: Read, when: When, *, is_read: bool
) -> None:
    """Refuse a read or write that shares tokens with what was written, whatever the prompt.

    Args:
        written: places of earlier edits, and the steps at which these are made.
        other: what is read or written now.
        when: at which steps.
        is_read: which of the two.

    Raises:
        XTransplantError: it does.
    """
    meets = _read_meets if is_read else _write_meets
    for place, steps in written:
        if place.layer == other.layer and _conflicts((place, steps), (other, when), meets):
            Clash(place, other, is_read).refuse()


def write_one_place(one: Edit, other: Edit) -> bool:
    """Whether two edits write the same site, layer and span of tokens, at some common step."""
    here, there = one.place, other.place
    alike = (here.layer, here.span) == (there.layer, there.span) and one.when.overlaps(other.when)
    return alike and here.shares_dims(there) and _write_meets(here, there)


def _conflicts(
    one: tuple[Read, When], other: tuple[Read, When], meets: Callable[[Read, Read], bool]
) -> bool:
    """Whether two places of a layer get in each other's way if they share a token."""
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
