"""The same bench, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xtransplant.backends.where import Where, server_of
from xtransplant.bench.clock import Watch
from xtransplant.bench.config import Config
from xtransplant.bench.pairs import Pairs
from xtransplant.bench.run import bench
from xtransplant.bench.unused import check_workers
from xtransplant.errors import XTransplantError
from xtransplant.runs.store import Run

__all__ = ["bench_on"]

Say = Callable[[str], None]


def bench_on(
    where: Where,
    config: Config,
    output_path: str | Path = "runs",
    *,
    workers: int | None = None,
    fresh: bool = False,
    shard: tuple[int, int] | None = None,
    across: bool = False,
    pairs: Pairs | None = None,
    accept_versions: bool = False,
    say: Say | None = None,
    watch: Watch | None = None,
    note: Say | None = None,
) -> Run:
    """:func:`bench` in this process, on an NDIF server, or by a pool of Ray actors.

    Args:
        workers: of a Ray pool.
        note: told each status of a job.
    """
    check_workers(where, workers)
    if where.kind == "ray":
        from xtransplant.bench.ray_pool import bench_on_ray

        if shard is not None:
            raise XTransplantError("--shard and --on ray both split the work; leave one out")
        return bench_on_ray(
            config, output_path, address=where.address, workers=workers, fresh=fresh,
            across=across, pairs=pairs, say=say, watch=watch, accept_versions=accept_versions,
        )  # fmt: skip
    return bench(
        config, output_path, server=server_of(where, say=note), fresh=fresh, shard=shard,
        across=across, pairs=pairs, say=say, watch=watch, accept_versions=accept_versions,
    )  # fmt: skip
