"""A bench by a backend's workers: several processes, each with the model, that share one run.

A run's parts are claimed by locks and stored whole, by any number of processes: so a worker is just
another process on the run, and one that dies leaves nothing behind but parts that are still to do.
Workers need to see the run's folder: one machine, or a file system that they share.
"""

from __future__ import annotations

import time
from pathlib import Path

from xtransplant.bench.clock import Clock
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.context_limit import leave_out_too_long
from xtransplant.bench.execute import execute
from xtransplant.bench.load import load_model
from xtransplant.bench.opening import open_for_writing
from xtransplant.bench.pairs import Chosen, Pairs
from xtransplant.bench.plan import Plan, make_plan
from xtransplant.runs.store import Run, open_run

__all__ = ["execute_by_workers", "work_on"]


def execute_by_workers(plan: Plan, path: Path, context: RunContext) -> Run:
    """Do what is missing of a run by the workers of a backend; give the run as it is then.

    Args:
        plan: what the run comes to.
        path: the run's folder, as workers find it.
        context: the backend with its workers, and what reports are given to.

    Raises:
        XTransplantError: as :func:`execute`; workers cannot be started, or keep dying.
    """
    clock: Clock | None = None
    began = time.time()

    def look() -> None:
        # The manifest is the first worker's to write; nothing is known before.
        nonlocal clock
        if clock is None and (path / "manifest.json").exists():
            clock = Clock.of_run(open_run(path))
        if clock is None:
            return
        for part in clock.refresh():
            clock.worked += part.stop - part.start
            context.watch(clock.progress_of(part))
        # A worker's first part begins once it has loaded the model and verified it.
        if begun := clock.begun(began):
            context.step(clock.under_way(begun))

    arguments = (plan.config, path, plan.pairs, context.accept_versions)
    context.backend.run_workers(work_on, arguments, look=look, say=context.say)
    return open_run(path).finish()


def work_on(config: Config, path: Path, pairs: Pairs, accept_versions: bool) -> None:
    """What one worker does: load the model, and do parts of a run until none is left.

    Args:
        config: what is run.
        path: the run's folder.
        pairs: as the plan has them, chosen pairs included.
        accept_versions: as in :class:`RunContext`.
    """
    plan = make_plan(config, chosen=pairs if isinstance(pairs, Chosen) else None)
    model = load_model(plan.model_name, config.model)
    plan = leave_out_too_long(plan, model)
    run = open_for_writing(plan, path, model)
    execute(plan, run, model, RunContext(accept_versions=accept_versions))
