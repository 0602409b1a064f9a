"""The reference: plain PyTorch hooks on the unchanged model, one variant at a time.

No nnsight, no packing, no cache tricks, and a table of hook points of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

# Where attention and feed-forward hand over what they add: path from the block.
_ATTENTION = {
    "bloom": "self_attention.dense", "ctrl": "multi_head_attention",
    "dbrx": "norm_attn_norm.attn", "falcon": "self_attention", "glm4": "post_self_attn_layernorm",
    "gpt_neox": "attention", "hyperclovax": "post_norm1", "kolibri1": "post_self_attn_layernorm",
}  # fmt: skip
_FEED_FORWARD = {
    "afmoe": "post_mlp_layernorm", "biogpt": "fc2", "bloom": "mlp.dense_4h_to_h", "ctrl": "ffn",
    "dbrx": "ffn", "glm4": "post_mlp_layernorm", "granitemoe": "block_sparse_moe",
    "granitemoe_swa": "block_sparse_moe", "hyperclovax": "post_norm2",
    "kolibri1": "post_mlp_layernorm", "llama4_text": "feed_forward", "mpt": "ffn.down_proj",
    "opt": "fc2", "xglm": "fc2",
}  # fmt: skip
_PROJECTION = {
    "biogpt": "self_attn.out_proj", "bloom": "self_attention.dense", "codegen": "attn.out_proj",
    "ctrl": "multi_head_attention.dense", "dbrx": "norm_attn_norm.attn.out_proj",
    "falcon": "self_attention.dense", "gpt2": "attn.c_proj", "gpt_bigcode": "attn.c_proj",
    "gpt_neo": "attn.attention.out_proj", "gpt_neox": "attention.dense",
    "gptj": "attn.out_proj",
    "modernbert-decoder": "attn.Wo", "mpt": "attn.out_proj", "opt": "self_attn.out_proj",
    "persimmon": "self_attn.dense", "phi": "self_attn.dense", "xglm": "self_attn.out_proj",
}  # fmt: skip
# What the feed-forward network's inner activations go into, and what makes keys and values.
_DOWN = {
    "biogpt": "fc2", "bloom": "mlp.dense_4h_to_h", "codegen": "mlp.fc_out", "ctrl": "ffn.2",
    "falcon": "mlp.dense_4h_to_h", "gpt2": "mlp.c_proj", "gpt_bigcode": "mlp.c_proj",
    "gpt_neo": "mlp.c_proj", "gpt_neox": "mlp.dense_4h_to_h", "gptj": "mlp.fc_out",
    "llama4_text": "feed_forward.down_proj", "modernbert-decoder": "mlp.Wo",
    "mpt": "ffn.down_proj", "nanochat": "mlp.fc2", "opt": "fc2",
    "persimmon": "mlp.dense_4h_to_h", "phi": "mlp.fc2", "starcoder2": "mlp.c_proj", "xglm": "fc2",
}  # fmt: skip
_KEYS = {
    "ctrl": "multi_head_attention.Wk", "gpt_neo": "attn.attention.k_proj", "gptj": "attn.k_proj",
    "modernbert-decoder": "attn.k_proj",
}  # fmt: skip
for _family in ("codegen", "gpt2", "gpt_bigcode", "gpt_neo", "gptj", "modernbert-decoder", "mpt"):
    _ATTENTION[_family] = "attn"
for _family in ("exaone4", "flex_olmo", "gemma2", "gemma3_text", "olmo2", "olmo3"):
    _ATTENTION[_family] = "post_attention_layernorm"
    _FEED_FORWARD[_family] = "post_feedforward_layernorm"
_ATTENTION["afmoe"] = "post_attention_layernorm"


def blocks(model: Any) -> Any:
    """The list of blocks: the one module list that is as long as the model is deep."""
    depth = model.config.num_hidden_layers
    return next(
        m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == depth
    )


def hook_point(model: Any, site: str, layer: int) -> Any:
    """The module whose output holds a site; of head, neurons and resid_pre, its input."""
    family = model.config.model_type
    keys = _KEYS.get(family, "self_attn.k_proj")
    path = {
        "attn": _ATTENTION.get(family, "self_attn"),
        "ffn": _FEED_FORWARD.get(family, "mlp"),
        "head": _PROJECTION.get(family, "self_attn.o_proj"),
        "attn_raw": "self_attn",
        "ffn_raw": "mlp",
        "neurons": _DOWN.get(family, "mlp.down_proj"),
        "keys": keys,
        "values": keys.replace("k_proj", "v_proj").replace("Wk", "Wv"),
        "resid_pre": "",
        "resid_post": "",
    }[site]
    return blocks(model)[layer].get_submodule(path)


def _rows(value: Any, n_rows: int) -> Tensor:
    tensor = value[0] if isinstance(value, tuple) else value
    rows: Tensor = tensor.view(n_rows, -1, tensor.shape[-1])
    return rows


def _hook(model: Any, site: str, layer: int, n_rows: int, act: Any) -> Any:
    """Let ``act`` see, and change in place, what a site holds: ``[n_rows, n_tokens, width]``."""
    module = hook_point(model, site, layer)
    if site in ("head", "neurons", "resid_pre"):
        return module.register_forward_pre_hook(lambda _, args: act(_rows(args, n_rows)))
    return module.register_forward_hook(lambda _, args, output: act(_rows(output, n_rows)))


@torch.no_grad()
def read_lasts(
    model: Any, ids: Sequence[int], places: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], Tensor]:
    """Activations of the last token, ``[width]``, by site and layer."""
    found: dict[tuple[str, int], Tensor] = {}

    def keep(place: tuple[str, int]) -> Any:
        return lambda rows: found.update({place: rows[0, -1].clone()})

    handles = [_hook(model, *place, 1, keep(place)) for place in places]
    model(input_ids=torch.tensor([list(ids)], device=model.device), use_cache=False)
    for handle in handles:
        handle.remove()
    return found


def read_last(model: Any, ids: Sequence[int], site: str, layer: int) -> Tensor:
    """Activation of the last token, ``[d_model]``."""
    return read_lasts(model, ids, [(site, layer)])[site, layer]


def _write(
    model: Any, site: str, layer: int, position: int, value: Tensor, n_rows: int, head: int | None
) -> Any:
    part = slice(None)
    if head is not None:
        width = value.shape[-1] // model.config.num_attention_heads
        part = slice(head * width, (head + 1) * width)

    def act(rows: Tensor) -> None:
        rows[:, position, part] = value[part]

    return _hook(model, site, layer, n_rows, act)


@torch.no_grad()
def continued(
    model: Any,
    site: str,
    layer: int,
    value: Tensor,
    target_ids: Sequence[int],
    continuations: Sequence[Sequence[int]],
    head: int | None = None,
) -> list[Tensor]:
    """Log-probabilities of the next token along each continuation of a prompt, under one write.

    Returns:
        As :func:`continued_under`.
    """
    start, n_rows = len(target_ids) - 1, len(continuations)
    handle = _write(model, site, layer, start, value, n_rows, head)
    found = _continued(model, target_ids, continuations)
    handle.remove()
    return found


@torch.no_grad()
def continued_under(
    model: Any,
    acts: Iterable[tuple[str, int, Any]],
    target_ids: Sequence[int],
    continuations: Sequence[Sequence[int]],
) -> list[Tensor]:
    """Log-probabilities of the next token along each continuation of a prompt, under many writes.

    Args:
        model: the unchanged model.
        acts: site, layer, and what changes the site's ``[n_rows, n_tokens, width]`` in place.
        target_ids: the prompt.
        continuations: what follows it.

    Returns:
        Per continuation ``[n_tokens + 1, vocabulary]``: after the prompt, and after each token.
    """
    n_rows = len(continuations)
    handles = [_hook(model, site, layer, n_rows, act) for site, layer, act in acts]
    found = _continued(model, target_ids, continuations)
    for handle in handles:
        handle.remove()
    return found


def _continued(
    model: Any, target_ids: Sequence[int], continuations: Sequence[Sequence[int]]
) -> list[Tensor]:
    """One forward pass, a row each; shorter ones are filled up at their end, which none sees."""
    longest, start = max(map(len, continuations)), len(target_ids) - 1
    rows = [[*target_ids, *one, *[3] * (longest - len(one))] for one in continuations]
    logits = model(input_ids=torch.tensor(rows, device=model.device), use_cache=False).logits
    found = logits.float().log_softmax(-1)
    return [found[k, start : start + len(one) + 1] for k, one in enumerate(continuations)]


def likelihood(logprobs: Tensor, continuation: Sequence[int]) -> float:
    """Log-likelihood of a continuation, given what :func:`continued` says along it."""
    return sum(float(logprobs[k, token]) for k, token in enumerate(continuation))


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
    found = continued(model, site, j, value, target_ids, candidates)
    return [likelihood(*pair) for pair in zip(found, candidates, strict=True)]


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
    return written_generate(
        model, site, j, read_last(model, source_ids, site, i), target_ids, n_new
    )


@torch.no_grad()
def written_generate(
    model: Any,
    site: str,
    layer: int,
    value: Tensor,
    target_ids: Sequence[int],
    n_new: int,
    *,
    head: int | None = None,
    ends: Sequence[int] = (2,),
) -> list[int]:
    """Greedy continuation with ``value`` written as the prompt is read; ``ends`` end it."""
    handle = _write(model, site, layer, len(target_ids) - 1, value, 1, head)
    output = model(input_ids=torch.tensor([list(target_ids)], device=model.device), use_cache=True)
    handle.remove()
    ids = [int(output.logits[0, -1].argmax())]
    while len(ids) < n_new and ids[-1] not in ends:
        output = model(
            input_ids=torch.tensor([ids[-1:]], device=model.device),
            past_key_values=output.past_key_values,
            use_cache=True,
        )
        ids.append(int(output.logits[0, -1].argmax()))
    return ids
