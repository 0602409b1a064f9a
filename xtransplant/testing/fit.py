"""A fit for tests: made on a few examples, in a moment."""

from __future__ import annotations

from pathlib import Path

from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.fit import fit
from xtransplant.model.model import Model
from xtransplant.strategies import Strategy, find_strategy
from xtransplant.testing.example import bundled_model, default_task, example_for

__all__ = ["with_fit"]


def with_fit(
    strategy: str, folder: str | Path, model: Model | None = None, *, limit: int = 4
) -> Strategy:
    """A strategy with a fit of its own, of few examples: to test how it runs, not what it is worth.

    Args:
        strategy: the path of its file, or its name.
        folder: where the fit is written; an empty one.
        model: what is captured from; the bundled model by default.
        limit: how many examples it is fitted to, of the task and in the languages that a strategy
            is checked on.

    Raises:
        XTransplantError: a strategy that takes no fit, or a function that gives none.
    """
    used = bundled_model() if model is None else model
    found = fit(
        Config(
            tasks=(default_task(used.name),),
            strategies=(strategy,),
            langs=(example_for(used).target_lang,),
            limit=limit,
        ),
        RunContext(Path(folder)),
        model=used,
    )
    return find_strategy(strategy).with_options({"fit": found.path})
