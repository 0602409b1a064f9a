"""A batch: examples that run together, and what is kept between chunks of their variants."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.variants import Variants
from xtransplant.engine.compile.passes import make_row_pass, make_sequence_pass
from xtransplant.engine.compile.program import TargetProgram, compile_target
from xtransplant.engine.compile.shared_prefix import KeysValues, Trunk
from xtransplant.engine.compile.steps import FixedRows, Pass
from xtransplant.engine.outcome import same
from xtransplant.engine.trace.attention import shared_attention
from xtransplant.engine.trace.session import BankPlan, Outputs, run_passes
from xtransplant.engine.trace.source_means import SourceMeans, read_means, with_means
from xtransplant.engine.trace.source_prompts import SourcePrompts
from xtransplant.engine.trace.sources import Sources
from xtransplant.engine.trace.through import let_through
from xtransplant.model.model import Model
from xtransplant.packing import Layout, Packing, RowLayout, pack, rows

__all__ = ["Batch"]


class Batch:
    """The state of one batch between chunks of its variants.

    Attributes:
        model, items, variants, packing, top_k: as given.
        source: the items' source prompts.
        forward_passes: how many have run.
        token_forwards: how often a token went through the whole model; a part of the layers
            counts as that part, padding as a token.
        source_tokens: those of them that are of source prompts.
        trunk: keys and values of the trunk by layer, between chunks.
        layout: of the chunk that ran last.
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
        """Lay out the source; nothing runs.

        Args:
            model: reads the prompts.
            items: examples that are laid out alike.
            variants: of each of them.
            packing: how they share work.
            top_k: how many of the most probable next tokens to read.
            sources: what was read of source prompts before; None for nothing.
            scored: the source's logits are wanted, and not only its activations.

        Raises:
            XTransplantError: edits that get in each other's way or name tokens that there are not.
        """
        self.model, self.items, self.variants = model, items, variants
        self.packing, self.top_k, self._scored = packing, top_k, scored
        self.forward_passes, self.token_forwards, self.source_tokens = 0, 0.0, 0.0
        variants.check(len(items[0].target))  # the others are laid out alike
        self.source = SourcePrompts(model, items, variants.reads, packing, top_k, sources)
        self.source.recall(scored=scored)
        self._sources = sources
        self._means: SourceMeans | None = None
        self.trunk: list[Trunk] | None = None
        self.layout: Layout | RowLayout | None = None

    def run(
        self,
        chunk: range,
        *,
        last: bool,
        keep: Sequence[KeysValues] | None = None,
        n_new: int = 0,
    ) -> Outputs:
        """One chunk of the variants; with the first, the source.

        Args:
            chunk: of the variants.
            last: nothing will be asked of the trunk after it.
            keep: where each layer is to leave the blocks' keys and values.
            n_new: tokens that will be generated over its trunk.

        Returns:
            Outputs of the prompt without a transplant and of each variant
            (:func:`xtransplant.engine.trace.logits.read_pass`), and beside them:
            ``candidates`` ``[n_examples, n_edges]``, whose each edge is;
            ``unchanged`` ``[n_examples, n_blocks]``, where they are those of the prompt;
            ``writes`` ``[n_examples, 3, n_writes]``, norms and dot products;
            ``write_counts`` ``[n_variants]``, how many of these each variant has.
        """
        edits = self.variants.edits[chunk.start : chunk.stop]
        layout = self.layout = self._lay_out(chunk)
        # In rows of their own, the first is the prompt's without a transplant.
        placed = edits if isinstance(layout, Layout) else [(), *edits]
        source = self.source
        program = compile_target(self.model, source.layout, source.program, layout, placed)
        wanted = not source.banks and (self._scored or bool(source.program.rows))
        first = source.make_pass() if wanted else None
        trunk, target = self._target_pass(layout, program, keep, n_new)
        plan = BankPlan(
            source_sizes=source.program.sizes,
            target_sizes=program.sizes,
            n_writes=sum(program.write_counts),
            fixed=self.fill(program),
        )
        shared = shared_attention(self.model) if self.packing.shared_prefix else nullcontext()
        with shared:
            found, banks = run_passes(self.model, first, target, plan, source.place, source.banks)
        self._count(layout)
        if first is not None:
            self._count(source.layout)
            self.source_tokens += _token_forwards(source.layout, self.model.n_layers)
            source.take(found[0], banks)
        # What later chunks need of the trunk; nothing where there are none.
        self.trunk = None if last else trunk
        counts = program.write_counts[len(placed) - len(edits) :]
        outputs = let_through(found[-1], layout, self.variants.through[chunk.start : chunk.stop])
        return {
            **outputs,
            "candidates": layout.edge_candidates,
            "unchanged": _unchanged(outputs, self.model.dtype, bits=self.packing.keeps_bits),
            "write_counts": torch.tensor(counts, dtype=torch.long),
        }

    def fill(self, program: TargetProgram) -> list[FixedRows]:
        """What is in the target's banks before its pass; the means over sources are read for it.

        Raises:
            XTransplantError: as :func:`read_means`.
        """
        if self._means is None:
            reads = self.variants.mean_reads
            self._means = read_means(self.model, self.items, reads, self._sources)
            self.forward_passes += self._means.forward_passes
            self.token_forwards += self._means.token_forwards
            self.source_tokens += self._means.token_forwards
        return with_means(program, self._means, len(self.items))

    def planned(self) -> float:
        """Token-forwards of the source and of all variants at once, without running them."""
        layouts = self.source.layout, self._lay_out(range(len(self.variants.edits)))
        return sum(_token_forwards(layout, self.model.n_layers) for layout in layouts)

    def _count(self, layout: Layout | RowLayout) -> None:
        self.forward_passes += 1
        self.token_forwards += _token_forwards(layout, self.model.n_layers)

    def _lay_out(self, chunk: range) -> Layout | RowLayout:
        prompts = [item.target for item in self.items]
        candidates = [item.target_candidates for item in self.items]
        if not self.packing.together:
            return rows(prompts[0], 1 + len(chunk), candidates[0])
        # By all variants of the batch, so that every chunk has the same trunk.
        n_chain = self.variants.n_chain(len(prompts[0]))
        last = self.model.last_start
        starts = [min(self.variants.starts[v], last) if self.packing.growing else -1 for v in chunk]
        ranked = [number for number, item in enumerate(self.items) if item.ranked]
        inline = self.trunk is None
        return pack(prompts, n_chain, starts, candidates, inline=inline, ranked=ranked)

    def _target_pass(
        self,
        layout: Layout | RowLayout,
        program: TargetProgram,
        keep: Sequence[KeysValues] | None,
        n_new: int,
    ) -> tuple[list[Trunk] | None, Pass]:
        """The pass of one chunk, and the trunk that it takes or leaves, if it shares one."""
        model, shared, trunk = self.model, self.packing.shared_prefix, self.trunk
        if isinstance(layout, RowLayout):
            return trunk, make_row_pass(model, layout, program.steps, self.top_k)
        if shared and layout.n_trunk and trunk is None:
            trunk = [Trunk(room=layout.n_block + n_new) for _ in range(model.n_layers)]
        return trunk, make_sequence_pass(
            model,
            layout,
            program.steps,
            self.top_k,
            shared_prefix=shared,
            trunk=trunk,
            keep=keep,
        )


def _unchanged(outputs: Outputs, dtype: torch.dtype, *, bits: bool) -> Tensor:
    """``[n_examples, n_blocks]``: whether each block's numbers are those of the first."""
    alike = [
        same(outputs[name], outputs[name][:, :1], dtype, bits=bits) for name in ("edges", "top")
    ]
    return torch.cat(alike, dim=-1).all(dim=-1)


def _token_forwards(layout: Layout | RowLayout, n_layers: int) -> float:
    """How often a token goes through the whole model in a pass over a layout."""
    if isinstance(layout, RowLayout):
        return float(layout.ids.numel())
    blocks = 1 + sum((n_layers - max(start, 0)) / n_layers for start in layout.starts)
    inline = layout.n_trunk if layout.inline else 0
    return layout.n_examples * (inline + layout.n_block * blocks)
