"""The same bench, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xtransplant.backends.protocol import Backend
from xtransplant.backends.registry import open_backend
from xtransplant.bench.clock import Watch
from xtransplant.bench.config import Config
from xtransplant.bench.pairs import Pairs
from xtransplant.bench.run import bench
from xtransplant.bench.workers import bench_by_workers
from xtransplant.errors import XTransplantError
from xtransplant.runs.store import Run

__all__ = ["bench_on"]

Say = Callable[[str], None]


def bench_on(
    backend: Backend,
    config: Config,
    output_path: str | Path = "runs",
    *,
    fresh: bool = False,
    shard: tuple[int, int] | None = None,
    across: bool = False,
    pairs: Pairs | None = None,
    accept_versions: bool = False,
    say: Say | None = None,
    watch: Watch | None = None,
    note: Say | None = None,
) -> Run:
    """:func:`bench` where a backend runs: in this process, on a server, or by its workers.

    Args:
        note: told each status of a job.

    Raises:
        XTransplantError: as :func:`bench`, or ``shard`` where workers share the run.
    """
    if backend.has_workers:
        if shard is not None:
            raise XTransplantError(f"--shard and --on {backend} both split the work; leave one out")
        return bench_by_workers(
            backend, config, output_path, fresh=fresh, across=across, pairs=pairs, say=say,
            watch=watch, accept_versions=accept_versions,
        )  # fmt: skip
    return bench(
        config, output_path, backend=open_backend(backend, say=note), fresh=fresh, shard=shard,
        across=across, pairs=pairs, say=say, watch=watch, accept_versions=accept_versions,
    )  # fmt: skip
