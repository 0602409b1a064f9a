"""What packing is verified on: prompts of random tokens, and edits at every site and depth."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.generate import generate_items
from xtransplant.engine.outcome import Generations, Scores
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.model import Model
from xtransplant.packing import Packing
from xtransplant.sites import Site, module_sites
from xtransplant.strategies import LAST, Edit, Read, Value

__all__ = ["Trial", "TrialRun", "long_trial", "longest_window", "short_trial"]

_N_NEW = 4
# Longest prompt of a trial, in tokens, by type of device: longer ones cost too much, and windows
# longer than it are left untried.
_LONGEST = {"cpu": 1200}
_LONGEST_ELSEWHERE = 5000


@dataclass(frozen=True)
class TrialRun:
    """What a trial gave by one way of packing."""

    scores: Scores
    texts: Generations


@dataclass(frozen=True)
class Trial:
    """Variants of two prompts, scored and continued."""

    item: Item
    variants: Sequence[Sequence[Edit]]

    @property
    def n_tokens(self) -> int:
        """Length of its prompts."""
        return len(self.item.target)

    def run(self, model: Model, packing: Packing) -> TrialRun:
        """Scores of the candidates and a few generated tokens, of every variant."""
        sources = Sources()
        items = [self.item]
        scores = next(score_items(model, items, self.variants, packing=packing, sources=sources))
        texts = next(
            generate_items(
                model, items, self.variants, packing=packing, sources=sources,
                decoding=Decoding(_N_NEW, source_text=False, with_certainty=True),
            )
        )  # fmt: skip
        return TrialRun(scores, texts)


def short_trial(model: Model, n_tokens: int, seed: int) -> Trial:
    """Every site written at the first, the middle and the last layer, read at another of them.

    Candidates of one token, and two of three that share their first.
    """
    sites = module_sites(model.sites)
    variants = []
    for number, site in enumerate(sites):
        layers = _layers(model.layers_with(site))
        for place, j in enumerate(layers):
            i = layers[(place + 1 + number) % len(layers)]
            # Heads of one width go into each other's place; of two, into their own.
            if site == "head" and model.head_dims[i] != model.head_dims[j]:
                i = j
            variants.append(_swap(model, site, i, j))
    return Trial(_item(model, n_tokens, seed, several=True), variants)


def long_trial(model: Model, seed: int) -> Trial | None:
    """Prompts longer than the model's sliding windows; None where it has none that can be tried.

    One site at each of the first, the middle and the last layer.
    """
    longest = longest_window(model)
    if longest is None:
        return None
    first, middle, last = 0, model.n_layers // 2, model.n_layers - 1
    wanted: list[tuple[Site, int, int]] = [
        ("attn", last, first), ("resid_pre", first, middle), ("head", middle, last)
    ]  # fmt: skip
    variants = [
        _swap(model, site, i, j)
        for site, i, j in wanted
        if {i, j} <= {*model.layers_with(site)}
        and (site != "head" or model.head_dims[i] == model.head_dims[j])
    ]
    return Trial(_item(model, _beyond(longest), seed, several=False), variants)


def longest_window(model: Model) -> int | None:
    """The longest window of the model that a trial's prompts can be longer than, if any."""
    most = _LONGEST.get(model.device.type, _LONGEST_ELSEWHERE)
    if (limit := getattr(model.config, "max_position_embeddings", None)) is not None:
        most = min(most, limit - _N_NEW - 1)
    return max(
        (size for size in windows(model) if size + max(16, size // 16) <= most), default=None
    )


def windows(model: Model) -> list[int]:
    """Sizes of sliding windows and attention chunks shorter than the context, in tokens, sorted."""
    limit = getattr(model.config, "max_position_embeddings", None)
    sizes = {w.sliding if w.sliding is not None else w.chunk for w in model.windows.values()}
    return sorted(s for s in sizes if s is not None and (limit is None or s < limit))


def _beyond(window: int) -> int:
    """How long a prompt has to be for a window to matter, in tokens."""
    return window + max(16, window // 16)


def _layers(there: Sequence[int]) -> list[int]:
    """The first, the middle and the last of some layers."""
    return sorted({there[0], there[len(there) // 2], there[-1]})


def _swap(model: Model, site: Site, i: int, j: int) -> tuple[Edit, ...]:
    """``target.site[j] = source.site[i]``; of one head, where the site is heads."""
    head = (i + j) % model.n_heads if site == "head" else None
    read = Read("source", site, i, LAST, head)
    return (Edit(site, j, LAST, Value(((1.0, read),)), head),)


def _item(model: Model, n_tokens: int, seed: int, *, several: bool) -> Item:
    rng = random.Random(seed)
    ids = [rng.randrange(3, model.vocab_size) for _ in range(2 * n_tokens + 7)]
    source, target, rest = ids[:n_tokens], ids[n_tokens:-7], ids[-7:]
    candidates = [rest[:1], rest[1:4]]
    if several:
        candidates.append([*rest[1:3], rest[-1]])
    return Item(source, target, candidates, candidates)
