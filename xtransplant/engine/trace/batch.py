"""Examples that run together: how many at once, their source pass, and their variants in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nnsight
import torch
from torch import Tensor

from xtransplant.engine.ask.cost import estimate_cost
from xtransplant.engine.ask.halving import Demand, run_fitting, run_in_chunks
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import Variants
from xtransplant.engine.compile.passes import Pass, row_pass, sequence_pass
from xtransplant.engine.compile.program import compile_source, compile_target
from xtransplant.engine.compile.shared_prefix import KeysValues, Trunk
from xtransplant.engine.outcome import same
from xtransplant.engine.trace.apply import picker, player
from xtransplant.engine.trace.attention import shared_attention
from xtransplant.engine.trace.sources import SourceRead, Sources
from xtransplant.engine.trace.validate import believe
from xtransplant.model.load import Model
from xtransplant.packing import Layout, Packing, RowLayout, pack, rows

__all__ = ["Batch", "Found", "run_items"]

Picked = dict[str, Tensor]


@dataclass(frozen=True)
class Found:
    """What a batch found.

    Attributes:
        items: its examples.
        source, target: what :func:`picker` picked, ``[n_examples, n_blocks, ...]`` each, and
            ``candidates``, ``[n_examples, n_edges]``, whose each edge is; of the target also
            ``unchanged``, ``[n_examples, n_blocks]``.
        forward_passes, token_forwards: as in :class:`Batch`.
    """

    items: Sequence[Item]
    source: Picked
    target: Picked
    forward_passes: int
    token_forwards: float


def run_items(
    model: Model,
    items: Sequence[Item],
    variants: Variants,
    packing: Packing,
    top_k: int,
    memory: MemoryBudget,
    sources: Sources | None,
) -> Found:
    """All variants of as many of the first items as fit into memory at once: at least one.

    Several items run with all their variants in one pass; the variants of a single one are cut into
    chunks where memory asks for it. Where memory runs out, fewer items, then smaller chunks are
    tried.

    Args:
        items: alike (see :func:`xtransplant.engine.ask.variants.alike`).

    Raises:
        XTransplantError: one variant alone does not fit.
    """
    longest, total = max(items, key=lambda item: len(item.target)), len(variants.edits)
    cost = estimate_cost(model, longest, variants, packing)
    too_large = (
        f"{model.name} runs out of memory on one variant of a prompt of {len(longest.target)} "
        "tokens; use a smaller --dtype, a shorter prompt or --device-map auto"
    )
    per_item = Demand(
        fixed=0.0,
        each=cost.total(total),
        columns=cost.columns + total * cost.per_variant,
        unit="examples",
        too_large=too_large,
    )
    per_variant = Demand(cost.fixed, cost.each, cost.per_variant, "variants", too_large)

    def run(count: int) -> Found:
        batch = Batch(model, items[:count], variants, packing, top_k, sources)
        if count > 1:
            return batch.found([batch.run(range(total), last=True)])
        chunks = run_in_chunks(
            memory, per_variant, total, lambda chunk: batch.run(chunk, last=chunk.stop == total)
        )
        return batch.found(list(chunks))

    _, found = run_fitting(memory, per_item, len(items) if packing.together else 1, run)
    return found


class Batch:
    """The state of one batch between the parts of its variants.

    Attributes:
        scored: whether the source's logits are wanted, and not only its activations.
        forward_passes: how many have run.
        token_forwards: how often a token went through the whole model; a part of the layers
            counts as that part, padding as a token.
        trunk: keys and values of the trunk by layer, between parts.
        layout: of the part that ran last.
    """

    def __init__(
        self,
        model: Model,
        items: Sequence[Item],
        variants: Variants,
        packing: Packing,
        top_k: int,
        sources: Sources | None,
        *,
        scored: bool = True,
    ) -> None:
        self.model, self.items, self.variants = model, items, variants
        self.packing, self.top_k, self.sources, self.scored = packing, top_k, sources, scored
        self.forward_passes, self.token_forwards = 0, 0.0
        variants.check(len(items[0].target))  # the others are laid out alike
        # Each source prompt once, though several items have it.
        keys = [(_frozen(item.source), _frozen(item.source_candidates)) for item in items]
        self.keys = list(dict.fromkeys(keys))
        self.place = torch.tensor([self.keys.index(key) for key in keys])
        self.source = self._source_layout()
        self.program = compile_source(model, self.source, variants.reads)
        self.source_found: Picked | None = None
        self.source_banks: list[Tensor] = []
        self.trunk: list[Trunk] | None = None
        self.layout: Layout | RowLayout | None = None
        if not model.backend.keeps_sources:
            self.sources = None
        if self.sources is not None:
            self._recall(self.sources)

    def run(
        self,
        part: range,
        *,
        last: bool,
        keep: Sequence[KeysValues] | None = None,
        n_new: int = 0,
    ) -> Picked:
        """One part of the variants; with the first, the source.

        Args:
            last: nothing will be asked of the trunk after it.
            keep: where each layer is to leave the blocks' keys and values.
            n_new: tokens that will be said over its trunk.
        """
        edits = self.variants.edits[part.start : part.stop]
        layout = self.layout = self._target_layout(part)
        placed = edits if isinstance(layout, Layout) else [(), *edits]
        steps, sizes = compile_target(self.model, self.source, self.program, layout, placed)
        passes = []
        if with_source := not self.source_banks and (self.scored or bool(self.program.rows)):
            passes.append(self._source_pass())
            self.token_forwards += _token_forwards(self.source, self.model.n_layers)
        trunk = self.trunk
        if isinstance(layout, RowLayout):
            passes.append(row_pass(self.model, layout, steps, self.top_k))
        else:
            if self.packing.shared_prefix and layout.n_trunk and trunk is None:
                trunk = [Trunk(room=layout.n_block + n_new) for _ in range(self.model.n_layers)]
            passes.append(
                sequence_pass(
                    self.model, layout, steps, self.packing, self.top_k, trunk=trunk, keep=keep
                )
            )
        widths = (self.model.d_model, self.model.head_dim)
        known = None if with_source else list(self.source_banks)
        read = [(len(self.keys), n, w) for n, w in zip(self.program.sizes, widths, strict=True)]
        shapes = [(len(self.items), n, w) for n, w in zip(sizes, widths, strict=True)]
        if self.packing.shared_prefix:
            with shared_attention(self.model):
                found, banks = _session(self.model, passes, known, read, shapes, self.place)
        else:
            found, banks = _session(self.model, passes, known, read, shapes, self.place)
        self.forward_passes += len(passes)
        self.token_forwards += _token_forwards(layout, self.model.n_layers)
        if with_source:
            self.source_found = self._took_source(found[0], banks)
        # What later parts need of the trunk; nothing where there are none.
        self.trunk = None if last else trunk
        unchanged = _unchanged(found[-1], self.model.dtype, bits=self.packing.keeps_bits)
        return {**found[-1], "candidates": layout.edge_candidates, "unchanged": unchanged}

    def found(self, chunks: Sequence[Picked]) -> Found:
        """What the chunks of all variants found, put together."""
        assert self.source_found is not None
        names = ("edges", "top", "ids", "unchanged")
        # The prompt without a transplant ran with every chunk: it is taken from the first.
        joined = {
            name: torch.cat([chunks[0][name][:, :1], *(one[name][:, 1:] for one in chunks)], dim=1)
            for name in names
        }
        joined["candidates"] = chunks[0]["candidates"]
        return Found(
            self.items, self.source_found, joined, self.forward_passes, self.token_forwards
        )

    def planned(self) -> float:
        """Token-forwards of the source and of all variants at once, without running them."""
        layouts = self.source, self._target_layout(range(len(self.variants.edits)))
        return sum(_token_forwards(layout, self.model.n_layers) for layout in layouts)

    def _source_layout(self) -> Layout | RowLayout:
        prompts = [prompt for prompt, _ in self.keys]
        if not self.packing.together:
            return rows(prompts[0], 1, self.keys[0][1])
        candidates = [candidates for _, candidates in self.keys]
        return pack(prompts, 1, (), candidates, inline=True)

    def _source_pass(self) -> Pass:
        if isinstance(self.source, RowLayout):
            return row_pass(self.model, self.source, self.program.steps, self.top_k)
        trunk = None
        if self.packing.shared_prefix and self.source.n_trunk:
            room = self.source.n_block
            trunk = [Trunk(room=room) for _ in range(self.model.n_layers)]
        return sequence_pass(
            self.model, self.source, self.program.steps, self.packing, self.top_k, trunk=trunk
        )

    def _target_layout(self, part: range) -> Layout | RowLayout:
        prompts = [item.target for item in self.items]
        candidates = [item.target_candidates for item in self.items]
        if not self.packing.together:
            return rows(prompts[0], 1 + len(part), candidates[0])
        # By all variants of the batch, so that every part has the same trunk.
        n_chain = self.variants.n_chain(len(prompts[0]))
        starts = [self.variants.starts[v] if self.packing.growing else -1 for v in part]
        return pack(prompts, n_chain, starts, candidates, inline=self.trunk is None)

    def _recall(self, sources: Sources) -> None:
        """Take the source's part from what was read before, if all of it was."""
        reads = list(self.program.rows)
        kept = [
            sources.find(ids, reads, (candidates, self.top_k) if self.scored else None)
            for ids, candidates in self.keys
        ]
        if not kept or any(read is None for read in kept):
            return
        found = [read for read in kept if read is not None]
        widths = (self.model.d_model, self.model.head_dim)
        banks = [
            torch.zeros(
                len(found), size, width, dtype=self.model.bank_dtype, device=self.model.device
            )
            for size, width in zip(self.program.sizes, widths, strict=True)
        ]
        for example, one in enumerate(found):
            for read, at in self.program.rows.items():
                banks[int(read.site == "head")][example, at] = one.values[read]
        self.source_banks = banks
        if not self.scored:
            return
        picked = [one.picked for one in found]
        most = max(one["edges"].shape[-1] for one in picked)
        self.source_found = {
            name: torch.cat([_padded(one[name], name, most) for one in picked])[self.place]
            for name in picked[0]
        }

    def _took_source(self, found: Picked, banks: list[Tensor]) -> Picked:
        """Remember what the source's pass read, and give each item its own."""
        self.source_banks = banks if self.model.backend.keeps_sources else []
        found = {**found, "candidates": self.source.edge_candidates}
        if self.sources is not None:
            for example, (ids, candidates) in enumerate(self.keys):
                values = {
                    read: banks[int(read.site == "head")][example, at]
                    for read, at in self.program.rows.items()
                }
                one = {name: value[example : example + 1] for name, value in found.items()}
                self.sources.keep(ids, SourceRead(values, one, (candidates, self.top_k)))
        return {name: value[self.place] for name, value in found.items()}


