"""Where and how a bench runs: everything about it that none of its numbers depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xtransplant.backends.local import Local
from xtransplant.backends.protocol import Backend, Say
from xtransplant.bench.progress import Progress

__all__ = ["RunContext"]


def _ignore(_: object) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class RunContext:
    """Where and how a bench runs; what it computes is in :class:`Config`.

    Attributes:
        output_path: the folder of runs.
        backend: where the model's traces run.
        fresh: begin a new run, in a folder of its own, though there is one.
        shard: (k, n): only every n-th part, from the k-th; they all share one run.
        accept_versions: go on under other versions of software than the run was begun with.
        say: called with each line that the user has to see.
        note: called with lines that the next one replaces, such as the status of a job.
        watch: called with the progress after every part.
        step: called with the progress before every example, of what is not stored yet.
        doing: called with what is done before there is progress, such as loading the model.
    """

    output_path: Path = Path("runs")
    backend: Backend = Local()
    fresh: bool = False
    shard: tuple[int, int] | None = None
    accept_versions: bool = False
    say: Say = _ignore
    note: Say = _ignore
    watch: Callable[[Progress], None] = _ignore
    step: Callable[[Progress], None] = _ignore
    doing: Say = _ignore
