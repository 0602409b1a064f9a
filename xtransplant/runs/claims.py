"""Parts claimed by a process, so that processes that share a run do not compute the same ones."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from xtransplant.runs.locks import Locks, part_locks
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run

__all__ = ["Claims", "claim"]

_PAUSE = 0.2  # seconds, when all that is left is held by others


@dataclass
class Claims:
    """An iterator over parts that are not complete, each locked as it is given.

    The caller frees a part when it is stored. Parts that another process holds are passed over, and
    looked at again until they are complete or, that process having died, can be locked.

    Attributes:
        waiting: parts that are still to be looked at.
        numbers: of each part of the run, the number of its lock.
    """

    run: Run
    locks: Locks
    waiting: list[Part]
    numbers: dict[Part, int]

    def __iter__(self) -> Iterator[Part]:
        """Give every part that can be locked, until all are complete."""
        while self.waiting:
            passed_over = []
            for part in self.waiting:
                if self.run.is_complete(part):
                    continue
                if not self.hold(part):
                    passed_over.append(part)
                # Another process may have completed it between the look and the lock.
                elif self.run.is_complete(part):
                    self.free(part)
                else:
                    yield part
            if len(passed_over) == len(self.waiting):
                time.sleep(_PAUSE)
            self.waiting = passed_over

    def hold(self, part: Part) -> bool:
        """Lock a part, complete or not; False if another process holds it."""
        return self.locks.hold(self.numbers[part])

    def free(self, part: Part) -> None:
        """Unlock a part, complete or not."""
        self.locks.release(self.numbers[part])


@contextmanager
def claim(run: Run, parts: Sequence[Part]) -> Iterator[Claims]:
    """Claim those of some parts that are not complete; all locks are released at the end."""
    numbers = {part: number for number, part in enumerate(run.manifest.parts())}
    with part_locks(run.path) as locks:
        yield Claims(run, locks, list(parts), numbers)