def _session(
    model: Model,
    passes: Sequence[Pass],
    known: list[Tensor] | None,
    read_shapes: Sequence[tuple[int, ...]],
    shapes: Sequence[tuple[int, ...]],
    place: Tensor,
) -> tuple[list[Picked], list[Tensor]]:
    """Source, unless its banks are known, and target in one nnsight session.

    Returns what was picked of each pass, and the source's banks.

    Args:
        read_shapes, shapes: of the source's banks and of the target's, which begin with them.
        place: ``[n_examples]``, which of the source prompts each example has.
    """
    nn, play, pick = model.nn, player(), picker()
    device, dtype = model.device, model.bank_dtype
    parts = [(one.inputs, one.steps, one.n_examples, one.wanted) for one in passes]
    place = place.to(device)
    keeps_sources = model.backend.keeps_sources
    found: list[Picked] = []
    read: list[Tensor] = known or []
    with nn.session(**model.session("packed", parts, place, read_shapes, shapes)):
        found = []
        nnsight.save(found)
        if known is None:
            read = [torch.zeros(shape, dtype=dtype, device=device) for shape in read_shapes]
        if keeps_sources:
            nnsight.save(read)
        for number, (inputs, steps, n_examples, wanted) in enumerate(parts):
            banks = read
            if number == len(parts) - 1:
                banks = [torch.zeros(shape, dtype=dtype, device=device) for shape in shapes]
                for bank, rows_read in zip(banks, read, strict=False):
                    bank[:, : rows_read.shape[1]] = rows_read[place]
            with nn.trace(**inputs):
                play(nn, steps, banks, n_examples)
                found.append(pick(nn.output.logits, wanted))
    if model.backend.travels:
        believe(model, found, [_shapes(one) for one in passes])
    return found, read


