"""Fits of made-up numbers, for tests that ask how a fitted strategy runs and not what is fitted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from xtransplant import Model, find_strategy
from xtransplant.bench.fit_file import make_tensors, write_fit
from xtransplant.engine.ask.fits import fit_model
from xtransplant.strategies import Strategy
from xtransplant.strategies.fit import FIT_SCHEMA


class Numbers:
    """Statistics of prompts that there never were."""

    languages = ("en", "sw", "hi")
    target_languages = ("sw", "hi")

    def __init__(self, n_layers: int, *shape: int) -> None:
        self.n_layers, self._shape = n_layers, (n_layers, *shape)

    def _rows(self, *shape: int, seed: str) -> torch.Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(sum(map(ord, seed))))

    def mean(self, lang: str) -> torch.Tensor:
        return self._rows(*self._shape, seed=lang)

    def count(self, lang: str) -> int:
        return 5

    def vectors(self, lang: str, layer: int) -> torch.Tensor:
        return self._rows(5, self._shape[-1], seed=f"own {lang}{layer}")

    def pairs(self, lang: str, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        width = self._shape[-1]
        return (
            self._rows(5, width, seed=f"{lang}{layer}"),
            self._rows(5, width, seed=f"en{layer}"),
        )


def made_fit(model: Model, name: str, folder: Path) -> str:
    """A fit for a strategy on a model, in a folder; its path."""
    strategy = find_strategy(name)
    fitting = strategy.fitting
    assert fitting is not None
    width = max(model.width(fitting.site, layer) for layer in range(model.n_layers))
    options = {option.name: option.default for option in fitting.options}
    if name == "lape":
        options |= {"share": 0.5, "quantile": 0.3}  # so that a small layer has some
    kinds = [2] if fitting.tokens == "active, mean" else []
    heads = [model.n_heads] if fitting.site == "head" else []
    numbers = Numbers(model.n_layers, *heads, *kinds, width)
    tensors = make_tensors(strategy, fitting, numbers, options)
    about = {
        "schema": FIT_SCHEMA, "strategy": strategy.name, "formula": fitting.digest,
        "uses": fitting.uses, "site": fitting.site, "tokens": fitting.tokens,
        "n_layers": model.n_layers, "model": fit_model(model), "tasks": {}, "prompts": [],
        "options": options, "counts": {},
    }  # fmt: skip
    return write_fit(folder, tensors, about).path


def ready(model: Model, name: str) -> Strategy:
    """A strategy, with a made-up fit if it takes one."""
    found = find_strategy(name)
    if not found.is_fitted:
        return found
    return found.with_options({"fit": made_fit(model, name, Path(tempfile.mkdtemp()))})
