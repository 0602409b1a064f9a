"""Generation one traced step at a time, a variant per batch row.

For edits of decode steps and those that act through logits or cache alone: where the model's own
``generate`` would go on by itself, each of its passes is a trace here.
"""

from __future__ import annotations

import copy
from typing import Any, TypedDict

import nnsight
import torch

from xtransplant.engine.compile.steps import FixedRows, Pass, Step
from xtransplant.engine.trace.apply import apply_edits, fill_banks, grow_banks, zero_banks
from xtransplant.engine.trace.logits import token_certainty
from xtransplant.engine.trace.session import Generated, RowPlan, bank_kind
from xtransplant.engine.trace.validate import validate_texts
from xtransplant.model.model import Model

__all__ = ["StepEdits", "StepwisePlan", "generate_stepwise"]


class StepEdits(TypedDict):
    """What some decode steps write.

    Attributes:
        sizes: rows of each bank; the first are the source's.
        fixed: what is in them before the model runs.
        steps: reads and writes, in the order of the layers.
    """

    sizes: tuple[int, ...]
    fixed: list[FixedRows]
    steps: list[Step]


class StepwisePlan(TypedDict):
    """How rows go on after the prompt.

    Attributes:
        programs: edits of decode steps, each once.
        of_step: per decode step, which of them it has.
        plain_cache: ``[n_rows]``, the row whose keys and values each takes over from the prompt's
            pass: its own, or the first, which is the prompt's without a transplant.
        plain_logits: ``[n_rows]``, likewise for the logits of the first new token.
        ends: tokens that end a text.
        pad: follows them.
    """

    programs: list[StepEdits]
    of_step: list[int]
    plain_cache: list[int]
    plain_logits: list[int]
    ends: list[int]
    pad: int


def generate_stepwise(
    model: Model, source: Pass, plan: RowPlan, later: StepwisePlan, most: int
) -> Generated:
    """The target's greedy continuations, a variant per batch row, edited step by step.

    Args:
        model: a loaded model.
        source: its logits are not read.
        plan: the target's.
        later: what happens after the prompt.
        most: length of the longest continuation.
    """
    nn, widths, like = model.nn, model.bank_widths, bank_kind(model)
    prompt, count, cached, sizes = plan["prompt"], plan["n_rows"], plan["cached"], plan["banks"]
    device, keep = model.device, {"logits_to_keep": 1} if model.keeps_logits else {}
    with nn.session(**model.session("stepwise", source, plan, later, most)):
        found: list[Any] = []  # what is named in here travels: no type of this package
        nnsight.save(found)
        read = zero_banks(sizes["source_sizes"], widths, 1, like)
        with nn.trace(**source["inputs"]):
            apply_edits(nn, source["steps"], read, 1, None)
        banks = grow_banks(read, sizes["target_sizes"], widths, 1, like)
        fill_banks(banks, sizes["fixed"])
        measures = torch.zeros((1, 3, sizes["n_writes"]), **like)
        batch, cache, new, certainty = prompt.repeat(count, 1), {}, [], []
        seen = torch.ones_like(batch)
        if cached:
            with nn.trace(input_ids=prompt[:, :cached], use_cache=True):
                prefix = nn.output.past_key_values
            cache["past_key_values"] = copy.deepcopy(prefix)
            cache["past_key_values"].batch_repeat_interleave(count)
        ends = torch.tensor(later["ends"], dtype=torch.long, device=device)
        ended = torch.zeros(count, dtype=torch.bool, device=device)
        inputs, steps = {"input_ids": batch[:, cached:], **cache}, plan["steps"]
        measured: torch.Tensor | None = measures
        for step in range(most):
            with nn.trace(attention_mask=seen, use_cache=True, **inputs, **keep):
                apply_edits(nn, steps, banks, 1, measured)
                logits = nn.output.logits[:, -1].detach().to(device)
                state = nn.output.past_key_values
            if step == 0:
                logits = logits[torch.tensor(later["plain_logits"], device=device)]
                state.reorder_cache(torch.tensor(later["plain_cache"], device=device))
            certainty.append(token_certainty(logits))
            new.append(logits.argmax(-1).masked_fill(ended, later["pad"]))
            ended = ended | torch.isin(new[-1], ends)
            if step + 1 == most or bool(ended.all()):
                break
            seen = torch.nn.functional.pad(seen, (0, 1), value=1)
            inputs = {"input_ids": new[-1][:, None], "past_key_values": state}
            one = later["programs"][later["of_step"][step]]
            banks = grow_banks(read, one["sizes"], widths, 1, like)
            fill_banks(banks, one["fixed"])
            steps, measured = one["steps"], None
        texts = [torch.stack(rows, dim=1).cpu() for rows in (new, certainty)]
        found.append({"ids": texts[0], "certainty": texts[1], "writes": measures.cpu()})
    if model.backend.travels:
        validate_texts(model, found, count, most, sizes["n_writes"])
    [one] = found
    return Generated(ids=one["ids"], certainty=one["certainty"], writes=one["writes"])
