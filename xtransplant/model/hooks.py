"""Run a loaded model once under plain PyTorch hooks, and keep what every site holds.

A batch of equal prompts is run. Row 0 is left as it is; in each row after it one site of one layer
is overwritten at the last two tokens. Each kind of layer has such rows, at one layer of that kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.layers import has_module
from xtransplant.model.model import Model
from xtransplant.sites import NORMED, Site, bank_of, module_sites

__all__ = [
    "AFTER",
    "DOUBLED",
    "DOWN",
    "EARLIER",
    "WRITTEN",
    "ZEROED",
    "SiteValues",
    "Writes",
    "make_writes",
    "run_hooked",
    "site_fault",
]

_N_TOKENS = 6
WRITTEN, EARLIER = slice(-2, None), slice(None, -2)
"""The tokens that are overwritten, by zeros, and those before them."""
ZEROED, DOUBLED = slice(-2, -1), slice(-1, None)
"""Of a raw site one is overwritten by zeros, the other by twice its value."""

_WRITES: Mapping[Site, slice] = {"keys": ZEROED, "values": slice(None)}
"""The tokens that zeros are written at, where it is not :data:`WRITTEN`: of the keys one that the
last token looks back at, of the values all, so that nothing is left of them."""

AFTER = "after"
"""What a block adds once more, behind its feed-forward network; not a site."""
DOWN = "down"
"""What the down projection makes of ``neurons``; not a site."""

SiteValues = dict[tuple[str, int], Tensor]
"""``[n_rows, n_tokens, width]`` by site (or ``AFTER``, ``DOWN``) and layer, float64, on the CPU.

As it reaches the residual stream; of several streams, all side by side.
"""

Writes = dict[tuple[int, Site], int]
"""The row of the batch that is overwritten at a site of a layer."""


def make_writes(model: Model) -> Writes:
    """A row for every site of each kind of layer, at the one nearest to the middle that has it."""
    middle = model.n_layers // 2
    nearest: dict[tuple[str, Site], int] = {}
    for layer in sorted(range(model.n_layers), key=lambda k: abs(k - middle)):
        for site in _sites(model, layer):
            nearest.setdefault((model.kinds[layer], site), layer)
    places = [(layer, site) for (_, site), layer in nearest.items()]
    return {place: row for row, place in enumerate(places, start=1)}


def run_hooked(model: Model, writes: Writes) -> SiteValues:
    """Every site of every layer, in one forward pass.

    Args:
        model: loaded, in this process.
        writes: where which row is overwritten at the last two tokens.

    Raises:
        XTransplantError: a site's module does not run, or holds a tensor of another shape.
    """
    ids = torch.arange(5, 5 + _N_TOKENS, device=model.device) % model.vocab_size
    run = _Run(model, writes, {}, {}, [])
    try:
        for layer in range(model.n_layers):
            run.watch(layer)
        # What is checked lies below the vocabulary's projection.
        few = {"logits_to_keep": 1} if model.keeps_logits else {}
        model.module(input_ids=ids.expand(1 + len(writes), -1), use_cache=False, **few)
    finally:
        for handle in run.handles:
            handle.remove()
    for layer in range(model.n_layers):
        for site in (*_sites(model, layer), *_STREAM):
            if (site, layer) not in run.values:
                raise site_fault(model, site, layer, "its module does not run")
    return run.values


def site_fault(model: Model, site: Site, layer: int, what: str) -> XTransplantError:
    """The error of a site that is not what the family's table says."""
    path = model.site(site, layer)
    return XTransplantError(
        f"{model.name}: site {site} of layer {layer} ({path.side} of {path.path}) is not what the "
        f"table of its family says: {what}; pass a table: --family FILE.json (docs/families.md), "
        "in Python family=Family(...)"
    )


_STREAM: tuple[Site, ...] = ("resid_pre", "resid_post")


def _sites(model: Model, layer: int) -> tuple[Site, ...]:
    return module_sites(model.sites_at(layer))


