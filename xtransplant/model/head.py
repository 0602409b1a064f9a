"""The vocabulary projection of a loaded model, where it can be done a few ids at a time.

With 262,144 ids the logits of 1,600 tokens are 1.7 GB, of which a few numbers are read. What a
model's own code does to its projection's output (a bound, a factor) is found by the names that
configurations have for it, and believed only where it gives the model's own logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Head", "find_head"]


@dataclass(frozen=True, eq=False)
class Head:
    """The projection of hidden states onto the vocabulary, as plain numbers.

    Attributes:
        path: its module, from the model's root.
        weight: ``[vocabulary, d_model]``.
        bias: ``[vocabulary]``, or None.
        scale: what its output is multiplied by.
        softcap: then ``softcap * tanh(logits / softcap)``; None for no bound.
        at_once: how many logits are made at once: on a CPU what stays in its cache, elsewhere a
            small share of the memory.
    """

    path: str
    weight: Tensor
    bias: Tensor | None
    scale: float = 1.0
    softcap: float | None = None
    at_once: int = 2**20

    def plain(self) -> dict[str, Any]:
        """As a dictionary, for a function that runs inside a trace."""
        return dict(vars(self))


def find_head(module: Any, config: Any, device: torch.device) -> Head | None:
    """A model's projection, if it is one matrix; else None.

    One token is run to see that its logits come out as the model's own code has them.

    Args:
        module: transformers' model, whole and in this process's memory.
        config: its configuration, of the text model where there are several.
        device: where its inputs go.
    """
    layer = module.get_output_embeddings()
    if type(layer) is not torch.nn.Linear:
        return None
    # Weights that come as the layer is called (offloading) are not touched.
    if layer.weight.device.type == "meta":
        return None
    path = next((name for name, one in module.named_modules() if one is layer), None)
    if path is None:
        return None
    raw, logits = _probe(module, layer, device)
    cap = getattr(config, "final_logit_softcapping", None)
    factor = getattr(config, "logit_scale", None)
    divisor = getattr(config, "logits_scaling", None)
    ways: list[tuple[float, float | None]] = [(1.0, None)]
    ways += [(1.0, float(cap))] if cap else []
    ways += [(float(factor), None)] if factor else []
    ways += [(1 / float(divisor), None)] if divisor else []
    for scale, softcap in ways:
        mine = raw * scale
        if softcap is not None:
            mine = torch.tanh(mine / softcap) * softcap
        if torch.allclose(mine.float(), logits.float(), rtol=_tolerance(raw), atol=0.0):
            at_once = 2**20 if layer.weight.device.type == "cpu" else 2**25
            return Head(path, layer.weight, layer.bias, scale, softcap, at_once)
    return None


@torch.no_grad()
def _probe(module: Any, layer: torch.nn.Linear, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of one token: what comes out of the layer, and the model's logits."""
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(
        lambda _, given, output: seen.append(output.detach().clone())
    )
    try:
        ids = torch.full((1, 1), min(7, len(layer.weight) - 1), device=device)
        logits = module(input_ids=ids, use_cache=False).logits
    finally:
        handle.remove()
    # Where a model lies on several devices, its logits go back to the first.
    return seen[0][0, -1], logits[0, -1].to(seen[0].device)


def _tolerance(raw: Tensor) -> float:
    """How far two ways of the same arithmetic may be apart at a precision, relatively."""
    return 8 * torch.finfo(raw.dtype).eps
