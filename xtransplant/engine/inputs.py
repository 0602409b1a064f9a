"""From prompts and layouts to what the model's forward takes: ids, masks, positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.packing import Layout, visible_mask

__all__ = ["candidate_ids", "forward_inputs", "prompt_ids"]


def prompt_ids(model: Model, prompt: str, *, chat_template: bool = False) -> list[int]:
    """Token ids of a prompt, with the special tokens its tokenizer adds.

    Raises:
        XTransplantError: an empty prompt, one longer than the model's context, or a chat template
            asked of a tokenizer that has none.
    """
    if not prompt.strip():
        raise XTransplantError("the prompt is empty; give some text")
    if chat_template:
        if not model.tokenizer.chat_template:
            raise XTransplantError(
                f"{model.name} has no chat template; leave --apply-chat-template off "
                "or use an instruction-tuned checkpoint"
            )
        ids = model.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_dict=False
        )
    else:
        ids = model.tokenizer(prompt).input_ids
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and len(ids) >= limit:
        raise XTransplantError(
            f"the prompt has {len(ids)} tokens, {model.name} reads at most {limit - 1}; shorten it"
        )
    return list(ids)


def candidate_ids(
    model: Model, prompt: str, ids: Sequence[int], candidates: Sequence[str]
) -> list[list[int]]:
    """Token ids of each candidate as a continuation of a prompt.

    The tokens of prompt and candidate together, less the prompt's; where the two do not meet at a
    token's edge, the candidate's tokens by themselves (the prompt's ids must stay as they are).

    Raises:
        XTransplantError: a candidate that makes no token.
    """
    found = []
    for candidate in candidates:
        together = model.tokenizer(prompt + candidate).input_ids
        if candidate and together[: len(ids)] == list(ids) and len(together) > len(ids):
            own = list(together[len(ids) :])
        else:
            own = list(model.tokenizer(candidate, add_special_tokens=False).input_ids)
        if not own:
            raise XTransplantError(f"candidate {candidate!r} makes no token; leave it out")
        found.append(own)
    return found


def forward_inputs(
    model: Model, layout: Layout, keep: Tensor
) -> tuple[dict[str, Any], dict[str, Tensor] | None]:
    """Keyword arguments of one forward pass over a layout, and masks by layer type if it needs any.

    The masks are handed to the decoder inside the trace (see :func:`player`): nnsight takes an
    attention mask for a tensor with one row per prompt.

    Args:
        keep: ``[n]``, the columns whose logits are wanted.
    """
    device = model.device
    inputs: dict[str, Any] = {
        "input_ids": layout.ids.to(device),
        "position_ids": layout.positions.to(device),
        "use_cache": False,
    }
    if model.keeps_logits:
        inputs["logits_to_keep"] = keep.to(device)
    if layout.ancestors is None:
        assert layout.padding is not None
        inputs["attention_mask"] = layout.padding.long().to(device)
        return inputs, None
    masks = {
        kind: _additive(
            visible_mask(layout.ancestors, layout.positions[0], sliding=w.sliding, chunk=w.chunk),
            model.dtype,
        ).to(device)
        for kind, w in model.windows.items()
    }
    if model.masks_by_layer_type:
        return inputs, masks
    (inputs["attention_mask"],) = masks.values()
    return inputs, None


def _additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """``[L, L]`` bool to ``[1, 1, L, L]``: 0 where seen, the lowest number where not."""
    mask = torch.zeros(visible.shape, dtype=dtype)
    return mask.masked_fill(~visible, torch.finfo(dtype).min)[None, None]
