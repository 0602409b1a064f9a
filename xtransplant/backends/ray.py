"""A pool of processes on a Ray cluster, each of which works on the same bench."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from xtransplant.backends.protocol import Backend, Flags, Say
from xtransplant.errors import XTransplantError, one_line

__all__ = ["Ray"]

_LOOPBACK = "127.0.0.1"
_MOST_DEATHS = 3  # of actors, for each worker
_LOOK = 0.5  # seconds between looks at what the actors have done


@dataclass(frozen=True)
class Ray(Backend):
    """A Ray cluster.

    Attributes:
        address: of a running cluster; by default one is started here, listening on loopback only.
        workers: actors; by default one for each GPU, else one for every two cores.
    """

    address: str = ""
    workers: int | None = None

    name = "ray"
    address_hint = "ADDRESS"
    flags = frozenset({"workers"})
    in_process = False
    runs_grids = False
    has_workers = True

    @classmethod
    def at(cls, address: str, flags: Flags) -> Self:
        """The cluster at an address.

        Raises:
            XTransplantError: fewer than one worker.
        """
        if flags.workers is not None and flags.workers < 1:
            raise XTransplantError(f"--workers {flags.workers} do no work; give 1 or more")
        return cls(address, flags.workers)

    def check(self) -> None:
        """Look whether ray is installed.

        Raises:
            XTransplantError: it is not.
        """
        _import_ray(self.address)

    def run_workers(
        self,
        work: Callable[..., None],
        arguments: tuple[Any, ...],
        *,
        look: Callable[[], None],
        say: Say | None = None,
    ) -> None:
        """Call ``work(*arguments)`` in each of several actors until all have returned.

        An actor that dies is replaced.

        Raises:
            XTransplantError: no cluster answers, actors keep dying, or ``work`` raised it.
        """
        ray = _import_ray(self.address)
        _connect(ray, self.address)
        try:
            resources = ray.cluster_resources()
            gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
            count = self.workers or gpus or max(1, cores // 2)
            threads = max(1, cores // count)
            actor = _actor_class(ray, work, gpu=bool(gpus), threads=threads)
            if say is not None:
                say(f"{count} workers on {self.address or 'this machine'}, {threads} threads each")
            _run_all(ray, actor, arguments, count, look, say)
        finally:
            ray.shutdown()


def _run_all(
    ray: Any,
    actor: Any,
    arguments: tuple[Any, ...],
    count: int,
    look: Callable[[], None],
    say: Say | None,
) -> None:
    """Run actors until all have returned; start another for each that dies."""
    pending, deaths = _start(actor, count, arguments), 0
    while pending:
        done, _ = ray.wait(list(pending), timeout=_LOOK)
        look()
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
                pending.update(_start(actor, 1, arguments))
            except ray.exceptions.RayTaskError as error:
                cause = error.cause
                if isinstance(cause, XTransplantError):
                    raise cause from None
                raise


def _start(actor: Any, count: int, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Futures of as many actors' work; each future keeps its actor alive."""
    actors = [actor.remote() for _ in range(count)]
    return {one.work.remote(*arguments): one for one in actors}


def _actor_class(ray: Any, work: Callable[..., None], *, gpu: bool, threads: int) -> Any:
    """The class of actors that call a function."""

    class Worker:
        def work(self, *arguments: Any) -> None:
            import torch

            if not gpu:
                torch.set_num_threads(threads)
            work(*arguments)

    options: dict[str, Any] = {"num_gpus": 1} if gpu else {"num_cpus": threads}
    return ray.remote(**options)(Worker)


def _import_ray(address: str) -> Any:
    """The ray module.

    Raises:
        XTransplantError: it is not installed.
    """
    if not address:
        # Ray knows how to keep to loopback, but on Linux only if this is set before it is imported.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise XTransplantError(
            "--on ray needs ray, which is not installed: pip install 'xtransplant[ray]'"
        ) from None


def _connect(ray: Any, address: str) -> None:
    """Start a cluster here, or join the one at an address.

    Raises:
        XTransplantError: it does not start, or does not answer.
    """
    # No usage reports to the network, and no dashboard to look at.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options: dict[str, Any] = {"log_to_driver": False}
    if not address:
        # Without "local", Ray joins whatever cluster was last started on this machine.
        options |= {"address": "local", "include_dashboard": False, "_node_ip_address": _LOOPBACK}
    else:
        options |= {"address": address}
        _check_listening(address)
    try:
        ray.init(logging_level="ERROR", **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        if not address:
            raise XTransplantError(f"--on ray: Ray does not start: {one_line(error)}") from error
        raise _no_cluster(address, f": {one_line(error)}") from error


def _check_listening(address: str) -> None:
    """Look whether anyone listens there; Ray itself would wait for minutes.

    Raises:
        XTransplantError: nobody does.
    """
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if not port.isdecimal():
        return  # "auto" and the like
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise _no_cluster(address, f" ({one_line(error)})") from error


def _no_cluster(address: str, why: str) -> XTransplantError:
    return XTransplantError(
        f"--on ray:{address}: no cluster answers there{why}; start one with "
        "ray start --head, or leave the address out"
    )
