"""What the engine is asked for: examples as token ids, and a grid's variants as edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from xtransplant.engine.ask.edits import source_reads, start_of, without_resid_mid
from xtransplant.engine.ask.memory import pass_bytes, stored_bytes
from xtransplant.model.load import Model
from xtransplant.packing import Packing
from xtransplant.strategies import Clash, Edit, Read, clashes
from xtransplant.strategies.values import Span

__all__ = ["Cost", "Item", "Variants", "alike", "cost_of"]


@dataclass(frozen=True)
class Item:
    """An example as token ids."""

    source: Sequence[int]
    target: Sequence[int]
    source_candidates: Sequence[Sequence[int]] = ()
    target_candidates: Sequence[Sequence[int]] = ()


@dataclass(frozen=True)
class Variants:
    """The variants of a grid, looked through once.

    Attributes:
        edits: of each variant, none of ``resid_mid``.
        doubtful: places of one variant that must not share a token, and might.
    """

    edits: tuple[tuple[Edit, ...], ...]
    doubtful: tuple[Clash, ...] = ()

    @classmethod
    def of(cls, recorded: Sequence[Sequence[Edit]]) -> Variants:
        """Variants from the edits that a strategy recorded."""
        found: dict[tuple[Span, Span, bool], Clash] = {}
        for edits in recorded:
            # One edit may read what it writes: it reads first.
            if len(edits) > 1:
                for one in clashes([(edit.place, edit.value.reads()) for edit in edits]):
                    found.setdefault((one.written.span, one.other.span, one.is_read), one)
        return cls(tuple(without_resid_mid(edits) for edits in recorded), tuple(found.values()))

    def check(self, length: int) -> None:
        """Refuse edits of one variant that get in each other's way in a target's prompt.

        Args:
            length: of the prompt, in tokens.

        Raises:
            XTransplantError: two that share a token; both are named.
        """
        for one in self.doubtful:
            one.refuse(length)

    @cached_property
    def reads(self) -> tuple[Read, ...]:
        """Every read of the source."""
        return tuple(source_reads(self.edits))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Per variant, the layer from which on it is not what the prompt is without it."""
        return tuple(start_of(edits) for edits in self.edits)

    @cached_property
    def spans(self) -> dict[tuple[Literal["source", "target"], Span], str]:
        """Every span of tokens that is read or written, with a place that has it."""
        found: dict[tuple[Literal["source", "target"], Span], str] = {}
        for edits in self.edits:
            for edit in edits:
                for place in (edit.place, *edit.value.reads()):
                    key = (place.prompt, place.span)
                    if key not in found:
                        found[key] = str(place)
        return found

    def n_chain(self, length: int) -> int:
        """How many of a prompt's last tokens variants have for themselves; the last at least."""
        starts = [
            span.resolve(length, what).start
            for (prompt, span), what in self.spans.items()
            if prompt == "target"
        ]
        return max(1, length - min(starts, default=length))

    def places(self, item: Item) -> list[tuple[int, int]]:
        """Where its spans begin and end in an example, counted from the prompts' ends."""
        found = []
        for (prompt, span), what in self.spans.items():
            length = len(item.source if prompt == "source" else item.target)
            tokens = span.resolve(length, what)
            found.append((tokens.start - length, tokens.stop - length))
        return found


def alike(items: Sequence[Item], variants: Variants) -> list[Item]:
    """As many of the first items as have every edit and read at the same tokens from the end."""
    first = variants.places(items[0])
    count = next((n for n, x in enumerate(items) if variants.places(x) != first), len(items))
    return list(items[:count])


@dataclass(frozen=True)
class Cost:
    """What one example takes in a forward pass.

    Attributes:
        fixed, each: bytes without variants, and of each variant.
        columns, per_variant: tokens likewise.
        source: bytes of its source's pass.
    """

    fixed: float
    each: float
    columns: int
    per_variant: int
    source: float

    def total(self, n_variants: int) -> float:
        """Bytes of the larger of its two passes."""
        return max(self.fixed + self.each * n_variants, self.source)


def cost_of(model: Model, item: Item, variants: Variants, packing: Packing) -> Cost:
    """About what an example takes; see :func:`pass_bytes`."""
    inner = {tuple(c[:d]) for c in item.target_candidates for d in range(1, len(c))}
    length, wanted = len(item.target), 1 + len(inner)
    chain = variants.n_chain(length)
    block, columns = chain + len(inner), length + len(inner)
    source = pass_bytes(model, len(item.source), len(item.source), wanted)
    if not packing.together:
        paths = max(1, len({tuple(c[:-1]) for c in item.target_candidates if len(c) > 1}))
        tokens = paths * columns
        return Cost(0.0, pass_bytes(model, tokens, columns, tokens), 0, tokens, source)
    # Behind a mask every column is scored against every other, shared or not.
    keys = length + block
    if not packing.shared_prefix:
        keys = columns + block * len(variants.edits)
    fixed = pass_bytes(model, columns, keys, wanted)
    if packing.shared_prefix:
        fixed += stored_bytes(model, length)
    return Cost(fixed, pass_bytes(model, block, keys, wanted), columns, block, source)
