"""What every family is tried on: prompts longer than the sliding window, sites and layer pairs."""

from __future__ import annotations

import random
from typing import Any

from tiny import VOCABULARY
from tiny_configs import WINDOW

from xtransplant import find_strategy, strategy
from xtransplant.sites import INNER

HEAD = 1
# By site, the pairs at which it is swapped: first and last layers, forth and back.
CASES: dict[str, list[tuple[int, int]]] = {
    "attn": [(0, 3), (2, 1), (3, 0)],
    "ffn": [(1, 2), (3, 3)],
    "resid_post": [(0, 0), (3, 1)],
    "head": [(0, 2), (3, 1)],
    "attn_raw": [(0, 3), (2, 0)],
    "ffn_raw": [(3, 2)],
    "neurons": [(0, 3), (2, 1), (0, 0)],
    "keys": [(0, 2), (3, 1)],
    "values": [(3, 0), (1, 2)],
}
# Families that put a norm between a module and the residual stream.
NORMED = {
    "afmoe", "exaone4", "flex_olmo", "gemma2", "gemma3_text", "glm4", "hyperclovax", "kolibri1",
    "olmo2", "olmo3",
}  # fmt: skip
CANDIDATES = [[7], [8, 9], [8, 10, 11]]


@strategy("swap-inner")
def swap_inner(source: Any, target: Any, i: int, j: int, site: str = "neurons") -> None:
    getattr(target, site)[j] = getattr(source, site)[i]


def prompts() -> tuple[list[int], list[int]]:
    """Source and target longer than the sliding window."""
    dice = random.Random(7)
    source = [dice.randrange(3, VOCABULARY) for _ in range(WINDOW + 5)]
    target = [dice.randrange(3, VOCABULARY) for _ in range(2 * WINDOW)]
    return source, target


def cases(model: Any) -> list[tuple[str, int, int]]:
    """Site, source layer and target layer of each case that a model has."""
    return [
        (site, i, j)
        for site, pairs in CASES.items()
        for i, j in pairs
        if {i, j} <= set(model.layers_with(site)) and model.width(site, i) == model.width(site, j)
    ]


def swap(site: str) -> Any:
    """The strategy that puts one site, or one head, in the place of the same of another layer."""
    if site == "head":
        return find_strategy("head-swap").with_options({"head": HEAD})
    if site in INNER:
        return swap_inner.with_options({"site": site})
    return find_strategy("blend").with_options({"site": site, "weight": 1.0})
