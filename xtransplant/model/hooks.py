"""Run a loaded model once under plain PyTorch hooks, and keep what every site holds.

A batch of equal prompts is run. Row 0 is left as it is; in each row after it one site of one layer
is overwritten at the last two tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.sites import NORMED, Site, module_sites

__all__ = [
    "DOUBLED",
    "EARLIER",
    "WRITTEN",
    "ZEROED",
    "SiteValues",
    "run_hooked",
    "site_fault",
    "written_row",
]

_N_TOKENS = 6
WRITTEN, EARLIER = slice(-2, None), slice(None, -2)
"""The tokens that are overwritten, by zeros, and those before them."""
ZEROED, DOUBLED = slice(-2, -1), slice(-1, None)
"""Of a raw site one is overwritten by zeros, the other by twice its value."""

SiteValues = dict[tuple[Site, int], Tensor]
"""``[n_rows, n_tokens, width]`` by site and layer, as its module has it."""


def run_hooked(model: Model, middle: int) -> SiteValues:
    """Every site of every layer, in one forward pass.

    Args:
        model: loaded, in this process.
        middle: the layer whose sites are overwritten at the last two tokens, each in its own row.

    Raises:
        XTransplantError: a site's module does not run, or holds a tensor of another shape.
    """
    ids = torch.arange(5, 5 + _N_TOKENS, device=model.device) % model.vocab_size
    values: SiteValues = {}
    handles = []
    root, sites = model.module, module_sites(model.sites)
    for layer in range(model.n_layers):
        for site in sites:
            path = model.site(site, layer)
            module = root.get_submodule(path.path)
            row = written_row(model, site) if layer == middle else None
            hook = _make_hook(model, site, layer, values, row)
            if path.side == "input":
                handles.append(module.register_forward_pre_hook(_on_input(hook), with_kwargs=True))
            else:
                handles.append(module.register_forward_hook(_on_output(hook)))
    try:
        root(input_ids=ids.expand(_n_rows(model), -1), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    for layer in range(model.n_layers):
        for site in sites:
            if (site, layer) not in values:
                raise site_fault(model, site, layer, "its module does not run")
    return values


def written_row(model: Model, site: Site) -> int:
    """The row of the batch that is overwritten at a site; row 0 is left as it is."""
    return 1 + module_sites(model.sites).index(site)


def site_fault(model: Model, site: Site, layer: int, what: str) -> XTransplantError:
    """The error of a site that is not what the family's table says."""
    path = model.site(site, layer)
    return XTransplantError(
        f"{model.name}: site {site} of layer {layer} ({path.side} of {path.path}) is not what the "
        f"table of its family says: {what}; pass a table: --family FILE.json (docs/families.md), "
        "in Python family=Family(...)"
    )


def _n_rows(model: Model) -> int:
    return 1 + len(module_sites(model.sites))


def _make_hook(
    model: Model, site: Site, layer: int, values: SiteValues, row: int | None
) -> Callable[[Any], Any]:
    """A function that keeps a copy of a module's value in ``values`` and overwrites its ``row``."""
    # Of a model split over processes, hooks see this process's heads alone.
    width, n_rows = model.d_model, _n_rows(model)
    if site == "head":
        width = model.n_heads * model.head_dim // model.world_size

    def hook(value: Any) -> Any:
        tensor = value[0] if isinstance(value, tuple) else value
        right = isinstance(tensor, Tensor) and tensor.shape[-1:] == (width,)
        if not right or tensor.numel() != n_rows * _N_TOKENS * width:
            what = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            shape = (n_rows, _N_TOKENS, width)
            raise site_fault(model, site, layer, f"it holds {what} where {shape} was expected")
        # A copy: some models add to the very tensor seen here, in place.
        copy = tensor.reshape(n_rows, _N_TOKENS, width).clone()
        if row is not None:
            copy[row, ZEROED if site in NORMED else WRITTEN] = 0
            if site in NORMED:
                copy[row, DOUBLED] *= 2
        values[site, layer] = copy
        passed_on = copy.clone().view(tensor.shape)
        return (passed_on, *value[1:]) if isinstance(value, tuple) else passed_on

    return hook


def _on_input(hook: Callable[[Any], Any]) -> Callable[..., Any]:
    def pre(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (hook(args[0]), *args[1:]), kwargs
        first = next(iter(kwargs))
        return args, {**kwargs, first: hook(kwargs[first])}

    return pre


def _on_output(hook: Callable[[Any], Any]) -> Callable[..., Any]:
    def post(module: Any, args: tuple[Any, ...], output: Any) -> Any:
        return hook(output)

    return post
