"""A bench on a Ray cluster: a pool of actors, each with the model, that share one run.

A run's parts are claimed by locks and stored whole, by any number of processes: so an actor is just
another process on the run, and one that dies leaves nothing behind but parts that are still to do.
The actors need to see the run's folder: one machine, or a file system that they share.
"""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xtransplant.bench.clock import Clock, Watch
from xtransplant.bench.config import Config
from xtransplant.bench.pairs import Pairs
from xtransplant.bench.plan import make_plan
from xtransplant.bench.repair import mend
from xtransplant.bench.run import find_run
from xtransplant.errors import XTransplantError, one_line
from xtransplant.runs.store import Run, open_run

__all__ = ["bench_on_ray"]

_LOOPBACK = "127.0.0.1"
_MOST_DEATHS = 3  # of actors, for each worker
_LOOK = 0.5  # seconds between looks at the run's folder


def bench_on_ray(
    config: Config,
    output_path: str | Path = "runs",
    *,
    address: str | None = None,
    workers: int | None = None,
    fresh: bool = False,
    across: bool = False,
    pairs: Pairs | None = None,
    accept_versions: bool = False,
    say: Callable[[str], None] | None = None,
    watch: Watch | None = None,
) -> Run:
    """:func:`xtransplant.bench.run.bench`, by a pool of Ray actors.

    Args:
        address: of a running cluster; by default one is started here, listening on loopback only.
        workers: actors; by default one for each GPU, else one for every two cores.

    Raises:
        XTransplantError: as ``bench``; ray is missing, or actors keep dying.
    """
    if address is None:
        # Ray knows how to keep to loopback, but on Linux only if told so before it is imported.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise XTransplantError(
            "--on ray needs ray, which is not installed: pip install 'xtransplant[ray]'"
        ) from None
    plan = make_plan(config, across=across, pairs=pairs, say=say)
    path, run = find_run(plan, Path(output_path).resolve(), fresh=fresh)
    if run is not None and not mend(run, say):
        return run.finish()
    _connect(ray, address)
    try:
        gpus = int(ray.cluster_resources().get("GPU", 0))
        cores = int(ray.cluster_resources().get("CPU", 1))
        count = workers or gpus or max(1, cores // 2)
        threads = max(1, cores // count)
        worker = _worker(ray, gpu=bool(gpus), threads=threads)
        if say is not None:
            say(f"{count} workers on {address or 'this machine'}, {threads} threads each")
        made = (config, path, plan.pairs, accept_versions)
        pending = _start(worker, count, made)
        # The manifest is the first worker's to write; nothing is known before.
        clock, deaths = None, 0
        while pending:
            done, _ = ray.wait(list(pending), timeout=_LOOK)
            if clock is None and (path / "manifest.json").exists():
                clock = Clock.of_run(open_run(path))
            if clock is not None:
                for part in clock.look():
                    clock.worked += part.stop - part.start
                    if watch is not None:
                        watch(clock.told(part))
            for future in done:
                pending.pop(future)
                try:
                    ray.get(future)
                except ray.exceptions.RayActorError as error:
                    deaths += 1
                    if deaths > _MOST_DEATHS * count:
                        raise XTransplantError(
                            f"{deaths} workers have died, the last one so: {one_line(error)}; what "
                            "they stored is whole: run the same command again"
                        ) from error
                    if say is not None:
                        say(f"a worker died ({one_line(error)}); another takes over")
                    pending.update(_start(worker, 1, made))
                except ray.exceptions.RayTaskError as error:
                    cause = error.cause
                    if isinstance(cause, XTransplantError):
                        raise cause from None
                    raise
    finally:
        ray.shutdown()
    return open_run(path).finish()


def _connect(ray: Any, address: str | None) -> None:
    # No usage reports to the network, and no dashboard to look at.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options: dict[str, Any] = {"log_to_driver": False}
    if address is None:
        # Without "local", Ray joins whatever cluster was last started on this machine.
        options |= {"address": "local", "include_dashboard": False, "_node_ip_address": _LOOPBACK}
    else:
        options |= {"address": address}
        _reach(address)
    try:
        ray.init(logging_level="ERROR", **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        if address is None:
            raise XTransplantError(f"--on ray: Ray does not start: {one_line(error)}") from error
        raise XTransplantError(
            f"--on ray:{address}: no cluster answers there: {one_line(error)}; start one with "
            "ray start --head, or leave the address out"
        ) from error


def _reach(address: str) -> None:
    """Whether anyone listens there; Ray itself would wait for minutes."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if not port.isdecimal():
        return  # "auto" and the like
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise XTransplantError(
            f"--on ray:{address}: no cluster answers there ({one_line(error)}); start one with "
            "ray start --head, or leave the address out"
        ) from error


def _worker(ray: Any, *, gpu: bool, threads: int) -> Any:
    """The class of actors."""

    class Worker:
        def work(self, config: Config, path: Path, pairs: Pairs, accept_versions: bool) -> None:
            import torch

            from xtransplant.bench.context_limit import fitted
            from xtransplant.bench.plan import make_plan
            from xtransplant.bench.run import load_model, run_plan

            if not gpu:
                torch.set_num_threads(threads)
            plan = make_plan(config, pairs=pairs)
            model = load_model(plan)
            run_plan(fitted(plan, model), path, model, accept_versions=accept_versions)

    options: dict[str, Any] = {"num_gpus": 1} if gpu else {"num_cpus": threads}
    return ray.remote(**options)(Worker)


def _start(worker: Any, count: int, made: tuple[Any, ...]) -> dict[Any, Any]:
    """Futures of as many actors' work; each future keeps its actor alive."""
    actors = [worker.remote() for _ in range(count)]
    return {actor.work.remote(*made): actor for actor in actors}
