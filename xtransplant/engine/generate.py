"""Generate: what the model says in every variant, greedily, from one run of the shared prefix."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nnsight
import torch
from transformers import GenerationConfig

from xtransplant.engine.inputs import prompt_ids
from xtransplant.engine.play import player
from xtransplant.engine.program import Step, branch_of, compile_program
from xtransplant.engine.score import LayoutName, shape_of
from xtransplant.model.load import Model
from xtransplant.packing import rows
from xtransplant.prompts import Example
from xtransplant.strategies import Edit, Strategy

__all__ = ["Generations", "generate", "generate_edits"]


@dataclass(frozen=True)
class Generations:
    """What :func:`generate` found.

    Attributes:
        outputs: per variant, the text generated (special tokens left out).
        token_ids: per variant, its ids, up to and with the token that ended it.
        vanilla, source: text of the target and of the source without a transplant.
        layout: ``"packed"`` where the prefix was shared, ``"rows"`` where each variant had its own.
        forward_passes: how many the whole took.
        seconds: wall-clock time.
    """

    outputs: tuple[str, ...]
    token_ids: tuple[tuple[int, ...], ...]
    vanilla: str
    source: str
    layout: LayoutName
    forward_passes: int
    seconds: float


def generate(
    model: Model,
    example: Example,
    strategy: Strategy,
    pairs: Sequence[tuple[int, int]],
    *,
    layout: LayoutName,
    max_new_tokens: int = 20,
    chat_template: bool = False,
    max_rows: int = 64,
) -> Generations:
    """Greedy continuation of the target under a strategy at each layer pair.

    Edits are written when the prompt is read and at no later step.

    Args:
        pairs: (source layer, target layer), counted from 0.
        layout: ``"packed"`` to run the prompt's common prefix once, else ``"rows"``.
        max_new_tokens: longest continuation.
        chat_template: pass both prompts through the checkpoint's chat template.
        max_rows: most variants in one batch.

    Raises:
        XTransplantError: an unusable prompt or strategy.
    """
    shape = shape_of(model)
    variants = [strategy.edits(shape, i, j) for i, j in pairs]
    return generate_edits(
        model,
        prompt_ids(model, example.source, chat_template=chat_template),
        prompt_ids(model, example.target, chat_template=chat_template),
        variants,
        layout=layout,
        max_new_tokens=max_new_tokens,
        max_rows=max_rows,
    )


def generate_edits(
    model: Model,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    variants: Sequence[Sequence[Edit]],
    *,
    layout: LayoutName,
    max_new_tokens: int = 20,
    max_rows: int = 64,
) -> Generations:
    """:func:`generate` on token ids and recorded edits."""
    started = time.perf_counter()
    everything: list[Sequence[Edit]] = [(), *variants]
    # The prefix that no variant edits or reads is run once; one token at least is left to read.
    branches = [branch_of(edits, len(target_ids)) for edits in everything]
    shared = min(*branches, len(target_ids) - 1) if layout == "packed" else 0
    parts = [everything[k : k + max_rows] for k in range(0, len(everything), max_rows)]
    placed = [(rows(target_ids, len(part), cached=shared), part) for part in parts]
    program = compile_program(model, len(source_ids), placed)
    chunks = list(zip(program.target_steps, [len(part) for part in parts], strict=True))
    found = _session(
        model,
        source_ids,
        target_ids,
        program.source_steps,
        chunks,
        program.bank_sizes,
        shared,
        max_new_tokens,
    )
    ends = _end_ids(model)
    continued = [_until_end(row, ends) for ids in found for row in ids.tolist()]
    texts = [model.tokenizer.decode(ids, skip_special_tokens=True) for ids in continued]
    return Generations(
        outputs=tuple(texts[2:]),
        token_ids=tuple(map(tuple, continued[2:])),
        vanilla=texts[1],
        source=texts[0],
        layout=layout,
        forward_passes=sum(ids.shape[1] for ids in found) + bool(shared),
        seconds=time.perf_counter() - started,
    )


def _session(
    model: Model,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    source_steps: list[Step],
    chunks: Sequence[tuple[list[Step], int]],
    bank_sizes: tuple[int, int],
    shared: int,
    max_new_tokens: int,
) -> list[torch.Tensor]:
    """New token ids ``[n_rows, <= max_new_tokens]``: of the source, then of each chunk."""
    nn, play, device, dtype = model.nn, player(), model.device, model.bank_dtype
    settings = _greedy(model, max_new_tokens)
    source = torch.tensor([list(source_ids)], device=device)
    target = torch.tensor([list(target_ids)], device=device)
    sizes = ((bank_sizes[0], model.d_model), (bank_sizes[1], model.head_dim))
    with nn.session():
        found: list[torch.Tensor] = []
        nnsight.save(found)
        banks = [torch.zeros(size, dtype=dtype, device=device) for size in sizes]
        with nn.generate(
            input_ids=source, attention_mask=torch.ones_like(source), generation_config=settings
        ) as tracer:
            play(nn, source_steps, banks, (1, source.shape[1]))
            found.append(tracer.result[:, source.shape[1] :].cpu())
        if shared:
            with nn.trace(input_ids=target[:, :shared], use_cache=True):
                prefix = nn.output.past_key_values
        for steps, count in chunks:
            batch = target.repeat(count, 1)
            cache = {}
            if shared:
                cache["past_key_values"] = copy.deepcopy(prefix)
                cache["past_key_values"].batch_repeat_interleave(count)
            with nn.generate(
                input_ids=batch,
                attention_mask=torch.ones_like(batch),
                generation_config=settings,
                **cache,
            ) as tracer:
                play(nn, steps, banks, (count, batch.shape[1] - shared))
                found.append(tracer.result[:, batch.shape[1] :].cpu())
    return found


def _greedy(model: Model, max_new_tokens: int) -> GenerationConfig:
    """Greedy decoding whatever the checkpoint's own settings say; only its end tokens are kept."""
    ends, pad = _end_ids(model), model.tokenizer.pad_token_id
    return GenerationConfig(
        do_sample=False,
        # Without it a model that was trained with the cache off reads the prompt anew at every
        # step, and what was written as it was first read would be gone.
        use_cache=True,
        max_new_tokens=max_new_tokens,
        eos_token_id=ends or None,
        pad_token_id=ends[0] if pad is None and ends else pad,
    )


def _end_ids(model: Model) -> list[int]:
    """The tokens that end a text: what the checkpoint's settings say, else the tokenizer's."""
    own: Any = model.nn._module.generation_config
    end = own.eos_token_id if own is not None else model.tokenizer.eos_token_id
    return list(end) if isinstance(end, list) else [] if end is None else [end]


def _until_end(ids: list[int], ends: Sequence[int]) -> list[int]:
    """Cut a row after the token that ended it; what follows is padding."""
    stop = next((index + 1 for index, token in enumerate(ids) if token in ends), len(ids))
    return ids[:stop]
