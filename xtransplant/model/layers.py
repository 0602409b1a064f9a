"""What each layer of a loaded model is: its kind of mixer, and the places of its sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from xtransplant.errors import XTransplantError
from xtransplant.model.families import Block, Family, Place
from xtransplant.sites import SITES, Site

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
        head_dim: how wide its heads are; 0 if it has none.
    """

    kind: str
    block: Block
    head_dim: int


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
        TypeError: the heads' place is not a projection.
    """
    listed = list(getattr(config, family.kinds)) if family.kinds else [""] * len(modules)
    found = []
    for kind, module in zip(listed, modules, strict=True):
        name = kind or _kind_of(family, module)
        block = family.blocks.get(name, family.block)
        for place in block.places.values():
            module.get_submodule(place.module)
        wide = 0
        if block.head is not None:
            projection = module.get_submodule(block.head.module)
            wide = _width(projection, block.head.side) // int(config.num_attention_heads)
        found.append(LayerShape(name, block, wide))
    return tuple(found)


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
        if all(has_module(module, place.module) for place in block.places.values()):
            return kind
    return ""


def has_module(module: torch.nn.Module, path: str) -> bool:
    """Whether a module has one at a path; one that is None is none."""
    try:
        module.get_submodule(path)
    except AttributeError:
        return False
    return True


def _width(projection: torch.nn.Module, side: str) -> int:
    """How many numbers go into or come out of a projection: a Linear, or GPT-2's Conv1D."""
    names = ("in_features", "nx") if side == "input" else ("out_features", "nf")
    found = [getattr(projection, name) for name in names if hasattr(projection, name)]
    if not found:
        raise TypeError(f"the head's module is a {type(projection).__name__}, not a projection")
    return int(found[0])
