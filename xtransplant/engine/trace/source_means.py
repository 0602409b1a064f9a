"""The mean over several source prompts of what is read of each: ``source.mean`` in a strategy.

Every prompt is read in a pass of its own, before the target's; when that begins, the means stand
in its banks, like any tensor that was known before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from xtransplant.engine.ask.items import Item
from xtransplant.engine.compile.passes import make_row_pass
from xtransplant.engine.compile.program import TargetProgram, compile_source
from xtransplant.engine.compile.steps import FixedRows
from xtransplant.engine.trace.session import capture_pass
from xtransplant.engine.trace.sources import SourceRead, Sources, TokenIds
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.packing import rows
from xtransplant.sites import bank_of
from xtransplant.strategies import Read

__all__ = ["SourceMeans", "read_means", "with_means"]


class SourceMeans(NamedTuple):
    """What was read of several sources.

    Attributes:
        values: of each read ``[n_items, width]``, the mean over an item's source prompts.
        forward_passes, token_forwards: how many it took.
    """

    values: dict[Read, Tensor]
    forward_passes: int = 0
    token_forwards: float = 0.0


def read_means(
    model: Model, items: Sequence[Item], reads: Sequence[Read], sources: Sources | None
) -> SourceMeans:
    """Read the source prompts of some items, each once, and take the mean over an item's.

    Args:
        model: reads the prompts.
        items: their own source prompt and the further ones count alike.
        reads: of ``source.mean``, one token each.
        sources: what was read before, and where what is read now is kept; None to keep nothing.

    Raises:
        XTransplantError: an item with one source prompt, one that is shorter than a read, or a
            backend that no activations come back from.
    """
    if not reads:
        return SourceMeans({})
    if not model.backend.keeps_sources:
        raise XTransplantError(
            f"{reads[0]} is the mean over several source prompts, which are read in this process: "
            f"--on {model.backend} gives no activations back; use --on local"
        )
    if any(not item.more_sources for item in items):
        raise XTransplantError(
            f"{reads[0]} is the mean over several source prompts, and an example has but one: name "
            "more languages, as in --sources fr,es, or give them, Example(sources=...)"
        )
    every = [[tuple(ids) for ids in (item.source, *item.more_sources)] for item in items]
    found, tokens = dict[TokenIds, dict[Read, Tensor]](), list[int]()
    for ids in dict.fromkeys(ids for own in every for ids in own):
        kept = None if sources is None else sources.find(ids, _singly(reads), None)
        if kept is None:
            found[ids] = _read_one(model, ids, _singly(reads))
            tokens.append(len(ids))
            if sources is not None:
                sources.keep(ids, SourceRead(found[ids], {}, None))
        else:
            found[ids] = kept.values
    values = {
        read: torch.stack([_mean([found[ids][one] for ids in own]) for own in every])
        for read, one in zip(reads, _singly(reads), strict=True)
    }
    return SourceMeans(values, len(tokens), float(sum(tokens)))


def with_means(program: TargetProgram, means: SourceMeans, n_examples: int) -> list[FixedRows]:
    """What is in a target's banks before its pass: tensors, and each example's own means.

    Args:
        program: says which row each mean has.
        means: has all that the program asks for.
        n_examples: of the pass.
    """
    filled = []
    for bank, fixed in enumerate(program.fixed):
        own = {read: row for read, row in program.means.items() if bank_of(read.site) == bank}
        if not own:
            filled.append(fixed)
            continue
        values = torch.stack([means.values[read] for read in own], dim=1)
        same = fixed["values"].expand(n_examples, *fixed["values"].shape)
        filled.append(
            FixedRows(
                rows=torch.cat([fixed["rows"], torch.tensor([*own.values()])]),
                values=torch.cat([same, values.to(same)], dim=1),
            )
        )
    return filled


def _singly(reads: Sequence[Read]) -> list[Read]:
    """The reads as each prompt is read."""
    return [replace(read, prompt="source") for read in reads]


def _mean(values: Sequence[Tensor]) -> Tensor:
    """The mean of ``[1, width]`` each, ``[width]``; float32, whatever the model's precision."""
    return torch.stack([value[0].float().cpu() for value in values]).mean(dim=0)


def _read_one(model: Model, ids: TokenIds, reads: Sequence[Read]) -> dict[Read, Tensor]:
    layout = rows(ids, 1)
    program = compile_source(model, layout, reads)
    banks = capture_pass(model, make_row_pass(model, layout, program.steps, 1), program.sizes)
    return {read: banks[bank_of(read.site)][own] for read, own in program.rows.items()}
