"""The reference: plain PyTorch hooks on the unchanged model, one variant at a time.

No nnsight, no packing, no cache tricks, and a table of hook points of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

# Where attention and feed-forward hand over what they add: path from the block.
_ATTENTION = {
    "bloom": "self_attention.dense", "falcon": "self_attention", "gpt2": "attn",
    "gpt_neox": "attention", "mpt": "attn", "gemma2": "post_attention_layernorm",
    "gemma3_text": "post_attention_layernorm", "gemma3n_text": "post_attention_layernorm",
    "gemma4_text": "post_attention_layernorm", "olmo2": "post_attention_layernorm",
    "olmo3": "post_attention_layernorm", "glm4": "post_self_attn_layernorm",
}  # fmt: skip
_FEED_FORWARD = {
    "bloom": "mlp.dense_4h_to_h", "mpt": "ffn.down_proj", "opt": "fc2", "xglm": "fc2",
    "gemma2": "post_feedforward_layernorm", "gemma3_text": "post_feedforward_layernorm",
    "olmo2": "post_feedforward_layernorm", "olmo3": "post_feedforward_layernorm",
    "gemma3n_text": "post_feedforward_layernorm", "gemma4_text": "post_feedforward_layernorm",
    "falcon_h1": "feed_forward", "lfm2": "feed_forward", "lfm2_moe": "feed_forward",
    "nemotron_h": "mixer",
    "glm4": "post_mlp_layernorm", "llama4_text": "feed_forward",
}  # fmt: skip


def blocks(model: Any) -> Any:
    """The list of blocks: the one module list that is as long as the model is deep."""
    depth = model.config.num_hidden_layers
    return next(
        m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == depth
    )


def hook_point(model: Any, site: str, layer: int) -> Any:
    family = model.config.model_type
    path = {
        "attn": _ATTENTION.get(family, "self_attn"),
        "ffn": _FEED_FORWARD.get(family, "mlp"),
        "attn_raw": "self_attn",
        "ffn_raw": "mlp",
        "resid_post": "",
    }[site]
    return blocks(model)[layer].get_submodule(path)


# Where several modules hand over what is added: those of the block that it has, and their factors.
_SEVERAL = {
    ("falcon_h1", "attn"): {"self_attn": 0.6, "mamba": 1.7},
    ("granitemoehybrid", "attn"): {"self_attn": 1.0, "mamba": 1.0},
    ("granitemoehybrid", "ffn"): {"shared_mlp": 1.0, "block_sparse_moe": 1.0},
    ("lfm2", "attn"): {"self_attn": 1.0, "conv": 1.0},
    ("nemotron_h", "attn"): {"mixer": 1.0},
    ("olmo_hybrid", "attn"): {"linear_attn": 1.0, "post_attention_layernorm": 1.0},
    ("olmo_hybrid", "ffn"): {"mlp": 1.0, "post_feedforward_layernorm": 1.0},
    ("qwen3_next", "attn"): {"self_attn": 1.0, "linear_attn": 1.0},
}
_LAID_OUT_LIKE = {
    "lfm2_moe": "lfm2", "qwen3_5_moe_text": "qwen3_next", "qwen3_5_text": "qwen3_next",
}  # fmt: skip


def hook_points(model: Any, site: str, layer: int) -> list[tuple[Any, float]]:
    """The modules whose values, each times its factor, add up to what a site holds."""
    family = model.config.model_type
    paths = _SEVERAL.get((_LAID_OUT_LIKE.get(family, family), site))
    if paths is None:
        return [(hook_point(model, site, layer), 1.0)]
    block = blocks(model)[layer]
    found = [(getattr(block, path, None), factor) for path, factor in paths.items()]
    there = [(module, factor) for module, factor in found if module is not None]
    # An attention layer of OLMo Hybrid norms what its modules return; the others norm before.
    if family == "olmo_hybrid" and hasattr(block, "self_attn"):
        return there[-1:]
    return there[:1] if family == "olmo_hybrid" else there


def _first(output: Any) -> Tensor:
    tensor = output[0] if isinstance(output, tuple) else output
    flat: Tensor = tensor.view(1, -1, tensor.shape[-1])
    return flat


@torch.no_grad()
def read_last(model: Any, ids: Sequence[int], site: str, layer: int) -> Tensor:
    """Activation of the last token, ``[d_model]``."""
    found: list[Tensor] = []
    handles = [
        module.register_forward_hook(
            lambda module, args, output, factor=factor: found.append(
                _first(output)[0, -1].clone() * factor
            )
        )
        for module, factor in hook_points(model, site, layer)
    ]
    model(input_ids=torch.tensor([list(ids)], device=model.device), use_cache=False)
    for handle in handles:
        handle.remove()
    return torch.stack(found).sum(0)


class _Handles(list[Any]):
    def remove(self) -> None:
        for handle in self:
            handle.remove()


def _write(model: Any, site: str, layer: int, position: int, value: Tensor) -> _Handles:
    """The first of the site's modules hands over the value, the others nothing."""
    handles = _Handles()
    for number, (module, factor) in enumerate(hook_points(model, site, layer)):

        def hook(module: Any, args: Any, output: Any, of: Tensor = value / factor) -> None:
            _first(output)[0, position] = of

        def clear(module: Any, args: Any, output: Any) -> None:
            _first(output)[0, position] = 0

        handles.append(module.register_forward_hook(clear if number else hook))
    return handles


@torch.no_grad()
def reference_scores(
    model: Any,
    site: str,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    i: int,
    j: int,
    candidates: Sequence[Sequence[int]],
) -> list[float]:
    """Log-likelihood of each candidate with the activation i→j transplanted."""
    value = read_last(model, source_ids, site, i)
    totals = []
    for candidate in candidates:
        ids = torch.tensor([[*target_ids, *candidate]], device=model.device)
        handle = _write(model, site, j, len(target_ids) - 1, value)
        logprobs = model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
        handle.remove()
        at = range(len(target_ids) - 1, len(target_ids) - 1 + len(candidate))
        totals.append(
            sum(float(logprobs[k, token]) for k, token in zip(at, candidate, strict=True))
        )
    return totals


@torch.no_grad()
def reference_generate(
    model: Any,
    site: str,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    i: int,
    j: int,
    n_new: int,
) -> list[int]:
    """Greedy continuation with the activation i→j transplanted as the prompt is read."""
    value = read_last(model, source_ids, site, i)
    handle = _write(model, site, j, len(target_ids) - 1, value)
    output = model(input_ids=torch.tensor([list(target_ids)], device=model.device), use_cache=True)
    handle.remove()
    ids = [int(output.logits[0, -1].argmax())]
    while len(ids) < n_new and ids[-1] != 2:
        output = model(
            input_ids=torch.tensor([ids[-1:]], device=model.device),
            past_key_values=output.past_key_values,
            use_cache=True,
        )
        ids.append(int(output.logits[0, -1].argmax()))
    return ids
