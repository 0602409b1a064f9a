"""One grid: its model loaded, computed, its files written, run again to verify it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from xtransplant.backends.registry import open_backend
from xtransplant.bench.dry_trace import DryTrace, dry_trace
from xtransplant.bench.load import load_model
from xtransplant.bench.trace_config import TracePlan
from xtransplant.grid.check import GridCheck, verify_grid
from xtransplant.grid.frame import save_grid
from xtransplant.grid.grid import Grid
from xtransplant.grid.transplant import transplant
from xtransplant.model.distributed import rank
from xtransplant.model.load import Model
from xtransplant.options import parse_layers

__all__ = ["compute_grid", "count_grid", "load_for", "verify", "writing_files"]


def load_for(plan: TracePlan, note: Callable[[str], None]) -> Model:
    """The model of a grid.

    Args:
        plan: what is to be run.
        note: given each status of a job on a server.

    Raises:
        XTransplantError: a model that cannot be loaded, or a place where no single grid runs.
    """
    backend = open_backend(plan.settings.backend, say=note)
    return load_model(plan.model_name, plan.settings.model, backend)


def compute_grid(plan: TracePlan, model: Model) -> Grid:
    """Run the grid.

    Raises:
        XTransplantError: layers that the model has not, an unusable prompt or candidate, or too
            little memory.
    """
    asked = plan.settings
    source_layers, target_layers = _layers(plan, model)
    return transplant(
        model,
        plan.example,
        asked.strategy,
        source_layers=source_layers,
        target_layers=target_layers,
        scores=asked.scores,
        generations=asked.generations,
        max_new_tokens=asked.max_new_tokens,
        chat_template=asked.chat_template,
        memory_budget=asked.memory_budget,
    )


def count_grid(plan: TracePlan, model: Model) -> DryTrace:
    """What the grid would come to elsewhere; nothing is run.

    Raises:
        XTransplantError: as :func:`compute_grid`, or functions that cannot be sent to a server.
    """
    asked = plan.settings
    source_layers, target_layers = _layers(plan, model)
    return dry_trace(
        model, plan.example, asked.strategy, source_layers=source_layers,
        target_layers=target_layers, generations=asked.generations,
        max_new_tokens=asked.max_new_tokens, chat_template=asked.chat_template,
    )  # fmt: skip


def _layers(plan: TracePlan, model: Model) -> tuple[tuple[int, ...], tuple[int, ...]]:
    asked = plan.settings
    return (
        parse_layers(asked.source_layers, model.n_layers, "--source-layers"),
        parse_layers(asked.target_layers, model.n_layers, "--target-layers"),
    )


@contextmanager
def writing_files(plan: TracePlan, grid: Grid) -> Iterator[None]:
    """Write a grid's cells and its heatmap at the end of the block, however that ends.

    So they are written also where standard output cannot be, and the block prints also where they
    cannot. Of the processes of a split model, which all have the same grid, the first one writes.

    Raises:
        XTransplantError: a file that cannot be written.
    """
    asked = plan.settings
    with ExitStack() as files:
        if asked.plot is not None and not rank():
            files.callback(grid.plot, asked.plot)
        if asked.save is not None and not rank():
            files.callback(save_grid, grid, asked.save)
        yield


def verify(plan: TracePlan, model: Model, grid: Grid) -> GridCheck:
    """Run a grid again one variant at a time, and compare.

    Raises:
        XTransplantError: a raw strategy, whose variants have run one after another as it is.
    """
    asked = plan.settings
    return verify_grid(model, grid, asked.strategy, chat_template=asked.chat_template)
