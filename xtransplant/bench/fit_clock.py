"""How far a fit is, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from xtransplant.bench.fit_parts import Parts
from xtransplant.bench.progress import Progress

__all__ = ["FitClock"]


@dataclass(frozen=True)
class FitClock:
    """The time left, from how long the prompts so far took.

    A source prompt that several languages share is read once, so that later languages take less
    than the first: the pace is by the characters of prompts that are new.

    Attributes:
        task, split: as progress names them.
        worked: at each number of examples, the characters that this process has read by then.
        part_size: how many examples are stored together.
        started: by ``time.monotonic``.
    """

    task: str
    split: str
    worked: Sequence[int]
    part_size: int
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, parts: Parts, task: str, split: str) -> FitClock:
        """The clock of a fit whose stored parts are not captured again."""
        weights: list[int] = []
        seen: set[str] = set()
        for number in range(len(parts)):
            stored = parts.has(number)
            for one in parts.of(number):
                new = set() if stored else {one.source, one.target} - seen
                seen |= new
                weights.append(sum(map(len, new)))
        return cls(task, split, list(accumulate(weights, initial=0)), len(parts.of(0)))

    def stored(self, count: int) -> Progress:
        """How far the fit is once so many examples are stored."""
        total, seconds = len(self.worked) - 1, time.monotonic() - self.started
        worked = self.worked[count]
        left = seconds * (self.worked[total] - worked) / worked if worked else None
        return Progress(self.task, self.split, "fit", count, total, seconds, left)

    def read(self, count: int) -> Progress:
        """The same while a part is captured of which nothing is stored yet."""
        found = self.stored(count)
        stored = (count - 1) // self.part_size * self.part_size
        return replace(found, done=stored, within=count - stored, at=f"example {count} read")