@dataclass(frozen=True, eq=False)
class _Run:
    """One forward pass under hooks.

    Attributes:
        values: what sites held so far.
        parts: outputs of modules that add up with a site's own, by path.
        handles: of the hooks.
    """

    model: Model
    writes: Writes
    values: SiteValues
    parts: dict[str, Tensor]
    handles: list[Any]

    def watch(self, layer: int) -> None:
        """Hook every site of a layer, and the stream into and out of it."""
        model = self.model
        for site in dict.fromkeys((*_sites(model, layer), *_STREAM)):
            path = model.site(site, layer)
            for part, scale in path.plus:
                self._add(part, "output", self._part_hook(part, scale))
            self._add(path.path, path.side, self._site_hook(site, layer))
            if site == "neurons":
                self._add(path.path, "output", self._other_hook(DOWN, layer))
        if model.family.after is not None:
            block = f"{model.family.layers}.{layer}"
            place = model.family.after
            if has_module(model.module.get_submodule(block), place.module):
                self._add(f"{block}.{place.module}", place.side, self._other_hook(AFTER, layer))

    def _add(self, path: str, side: str, hook: Callable[[Any], Any]) -> None:
        module = self.model.module.get_submodule(path)
        if side == "input":
            handle = module.register_forward_pre_hook(_on_input(hook), with_kwargs=True)
        else:
            handle = module.register_forward_hook(_on_output(hook))
        self.handles.append(handle)

    def _part_hook(self, path: str, scale: float) -> Callable[[Any], Any]:
        def hook(value: Any) -> Any:
            tensor = value[0] if isinstance(value, tuple) else value
            self.parts[path] = self._plain(tensor) * scale
            return value

        return hook

    def _other_hook(self, name: str, layer: int) -> Callable[[Any], Any]:
        def hook(value: Any) -> Any:
            tensor = value[0] if isinstance(value, tuple) else value
            self.values[name, layer] = self._plain(tensor)
            return value

        return hook

    def _site_hook(self, site: Site, layer: int) -> Callable[[Any], Any]:
        """A function that keeps a copy of a site's value and overwrites its row."""
        row, path = self.writes.get((layer, site)), self.model.site(site, layer)

        def hook(value: Any) -> Any:
            tensor = value[0] if isinstance(value, tuple) else value
            # A copy: some models add to the very tensor seen here, in place.
            own = self._by_row(tensor, site, layer).clone()
            others = torch.zeros(own.shape, dtype=torch.float64)
            for part, _ in path.plus:
                others += self.parts[part]
            if row is not None:
                tokens = ZEROED if site in NORMED else _WRITES.get(site, WRITTEN)
                # So that it is zero together with what the other modules add.
                own[row, tokens] = (-others[row, tokens] / path.scale).to(own)
                if site in NORMED:
                    own[row, DOUBLED] *= 2
            self.values[site, layer] = own.to("cpu", torch.float64) * path.scale + others
            if row is None:
                return value
            passed_on = own.view(tensor.shape)
            return (passed_on, *value[1:]) if isinstance(value, tuple) else passed_on

        return hook

    def _plain(self, tensor: Tensor) -> Tensor:
        """``[n_rows, n_tokens, width]``, float64, on the CPU."""
        by_row = tensor.reshape(1 + len(self.writes), _N_TOKENS, -1)
        return by_row.to("cpu", torch.float64, copy=True)

    def _by_row(self, tensor: Any, site: Site, layer: int) -> Tensor:
        """A site's value as ``[n_rows, n_tokens, width]``.

        Raises:
            XTransplantError: it is no such tensor.
        """
        model, n_rows = self.model, 1 + len(self.writes)
        width, streams = model.width(site, layer), 1
        if bank_of(site):
            # Of a model split over processes, hooks see this process's heads or neurons alone.
            width = width * (model.n_heads if site == "head" else 1) // model.world_size
        elif site in _STREAM and model.family.streams:
            streams = int(getattr(model.config, model.family.streams))
        right = isinstance(tensor, Tensor) and tensor.shape[-1:] == (width,)
        if not right or tensor.numel() != streams * n_rows * _N_TOKENS * width:
            what = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            shape = (n_rows, _N_TOKENS, width)
            raise site_fault(model, site, layer, f"it holds {what} where {shape} was expected")
        if streams > 1:
            tensor = tensor.movedim(0, -2)
        return tensor.reshape(n_rows, _N_TOKENS, streams * width)  # type: ignore[no-any-return]


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
