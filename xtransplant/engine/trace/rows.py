"""Generation in batch rows, by the model's own ``generate``: the cached prefix, repeated per row.

The reference that the shared prefix is held to, and the way of models that cannot share it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xtransplant.engine.compile.passes import make_row_pass
from xtransplant.engine.compile.program import SourceProgram, compile_source, compile_target
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.greedy import Certainty, cut_at_end, end_ids, greedy_settings
from xtransplant.engine.trace.row_steps import StepEdits, StepwisePlan, generate_stepwise
from xtransplant.engine.trace.session import BankPlan, RowPlan, generate_rows
from xtransplant.packing import RowLayout, StepLayout, rows
from xtransplant.strategies.edits import When

__all__ = ["RowTexts", "continue_rows"]


@dataclass(frozen=True)
class RowTexts:
    """Continuations of the prompt without a transplant and of each variant.

    Attributes:
        ids: new token ids.
        certainty: of each of them.
        forward_passes: how many it took.
        token_forwards: how often a token went through the whole model.
        source_tokens: those of them that are the source prompt's.
        writes: ``[3, n_writes]``, norms of what was written and replaced, and their dot products.
        write_counts: ``[n_variants]``, how many of these each variant has.
    """

    ids: list[list[int]]
    certainty: list[Certainty]
    forward_passes: int
    token_forwards: float
    source_tokens: float
    writes: Tensor
    write_counts: Tensor


def continue_rows(batch: Batch, chunk: range, max_new_tokens: int) -> RowTexts:
    """Continue the prompt and some variants of a batch's one example, greedily.

    Args:
        batch: of one example.
        chunk: of its variants.
        max_new_tokens: longest continuation.
    """
    model, (item,) = batch.model, batch.items
    edits = [(), *batch.variants.edits[chunk.start : chunk.stop]]
    length = len(item.target)
    # The prefix that no variant edits or reads is run once.
    cached = length - batch.variants.n_chain(length) if batch.packing.together else 0
    source = rows(item.source, 1)
    known = compile_source(model, source, batch.variants.reads)
    layout = rows(item.target, len(edits), cached=cached)
    program = compile_target(model, source, known, layout, edits)
    plan = RowPlan(
        prompt=torch.tensor([list(item.target)], device=model.device),
        n_rows=len(edits),
        cached=cached,
        steps=program.steps,
        banks=BankPlan(
            source_sizes=known.sizes,
            target_sizes=program.sizes,
            n_writes=sum(program.write_counts),
            fixed=batch.fill(program),
        ),
    )
    first = make_row_pass(model, source, known.steps, 1)
    if batch.variants.plain:
        found = generate_rows(model, first, plan, greedy_settings(model, max_new_tokens))
    else:
        later = _later_plan(batch, chunk, source, known, max_new_tokens)
        found = generate_stepwise(model, first, plan, later, max_new_tokens)
    ends, new = end_ids(model), found["ids"].shape[1]
    ids = [cut_at_end(row, ends) for row in found["ids"].tolist()]
    certainty: list[Certainty] = [
        [(top, margin) for top, margin in row[: len(own)]]
        for row, own in zip(found["certainty"].tolist(), ids, strict=True)
    ]
    return RowTexts(
        ids=ids,
        certainty=certainty,
        forward_passes=1 + bool(cached) + new,
        token_forwards=float(len(item.source) + cached + len(edits) * (length - cached + new - 1)),
        source_tokens=float(len(item.source)),
        writes=found["writes"][0],
        write_counts=torch.tensor(program.write_counts[1:], dtype=torch.long),
    )


def _later_plan(
    batch: Batch, chunk: range, source: RowLayout, known: SourceProgram, max_new_tokens: int
) -> StepwisePlan:
    """What happens in the rows after the prompt; the first row is the prompt's own."""
    model, edits = batch.model, [(), *batch.variants.edits[chunk.start : chunk.stop]]
    through = ["both", *batch.variants.through[chunk.start : chunk.stop]]
    whens = {edit.when for variant in edits for edit in variant}
    programs: dict[frozenset[When], StepEdits] = {}
    of_step = []
    for step in range(1, max_new_tokens):
        acting = frozenset(when for when in whens if when.has(step))
        if acting not in programs:
            layout = StepLayout(step, range(len(edits)), lambda variant, layer: variant)
            program = compile_target(model, source, known, layout, edits)
            programs[acting] = StepEdits(
                sizes=program.sizes, fixed=batch.fill(program), steps=program.steps
            )
        of_step.append(list(programs).index(acting))
    settings, ends = greedy_settings(model, max_new_tokens), end_ids(model)
    return StepwisePlan(
        programs=list(programs.values()),
        of_step=of_step,
        plain_cache=[0 if way == "logits" else row for row, way in enumerate(through)],
        plain_logits=[0 if way == "cache" else row for row, way in enumerate(through)],
        ends=ends,
        pad=int(settings.pad_token_id or 0),
    )
