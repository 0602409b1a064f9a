"""The variants of a grid: the edits that a strategy records at each layer pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from xtransplant.engine.ask.edits import expand_resid_mid, first_layer, prompt_reads
from xtransplant.engine.ask.fits import check_fit
from xtransplant.engine.ask.items import Item
from xtransplant.errors import MissingSite
from xtransplant.model.model import Model
from xtransplant.packing.candidates import candidate_trie
from xtransplant.sites import bank_of
from xtransplant.strategies import (
    Clash,
    Edit,
    Read,
    Shape,
    Span,
    Strategy,
    Sweep,
    Variant,
    find_clashes,
)
from xtransplant.strategies.edits import Through, through_of
from xtransplant.strategies.overlap import Does
from xtransplant.strategies.places import MEAN, Prompt

__all__ = [
    "Existing",
    "Variants",
    "alike",
    "existing_pairs",
    "record_sweep",
    "record_variants",
    "shape_of",
]


def shape_of(model: Model) -> Shape:
    """What a strategy may address in this model: its layers, heads and sites."""
    having = {site: model.layers_with(site) for site in model.sites}
    widths = {
        site: tuple(shape.widths.get(site, 0) for shape in model.shapes)
        for site in model.sites
        if bank_of(site)
    }
    return Shape(
        model.n_layers,
        model.n_heads,
        model.sites,
        layers={site: there for site, there in having.items() if len(there) < model.n_layers},
        kinds=model.kinds,
        d_model=model.d_model,
        widths=widths,
    )


def record_variants(
    model: Model, strategy: Strategy, pairs: Iterable[tuple[int, int]]
) -> list[Variant]:
    """A strategy's variants at some (source layer, target layer) pairs.

    Raises:
        XTransplantError: the strategy fails, or addresses what the model does not have.
    """
    check_fit(model, strategy)
    shape = shape_of(model)
    return [strategy.variant(shape, i, j) for i, j in pairs]


def record_sweep(model: Model, sweep: Sweep, pairs: Iterable[tuple[int, int]]) -> list[Variant]:
    """The variants of each of a sweep's strategies at some pairs, one strategy after the other.

    Raises:
        XTransplantError: as :func:`record_variants`.
    """
    every = list(pairs)
    return [one for s in sweep.strategies for one in record_variants(model, s, every)]


@dataclass(frozen=True)
class Existing:
    """Those of some layer pairs at which a strategy finds the layers and sites it asks for.

    Attributes:
        pairs: they.
        missing: of each of the others, what it lacks.
    """

    pairs: list[tuple[int, int]]
    missing: list[MissingSite] = field(default_factory=list)

    @property
    def note(self) -> str:
        """How many were left out and why, in a line; empty if none was."""
        if not self.missing:
            return ""
        n, total = len(self.missing), len(self.pairs) + len(self.missing)
        return f"{n:,} of {total:,} layer pairs do not exist and are left out: {self.missing[0]}"


def existing_pairs(model: Model, strategy: Strategy, pairs: Iterable[tuple[int, int]]) -> Existing:
    """Leave out the pairs at which a strategy reads or writes a layer or site that is not there.

    Raises:
        MissingSite: none is left; the message names the first.
        XTransplantError: the strategy fails.
    """
    check_fit(model, strategy)
    shape, found, missing = shape_of(model), list[tuple[int, int]](), list[MissingSite]()
    if strategy.raw:  # its function is not called without a model
        return Existing(list(pairs))
    for i, j in pairs:
        try:
            strategy.variant(shape, i, j)
        except MissingSite as error:
            missing.append(error)
        else:
            found.append((i, j))
    if missing and not found:
        raise missing[0]
    return Existing(found, missing)


@dataclass(frozen=True)
class Variants:
    """The variants of a grid, prepared once for all examples.

    Attributes:
        edits: of each variant; ``resid_mid`` is expressed by other sites.
        doubtful: pairs of places within one variant that must not share a token, and do for prompts
            of some lengths.
    """

    edits: tuple[tuple[Edit, ...], ...]
    doubtful: tuple[Clash, ...] = ()

    @classmethod
    def of(cls, recorded: Sequence[Sequence[Edit]]) -> Variants:
        """Variants from the edits that a strategy recorded.

        Raises:
            XTransplantError: edits of one variant that act through different things.
        """
        found: dict[tuple[Span, Span, Does], Clash] = {}
        for edits in recorded:
            through_of(edits)
            # A single edit may read the place that it writes: reading comes first.
            if len(edits) > 1:
                for one in find_clashes(edits):
                    found.setdefault((one.written.span, one.other.span, one.does), one)
        return cls(tuple(expand_resid_mid(edits) for edits in recorded), tuple(found.values()))

    def check(self, length: int) -> None:
        """Refuse variants whose edits overlap in a target prompt.

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
        return tuple(prompt_reads(self.edits, "source"))

    @cached_property
    def mean_reads(self) -> tuple[Read, ...]:
        """Every read of the mean over several sources."""
        return tuple(prompt_reads(self.edits, MEAN))

    @cached_property
    def through(self) -> tuple[Through, ...]:
        """Per variant, what its edits are let change."""
        return tuple(map(through_of, self.edits))

    @cached_property
    def acts_later(self) -> bool:
        """Whether some edit is made at decode steps."""
        return any(edit.when.later for edits in self.edits for edit in edits)

    @property
    def plain(self) -> bool:
        """Whether all edits are made in the prefill alone, through both logits and cache."""
        return not self.acts_later and set(self.through) <= {"both"}

    @cached_property
    def fixed_bytes(self) -> int:
        """What the tensors that edits are computed with take, each counted once."""
        found = {one for edits in self.edits for edit in edits for one in edit.value.fixed()}
        return sum(one.values.nbytes for one in found)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Per variant, the lowest layer that it writes at."""
        return tuple(first_layer(edits) for edits in self.edits)

    @cached_property
    def spans(self) -> dict[tuple[Prompt, Span], str]:
        """Every span of tokens that is read or written, with the first such place, in words.

        Not of the mean over several sources, each of which is read by itself.
        """
        found: dict[tuple[Prompt, Span], str] = {}
        for edits in self.edits:
            for edit in edits:
                for place in (edit.place, *edit.value.reads()):
                    key = (place.prompt, place.span)
                    if key not in found and place.prompt != MEAN:
                        found[key] = str(place)
        return found

    def n_chain(self, length: int) -> int:
        """How many of a target's last tokens differ between variants: at least the last one.

        That is from the first token on that any variant reads or writes.
        """
        starts = [
            span.resolve(length, what).start
            for (prompt, span), what in self.spans.items()
            if prompt == "target"
        ]
        return max(1, length - min(starts, default=length))

    def places(self, item: Item) -> list[tuple[int, int]]:
        """Where each of the spans begins and ends in an example, counted from the prompts' ends."""
        found = []
        for (prompt, span), what in self.spans.items():
            length = len(item.source if prompt == "source" else item.target)
            tokens = span.resolve(length, what)
            found.append((tokens.start - length, tokens.stop - length))
        return found


def alike(items: Sequence[Item], variants: Variants) -> list[Item]:
    """The leading items whose edits and reads all fall on the same tokens, counted from the end.

    Such items can share a forward pass. Where edits are made at tokens of candidates, these have to
    branch alike.
    """

    def layout(item: Item) -> tuple[list[tuple[int, int]], list[int]]:
        nodes = candidate_trie(item.target_candidates).nodes if variants.acts_later else {}
        return variants.places(item), list(map(len, nodes))

    first = layout(items[0])
    count = next((n for n, x in enumerate(items) if layout(x) != first), len(items))
    return list(items[:count])
