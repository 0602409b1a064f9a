"""How far a run is and how long it still takes, whichever processes work on it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from xtransplant.bench.plan import Plan
from xtransplant.bench.progress import Progress
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run

__all__ = ["Clock"]

_LOOKS = 32  # parts whose files are looked at together


@dataclass
class Clock:
    """Time left, from how long this process took for its share of the work.

    Attributes:
        left: the weight of each part that is still to do.
        started: by ``time.monotonic``.
        worked: weight of the parts that this process did.
        before: seconds until the first example; verifying a model takes longer than many of them
            and is done once, so that no estimate goes by it. None before that.
    """

    run: Run
    left: dict[Part, int]
    started: float = field(default_factory=time.monotonic)
    worked: int = 0
    before: float | None = None

    def __post_init__(self) -> None:
        self._ahead = sum(self.left.values())
        self._waiting: Counter[tuple[str, str]] = Counter()
        for part in self.left:
            self._waiting[part.task, part.lang] += part.stop - part.start
        # Work is taken in order, so what others stored is found at the front of what is left.
        self._behind: Iterator[Part] = iter(list(self.left))
        self._front: list[Part] = []

    @classmethod
    def of(cls, plan: Plan, run: Run, parts: Sequence[Part]) -> Clock:
        """The clock of a process that does parts of a run; weights are prompts' characters."""
        weights = {
            part: sum(
                len(one.source) + len(one.target)
                for one in plan.tasks[part.task].examples[part.lang][part.start : part.stop]
            )
            for part in parts
            if not run.is_complete(part)
        }
        return cls(run, weights)

    @classmethod
    def of_run(cls, run: Run) -> Clock:
        """The clock of a process that watches others do a run; weights are numbers of examples."""
        return cls(run, {part: part.stop - part.start for part in run.missing()})

    def done(self, part: Part) -> None:
        """Count a part that this process has stored."""
        self.worked += self._drop(part)

    def refresh(self) -> list[Part]:
        """Count the parts that others have stored since, and give them.

        Looks at the files of no more than these and a few that are missing still.
        """
        found = []
        while True:
            self._front = [part for part in self._front if part in self.left]
            for part in self._behind:
                if part in self.left:
                    self._front.append(part)
                if len(self._front) == _LOOKS:
                    break
            stored = [part for part in self._front if self.run.is_complete(part)]
            for part in stored:
                self._drop(part)
            found += stored
            if len(stored) < _LOOKS:
                return found

    def begun(self, since: float) -> list[Part]:
        """Parts that others have begun and not stored, of those that are looked at next.

        Args:
            since: by ``time.time``; what was begun before was left by processes that are gone.
        """
        ahead = [part for part in self._front if part in self.left]
        return [part for part in ahead if _changed(self.run.sums_path(part)) >= since]

    def under_way(self, parts: Sequence[Part]) -> Progress:
        """How far the run is while others do these parts."""
        now = self.progress_of(parts[0])
        self.before = now.seconds if self.before is None else self.before
        many = "" if len(parts) == 1 else "s"
        at = f"{len(parts)} part{many} under way"
        return replace(now, at=at, left=self._left(now.seconds))

    def progress(self, part: Part) -> Progress:
        """How far the run is now, after a part."""
        self.refresh()
        return self.progress_of(part)

    def progress_of(self, part: Part) -> Progress:
        """The same without looking at the disk."""
        seconds = time.monotonic() - self.started
        task = self.run.manifest.tasks[part.task]
        total = task.languages[part.lang].n
        done = total - self._waiting[part.task, part.lang]
        left = self._left(seconds)
        return Progress(part.task, task.split, part.lang, done, total, seconds, left)

    def within(self, part: Part, at: str, fraction: float) -> Progress:
        """How far the run is while a part is under way, without looking at the disk.

        Args:
            part: of which nothing is stored yet.
            at: what of it is being done.
            fraction: of its work that is done, 0 to 1.
        """
        now = self.progress_of(part)
        self.before = now.seconds if self.before is None else self.before
        done = self.left.get(part, 0) * fraction
        within = (part.stop - part.start) * fraction
        return replace(now, within=within, at=at, left=self._left(now.seconds, done))

    def _left(self, seconds: float, within: float = 0) -> float | None:
        """Seconds to go at the pace so far; ``within`` is the weight done of the part under way."""
        worked, ahead = self.worked + within, self._ahead - within
        return (seconds - (self.before or 0)) * ahead / worked if worked else None

    def _drop(self, part: Part) -> int:
        weight = self.left.pop(part, None)
        if weight is None:
            return 0
        self._ahead -= weight
        self._waiting[part.task, part.lang] -= part.stop - part.start
        return weight


def _changed(path: Path) -> float:
    """When a file was written, by ``time.time``; never if there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return -math.inf
