"""One grid: its model loaded, computed, its files written, run again to verify it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from xtransplant.backends.registry import open_backend
from xtransplant.bench.load import load_model
from xtransplant.bench.trace_config import TracePlan
from xtransplant.engine.verify import packing_for
from xtransplant.grid.check import GridCheck, verify_grid
from xtransplant.grid.frame import save_grid
from xtransplant.grid.grid import Grid
from xtransplant.grid.transplant import transplant
from xtransplant.model.distributed import rank
from xtransplant.model.model import Model

__all__ = ["compute_grid", "load_for", "verify", "writing_files"]


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


def compute_grid(plan: TracePlan, model: Model) -> Grid:
    """Run the grid; where it is to be verified, its packing is too, also if that is remembered.

    Raises:
        XTransplantError: layers that the model has not, an unusable prompt or candidate, or too
            little memory.
    """
    config = plan.config
    if config.verify:
        packing_for(model, anew=True)
    source_layers, target_layers = plan.layers(model.n_layers)
    return transplant(
        model,
        plan.example,
        config.strategy,
        source_layers=source_layers,
        target_layers=target_layers,
        scores=config.scores,
        generations=config.generations,
        max_new_tokens=config.max_new_tokens,
        chat_template=config.chat_template,
        memory_budget=config.memory_budget,
    )


@contextmanager
def writing_files(plan: TracePlan, grid: Grid) -> Iterator[None]:
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


def verify(plan: TracePlan, model: Model, grid: Grid) -> GridCheck:
    """Run a grid again one variant at a time, and compare.

    Raises:
        XTransplantError: a raw strategy, whose variants have run one after another as it is.
    """
    config = plan.config
    return verify_grid(model, grid, config.strategy, chat_template=config.chat_template)
