"""Formulas of strategies in plain words: sites, layers, and what changes the rows there in place.

Each takes a function that reads the source's last token, and the layer pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

Act = Callable[[Tensor, int], None]
Acts = Sequence[tuple[str, int, Act]]
Read = Callable[[str, int], Tensor]


def put(value: Tensor | None, at: int = -1) -> Act:
    """Write a value over a token; no value: what stands there is lost."""

    def act(rows: Tensor, place: int) -> None:
        rows[:, place + 1 + at] = 0.0 if value is None else value

    return act


def add(value: Tensor) -> Act:
    def act(rows: Tensor, place: int) -> None:
        rows[:, place] += value

    return act


def band(read: Read, i: int, j: int) -> Acts:
    return [("ffn", j + k, put(read("ffn", i + k))) for k in range(2)]


def both(read: Read, i: int, j: int) -> Acts:
    return [(site, j, put(read(site, i))) for site in ("attn", "ffn")]


def weigh(weight: float, value: Tensor) -> Act:
    def act(rows: Tensor, place: int) -> None:
        rows[:, place] = (1 - weight) * rows[:, place] + weight * value

    return act


FORMULAS: dict[str, Callable[[Read, int, int], Acts]] = {
    "band-swap": band,
    "band-swap(site=attn, width=1)": lambda read, i, j: [("attn", j, put(read("attn", i)))],
    "attn-ffn-swap": both,
    "attn-swap + ffn-swap": both,
    "ffn-add(scale=0.5)": lambda read, i, j: [("resid_post", j, add(0.5 * read("ffn", i)))],
    "patchscope(token=3)": lambda read, i, j: [("resid_post", j, put(read("resid_post", i), -3))],
    "neuron-swap": lambda read, i, j: [("neurons", j, put(read("neurons", i)))],
    "ablate": lambda read, i, j: [("ffn", j, put(None))],
    "ablate(site=attn)": lambda read, i, j: [("attn", j, put(None))],
    "attn-swap + blend(site=resid_post, weight=0.25)": lambda read, i, j: [
        ("attn", j, put(read("attn", i))),
        ("resid_post", j, weigh(0.25, read("resid_post", i))),
    ],
}


def at_place(acts: Acts, place: int) -> list[tuple[str, int, Any]]:
    """Acts as ``continued_under`` takes them; ``place`` is the prompt's last token."""
    return [(site, layer, lambda rows, act=act: act(rows, place)) for site, layer, act in acts]
