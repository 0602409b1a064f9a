"""The same grids by other means, one layer pair at a time: what xtransplant is measured against.

Each takes token ids and one pair i→j of ``attn-swap`` and returns the log-probabilities
``[vocabulary]`` of the next token, or with ``n_new`` the ids generated. None projects more tokens
onto the vocabulary than it reads, where the model's own code can leave the others out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import nnsight
import torch
from torch import Tensor

from xtransplant.engine.trace.greedy import greedy_settings
from xtransplant.model.model import Model

__all__ = ["BASELINES", "Baseline", "hooks", "paper", "score_by_hooks", "with_nnsight"]

Baseline = Callable[[Model, Sequence[int], Sequence[int], int, int, int], Any]


@torch.no_grad()
def paper(
    model: Model, source: Sequence[int], target: Sequence[int], i: int, j: int, n: int
) -> Any:
    """The paper's protocol: for every pair the source is run anew, then the target."""
    return _target(model, target, j, n, _source(model, source)[i])


@torch.no_grad()
def hooks(
    model: Model, source: Sequence[int], target: Sequence[int], i: int, j: int, n: int
) -> Any:
    """Plain hooks by someone who keeps what was read of the source: only the target is rerun."""
    return _target(model, target, j, n, _kept_source(model, tuple(source))[i])


@torch.no_grad()
def with_nnsight(
    model: Model, source: Sequence[int], target: Sequence[int], i: int, j: int, n: int
) -> Any:
    """A trace for the source and one for the target, as a user of nnsight would write it."""
    nn, ids = model.nn, torch.tensor([list(target)], device=model.device)
    read, written = (nn.get(model.site("attn", layer).path) for layer in (i, j))
    few = _few_logits(model, 1)
    with nn.trace(input_ids=torch.tensor([list(source)], device=model.device), **few):
        value = _value(read.output)[0, -1].save()
    if n == 0:
        with nn.trace(input_ids=ids, **few):
            _value(written.output)[0, -1] = value
            logits = nn.output.logits[0, -1].save()
        return logits.float().log_softmax(-1)
    settings = greedy_settings(model, n)
    with nn.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings
    ) as tracer:
        _value(written.output)[0, -1] = value
        said = tracer.result[0, len(target) :]
        nnsight.save(said)
    return said.tolist()


BASELINES: dict[str, Baseline] = {"paper": paper, "nnsight": with_nnsight, "hooks": hooks}


@torch.no_grad()
def score_by_hooks(
    model: Model,
    source: Sequence[int],
    target: Sequence[int],
    pair: tuple[int, int],
    candidates: Sequence[Sequence[int]],
) -> list[float]:
    """Plain hooks, the source kept: the target once with every candidate, in one batch of rows.

    Returns:
        Each candidate's log-likelihood, in nats.
    """
    i, j = pair
    longest, end = max(map(len, candidates)), len(target)
    padded = [[*target, *ids, *[0] * (longest - len(ids))] for ids in candidates]
    value = _kept_source(model, tuple(source))[i]

    def write(module: Any, args: Any, output: Any) -> None:
        _value(output)[:, end - 1] = value

    handle = _attention(model, j).register_forward_hook(write)
    try:
        rows = torch.tensor(padded, device=model.device)
        logits = model.module(input_ids=rows, **_few_logits(model, longest + 1)).logits
    finally:
        handle.remove()
    logprobs = logits[:, -longest - 1 :].float().log_softmax(-1)
    return [
        float(sum(logprobs[row, depth, token] for depth, token in enumerate(ids)))
        for row, ids in enumerate(candidates)
    ]


def _few_logits(model: Model, n: int) -> dict[str, int]:
    return {"logits_to_keep": n} if model.keeps_logits else {}


def _attention(model: Model, layer: int) -> Any:
    return model.module.get_submodule(model.site("attn", layer).path)


def _value(output: Any) -> Any:
    """What a module gives, which attention has in front of its weights."""
    return output[0] if isinstance(output, tuple) else output


@lru_cache(maxsize=1)
def _kept_source(model: Model, source: tuple[int, ...]) -> list[Tensor]:
    return _source(model, source)


def _source(model: Model, source: Sequence[int]) -> list[Tensor]:
    """Attention outputs of every layer at the last token, each ``[d_model]``."""
    kept: list[Tensor] = []
    handles = [
        _attention(model, layer).register_forward_hook(
            lambda module, args, output: kept.append(_value(output)[0, -1].clone())
        )
        for layer in range(model.n_layers)
    ]
    ids = torch.tensor([list(source)], device=model.device)
    model.module(input_ids=ids, **_few_logits(model, 1))
    for handle in handles:
        handle.remove()
    return kept


def _target(model: Model, target: Sequence[int], j: int, n: int, value: Tensor) -> Any:
    """The target with a value written at layer j, as the prompt is read and at no later step."""
    ids, plain = torch.tensor([list(target)], device=model.device), model.module

    def write(module: Any, args: Any, output: Any) -> None:
        if _value(output).shape[1] == len(target):
            _value(output)[0, -1] = value

    handle = _attention(model, j).register_forward_hook(write)
    try:
        if n == 0:
            logits = plain(input_ids=ids, **_few_logits(model, 1)).logits
            return logits[0, -1].float().log_softmax(-1)
        said = plain.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            generation_config=greedy_settings(model, n),
        )
        return said[0, len(target) :].tolist()
    finally:
        handle.remove()
