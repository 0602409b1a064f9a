"""One part of a bench: what the model says to its examples, under every strategy and pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
import pyarrow as pa
import torch

from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.load import Model
from xtransplant.packing import Packing
from xtransplant.prompts import Example
from xtransplant.runs.columns import SOURCE, VANILLA, Rows, records_table
from xtransplant.strategies import Strategy, Variant

__all__ = ["Asked", "Work", "ask", "fixed_budget", "part_size"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Work:
    """One strategy at its pairs.

    Attributes:
        name: the strategy's, with its options.
    """

    name: str
    pairs: tuple[Pair, ...]
    variants: tuple[Variant, ...]

    @classmethod
    def of(cls, model: Model, name: str, strategy: Strategy, pairs: Sequence[Pair]) -> Work:
        shape = shape_of(model)
        return cls(name, tuple(pairs), tuple(strategy.variant(shape, i, j) for i, j in pairs))


@dataclass(frozen=True)
class Asked:
    """How a part is run.

    Attributes:
        packing: the one that was found exact for the model.
        memory_budget: bytes; the same for every part of a run, so that examples are batched
            alike whenever and wherever it goes on.
    """

    packing: Packing
    mode: str
    max_new_tokens: int
    chat_template: bool
    memory_budget: int


def ask(
    model: Model,
    examples: Sequence[Example],
    start: int,
    stop: int,
    work: Sequence[Work],
    asked: Asked,
) -> tuple[pa.Table, float]:
    """Records of examples ``start`` to ``stop`` of a language, and the token-forwards they took.

    Nothing is carried over from other parts, so that a part's records do not depend on which
    parts ran before it.
    """
    chosen = examples[start:stop]
    items = [item_of(model, one, chat_template=asked.chat_template) for one in chosen]
    memory, sources, rows = MemoryBudget.of(model, asked.memory_budget), Sources(), Rows()
    run = _score if asked.mode == "score" else _generate
    tokens = 0.0
    for number, one in enumerate(work):
        tokens += run(model, items, start, one, asked, memory, sources, rows, first=number == 0)
    return records_table(rows), tokens


def _score(
    model: Model,
    items: Sequence[Item],
    start: int,
    work: Work,
    asked: Asked,
    memory: MemoryBudget,
    sources: Sources,
    rows: Rows,
    *,
    first: bool,
) -> float:
    found = list(
        score_items(
            model,
            items,
            work.variants,
            packing=asked.packing,
            top_k=1,
            memory=memory,
            sources=sources,
        )
    )
    if first:
        for name in (VANILLA, SOURCE):
            for k, one in enumerate(found, start):
                of_source = name == SOURCE
                rows.add(k, name, ())
                rows.logprobs.append((one.source if of_source else one.vanilla)[None])
                rows.top_tokens.append((one.source_top if of_source else one.vanilla_top)[0])
                finite = one.source_finite if of_source else one.vanilla_finite
                rows.state([finite], [not of_source])
    for k, one in enumerate(found, start):
        rows.add(k, work.name, work.pairs)
        rows.logprobs.append(one.logprobs)
        rows.top_tokens.extend(tokens[0] for tokens in one.top_tokens)
        rows.state(one.finite, one.unchanged)
    return math.fsum(one.token_forwards for one in found)


def _generate(
    model: Model,
    items: Sequence[Item],
    start: int,
    work: Work,
    asked: Asked,
    memory: MemoryBudget,
    sources: Sources,
    rows: Rows,
    *,
    first: bool,
) -> float:
    found = list(
        generate_items(
            model, items, work.variants, packing=asked.packing, max_new_tokens=asked.max_new_tokens,
            memory=memory, sources=sources, source_text=first,
        )
    )  # fmt: skip
    if first:
        for name in (VANILLA, SOURCE):
            for k, one in enumerate(found, start):
                of_source = name == SOURCE
                rows.add(k, name, ())
                rows.outputs.append(one.source if of_source else one.vanilla)
                finite = one.source_finite if of_source else one.vanilla_finite
                rows.state([finite], [not of_source])
    for k, one in enumerate(found, start):
        rows.add(k, work.name, work.pairs)
        rows.outputs.extend(one.outputs)
        rows.state(one.finite, one.unchanged)
    return math.fsum(one.token_forwards for one in found)


def part_size(mode: str, n_variants: int) -> int:
    """How many examples are stored at once: what a kill can cost, against the number of files.

    Scores of several examples share a forward pass; generation takes them one at a time, and each
    takes long.
    """
    if mode == "generate":
        return max(1, min(16, 2048 // n_variants))
    return max(8, min(64, 16384 // n_variants))


def fixed_budget(model: Model) -> int:
    """Bytes for the work of a run: a quarter of the device's memory, whatever is free just now."""
    if not model.backend.in_process:
        return 4 * 10**9  # a server's memory cannot be looked at
    if model.device.type == "cuda":
        total = int(torch.cuda.get_device_properties(model.device).total_memory)
    else:
        total = int(psutil.virtual_memory().total)
    return total // 4
