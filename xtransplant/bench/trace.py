"""One grid: its model loaded, computed, its files written, run again to verify it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from typing import NamedTuple

from xtransplant.backends.registry import open_backend
from xtransplant.bench.load import load_model
from xtransplant.bench.trace_config import TracePlan
from xtransplant.engine.ask.no_effect import no_effect
from xtransplant.engine.verify import packing_for
from xtransplant.grid.check import verify_grid
from xtransplant.grid.frame import save_grid
from xtransplant.grid.grid import Grid
from xtransplant.grid.swept import SweptGrid
from xtransplant.grid.transplant import GridOptions, transplant
from xtransplant.model.distributed import rank
from xtransplant.model.model import Model

__all__ = [
    "Found",
    "Verified",
    "compute_grid",
    "load_for",
    "no_effect_of",
    "verify",
    "writing_files",
]

Found = Grid | SweptGrid


def load_for(plan: TracePlan, note: Callable[[str], None]) -> Model:
    """The model of a grid.

    Args:
        plan: what is to be run.
        note: given each status of a job on a server.

    Raises:
        XTransplantError: a model that cannot be loaded, or a place where no single grid runs.
    """
    backend = open_backend(plan.config.backend, say=note)
    return load_model(plan.model_name, plan.config.model, backend)


def no_effect_of(plan: TracePlan, model: Model) -> str:
    """That a layer has no effect on a grid; empty if both have. Nothing is run.

    Raises:
        XTransplantError: layers that the model has not, or a strategy that fails.
    """
    strategies = plan.config.sweep.for_languages(
        plan.example.source_lang, plan.example.target_lang
    ).strategies
    return no_effect(model, strategies, product(*plan.layers(model.n_layers)))


def compute_grid(plan: TracePlan, model: Model) -> Found:
    """Run the grid, or those of a sweep.

    Where it is to be verified, its packing is too, also if that is remembered.

    Raises:
        XTransplantError: layers that the model has not, an unusable prompt or candidate, or too
            little memory.
    """
    config = plan.config
    if config.verify:
        packing_for(model, anew=True)
    source_layers, target_layers = plan.layers(model.n_layers)
    options = GridOptions(
        source_layers=source_layers,
        target_layers=target_layers,
        scores=config.scores,
        generations=config.generations,
        max_new_tokens=config.max_new_tokens,
        chat_template=config.chat_template,
        memory_budget=config.memory_budget,
    )
    if config.axes is None:
        return transplant(model, plan.example, config.sweep.strategy, **options).by(config.metric)
    swept = transplant(model, plan.example, config.sweep, **options)
    return swept.over(*config.axes).by(config.metric)


@contextmanager
def writing_files(plan: TracePlan, grid: Found) -> Iterator[None]:
    """Write a grid's cells and its heatmap at the end of the block, however that ends.

    So they are written also where standard output cannot be, and the block prints also where they
    cannot. Of the processes of a split model, which all have the same grid, the first one writes.

    Raises:
        XTransplantError: a file that cannot be written.
    """
    config = plan.config
    with ExitStack() as files:
        if config.plot is not None and not rank():
            files.callback(grid.plot, config.plot)
        if config.save is not None and not rank():
            files.callback(save_grid, grid, config.save)
        yield


class Verified(NamedTuple):
    """A grid, or each of a sweep's, against one variant at a time: in lines, and whether all do."""

    lines: list[str]
    agrees: bool


def verify(plan: TracePlan, model: Model, found: Found) -> Verified:
    """Run a grid, or those of a sweep, again one variant at a time, and compare.

    Raises:
        XTransplantError: a raw strategy, whose variants have run one after another as it is.
    """
    config = plan.config
    grids = found.grids if isinstance(found, SweptGrid) else (found,)
    checked = [
        verify_grid(model, grid, strategy, chat_template=config.chat_template)
        for grid, strategy in zip(grids, config.sweep.strategies, strict=True)
    ]
    names = [f"{grid.strategy}: " if len(grids) > 1 else "" for grid in grids]
    lines = [name + one.summary for name, one in zip(names, checked, strict=True)]
    return Verified(lines, all(one.agrees for one in checked))
