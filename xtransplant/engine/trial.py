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

__all__ = [
    "N_TOKENS",
    "SMALL_WINDOW",
    "Trial",
    "TrialRun",
    "long_trial",
    "longest_window",
    "short_trial",
    "windows",
]

N_TOKENS, SMALL_WINDOW = 11, 4
"""Length of a trial's prompts, and the size that windows are made for it, in tokens: a prompt ends
within an attention chunk of that size, which its candidates and its continuation leave."""

_N_NEW = 3
# Longest prompt of a trial, in tokens, by type of device: longer ones cost too much, and windows
# longer than it are left untried.
_LONGEST = {"cpu": 1200}
_LONGEST_ELSEWHERE = 5000


@dataclass(frozen=True)
class TrialRun:
    """What a trial gave by one way of packing; ``texts`` is None where none were generated."""

    scores: Scores
    texts: Generations | None


@dataclass(frozen=True)
class Trial:
    """Variants of two prompts, scored and continued."""

    item: Item
    variants: Sequence[Sequence[Edit]]

    @property
    def n_tokens(self) -> int:
        """Length of its prompts."""
        return len(self.item.target)

    def run(self, model: Model, packing: Packing, *, texts: bool = True) -> TrialRun:
        """Scores of the candidates and, unless told not to, a few new tokens, of every variant."""
        sources = Sources()
        items = [self.item]
        scores = next(score_items(model, items, self.variants, packing=packing, sources=sources))
        if not texts:
            return TrialRun(scores, None)
        generations = generate_items(
            model, items, self.variants, packing=packing, sources=sources,
            decoding=Decoding(_N_NEW, source_text=False, with_certainty=True),
        )  # fmt: skip
        return TrialRun(scores, next(generations))


def short_trial(model: Model, n_tokens: int, seed: int) -> Trial:
    """Every site written at the first, the middle and the last layer, read at another of them.

    One variant per layer writes all its sites. Each is left half of what it held, so that what an
    earlier write did is not hidden by a later one. Candidates of one and of three tokens.
    """
    layers = _layers(model)
    variants = []
    for place, j in enumerate(layers):
        edits = []
        for number, site in enumerate(module_sites(model.sites_at(j))):
            i = layers[(place + 1 + number) % len(layers)]
            # A layer of another kind may not have the site.
            edits.append(_write(model, site, i if _alike(model, site, i, j) else j, j, 0.5))
        variants.append(tuple(edits))
    return Trial(_item(model, n_tokens, seed), variants)


def long_trial(model: Model, seed: int) -> Trial | None:
    """Prompts longer than the model's sliding windows; None where it has none that can be tried.

    One site at each of the first, the middle and the last layer.
    """
    longest = longest_window(model)
    if longest is None:
        return None
    first, middle, last = _layers(model)[0], model.n_layers // 2, model.n_layers - 1
    swaps: list[tuple[Site, int, int]] = [
        ("attn", last, first),
        ("resid_pre", first, middle),
        ("head", middle, last),
    ]
    variants = [
        (_write(model, site, i, j, 1.0),) for site, i, j in swaps if _alike(model, site, i, j)
    ]
    return Trial(_item(model, _beyond(longest), seed), variants)


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


def _layers(model: Model) -> list[int]:
    return sorted({0, model.n_layers // 2, model.n_layers - 1})


def _alike(model: Model, site: Site, i: int, j: int) -> bool:
    """Whether two layers have a site, and hold values of one width there."""
    has = all(site in model.sites_at(layer) for layer in (i, j))
    return has and model.width(site, i) == model.width(site, j)


def _write(model: Model, site: Site, i: int, j: int, share: float) -> Edit:
    """``target.site[j] = share * source.site[i] + (1 - share) * target.site[j]``.

    Of one head, where the site is heads.
    """
    head = (i + j) % model.n_heads if site == "head" else None
    read = Read("source", site, i, LAST, head)
    own = Read("target", site, j, LAST, head)
    terms = ((share, read), (1 - share, own))[: 1 if share == 1 else 2]
    return Edit(site, j, LAST, Value(terms), head)


def _item(model: Model, n_tokens: int, seed: int) -> Item:
    rng = random.Random(seed)
    ids = [rng.randrange(3, model.vocab_size) for _ in range(2 * n_tokens + 4)]
    source, target, rest = ids[:n_tokens], ids[n_tokens:-4], ids[-4:]
    candidates = [rest[:1], rest[1:]]
    return Item(source, target, candidates, candidates)
