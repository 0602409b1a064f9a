"""Generation with nothing but the model's own ``generate``: the cached prefix, repeated per row.

The reference that the shared prefix is held to, and the way of models that cannot share it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import nnsight
import torch
from torch import Tensor
from transformers import GenerationConfig

from xtransplant.engine.compile.passes import row_pass
from xtransplant.engine.compile.program import compile_source, compile_target
from xtransplant.engine.trace.apply import player
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.validate import believe_texts
from xtransplant.model.load import Model
from xtransplant.packing import rows

__all__ = ["Certainty", "end_ids", "generate_rows", "greedy", "until_end"]

Certainty = list[tuple[float, float]]
"""Per token said: its log-probability, and how far behind it the next likeliest was, in nats."""


def generate_rows(
    batch: Batch, part: range, max_new_tokens: int
) -> tuple[list[list[int]], list[Certainty], int, float]:
    """What the prompt and some variants of a batch's one example say: ids, and how sure each token
    was; passes; token-forwards.
    """
    model, (item,) = batch.model, batch.items
    edits = [(), *batch.variants.edits[part.start : part.stop]]
    length = len(item.target)
    # The prefix that no variant edits or reads is run once.
    cached = length - batch.variants.n_chain(length) if batch.packing.together else 0
    source = rows(item.source, 1)
    program = compile_source(model, source, batch.variants.reads)
    layout = rows(item.target, len(edits), cached=cached)
    steps, sizes = compile_target(model, source, program, layout, edits)
    found = _session(
        model,
        row_pass(model, source, program.steps, 1).inputs,
        program.steps,
        torch.tensor([list(item.target)], device=model.device),
        steps,
        (program.sizes, sizes),
        len(edits),
        cached,
        greedy(model, max_new_tokens),
    )
    ends = end_ids(model)
    ids = [until_end(row, ends) for row in found[0].tolist()]
    new = found[0].shape[1]
    tokens = len(item.source) + cached + len(edits) * (length - cached + new - 1)
    certainty: list[Certainty] = [
        [(top, margin) for top, margin in row[: len(said)]]
        for row, said in zip(found[1].tolist(), ids, strict=True)
    ]
    return ids, certainty, 1 + bool(cached) + new, float(tokens)


def _session(
    model: Model,
    source_inputs: dict[str, Any],
    source_steps: list[Any],
    target: Tensor,
    steps: list[Any],
    sizes: tuple[tuple[int, int], tuple[int, int]],
    count: int,
    cached: int,
    settings: GenerationConfig,
) -> list[Tensor]:
    """New token ids ``[n_rows, n_new]``, and how sure each was ``[n_rows, n_new, 2]``."""
    nn, play, device, dtype = model.nn, player(), model.device, model.bank_dtype
    widths, length = (model.d_model, model.head_dim), target.shape[1]
    asked = source_inputs, source_steps, target, steps, sizes, count, cached, settings.to_dict()
    with nn.session(**model.session("repeated", *asked)):
        found: list[Tensor] = []
        nnsight.save(found)
        read, banks = (
            [
                torch.zeros((1, size, width), dtype=dtype, device=device)
                for size, width in zip(part, widths, strict=True)
            ]
            for part in sizes
        )
        with nn.trace(**source_inputs):
            play(nn, source_steps, read, 1)
        for bank, known in zip(banks, read, strict=True):
            bank[:, : known.shape[1]] = known
        batch, cache = target.repeat(count, 1), {}
        told = []

        # Without types: where it travels to, their names may not be known.
        def watch(ids, logits):  # type: ignore[no-untyped-def]
            # Every step's logits, none of which is kept; NaN if any is, or infinitely high.
            two = logits.float().topk(2, dim=-1).values
            sure = [two[:, 0] - logits.float().logsumexp(dim=-1), two[:, 0] - two[:, 1]]
            told.append(torch.stack(sure, dim=-1))
            return logits

        if cached:
            with nn.trace(input_ids=target[:, :cached], use_cache=True):
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
            play(nn, steps, banks, 1)
            found.append(tracer.result[:, length:].cpu())
        found.append(torch.stack(told, dim=1).cpu())
    if model.backend.travels:
        believe_texts(model, found, count, int(settings.max_new_tokens))
    return found


def greedy(model: Model, max_new_tokens: int) -> GenerationConfig:
    """Greedy decoding whatever the checkpoint's own settings say; only its end tokens are kept."""
    ends, pad = end_ids(model), model.tokenizer.pad_token_id
    return GenerationConfig(
        do_sample=False,
        # Without it a model that was trained with the cache off reads the prompt anew at every
        # step, and what was written as it was first read would be gone.
        use_cache=True,
        max_new_tokens=max_new_tokens,
        eos_token_id=ends or None,
        pad_token_id=ends[0] if pad is None and ends else pad,
    )


def end_ids(model: Model) -> list[int]:
    """The tokens that end a text: what the checkpoint's settings say, else the tokenizer's."""
    own: Any = model.module.generation_config
    end = own.eos_token_id if own is not None else model.tokenizer.eos_token_id
    return list(end) if isinstance(end, list) else [] if end is None else [end]


def until_end(ids: Sequence[int], ends: Sequence[int]) -> list[int]:
    """Cut a row after the token that ended it; what follows is padding."""
    stop = next((index + 1 for index, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[:stop])
