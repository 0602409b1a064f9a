"""Every built-in strategy in plain words: what it writes, of what plain hooks have read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reference import read_lasts
from torch import Tensor

from xtransplant import Example, Model, find_strategy, load
from xtransplant.benchmarks.capitals.task import capitals
from xtransplant.benchmarks.klar import klar
from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.variants import shape_of
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples

# Names that .ci/real gives the files.
FILES = {"gemma3-270m": "gemma3-270m.gguf", "smollm2-135m": "smollm2-135m.gguf"}
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
HEAD = 1
N_CANDIDATES = 4
Activations = dict[tuple[str, int], Tensor]


@dataclass(frozen=True)
class Plain:
    """A strategy without this package.

    Attributes:
        options: of the strategy.
        site: where it writes.
        value: what it writes, ``[width]``, of the last tokens' activations and the layer pair.
        head: the one it writes; None where it writes the whole width.
    """

    options: dict[str, Any]
    site: str
    value: Callable[[Activations, Activations, int, int], Tensor]
    head: int | None = None


# Written down anew from the strategies' docstrings.
PLAIN = {
    "attn-swap": Plain({}, "attn", lambda s, t, i, j: s["attn", i]),
    "attn-swap-official": Plain(
        {}, "attn", lambda s, t, i, j: s["attn", i] + s["resid_pre", i]
    ),
    "ffn-swap": Plain({}, "ffn", lambda s, t, i, j: s["ffn", i]),
    "resid-swap": Plain({}, "resid_post", lambda s, t, i, j: s["resid_post", i]),
    "head-swap": Plain({"head": HEAD}, "head", lambda s, t, i, j: s["head", i], HEAD),
    "blend": Plain(
        {"site": "attn", "weight": 0.5},
        "attn",
        lambda s, t, i, j: 0.5 * t["attn", j] + 0.5 * s["attn", i],
    ),
    "none": Plain({}, "resid_post", lambda s, t, i, j: t["resid_post", j]),
}  # fmt: skip
SITES = ("attn", "ffn", "head", "resid_pre", "resid_post")


@dataclass(frozen=True)
class Real:
    """A real model.

    Attributes:
        model: loaded in float32.
        path: its file.
        pairs: layer pairs that are tried, two by each strategy: forth and back over the whole
            depth, and near the middle, where transplants matter.
        cases: strategy and layer pair of each variant, in the order of ``variants``.
        variants: what the strategies record there.
    """

    model: Model
    path: Path
    pairs: tuple[tuple[int, int], ...]
    cases: tuple[tuple[str, int, int], ...]
    variants: tuple[Any, ...]

    def activations(self, ids: Sequence[int]) -> Activations:
        """Of a prompt's last token, at every site and layer that the cases read."""
        layers = sorted({layer for pair in self.pairs for layer in pair})
        places = [(site, layer) for site in SITES for layer in layers]
        return read_lasts(self.model.module, ids, places)


def load_real(path: Path) -> Real:
    """Load a model and record the strategies on it."""
    model = load(path, dtype="float32")
    n = model.n_layers
    pairs = ((0, n - 1), (n - 1, 0), (2 * n // 3, 2 * n // 3 - 1), (n // 2, n // 2))
    cases = tuple(
        (name, *pairs[(k + step) % len(pairs)]) for k, name in enumerate(PLAIN) for step in (0, 2)
    )
    variants = tuple(
        find_strategy(name).with_options(PLAIN[name].options).edits(shape_of(model), i, j)
        for name, i, j in cases
    )
    return Real(model, path, pairs, cases, variants)


def capital(lang: str, number: int = 0) -> Example:
    """An example of the bundled task."""
    return load_examples(capitals, lang, split="unseen").examples[number]


def fact(lang: str, number: int = 0) -> Example:
    """A fact of KLAR with its candidates."""
    return load_examples(klar, lang, split="unseen", data=DataSource(SHARED_DATA)).examples[number]


def item(real: Real, example: Example, *, exact_scores: bool = True) -> Item:
    """An example with the first so many of its candidates: a reference runs every one of them."""
    spelled = example.source_candidates or example.candidates
    fewer = replace(
        example,
        candidates=example.candidates[:N_CANDIDATES],
        source_candidates=spelled[:N_CANDIDATES],
    )
    return item_of(real.model, fewer, exact_scores=exact_scores)
