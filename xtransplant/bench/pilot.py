"""The pilot protocol: choose pairs on one split, write them down, apply them to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from xtransplant.backends.registry import open_backend
from xtransplant.bench.chosen_values import choose_values
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.load import load_model
from xtransplant.bench.pairs import Chosen, choose_pairs, write_chosen
from xtransplant.bench.plan import make_plan, sweeps_of
from xtransplant.bench.run import bench
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.runs.store import Run
from xtransplant.tasks.task import find_task

__all__ = ["Pilot", "pilot"]


@dataclass(frozen=True)
class Pilot:
    """What :func:`pilot` did.

    Attributes:
        first: the run on the pilot split.
        second: the run of the chosen pairs on the other split.
        grid: the run of all pairs on it, where that was asked for.
        chosen: the pairs.
        written: their file, in the folder of ``first``: ``pairs.json``, or ``pairs-across.json``
            where one pair serves all languages.
    """

    first: Run
    second: Run
    grid: Run | None
    chosen: Chosen
    written: Path

    @property
    def runs(self) -> list[Run]:
        """In the order in which a report takes them."""
        return [run for run in (self.second, self.grid, self.first) if run is not None]


def pilot(
    config: Config,
    context: RunContext = RunContext(),
    *,
    apply_to: str = "unseen",
    apply_limit: int | None = None,
    across: bool = False,
    upper_bound: bool = False,
    model: Model | None = None,
) -> Pilot:
    """Choose a pair per language on the pilot split, freeze it, and apply it to another split.

    Chosen is the pair with most correct answers; ties: smallest target layer, then largest source
    layer (arXiv 2412.12686). Of a sweep one value is chosen with them: :func:`choose_values`. Where
    the configuration says ``only``, that goes for the choice; pairs are applied to all examples.

    Args:
        config: its split is where pairs are chosen, ``pilot`` by default.
        context: where and how the run is opened.
        apply_to: the other split.
        apply_limit: the first so many examples of each language there; as many as the pilot's
            limit by default.
        across: one pair for all languages of a task, instead of one for each.
        upper_bound: run every pair on the other split too.
        model: loaded already; else it is loaded once for all runs.

    Raises:
        XTransplantError: as :func:`bench`; a task that has no such splits, pairs that are chosen
            already, or a backend that runs nothing.
    """
    config = replace(config, split=config.split or "pilot")
    _check(config, context, apply_to, apply_limit)
    applied_limit = config.limit if apply_limit is None else apply_limit
    if config.baselines or "paraphrase" in config.nulls:  # what is not there is said at once
        make_plan(replace(config, split=apply_to, limit=applied_limit))
    # Baselines are run where pairs are applied.
    on_pilot = replace(config, baselines=())
    if model is None and not context.backend.has_workers:
        backend = open_backend(context.backend, say=context.note)
        model = load_model(make_plan(on_pilot).model_name, config.model, backend, context.doing)
    run, runs = partial(bench, context=context, model=model), 2 + upper_bound
    # What is told of the time left is each run's own.
    context.doing(f"run 1 of {runs}: {config.split}, to choose pairs")
    first = run(on_pilot)
    pairs = choose_pairs(first.path, across=across)
    chosen = choose_values(pairs, sweeps_of(on_pilot), context.say)
    written = first.path / ("pairs-across.json" if across else "pairs.json")
    write_chosen(chosen, written)
    rest = _applied(config, first, apply_to, applied_limit)
    context.doing(f"run 2 of {runs}: {apply_to}, at the chosen pairs")
    second = run(rest, chosen=chosen)
    grid = None
    if upper_bound:
        context.doing(f"run 3 of {runs}: {apply_to}, at all pairs")
        grid = run(replace(rest, baselines=()))
    return Pilot(first, second, grid, chosen, written)


def _check(config: Config, context: RunContext, apply_to: str, apply_limit: int | None) -> None:
    """Refuse what a pilot cannot choose or apply.

    Raises:
        XTransplantError: as :func:`pilot`.
    """
    if context.backend.is_dry:
        raise XTransplantError(
            "--on dry: what a pilot applies depends on what it chooses; xtp bench --on dry says "
            "what each of its runs would cost"
        )
    if config.pairs.startswith("@"):
        raise XTransplantError(
            f"--pairs {config.pairs} has chosen already; a pilot chooses from overall, "
            "source-last, target-first, diagonal or several pairs; xtp bench applies what is chosen"
        )
    for name in config.tasks:
        splits = find_task(name).splits_in(config.data)
        for split in (config.split, apply_to):
            if split not in splits:
                raise XTransplantError(
                    f"{name} has no split {split!r} for a pilot; it has {', '.join(splits)}"
                )
    if apply_limit is not None and apply_limit < 1:
        raise XTransplantError(
            f"--apply-limit {apply_limit} leaves no example to apply pairs to; give 1 or more"
        )
    if config.split == apply_to:
        raise XTransplantError(f"pairs chosen on {apply_to} cannot be tried on {apply_to} itself")


def _applied(config: Config, first: Run, split: str, limit: int | None) -> Config:
    """What chosen pairs are applied to."""
    # Tasks and languages that the pilot left out have no pair to apply.
    tasks = tuple(name for name, task in first.manifest.tasks.items() if task.languages)
    langs = _languages(first)
    # What a set's examples chose is applied to all: what it breaks is told by the others.
    return replace(config, tasks=tasks, split=split, langs=langs, limit=limit, only="all")


def _languages(run: Run) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(lang for task in run.manifest.tasks.values() for lang in task.languages)
    )
