"""What each layer of a loaded model is: its kind of mixer, and the places of its sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from xtransplant.errors import XTransplantError
from xtransplant.model.families import Block, Family, Place
from xtransplant.sites import INNER, SITES, Site

__all__ = [
    "LayerShape",
    "factor_of",
    "has_module",
    "layer_shapes",
    "part_paths",
    "sites_of",
]


@dataclass(frozen=True)
class LayerShape:
    """One layer.

    Attributes:
        kind: of its mixer, as the configuration or the family's table calls it; empty where all
            layers are alike.
        block: where it keeps its sites.
        widths: of each of its sites that is not ``d_model`` wide; of ``head`` one head's.
    """

    kind: str
    block: Block
    widths: Mapping[Site, int]

    @property
    def head_dim(self) -> int:
        """How wide its heads are; 0 if it has none."""
        return self.widths.get("head", 0)


def layer_shapes(
    family: Family, config: Any, modules: Sequence[torch.nn.Module]
) -> tuple[LayerShape, ...]:
    """What each layer of a model is.

    Args:
        family: the table.
        config: the text part of the checkpoint's configuration.
        modules: the model's blocks.

    Raises:
        AttributeError: a module that the table names is not there.
        TypeError: the place of the heads, or of a site inside the modules, is not a projection.
    """
    listed = list(getattr(config, family.kinds)) if family.kinds else [""] * len(modules)
    found = []
    for kind, module in zip(listed, modules, strict=True):
        name = kind or _kind_of(family, module)
        block = _existing(family.blocks.get(name, family.block), module)
        widths = {
            site: _width(module.get_submodule(place.module), place.side, site)
            for site, place in block.places.items()
            if site in (*INNER, "head")
        }
        if "head" in widths:
            widths["head"] //= int(config.num_attention_heads)
        found.append(LayerShape(name, block, widths))
    return tuple(found)


def _existing(block: Block, module: torch.nn.Module) -> Block:
    """A block without the sites inside its modules that it has not.

    Raises:
        AttributeError: it has not another site either.
    """
    missing = dict[str, Any]()
    for site, place in block.places.items():
        if site not in INNER:
            module.get_submodule(place.module)
        elif not has_module(module, place.module):
            missing[site] = None
    if any(has_module(module, path) for path in _beside(block)):
        missing["neurons"] = None
    return replace(block, **missing)


def _beside(block: Block) -> list[str]:
    """Paths of experts beside the feed-forward network, whose neurons are not all of a layer's."""
    return ["experts", *(one.module for one in (block.ffn.plus if block.ffn else ()))]


def sites_of(block: Block, *, parallel: bool, streams: bool) -> tuple[Site, ...]:
    """The sites of a layer.

    Args:
        block: where it keeps them.
        parallel: attention and feed-forward read the same input.
        streams: several residual streams, none of which is the residual stream.
    """
    has: set[Site] = set(block.places)
    if {"attn", "ffn"} <= has and not parallel:
        has.add("resid_mid")
    if streams:
        has -= {"resid_pre", "resid_mid", "resid_post"}
    return tuple(site for site in SITES if site in has)


def part_paths(
    place: Place, layer: str, block: torch.nn.Module, config: Any
) -> list[tuple[str, float]]:
    """Path and scale of the modules that a place adds up with, of those that a block has.

    Args:
        place: of a site.
        layer: path of the block.
        block: the block itself.
        config: holds the scales that the block does not.
    """
    return [
        (f"{layer}.{one.module}", factor_of(one.scale, config, block))
        for one in place.plus
        if has_module(block, one.module)
    ]


def factor_of(named: str, config: Any, block: torch.nn.Module) -> float:
    """The factor that a table names, the configuration's or a block's own; 1 if it names none.

    Raises:
        XTransplantError: neither has a number of that name.
    """
    if not named:
        return 1.0
    factor = getattr(config if hasattr(config, named) else block, named, None)
    if not isinstance(factor, int | float):
        raise XTransplantError(
            f"neither the configuration nor a block of {config.model_type} has a number {named!r}, "
            "which its table names as scale; choose another --family"
        )
    return float(factor)


def _kind_of(family: Family, module: torch.nn.Module) -> str:
    """The first kind in the table whose modules a block has; empty if it is as the family says."""
    for kind, block in family.blocks.items():
        needed = [place for site, place in block.places.items() if site not in INNER]
        if all(has_module(module, place.module) for place in needed):
            return kind
    return ""


def has_module(module: torch.nn.Module, path: str) -> bool:
    """Whether a module has one at a path; one that is None is none."""
    try:
        module.get_submodule(path)
    except AttributeError:
        return False
    return True


def _width(projection: torch.nn.Module, side: str, site: Site) -> int:
    """How many numbers go into or come out of a projection: a Linear, or GPT-2's Conv1D."""
    names = ("in_features", "nx") if side == "input" else ("out_features", "nf")
    found = [getattr(projection, name) for name in names if hasattr(projection, name)]
    if not found:
        kind = type(projection).__name__
        raise TypeError(f"the module that {site} is read at is a {kind}, not a projection")
    return int(found[0])
