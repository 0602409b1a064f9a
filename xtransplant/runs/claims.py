"""Parts taken to be done, so that processes that share a run do not do the same."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from xtransplant.runs.locks import Locks, locks_of
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run

__all__ = ["Claims", "claim"]

_PAUSE = 0.2  # seconds, when all that is left is held by others


@dataclass
class Claims:
    """Parts that are still to do; each is held by this process from when it is given until freed.

    What another process works on is left to it, and waited for at the end, in case it dies. Only
    those are looked at again.
    """

    run: Run
    locks: Locks
    waiting: list[Part]
    numbers: dict[Part, int]

    def __iter__(self) -> Iterator[Part]:
        while self.waiting:
            passed_over = []
            for part in self.waiting:
                if self.run.is_complete(part):
                    continue
                if not self.hold(part):
                    passed_over.append(part)
                # It may have been done between the look and the lock.
                elif self.run.is_complete(part):
                    self.free(part)
                else:
                    yield part
            if len(passed_over) == len(self.waiting):
                time.sleep(_PAUSE)
            self.waiting = passed_over

    def hold(self, part: Part) -> bool:
        """Take a part, done or not; False if another process has it."""
        return self.locks.hold(self.numbers[part])

    def free(self, part: Part) -> None:
        """Let go of a part, done or not."""
        self.locks.release(self.numbers[part])


@contextmanager
def claim(run: Run, parts: Sequence[Part]) -> Iterator[Claims]:
    """Those of some parts that are still to do; whatever is held is let go at the end."""
    numbers = {part: number for number, part in enumerate(run.manifest.parts())}
    with locks_of(run.path) as locks:
        yield Claims(run, locks, list(parts), numbers)
