"""In which order, and how many at once, the parts of a run are worked on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from xtransplant.backends.protocol import Backend
from xtransplant.model.distributed import broadcast
from xtransplant.runs.claims import Claims
from xtransplant.runs.manifest import Part

__all__ = ["do_broadcast_parts", "do_concurrent_parts", "do_parts_of_rank_0"]


def do_concurrent_parts(claims: Claims, do: Callable[[Part], None], backend: Backend) -> None:
    """Do every part that can be claimed, as many at once as the backend has jobs under way.

    Each part under way has a thread. Threads take turns: while one waits for its job, another
    prepares its own.

    Args:
        claims: parts that no other process works on.
        do: does a part and stores it.
        backend: where the model's traces run.

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

    def do_in_turn(part: Part) -> None:
        with turn:
            do(part)
        claims.free(part)

    pending: set[Future[None]] = set()
    with ThreadPoolExecutor(backend.at_once) as pool:
        try:
            for part in claims:
                pending.add(pool.submit(do_in_turn, part))
                while len(pending) == backend.at_once:
                    pending = _wait_for_one(pending)
            while pending:
                pending = _wait_for_one(pending)
        except BaseException:
            turn.stop()
            raise


def do_broadcast_parts(
    claims: Claims, do: Callable[[Part], None], is_stored: Callable[[Part], bool]
) -> None:
    """Rank 0 of a model that is split over several processes: do every part, all computing it.

    Args:
        claims: parts that no other run of the same bench works on.
        do: does a part and stores it.
        is_stored: whether a part needs nothing of the model, so that the other ranks skip it.
    """
    for part in claims:
        if not is_stored(part):
            broadcast(part)
        do(part)
        claims.free(part)
    broadcast(None)


def do_parts_of_rank_0(compute: Callable[[Part], object]) -> None:
    """The other ranks: compute each part that rank 0 broadcasts, and store nothing.

    Args:
        compute: the same passes of the model as rank 0's ``do``.
    """
    while (part := broadcast(None)) is not None:
        compute(part)


def _wait_for_one(pending: set[Future[None]]) -> set[Future[None]]:
    """Wait until a part has ended; the parts that go on.

    Raises:
        Exception: what a part that has ended raised.
    """
    done, rest = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return rest
