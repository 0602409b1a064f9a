"""The edits of decode steps, compiled for one step after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from xtransplant.engine.compile.decoding_plan import StepPlan
from xtransplant.engine.compile.program import TargetProgram, compile_target
from xtransplant.engine.compile.steps import FixedRows, Step
from xtransplant.engine.trace.apply import fill_banks, grow_banks, zero_banks
from xtransplant.engine.trace.decoding_rows import DecodingRows
from xtransplant.engine.trace.session import bank_kind
from xtransplant.engine.trace.source_prompts import SourcePrompts
from xtransplant.model.model import Model
from xtransplant.packing import StepLayout
from xtransplant.strategies import Edit

__all__ = ["LaterEdits"]


@dataclass(frozen=True)
class LaterEdits:
    """What some variants of one example write while their texts are generated.

    Attributes:
        variants: the edits of each.
        source: the example's source prompt, which has been read.
        fill: what is in a program's banks before its pass.
    """

    variants: Sequence[Sequence[Edit]]
    source: SourcePrompts
    fill: Callable[[TargetProgram], list[FixedRows]]

    def steps_of(
        self, model: Model, step: int, rows: DecodingRows, plan: StepPlan
    ) -> tuple[list[Step], list[Tensor]]:
        """What happens at the sites in one step, and the banks that it uses.

        Args:
            model: reads on.
            step: its number, from 1.
            rows: the rows that text is generated in.
            plan: which columns run through which layer.
        """
        # Variants are numbered from 1 in rows: 0 is the prompt without a transplant.
        row_of = {
            int(variant) - 1: row
            for row, variant in enumerate(rows.variant)
            if variant and rows.alive[row]
        }

        def column(variant: int, layer: int) -> int:
            row, running = row_of[variant], plan.layers[layer]
            if row < running.n_own:
                return len(running.histories) + row
            return int(np.flatnonzero(running.histories == rows.history[row])[0])

        layout = StepLayout(step, row_of.keys(), column)
        source = self.source
        program = compile_target(model, source.layout, source.program, layout, self.variants)
        widths, like = model.bank_widths, bank_kind(model)
        read = [bank[source.place.to(bank.device)] for bank in source.banks]
        read = read or zero_banks([0] * len(widths), widths, 1, like)
        banks = grow_banks(read, program.sizes, widths, 1, like)
        fill_banks(banks, self.fill(program))
        return program.steps, banks
