"""The sessions that run compiled passes, in this process or in another.

What stands in a ``with nn.session`` or ``with nn.trace`` block travels as source, together with the
locals it names: plain data and the functions of :mod:`xtransplant.engine.trace.apply` and
:mod:`xtransplant.engine.trace.logits`. Of what a session saves, the variable ``found`` alone comes
back from there.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypedDict

import nnsight
import torch
from torch import Tensor
from transformers import GenerationConfig

from xtransplant.engine.compile.steps import FixedRows, Pass, Step, Wanted
from xtransplant.engine.trace.apply import (
    apply_edits,
    fill_banks,
    grow_banks,
    mean_rows,
    zero_banks,
)
from xtransplant.engine.trace.logits import read_pass, token_certainty
from xtransplant.engine.trace.validate import (
    validate_activations,
    validate_outputs,
    validate_texts,
)
from xtransplant.model.model import Model

__all__ = [
    "BankPlan",
    "Generated",
    "Outputs",
    "RowPlan",
    "bank_kind",
    "capture_pass",
    "generate_rows",
    "run_passes",
]

Outputs = dict[str, Tensor]
"""What was read of a pass (:func:`xtransplant.engine.trace.logits.read_pass`). Of a target
also ``writes``, ``[n_examples, 3, n_writes]``: the norms of the vectors written and of those they
replaced, and their dot products."""


class BankPlan(TypedDict):
    """The banks of a source and of a target that goes on from it.

    Attributes:
        source_sizes, target_sizes: rows of each bank; the target's begin with the source's.
        n_writes: how many vectors are written into the target, in each example.
        fixed: what is in the target's banks before the model runs.
    """

    source_sizes: tuple[int, ...]
    target_sizes: tuple[int, ...]
    n_writes: int
    fixed: list[FixedRows]


class RowPlan(TypedDict):
    """A target prompt to continue, a variant per batch row.

    Attributes:
        prompt: ``[1, length]``, token ids, the same in every row.
        n_rows: how many rows.
        cached: how many of its tokens no variant edits or reads: they are run once, and their keys
            and values repeated per row.
        steps: of the pass over the others, with which ``generate`` begins.
        banks: of these steps and of the source's.
    """

    prompt: Tensor
    n_rows: int
    cached: int
    steps: list[Step]
    banks: BankPlan


class Generated(TypedDict):
    """What rows were continued with.

    Attributes:
        ids: ``[n_rows, n_new]``, new token ids.
        certainty: ``[n_rows, n_new, 2]``, of each its log-probability and how far behind it the
            next likeliest was, in nats.
        writes: ``[1, 3, n_writes]``, as in :data:`Outputs`.
    """

    ids: Tensor
    certainty: Tensor
    writes: Tensor


def run_passes(
    model: Model,
    source: Pass | None,
    target: Pass,
    plan: BankPlan,
    place: Tensor,
    known: Sequence[Tensor],
) -> tuple[list[Outputs], list[Tensor]]:
    """A source and a target that is edited with what is read of it, in one session.

    Args:
        model: the passes are for.
        source: None where its activations are known, or none are needed.
        target: its steps go on from the source's banks.
        plan: their banks.
        place: ``[n_examples]``, which of the source prompts each example has.
        known: the source's banks, if there is no source.

    Returns:
        What was read of each pass, and the source's banks (of no use where they stay in another
        process).
    """
    nn, widths, like = model.nn, model.bank_widths, bank_kind(model)
    head = None if model.head is None else model.head.plain()
    read, place = list(known), place.to(model.device)
    n_examples, keeps_sources = target["n_examples"], model.backend.keeps_sources
    with nn.session(**model.session("passes", source, target, plan, place)):
        found: list[Outputs] = []
        nnsight.save(found)
        if source is not None:
            read = zero_banks(plan["source_sizes"], widths, source["n_examples"], like)
        if keeps_sources:
            nnsight.save(read)
        if source is not None:
            with nn.trace(**source["inputs"]):
                apply_edits(nn, source["steps"], read, source["n_examples"], None)
                found.append(read_pass(nn, head, source["wanted"]))
        banks = zero_banks(plan["target_sizes"], widths, n_examples, like)
        for bank, rows in zip(banks, read, strict=False):
            bank[:, : rows.shape[1]] = rows[place]
        fill_banks(banks, plan["fixed"])
        measures = torch.zeros((n_examples, 3, plan["n_writes"]), **like)
        with nn.trace(**target["inputs"]):
            apply_edits(nn, target["steps"], banks, n_examples, measures)
            outputs = read_pass(nn, head, target["wanted"])
            outputs["writes"] = measures.cpu()
            found.append(outputs)
    if model.backend.travels:
        shapes = [_shapes(one["wanted"]) for one in (source, target) if one is not None]
        shapes[-1]["writes"] = (n_examples, 3, plan["n_writes"])
        validate_outputs(model, found, shapes)
    return found, read


def capture_pass(
    model: Model,
    source: Pass,
    sizes: tuple[int, ...],
    groups: Sequence[Tensor | None] = (),
    *,
    active: Sequence[bool] = (False,),
) -> list[Tensor]:
    """The banks of a single prompt, filled by a pass that only reads.

    Args:
        model: the pass is for.
        source: its logits are not read.
        sizes: rows of each bank.
        groups: of each bank ``[size]``, numbers from 0: rows of one number come back as their
            mean; None for every row as it is, which empty says of all.
        active: once for each: the numbers as they are, or where true 1 in the place of every number
            above 0 and 0 of the others.

    Returns:
        Each ``[size or n_groups, width]``, on the CPU: all banks once, then again for the next of
        ``active``.
    """
    nn, widths, like = model.nn, model.bank_widths, bank_kind(model)
    means = list(groups) or [None] * len(sizes)
    with nn.session(**model.session("capture", source, sizes, means, active)):
        found: list[Tensor] = []
        nnsight.save(found)
        banks = zero_banks(sizes, widths, 1, like)
        with nn.trace(**source["inputs"]):
            apply_edits(nn, source["steps"], banks, 1, None)
        for shares in active:
            for bank, own in zip(banks, means, strict=True):
                rows = (bank[0] > 0).to(bank) if shares else bank[0]
                found.append((rows if own is None else mean_rows(rows, own)).cpu())
    if model.backend.travels:
        counts = [
            size if own is None else int(own.max()) + 1
            for size, own in zip(sizes, means, strict=True)
        ]
        validate_activations(model, found, [*zip(counts, widths, strict=True)] * len(active))
    return found


def generate_rows(
    model: Model, source: Pass, plan: RowPlan, settings: GenerationConfig
) -> Generated:
    """The target's continuations, a variant per batch row, edited as the prompt is read.

    Args:
        model: a loaded model.
        source: its logits are not read.
        plan: the target's.
        settings: of ``generate``.
    """
    nn, widths, like = model.nn, model.bank_widths, bank_kind(model)
    prompt, count, cached, sizes = plan["prompt"], plan["n_rows"], plan["cached"], plan["banks"]
    length, n_writes = prompt.shape[1], sizes["n_writes"]
    asked = source, plan, settings.to_dict()
    with nn.session(**model.session("generate", *asked)):
        found: list[Any] = []  # what is named in here travels: no type of this package
        nnsight.save(found)
        read = zero_banks(sizes["source_sizes"], widths, 1, like)
        with nn.trace(**source["inputs"]):
            apply_edits(nn, source["steps"], read, 1, None)
        banks = grow_banks(read, sizes["target_sizes"], widths, 1, like)
        fill_banks(banks, sizes["fixed"])
        measures = torch.zeros((1, 3, n_writes), **like)
        batch, certainty, cache = prompt.repeat(count, 1), [], {}

        # Without annotations: where it is sent, their names may not be importable.
        def watch(ids, logits):  # type: ignore[no-untyped-def]
            certainty.append(token_certainty(logits))
            return logits

        if cached:
            with nn.trace(input_ids=prompt[:, :cached], use_cache=True):
                prefix = nn.output.past_key_values
            cache["past_key_values"] = copy.deepcopy(prefix)
            cache["past_key_values"].batch_repeat_interleave(count)
        with nn.generate(
            input_ids=batch,
            attention_mask=torch.ones_like(batch),
            generation_config=settings,
            logits_processor=[watch],
            **cache,
        ) as tracer:
            apply_edits(nn, plan["steps"], banks, 1, measures)
            new = tracer.result[:, length:].cpu()
        found.append({
            "ids": new, "certainty": torch.stack(certainty, dim=1).cpu(), "writes": measures.cpu()
        })  # fmt: skip
    if model.backend.travels:
        validate_texts(model, found, count, int(settings.max_new_tokens), n_writes)
    [one] = found
    return Generated(ids=one["ids"], certainty=one["certainty"], writes=one["writes"])


def bank_kind(model: Model) -> dict[str, Any]:
    """Precision and device of banks, as keyword arguments of ``torch.zeros``."""
    return {"dtype": model.bank_dtype, "device": model.device}


def _shapes(wanted: Wanted) -> dict[str, tuple[int, ...]]:
    """Shapes of what :func:`read_pass` makes of a pass."""
    sizes = {"edges": wanted["tokens"].shape[-1], "top": wanted["top_k"], "ids": wanted["top_k"]}
    return {name: (wanted["n_examples"], wanted["n_blocks"], size) for name, size in sizes.items()}
