"""Score: the log-likelihood of every candidate in every variant, from one forward pass."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import nnsight
import numpy as np
import torch
from torch import Tensor

from xtransplant.engine.inputs import candidate_ids, forward_inputs, prompt_ids
from xtransplant.engine.play import picker, player
from xtransplant.engine.program import branch_of, compile_program
from xtransplant.model.load import Model
from xtransplant.packing import Layout, pack, rows
from xtransplant.prompts import Example
from xtransplant.strategies import Edit, Shape, Strategy

__all__ = ["LayoutName", "Scores", "score", "score_edits", "shape_of"]

LayoutName = Literal["packed", "rows"]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Scores:
    """What :func:`score` found. Log-probabilities are natural logarithms.

    Attributes:
        logprobs: ``[n_variants, n_candidates]``, log-likelihood of each candidate.
        vanilla: ``[n_candidates]``, of the target without a transplant.
        source: ``[n_candidates]``, of the source prompt.
        top_tokens: ``[n_variants, k]``, the most probable next tokens as text.
        top_logprobs: ``[n_variants, k]``.
        vanilla_top, source_top: ``[k]`` tokens of the target and source without a transplant.
        layout: ``"packed"`` or ``"rows"``, how the variants ran.
        forward_passes: how many the whole took, the source's included.
        seconds: wall-clock time.
    """

    logprobs: Floats
    vanilla: Floats
    source: Floats
    top_tokens: tuple[tuple[str, ...], ...]
    top_logprobs: Floats
    vanilla_top: tuple[str, ...]
    source_top: tuple[str, ...]
    layout: LayoutName
    forward_passes: int
    seconds: float


def score(
    model: Model,
    example: Example,
    strategy: Strategy,
    pairs: Sequence[tuple[int, int]],
    *,
    layout: LayoutName,
    top_k: int = 5,
    chat_template: bool = False,
    max_tokens: int = 2048,
) -> Scores:
    """Log-likelihood of each candidate of an example under a strategy at each layer pair.

    Args:
        pairs: (source layer, target layer), counted from 0.
        layout: ``"packed"`` where :func:`verify_packing` allows it, else ``"rows"``.
        top_k: how many of the most probable next tokens to report.
        chat_template: pass both prompts through the checkpoint's chat template.
        max_tokens: longest sequence, or largest batch in tokens, of one forward pass; the
            variants are split where they need more.

    Raises:
        XTransplantError: an unusable prompt, candidate or strategy.
    """
    shape = shape_of(model)
    variants = [strategy.edits(shape, i, j) for i, j in pairs]
    source_ids = prompt_ids(model, example.source, chat_template=chat_template)
    target_ids = prompt_ids(model, example.target, chat_template=chat_template)
    return score_edits(
        model,
        source_ids,
        target_ids,
        variants,
        candidate_ids(model, example.source, source_ids, example.candidates),
        candidate_ids(model, example.target, target_ids, example.candidates),
        layout=layout,
        top_k=top_k,
        max_tokens=max_tokens,
    )


def shape_of(model: Model) -> Shape:
    """What a strategy may ask of this model."""
    return Shape(model.n_layers, model.n_heads, model.sites)


def score_edits(
    model: Model,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    variants: Sequence[Sequence[Edit]],
    source_candidates: Sequence[Sequence[int]],
    target_candidates: Sequence[Sequence[int]],
    *,
    layout: LayoutName,
    top_k: int = 5,
    max_tokens: int = 2048,
) -> Scores:
    """:func:`score` on token ids and recorded edits."""
    started = time.perf_counter()
    # The run without a transplant is one more variant: the one that edits nothing.
    everything: list[Sequence[Edit]] = [(), *variants]
    branches = [branch_of(edits, len(target_ids)) for edits in everything]
    targets = []
    for part in _split(branches, target_ids, target_candidates, layout, max_tokens):
        if layout == "packed":
            place = pack(target_ids, branches[part], target_candidates)
        else:
            place = rows(target_ids, len(branches[part]), target_candidates)
        targets.append((place, everything[part]))
    program = compile_program(model, len(source_ids), targets)
    if layout == "packed":
        source = pack(source_ids, [len(source_ids)], source_candidates)
    else:
        source = rows(source_ids, 1, source_candidates)
    found = _session(
        model,
        [source, *(place for place, _ in targets)],
        [program.source_steps, *program.target_steps],
        program.bank_sizes,
        top_k,
    )
    totals = [_by_candidate(source, found[0]["edges"])]
    totals += [_by_candidate(p, f["edges"]) for (p, _), f in zip(targets, found[1:], strict=True)]
    after = np.concatenate(totals[1:])
    tokens = [
        tuple(model.tokenizer.decode([token]) for token in ids)
        for part in found
        for ids in part["ids"].tolist()
    ]
    top = torch.cat([part["top"] for part in found[1:]]).double().numpy()
    return Scores(
        logprobs=after[1:],
        vanilla=after[0],
        source=totals[0][0],
        top_tokens=tuple(tokens[2:]),
        top_logprobs=top[1:],
        vanilla_top=tokens[1],
        source_top=tokens[0],
        layout=layout,
        forward_passes=len(found),
        seconds=time.perf_counter() - started,
    )


def _split(
    branches: Sequence[int],
    prompt: Sequence[int],
    candidates: Sequence[Sequence[int]],
    layout: LayoutName,
    max_tokens: int,
) -> list[slice]:
    """Cut the variants into parts of at most ``max_tokens`` each, and at least one variant."""
    one = rows(prompt, 1, candidates) if layout == "rows" else None
    extra = len({tuple(c[:d]) for c in candidates for d in range(1, len(c))})
    parts, first, used = [], 0, len(prompt)
    for variant, branch in enumerate(branches):
        cost = one.ids.numel() if one is not None else len(prompt) - branch + extra
        if used + cost > max_tokens and variant > first:
            parts.append(slice(first, variant))
            first, used = variant, len(prompt)
        used += cost
    return [*parts, slice(first, len(branches))]


def _by_candidate(layout: Layout, edges: Tensor) -> Floats:
    """Log-probabilities ``[n_variants, n_edges]``, summed by candidate."""
    n_candidates = int(layout.edge_candidates.max()) + 1 if len(layout.edge_candidates) else 0
    sums = torch.zeros(len(edges), n_candidates, dtype=torch.float64)
    return sums.index_add(1, layout.edge_candidates, edges.double()).numpy()


def _wanted(layout: Layout, top_k: int, device: torch.device) -> tuple[Any, ...]:
    """Columns to keep, and what to pick from them, with columns counted among the kept."""
    keep = torch.unique(torch.cat([layout.reads[..., 1].flatten(), layout.ends[:, 1]]))
    reads, ends = layout.reads.clone(), layout.ends.clone()
    reads[..., 1] = torch.searchsorted(keep, reads[..., 1].contiguous())
    ends[:, 1] = torch.searchsorted(keep, ends[:, 1].contiguous())
    tensors = (keep, reads, layout.edge_tokens, ends)
    return *(tensor.to(device) for tensor in tensors), top_k


def _session(
    model: Model,
    layouts: Sequence[Layout],
    steps: Sequence[Any],
    bank_sizes: tuple[int, int],
    top_k: int,
) -> list[dict[str, Tensor]]:
    """Source and targets in one nnsight session; what is kept of each: see :func:`picker`."""
    nn, play, pick = model.nn, player(), picker()
    wanted = [_wanted(layout, top_k, model.device) for layout in layouts]
    passes = []
    for layout, part, want in zip(layouts, steps, wanted, strict=True):
        inputs, by_type = forward_inputs(model, layout, want[0])
        masks = None if by_type is None else (model.decoder, by_type)
        passes.append((inputs, part, tuple(layout.ids.shape), masks, want))
    sizes = ((bank_sizes[0], model.d_model), (bank_sizes[1], model.head_dim))
    device, dtype = model.device, model.bank_dtype
    with nn.session():
        found: list[dict[str, Tensor]] = []
        nnsight.save(found)
        banks = [torch.zeros(size, dtype=dtype, device=device) for size in sizes]
        for inputs, part, shape, masks, want in passes:
            with nn.trace(**inputs):
                play(nn, part, banks, shape, masks)
                found.append(pick(nn.output.logits, want))
    return found
