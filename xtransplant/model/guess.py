"""What to try for a family without a table: a line of JSON, from the names of its modules."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any

import torch

from xtransplant.model.families import Family
from xtransplant.model.family_table import FAMILIES
from xtransplant.model.hybrid_table import HYBRIDS
from xtransplant.sites import INNER

__all__ = ["block_modules", "family_to_try"]

# Whether a block's attention and feed-forward network read the same input is not in its names, but
# where they do one norm is enough.
_NORMS_ONE_AFTER_THE_OTHER = 2

# What modules are called that hold a site, the likeliest first.
_WORDS = {
    "attn": ("attn", "attention"),
    "ffn": ("mlp", "ffn", "feed_forward", "moe"),
    "head": ("o_proj", "out_proj", "c_proj", "dense", "wo", "proj"),
}


def block_modules(model: torch.nn.Module) -> str:
    """Path of the list of blocks, and the names of the modules inside the first of them."""
    path, block = _blocks(model)
    if block is None:
        return ", ".join(name for name, _ in model.named_children())
    inside = [name for name, _ in block.named_modules() if name and name.count(".") < 2]
    return f"{path}.N: {', '.join(inside)}"


def family_to_try(model: torch.nn.Module, config: Any) -> str:
    """The value of ``--family`` that fits a model's modules by their names; empty if none does.

    Of the tables whose modules its first block has, the one that names most of them; if none is,
    one that is made of the names that look like attention, feed-forward network and projection.
    """
    path, block = _blocks(model)
    if block is None:
        return ""
    config, names = config.get_text_config(), {name for name, _ in block.named_modules()}
    norms = sum("norm" in name or name.startswith("ln") for name, _ in block.named_children())
    parallel = norms < _NORMS_ONE_AFTER_THE_OTHER
    like = _likest(path, names, parallel, config)
    known = FAMILIES[like] if like is not None else None
    said: dict[str, Any] = {"like": like} if like is not None else _by_words(names)
    if known is None and len(said) < len(_WORDS):
        return ""
    if known is None or known.layers != path:
        said["layers"] = path
    if known is None and parallel:
        said["parallel"] = True
    windows = _windows(config)
    if windows != (known.windows if known is not None else "full"):
        said["windows"] = windows
    return str(like) if list(said) == ["like"] else shlex.quote(json.dumps(said))


def _blocks(model: torch.nn.Module) -> tuple[str, torch.nn.Module | None]:
    """Path and first block of the longest list of modules; of equal ones the first."""
    lists = [
        (path, child)
        for path, child in model.named_modules()
        if isinstance(child, torch.nn.ModuleList) and len(child) and path.count(".") <= 3
    ]
    # Of a model of text and images, the text's blocks.
    text = [found for found in lists if "vision" not in found[0] and "visual" not in found[0]]
    path, found = max(text or lists, key=lambda one: len(one[1]), default=("", None))
    return path, None if found is None else found[0]


def _likest(path: str, names: set[str], parallel: bool, config: Any) -> str | None:
    """The table that says most of what a block and a configuration have, and nothing more."""
    fits = [
        (
            len(_modules(family)) + len(_settings(family)),
            len(_inner(family) & names),
            family.layers == path,
            not family.alibi,
            family.windows == "full",
            name == "llama",
            name,
        )
        for name, family in FAMILIES.items()
        if name not in HYBRIDS  # a block's modules do not say what the other layers are
        if _modules(family) <= names and all(hasattr(config, one) for one in _settings(family))
        if bool(family.parallel) == parallel
    ]
    return max(fits)[-1] if fits else None


def _settings(family: Family) -> set[str]:
    """Fields of the configuration that a table names."""
    named = {family.scale, family.parallel, family.alibi}
    return {one for one in named if isinstance(one, str) and one}


def _modules(family: Family) -> set[str]:
    places = family.block.places.items()
    return {place.module for site, place in places if place.module and site not in INNER}


def _inner(family: Family) -> set[str]:
    """Modules that a block of the family need not have."""
    return {place.module for site, place in family.block.places.items() if site in INNER}


def _by_words(names: Iterable[str]) -> dict[str, str]:
    """Modules whose names look like a table's; the heads' projection is inside attention."""
    found: dict[str, str] = {}
    for site, words in _WORDS.items():
        inside = f"{found['attn']}." if site == "head" and "attn" in found else ""
        likely = [
            name
            for word in words
            for name in sorted(names, key=lambda name: (name.count("."), name))
            if word in name.rsplit(".", 1)[-1].lower() and "norm" not in name
            if name.startswith(inside)
        ]
        if likely:
            found[site] = likely[0]
    return found


def _windows(config: Any) -> str:
    """How the configuration says that layers look back."""
    types = getattr(config, "layer_types", None)
    if types and {"sliding_attention", "chunked_attention"} & set(types):
        return "by_layer_type"
    return "sliding" if getattr(config, "sliding_window", None) and not types else "full"
