"""The arithmetic floor: what the multiplications alone would take on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import torch

from xtransplant.model.model import Model

__all__ = [
    "block_parameters",
    "dense_rate",
    "flops",
    "generate_tokens",
    "head_flops",
    "head_seconds",
    "rows_of_score",
]


def rows_of_score(n_layers: int, n_tokens: int, target_layers: Sequence[int]) -> list[list[int]]:
    """Tokens that each layer of the source's and of the target's pass must compute.

    A variant shares the layers below the one it writes at with the prompt.
    """
    source = [n_tokens] * n_layers
    joined = [sum(j <= layer for j in target_layers) for layer in range(n_layers)]
    return [source, [n_tokens + count for count in joined]]


def generate_tokens(
    n_layers: int, n_tokens: int, target_layers: Sequence[int], n_new: int
) -> float:
    """Token-forwards of generation: those of score, and every new token of every variant."""
    score = sum(map(sum, rows_of_score(n_layers, n_tokens, target_layers))) / n_layers
    return score + len(target_layers) * n_new


def block_parameters(model: Model) -> int:
    """Parameters of the blocks' matrices: all but embedding, head and norms."""
    blocks = model.module.get_submodule(model.family.layers)
    return sum(p.numel() for p in blocks.parameters() if p.dim() > 1)


def flops(model: Model, tokens: float, keys: float) -> float:
    """Of ``tokens`` token-forwards, each over ``keys`` keys on average: ``2 P + 4 L d keys``."""
    attention = 4.0 * model.n_layers * model.n_heads * model.head_dim * keys
    return tokens * (2.0 * block_parameters(model) + attention)


def head_flops(model: Model, rows: float) -> float:
    """Of ``rows`` hidden states projected onto all ids: ``2 V d``."""
    return rows * 2.0 * model.vocab_size * model.d_model


@torch.no_grad()
def head_seconds(model: Model, rows: int, repeats: int = 2) -> float:
    """Seconds of projecting so many hidden states, as many ids at a time as stay in a cache."""
    weight = model.module.get_output_embeddings().weight
    given = torch.randn(rows, weight.shape[1], device=model.device, dtype=model.dtype)
    parts = weight.split(max(256, 2**20 // rows))
    seconds = []
    for _ in range(repeats + 1):
        _wait(model.device)
        started = time.perf_counter()
        for part in parts:
            torch.nn.functional.linear(given, part)
        _wait(model.device)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


@torch.no_grad()
def dense_rate(model: Model, rows: Sequence[int], repeats: int = 5) -> float:
    """FLOP/s of the model's own matrices, one layer after the other, on ``rows`` tokens each.

    Plain matrix products with the weights where they lie: what any forward pass has to do.
    """
    blocks = model.module.get_submodule(model.family.layers)
    linears = [[m for m in b.modules() if isinstance(m, torch.nn.Linear)] for b in blocks]
    widths = {m.in_features for group in linears for m in group}
    inputs = {
        width: torch.randn(max(rows), width, device=model.device, dtype=model.dtype)
        for width in widths
    }
    work = sum(
        2 * n * m.weight.numel() for n, group in zip(rows, linears, strict=True) for m in group
    )
    seconds = []
    for _ in range(repeats + 1):
        _wait(model.device)
        started = time.perf_counter()
        for n, group in zip(rows, linears, strict=True):
            for linear in group:
                torch.nn.functional.linear(inputs[linear.in_features][:n], linear.weight)
        _wait(model.device)
        seconds.append(time.perf_counter() - started)
    return work / statistics.median(seconds[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
