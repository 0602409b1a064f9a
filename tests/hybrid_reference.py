"""Plain PyTorch hooks for families whose sites are in several modules, or in others by layer.

One variant at a time, whole prompts, no nnsight, and hook points of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from reference import blocks
from torch import Tensor

# Modules that hand over what is added, of those that a block has, and their factors.
_NORMS = ({"post_attention_layernorm": 1.0}, {"post_feedforward_layernorm": 1.0})
_DELTA = ({"self_attn": 1.0, "linear_attn": 1.0}, {"mlp": 1.0})
_CONV = ({"self_attn": 1.0, "conv": 1.0}, {"feed_forward": 1.0})
_ADDED = {
    "falcon_h1": ({"self_attn": 0.6, "mamba": 1.7}, {"feed_forward": 1.0}),
    "gemma3n_text": _NORMS,
    "gemma4_text": _NORMS,
    "gemma4_unified_text": _NORMS,
    "granitemoehybrid": (
        {"self_attn": 1.0, "mamba": 1.0}, {"shared_mlp": 1.0, "block_sparse_moe": 1.0}
    ),
    "kimi_linear": _DELTA,
    "lfm2": _CONV,
    "lfm2_moe": _CONV,
    "nemotron_h": ({"mixer": 1.0}, {"mixer": 1.0}),
    "qwen3_5_moe_text": _DELTA,
    "qwen3_5_text": _DELTA,
    "qwen3_next": _DELTA,
}  # fmt: skip


# Inside the modules: what the inner activations go into, and what makes keys and values.
_INNER = {
    "neurons": ("mlp.down_proj", "feed_forward.down_proj", "feed_forward.w2", "mixer.down_proj"),
    "keys": ("self_attn.k_proj", "mixer.k_proj"),
    "values": ("self_attn.v_proj", "mixer.v_proj"),
}


def _points(model: Any, site: str, layer: int) -> list[tuple[Any, float]]:
    """The modules whose values, each times its factor, add up to what a site holds."""
    family, block = model.config.model_type, blocks(model)[layer]
    if site == "resid_post":
        return [(block, 1.0)]
    if site in _INNER:
        there = dict(block.named_modules())
        return [(there[path], 1.0) for path in _INNER[site] if path in there]
    if family == "olmo_hybrid":  # attention layers norm what their modules return
        both = _NORMS if hasattr(block, "self_attn") else _DELTA
    else:
        both = _ADDED[family]
    named = both[site == "ffn"]
    found = [(getattr(block, path, None), factor) for path, factor in named.items()]
    return [(module, factor) for module, factor in found if module is not None]


def _first(output: Any) -> Tensor:
    tensor = output[0] if isinstance(output, tuple) else output
    flat: Tensor = tensor.view(1, -1, tensor.shape[-1])
    return flat


def _hook(module: Any, site: str, act: Any) -> Any:
    """Let ``act`` see what a module hands over or, for neurons, what it is handed."""
    if site == "neurons":
        return module.register_forward_pre_hook(lambda module, args: act(args))
    return module.register_forward_hook(lambda module, args, output: act(output))


@torch.no_grad()
def read(model: Any, ids: Sequence[int], site: str, layer: int) -> Tensor:
    """What a site holds at the last token, ``[width]``."""
    found: list[Tensor] = []

    def keep(factor: float) -> Any:
        return lambda value: found.append(_first(value)[0, -1] * factor)

    handles = [_hook(m, site, keep(factor)) for m, factor in _points(model, site, layer)]
    model(input_ids=torch.tensor([list(ids)], device=model.device), use_cache=False)
    for handle in handles:
        handle.remove()
    return torch.stack(found).sum(0)


def _writing(model: Any, site: str, layer: int, position: int, value: Tensor) -> list[Any]:
    """Hooks: the first of a site's modules hands over the value, the others nothing."""

    def put(number: int, factor: float) -> Any:
        def act(held: Any) -> None:
            _first(held)[0, position] = 0 if number else value / factor

        return act

    return [
        _hook(module, site, put(number, factor))
        for number, (module, factor) in enumerate(_points(model, site, layer))
    ]


@torch.no_grad()
def scores(
    model: Any,
    site: str,
    target: Sequence[int],
    j: int,
    value: Tensor,
    candidates: Sequence[Sequence[int]],
) -> list[float]:
    """Log-likelihood of each candidate with a value written at the prompt's last token."""
    totals = []
    for candidate in candidates:
        ids = torch.tensor([[*target, *candidate]], device=model.device)
        handles = _writing(model, site, j, len(target) - 1, value)
        logprobs = model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
        for handle in handles:
            handle.remove()
        at = enumerate(candidate, start=len(target) - 1)
        totals.append(sum(float(logprobs[k, token]) for k, token in at))
    return totals


@torch.no_grad()
def generate(
    model: Any, site: str, target: Sequence[int], j: int, value: Tensor, n_new: int
) -> list[int]:
    """Greedy continuation by the model's own cache, the value written as the prompt is read."""
    handles = _writing(model, site, j, len(target) - 1, value)
    ids, fed, cache = [], [*target], None
    for _ in range(n_new):
        found = model(
            input_ids=torch.tensor([fed], device=model.device),
            past_key_values=cache,
            use_cache=True,
        )
        for handle in handles:
            handle.remove()
        cache, fed = found.past_key_values, [int(found.logits[0, -1].argmax())]
        ids += fed
        if ids[-1] == 2:
            break
    return ids
