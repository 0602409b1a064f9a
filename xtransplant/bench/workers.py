"""A bench by a backend's workers: several processes, each with the model, that share one run.

A run's parts are claimed by locks and stored whole, by any number of processes: so a worker is just
another process on the run, and one that dies leaves nothing behind but parts that are still to do.
Workers need to see the run's folder: one machine, or a file system that they share.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xtransplant.backends.protocol import Backend
from xtransplant.bench.clock import Clock, Watch
from xtransplant.bench.config import Config
from xtransplant.bench.context_limit import fitted
from xtransplant.bench.pairs import Pairs
from xtransplant.bench.plan import make_plan
from xtransplant.bench.repair import mend
from xtransplant.bench.run import find_run, load_model, run_plan
from xtransplant.runs.store import Run, open_run

__all__ = ["bench_by_workers", "work_on"]


def bench_by_workers(
    backend: Backend,
    config: Config,
    output_path: str | Path = "runs",
    *,
    fresh: bool = False,
    across: bool = False,
    pairs: Pairs | None = None,
    accept_versions: bool = False,
    say: Callable[[str], None] | None = None,
    watch: Watch | None = None,
) -> Run:
    """:func:`xtransplant.bench.run.bench`, by the workers of a backend.

    Raises:
        XTransplantError: as ``bench``; the backend cannot be used, or its workers keep dying.
    """
    backend.check()
    plan = make_plan(config, across=across, pairs=pairs, say=say)
    path, run = find_run(plan, Path(output_path).resolve(), fresh=fresh)
    if run is not None and not mend(run, say):
        return run.finish()
    clock: Clock | None = None

    def look() -> None:
        # The manifest is the first worker's to write; nothing is known before.
        nonlocal clock
        if clock is None and (path / "manifest.json").exists():
            clock = Clock.of_run(open_run(path))
        if clock is None:
            return
        for part in clock.look():
            clock.worked += part.stop - part.start
            if watch is not None:
                watch(clock.told(part))

    arguments = (config, path, plan.pairs, accept_versions)
    backend.run_workers(work_on, arguments, look=look, say=say)
    return open_run(path).finish()


def work_on(config: Config, path: Path, pairs: Pairs, accept_versions: bool) -> None:
    """What one worker does: load the model, and do parts of a run until none is left.

    Args:
        path: the run's folder.
        pairs: as the plan has them, chosen pairs included.
    """
    plan = make_plan(config, pairs=pairs)
    model = load_model(plan)
    run_plan(fitted(plan, model), path, model, accept_versions=accept_versions)