def _shapes(one: Pass) -> dict[str, tuple[int, ...]]:
    """What :func:`picker` makes of a pass."""
    assert one.wanted is not None
    (n_examples, n_blocks), _, _, _, tokens, _, top_k = one.wanted
    sizes = {"edges": tokens.shape[-1], "top": top_k, "ids": top_k}
    return {name: (n_examples, n_blocks, size) for name, size in sizes.items()}


def _unchanged(picked: Picked, dtype: torch.dtype, *, bits: bool) -> Tensor:
    """``[n_examples, n_blocks]``: whether each block's numbers are those of the first."""
    alike = [same(picked[name], picked[name][:, :1], dtype, bits=bits) for name in ("edges", "top")]
    return torch.cat(alike, dim=-1).all(dim=-1)


def _padded(value: Tensor, name: str, length: int) -> Tensor:
    """Edges of an example, made as many as its batch's longest has."""
    if name not in ("edges", "candidates"):
        return value
    fill = -1 if name == "candidates" else 0
    return torch.nn.functional.pad(value, (0, length - value.shape[-1]), value=fill)


def _token_forwards(layout: Layout | RowLayout, n_layers: int) -> float:
    """How often a token goes through the whole model in a pass over a layout."""
    if isinstance(layout, RowLayout):
        return float(layout.ids.numel())
    blocks = 1 + sum((n_layers - max(start, 0)) / n_layers for start in layout.starts)
    inline = layout.n_trunk if layout.inline else 0
    return layout.n_examples * (inline + layout.n_block * blocks)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value
