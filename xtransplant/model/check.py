"""Hold a loaded model to what the table of families says of it, by plain PyTorch hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.families import Site
from xtransplant.model.load import Model

__all__ = ["check_sites"]

_N_TOKENS = 4


@torch.no_grad()
def check_sites(model: Model) -> None:
    """Run a few tokens and see that every site is what its name says.

    At every layer ``resid_post = resid_pre + attn + ffn``, and a layer receives what the one
    before it handed on; and at the middle layer, writing zero at a site of the last token has
    the effect it should have, on that token and on no earlier one.

    Raises:
        XTransplantError: a site that is not; the message names it, its layer and what was found.
    """
    ids = torch.arange(5, 5 + _N_TOKENS, device=model.device)[None] % model.vocab_size
    seen = _run(model, ids)
    for layer in range(model.n_layers):
        expected = seen["resid_pre", layer] + seen["attn", layer] + seen["ffn", layer]
        _agree(model, "resid_post", layer, seen["resid_post", layer], expected, "resid_pre + attn + ffn")
        if layer:
            before = seen["resid_post", layer - 1]
            _agree(model, "resid_pre", layer, seen["resid_pre", layer], before, "the layer before's resid_post")
    layer = model.n_layers // 2
    sites: tuple[Site, ...] = ("resid_pre", "head", "attn", "ffn", "resid_post")
    for site in sites:
        _check_zero(model, ids, site, layer, seen)


def _check_zero(
    model: Model, ids: Tensor, site: Site, layer: int, seen: dict[tuple[Site, int], Tensor]
) -> None:
    """Zero at one site of the last token: what must follow, and what must not."""
    after = _run(model, ids, zero=(site, layer))
    last = model.n_layers - 1
    earlier, later = (_distance(after, seen, last, tokens) for tokens in (slice(-1), slice(-1, None)))
    if earlier > _tolerance(model):
        raise _fault(model, site, layer, "writing it at the last token changes earlier tokens")
    if not later > _tolerance(model):
        raise _fault(model, site, layer, "writing zero to it changes nothing")
    pre, attn, ffn = (after[name, layer][:, -1] for name in ("resid_pre", "attn", "ffn"))
    post = after["resid_post", layer][:, -1]
    expected = {
        "resid_pre": attn + ffn,
        "attn": pre + ffn,
        "ffn": pre + attn,
        "resid_post": torch.zeros_like(post),
        "head": pre + attn + ffn,
    }[site]
    _agree(model, site, layer, post, expected, "what is left of resid_post after writing zero")
    if site == "head" and torch.equal(attn, seen["attn", layer][:, -1]):
        raise _fault(model, site, layer, "writing zero to all heads leaves attn as it was")


def _run(
    model: Model, ids: Tensor, zero: tuple[Site, int] | None = None
) -> dict[tuple[Site, int], Tensor]:
    """Every site of every layer, ``[1, n_tokens, width]``, in one forward pass."""
    seen: dict[tuple[Site, int], Tensor] = {}
    sites: tuple[Site, ...] = ("resid_pre", "head", "attn", "ffn", "resid_post")
    handles = []
    root = model.nn._module
    for layer in range(model.n_layers):
        for site in sites:
            path = model.site(site, layer)
            module = root.get_submodule(path.path)
            hook = _hook(model, site, layer, seen, (site, layer) == zero)
            if path.side == "input":
                handles.append(
                    module.register_forward_pre_hook(_before(hook), with_kwargs=True)
                )
            else:
                handles.append(module.register_forward_hook(_after(hook)))
    try:
        root(input_ids=ids, use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    for layer in range(model.n_layers):
        for site in sites:
            if (site, layer) not in seen:
                raise _fault(model, site, layer, "its module does not run")
    return seen


def _hook(
    model: Model, site: Site, layer: int, seen: dict[tuple[Site, int], Tensor], zero: bool
) -> Callable[[Any], None]:
    width = model.n_heads * model.head_dim if site == "head" else model.d_model
    scale = model.site(site, layer).scale

    def hook(value: Any) -> None:
        value = value[0] if isinstance(value, tuple) else value
        if not isinstance(value, Tensor) or value.numel() != _N_TOKENS * width:
            what = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise _fault(model, site, layer, f"it holds {what}, not (1, {_N_TOKENS}, {width})")
        value = value.view(1, _N_TOKENS, width)
        if zero:
            value[:, -1] = 0
        # A copy: some models go on to add to the very tensor seen here.
        seen[site, layer] = value.clone().to(model.device) * scale

    return hook


def _before(hook: Callable[[Any], None]) -> Callable[..., None]:
    def pre(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hook(args[0] if args else next(iter(kwargs.values())))

    return pre


def _after(hook: Callable[[Any], None]) -> Callable[..., None]:
    def post(module: Any, args: tuple[Any, ...], output: Any) -> None:
        hook(output)

    return post


def _agree(
    model: Model, site: Site, layer: int, found: Tensor, expected: Tensor, what: str
) -> None:
    """Equal within the rounding of the model's precision."""
    error = _relative(found, expected)
    if not error <= _tolerance(model):
        raise _fault(model, site, layer, f"it differs from {what} by {error:.1%}")


def _distance(
    after: dict[tuple[Site, int], Tensor],
    seen: dict[tuple[Site, int], Tensor],
    layer: int,
    tokens: slice,
) -> float:
    return _relative(after["resid_post", layer][:, tokens], seen["resid_post", layer][:, tokens])


def _relative(found: Tensor, expected: Tensor) -> float:
    """Largest difference, as a share of the largest value."""
    scale = expected.float().abs().max().clamp(min=1e-6)
    return float((found.float() - expected.float()).abs().max() / scale)


def _tolerance(model: Model) -> float:
    """What rounding may do at the model's precision: 5e-5 in float32, 20 % in bfloat16."""
    return float(8 * torch.finfo(model.dtype).eps ** 0.75)


def _fault(model: Model, site: Site, layer: int, what: str) -> XTransplantError:
    path = model.site(site, layer)
    return XTransplantError(
        f"{model.name}: site {site} of layer {layer} ({path.side} of {path.path}) is not what the "
        f"table of its family says: {what}; pass a table: --family FILE.json (docs/families.md)"
    )
