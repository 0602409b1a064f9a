"""The source prompts of a batch: each distinct one is run once, or was in an earlier batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from xtransplant.engine.ask.items import Item
from xtransplant.engine.compile.passes import make_row_pass, make_sequence_pass
from xtransplant.engine.compile.program import compile_source
from xtransplant.engine.compile.shared_prefix import Trunk
from xtransplant.engine.compile.steps import Pass
from xtransplant.engine.trace.session import Outputs
from xtransplant.engine.trace.sources import SourceRead, Sources
from xtransplant.model.model import Model
from xtransplant.packing import Layout, Packing, RowLayout, pack, rows
from xtransplant.sites import bank_of
from xtransplant.strategies import Read

__all__ = ["SourcePrompts"]


class SourcePrompts:
    """The distinct source prompts of some items, with what is read of them.

    Attributes:
        keys: token ids of each prompt, and of its candidates.
        place: ``[n_items]``, which of them each item has.
        layout, program: of their pass.
        banks: what their pass read, ``[n_prompts, n_rows, width]``; empty before it has run, and
            where the backend does not keep sources.
        outputs: what was read of their logits, for each item; None before the pass has run.
    """

    def __init__(
        self,
        model: Model,
        items: Sequence[Item],
        reads: Sequence[Read],
        packing: Packing,
        top_k: int,
        sources: Sources | None,
    ) -> None:
        """Lay the prompts out; nothing runs.

        Args:
            model: a loaded model.
            items: the examples.
            reads: what is read of each.
            packing: how they run.
            top_k: how many of the most probable next tokens to read.
            sources: what was read before, and where what is read now is kept; None to keep
                nothing.
        """
        keys = [(_frozen(item.source), _frozen(item.source_candidates)) for item in items]
        self.keys = list(dict.fromkeys(keys))
        self.place = torch.tensor([self.keys.index(key) for key in keys])
        self.layout = _lay_out(self.keys, packing)
        self.program = compile_source(model, self.layout, reads)
        self.banks: list[Tensor] = []
        self.outputs: Outputs | None = None
        self._model, self._packing, self._top_k = model, packing, top_k
        self._sources = sources if model.backend.keeps_sources else None

    def make_pass(self) -> Pass:
        """Their forward pass."""
        if isinstance(self.layout, RowLayout):
            return make_row_pass(self._model, self.layout, self.program.steps, self._top_k)
        shared, trunk = self._packing.shared_prefix, None
        if shared and self.layout.n_trunk:
            trunk = [Trunk(room=self.layout.n_block) for _ in range(self._model.n_layers)]
        return make_sequence_pass(
            self._model,
            self.layout,
            self.program.steps,
            self._top_k,
            shared_prefix=shared,
            trunk=trunk,
        )

    def take(self, outputs: Outputs, banks: list[Tensor]) -> None:
        """Keep what their pass gave: for the batch, and where sources are kept."""
        self.banks = banks if self._model.backend.keeps_sources else []
        outputs = {**outputs, "candidates": self.layout.edge_candidates}
        if self._sources is not None:
            for example, (ids, candidates) in enumerate(self.keys):
                values = {
                    read: banks[bank_of(read.site)][example, at]
                    for read, at in self.program.rows.items()
                }
                own = {name: value[example : example + 1] for name, value in outputs.items()}
                self._sources.keep(ids, SourceRead(values, own, (candidates, self._top_k)))
        self.outputs = {name: value[self.place] for name, value in outputs.items()}

    def recall(self, *, scored: bool) -> None:
        """Take everything from what was read before, if all of it was.

        Args:
            scored: the logits are wanted, and not only the activations.
        """
        if self._sources is None:
            return
        reads = list(self.program.rows)
        kept = [
            self._sources.find(ids, reads, (candidates, self._top_k) if scored else None)
            for ids, candidates in self.keys
        ]
        found = [one for one in kept if one is not None]
        if not found or len(found) < len(kept):
            return
        model = self._model
        self.banks = [
            torch.zeros(len(found), size, width, dtype=model.bank_dtype, device=model.device)
            for size, width in zip(self.program.sizes, model.bank_widths, strict=True)
        ]
        for example, one in enumerate(found):
            for read, at in self.program.rows.items():
                self.banks[bank_of(read.site)][example, at] = one.values[read]
        if not scored:
            return
        outputs = [one.outputs for one in found]
        most = max(one["edges"].shape[-1] for one in outputs)
        self.outputs = {
            name: torch.cat([_padded(one[name], name, most) for one in outputs])[self.place]
            for name in outputs[0]
        }


def _lay_out(keys: Sequence[Any], packing: Packing) -> Layout | RowLayout:
    prompts = [prompt for prompt, _ in keys]
    if not packing.together:
        return rows(prompts[0], 1, keys[0][1])
    return pack(prompts, 1, (), [candidates for _, candidates in keys], inline=True)


def _padded(value: Tensor, name: str, length: int) -> Tensor:
    """Edges of an example, padded to as many as its batch's longest has."""
    if name not in ("edges", "candidates"):
        return value
    fill = -1 if name == "candidates" else 0
    return pad(value, (0, length - value.shape[-1]), value=fill)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value
