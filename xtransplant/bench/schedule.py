"""Parts worked on one after the other; several at once, where a server does the work; or by several
processes in step, where each holds a share of the model."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from xtransplant.backends.protocol import Backend
from xtransplant.model.distributed import told
from xtransplant.runs.claims import Claims
from xtransplant.runs.manifest import Part

__all__ = ["follow", "in_flight", "in_step"]


def in_flight(claims: Claims, do: Callable[[Part], None], backend: Backend) -> None:
    """Do every part that can be claimed.

    With a server, as many threads as it takes jobs at once each do a part. They take turns: while
    one waits for its job, another prepares its own.

    Raises:
        Exception: the first that a part raised. The other threads end with the step they are in;
            their jobs go on, and are collected by whoever does the parts again.
    """
    turn = backend.turn
    if turn is None or backend.at_once == 1:
        for part in claims:
            do(part)
            claims.free(part)
        return

    def one(part: Part) -> None:
        with turn:
            do(part)
        claims.free(part)

    pending: set[Future[None]] = set()
    with ThreadPoolExecutor(backend.at_once) as pool:
        try:
            for part in claims:
                pending.add(pool.submit(one, part))
                while len(pending) == backend.at_once:
                    pending = _settled(pending)
            while pending:
                pending = _settled(pending)
        except BaseException:
            turn.stop()
            raise


def in_step(claims: Claims, do: Callable[[Part], None], stored: Callable[[Part], bool]) -> None:
    """Do every part that can be claimed, and have the other processes compute along.

    Args:
        stored: whether a part needs nothing of the model.
    """
    for part in claims:
        if not stored(part):
            told(part)
        do(part)
        claims.free(part)
    told(None)


def follow(along: Callable[[Part], None]) -> None:
    """Compute whatever part the first process is at, until it has none left."""
    while (part := told(None)) is not None:
        along(part)


def _settled(pending: set[Future[None]]) -> set[Future[None]]:
    """Those that go on after one has ended, raising what it raised."""
    done, rest = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return rest
