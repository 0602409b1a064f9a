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
    "gemma3_text": "post_attention_layernorm", "olmo2": "post_attention_layernorm",
    "olmo3": "post_attention_layernorm", "glm4": "post_self_attn_layernorm",
}  # fmt: skip
_FEED_FORWARD = {
    "bloom": "mlp.dense_4h_to_h", "mpt": "ffn.down_proj", "opt": "fc2", "xglm": "fc2",
    "gemma2": "post_feedforward_layernorm", "gemma3_text": "post_feedforward_layernorm",
    "olmo2": "post_feedforward_layernorm", "olmo3": "post_feedforward_layernorm",
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


def _first(output: Any) -> Tensor:
    tensor = output[0] if isinstance(output, tuple) else output
    flat: Tensor = tensor.view(1, -1, tensor.shape[-1])
    return flat


@torch.no_grad()
def read_last(model: Any, ids: Sequence[int], site: str, layer: int) -> Tensor:
    """Activation of the last token, ``[d_model]``."""
    found: list[Tensor] = []
    handle = hook_point(model, site, layer).register_forward_hook(
        lambda module, args, output: found.append(_first(output)[0, -1].clone())
    )
    model(input_ids=torch.tensor([list(ids)], device=model.device), use_cache=False)
    handle.remove()
    return found[0]


def _write(model: Any, site: str, layer: int, position: int, value: Tensor) -> Any:
    def hook(module: Any, args: Any, output: Any) -> None:
        _first(output)[0, position] = value

    return hook_point(model, site, layer).register_forward_hook(hook)


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
